/**
 * What the architecture-independent kernel asks of the layer below it. There are few things, because the kernel decides everything in
 * ordinary synchronous code on its own page tables and register images; the layer below mirrors the outcome before a thread runs again:
 * `Mm.flushes` (rights to take away), `Mm.table` (pages to map when they are touched), `Thread.regs`, and the dead spaces and threads
 * announced here.
 */
import type { Thread } from '../kernel/thread.ts';
import type { Pool } from '../mm/frames.ts';
import type { Mm } from '../mm/mm.ts';

export interface Arch {
  readonly pool: Pool;
  /** Threads that the layer below can carry. */
  readonly maxThreads: number;
  /** ns of virtual time since the start. */
  now(): number;
  /** Charges cycles of work of the server. */
  charge(cycles: number): void;
  /** Code in this frame (page number of the server) has changed. */
  changedCode(pfn: number): void;
  /** One line for the log. */
  log(line: string): void;
  /** `t` has ended and will not run again. */
  threadGone(t: Thread): void;
  /** The space is used by nobody any more. */
  spaceGone(mm: Mm): void;
  /** exec: `next` takes over the mirror of `old`, emptied, with the thread in it. */
  adoptSpace(old: Mm, next: Mm): void;
  /** If `t` is in user mode, force it into the server soon. */
  recall(t: Thread): void;
  /** Timers have changed: `at` is the earliest deadline. */
  setAlarm(at: number): void;
}
