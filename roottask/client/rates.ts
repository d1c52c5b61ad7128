/**
 * The cost of server work in cycles: the twelve rates that TypeScript servers charge (`Syscalls.charge`); microkernel/costs.ts has the
 * kernel's. Each rate is the number of instructions that compiled code needs for the same work: `npx tsx
 * bench/calibrate.ts` fits them to Linux 6.12 on the same simulated machine and writes bench/calibration.json, from which docs/costs.md
 * shows how well they predict; test/calibration.spec.ts holds them to it.
 */
export const RATES = {
  /** Accepting a system call, a fault or another request: dispatch, arguments, the descriptor. */
  call: 343,
  /** A byte copied, compared or cleared. */
  byte: 0.336,
  /** A name of a path, or an open file of a poll. */
  name: 135,
  /** A changed page-table entry: mapped, forked, protected, removed. */
  entry: 186,
  /** Finding something in a cache or list: a page of a file, an entry of a directory. */
  item: 629,
  /** An allocated page of memory: found, cleared, counted. (Freeing it is two items.) */
  page: 3650,
  /** An area of memory, from mmap to munmap. */
  area: 10_500,
  /** An operation of an open file or an inode: rights, locks, notices. */
  file: 670,
  /** The walk of a path, without its names: the text from user memory, the state of the walk. */
  walk: 3200,
  /** An object, from creation to release: an open file, a pipe, a third of an inode, a part of a process. */
  object: 3310,
  /** A thread that sleeps, is woken, and is chosen again. */
  wake: 3770,
  /** A packet through the network stack, from one socket to the other. */
  packet: 8630,
} as const;
export type Rates = { readonly [K in keyof typeof RATES]: number };
