/** Differences from Linux that are meant, at most twelve kinds, each with its reason. Any other difference is a fault. */
import type { Probe } from './generate.ts';

export interface Kind { readonly name: string; readonly reason: string; readonly holds: (p: Probe, linux: string, here: string) => boolean }

const result = (answer: string): string => answer.split(' ')[0]!;

export const kinds: readonly Kind[] = [];

/** The kind of a difference; undefined for a fault. */
export const kindOf = (p: Probe, linux: string, here: string): Kind | undefined => kinds.find((k) => k.holds(p, linux, here));
export { result };
