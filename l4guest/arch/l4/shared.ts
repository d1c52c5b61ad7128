/** What the threads of the server share beside the kernel: who must be woken, and what the main thread still has to do. */
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
  /** Something below is to be done before the main thread waits again. */
  chores = false;
  recall: Thread | undefined;
  deadThreads: Thread[] = [];
  deadSpaces: Mm[] = [];
  /** Spaces that end although a thread of theirs goes on, in another one. */
  deserted: unknown[] = [];
  /** When the kernel wants its tick, and for when the timer thread has set its sleep. */
  alarm = Infinity;
  armed = Infinity;
  /** Output ports with fresh bytes whose writer sleeps: selectors of their semaphores. */
  kicks: number[] = [];
  /** Lines for the log. */
  lines: string[] = [];
  /** What the main thread asks other servers itself, because they answer at once. */
  jobs: (() => Sys<void>)[] = [];
  /** Threads whose own calls of the microkernel may happen now. */
  passing: Thread[] = [];
  /** What interrupt threads have brought: run by the main thread. */
  arrivals: (() => void)[] = [];
}
