/** The techniques for guest code, by their name in scenarios and `--virt`. */
import { deprivileged, patched, previrtualized } from './deprivileged.ts';
import { hardware } from './hardware.ts';
import type { Options } from '../options.ts';
import type { Technique } from './virtual-cpu.ts';

export type TechniqueName = Options['virt'];

export const techniques = { hardware, trap: deprivileged, patch: patched, pre: previrtualized } as const satisfies
  Readonly<Record<TechniqueName, Technique>>;

export const isTechnique = (name: unknown): name is TechniqueName => typeof name === 'string' && Object.hasOwn(techniques, name);
/** The technique that a scenario names; the H extension when it names none. */
export const techniqueNamed = (name: unknown): Technique => techniques[isTechnique(name) ? name : 'hardware'];
