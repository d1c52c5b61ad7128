/** State shared by the server's threads besides the kernel: threads to wake, and pending work of the main thread. */
import type { Sys } from '../../../microkernel/abi/index.ts';
import type { Thread } from '../../kernel/thread.ts';
import type { Mm } from '../../mm/mm.ts';

/** Portal labels: slot × 2 for system calls, + 1 for everything else; interrupts have a label of their own. */
export const IRQ_LABEL = 0xffff_fffe;
/** … and so have calls of processes of their own: this + slot. */
export const OWN_LABEL = 0x8000_0000;
/** … and system calls that arrive as messages: this + slot. */
export const STUB_LABEL = 0xc000_0000;

export class Shared {
  /** Work below is pending before the main thread waits again. */
  chores = false;
  recall: Thread | undefined;
  deadThreads: Thread[] = [];
  deadSpaces: Mm[] = [];
  /** Spaces that end while their thread continues in another one. */
  deserted: unknown[] = [];
  /** The kernel's next alarm, and the deadline of the timer thread's present sleep. */
  alarm = Infinity;
  armed = Infinity;
  /** Output ports with fresh bytes whose writer sleeps: selectors of their semaphores. */
  kicks: number[] = [];
  /** Lines for the log. */
  lines: string[] = [];
  /** Requests that the main thread sends to other servers itself, because they answer at once. */
  jobs: (() => Sys<void>)[] = [];
  /** Threads whose own microkernel calls are permitted now. */
  passing: Thread[] = [];
  /** Actions from interrupt threads, for the main thread to run. */
  arrivals: (() => void)[] = [];
}
