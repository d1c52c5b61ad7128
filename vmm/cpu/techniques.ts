/** The techniques for guest code, by their name in scenarios and `--virt`. */
import { Cause, Mtd, ThreadFlag } from '../../microkernel/abi/index.ts';
import { DeprivilegedCpu, GROUPS } from './deprivileged.ts';
import { hardware } from './hardware.ts';
import type { Options } from '../options.ts';
import type { Technique } from './virtual-cpu.ts';

export type TechniqueName = Options['virt'];

const CAUSES = [Cause.startup, Cause.recall, Cause.syscall, Cause.pageFault, Cause.illegal, Cause.breakpoint, Cause.misaligned,
  Cause.accessFault] as const;

const technique = (name: string): Technique => ({
  name, taskKind: 0, threadFlags: ThreadFlag.alien, mapsAll: false, emulates: ['sstc'], needsAlarm: true, aheadNeeds: 0,
    exits: CAUSES.map((cause) => ({ cause, mtd: Mtd.exit | GROUPS })),
  create: (id, vm, guest, wake) => new DeprivilegedCpu(id, vm, guest, wake),
});
const deprivileged = technique('trap');
/** The same, and code is looked at before it runs (translate/scanned.ts). */
const patched = technique('patch');
/** The same, and code was rewritten when it was loaded (translate/listed.ts). */
const previrtualized = technique('pre');

export const techniques = { hardware, trap: deprivileged, patch: patched, pre: previrtualized } as const satisfies
  Readonly<Record<TechniqueName, Technique>>;

export const isTechnique = (name: unknown): name is TechniqueName => typeof name === 'string' && Object.hasOwn(techniques, name);
/** The technique that a scenario names; the H extension when it names none. */
export const techniqueNamed = (name: unknown): Technique => techniques[isTechnique(name) ? name : 'hardware'];
