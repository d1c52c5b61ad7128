/** The families of records: each has one colour in every view. */
import { Kind } from '../../microkernel/abi/index.ts';

export type Family = 'message' | 'answer' | 'event' | 'memory' | 'interrupt' | 'object' | 'quiet';

const families: Readonly<Record<number, Family>> = {
  [Kind.send]: 'message', [Kind.call]: 'message', [Kind.receive]: 'message', [Kind.reply]: 'answer', [Kind.resume]: 'answer',
  [Kind.event]: 'event', [Kind.recall]: 'event',
  [Kind.map]: 'memory', [Kind.unmap]: 'memory', [Kind.interrupt]: 'interrupt', [Kind.timeout]: 'interrupt', [Kind.wake]: 'interrupt',
  [Kind.create]: 'object', [Kind.destroy]: 'object', [Kind.invoke]: 'object',
};
export const familyOf = (kind: number): Family => families[kind] ?? 'quiet';

export const legend: readonly (readonly [Family, string])[] = [
  ['message', 'message'], ['answer', 'answer'], ['event', 'event: system call, fault, exit'], ['memory', 'memory'],
  ['interrupt', 'interrupt, time'], ['object', 'kernel object'], ['quiet', 'switch'],
];

/** A colour of the theme, for canvases. */
export const colour = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

/** 12 hues for tasks, the same in light and dark; a task's index selects its hue. */
export const hue = (n: number): number => (n * 137.5 + 20) % 360;
