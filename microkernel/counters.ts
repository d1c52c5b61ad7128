/** Exact counts of the kernel's work, for `--stats` and tests. */
import { CAUSES } from './abi/index.ts';

export class Counters {
  /** System calls, traps and interrupts taken. */
  kernelEntries = 0;
  /** Times that another task's address space became active. */
  addressSpaceSwitches = 0;
  /** Messages delivered: sends, calls and replies (not events). */
  ipc = 0;
  words = 0;
  interrupts = 0;
  /** Exits caused by guest instructions, from VU and from VS mode. */
  readonly guestExits = new Float64Array(2);
  schedules = 0;
  worldSwitches = 0;
  pagesMapped = 0;
  pagesUnmapped = 0;
  /** The most cycles from an entry of the kernel to the next point where interrupts are taken. */
  longestStretch = 0;
  /** Events raised, by cause. */
  readonly events = new Float64Array(CAUSES);
}
