/**
 * What the work of servers costs, in cycles: the twelve rates that TypeScript servers charge by (`Syscalls.charge`), as
 * microkernel/costs.ts is what the kernel charges by. Each is what the same work takes in instructions of compiled code: `npx tsx
 * bench/calibrate.ts` fits them to Linux 6.12 on the same simulated machine and writes bench/calibration.json, from which docs/costs.md
 * shows how well they predict; test/calibration.spec.ts holds them to it.
 */
export const RATES = {
  /** Taking a system call, a fault or another request: dispatch, arguments, the descriptor. */
  call: 343,
  /** A byte copied, compared or cleared. */
  byte: 0.336,
  /** A name of a path, or an open file of a poll. */
  name: 135,
  /** An entry of a page table that is changed: mapped, forked, protected, taken away. */
  entry: 186,
  /** Finding something in a cache or list: a page of a file, an entry of a directory. */
  item: 629,
  /** A page of memory taken: found, cleared, counted. (Giving it back is two items.) */
  page: 3650,
  /** An area of memory, from mmap to munmap. */
  area: 10_500,
  /** An operation of an open file or an inode: rights, locks, notices. */
  file: 670,
  /** The walk of a path, without its names: the text from user memory, the state of the walk. */
  walk: 3200,
  /** An object, from being made to being freed: an open file, a pipe, a third of an inode, a part of a process. */
  object: 3310,
  /** A thread that sleeps, is woken, and is chosen again. */
  wake: 3770,
  /** A packet through the network stack, from one socket to the other. */
  packet: 8630,
} as const;
export type Rates = { readonly [K in keyof typeof RATES]: number };
