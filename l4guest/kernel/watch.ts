/**
 * The debugger's interface in the server: it is notified of process events while the server works, and may stop the machine. It changes
 * nothing itself; only its user changes registers and memory.
 */
import type { Steps, Switch } from '../arch/arch.ts';
import type { Kernel } from './kernel.ts';
import type { Process } from './process.ts';
import type { Thread } from './thread.ts';

/** Queries for a watcher. */
export interface Watched {
  /** The thread whose events arrive with this label. */
  who(label: number): Thread | undefined;
  threads(): Iterable<Thread>;
}

export interface Watcher {
  /** The server starts to serve. */
  began(watched: Watched): void;
  /** Asked before the thread enters user mode. True: its process stays stopped, and the thread is off the processor. */
  park(t: Thread): boolean;
  /** Makes parked threads ready that the debugger holds no longer. */
  unpark(k: Kernel): void;
  /** The thread may be about to get a signal, which has no effect yet. The debugger may stop the machine, and drop the signal. */
  signal(t: Thread, arch: Switch): Steps<void>;
  /** `child` is the first thread of a new process and has done nothing yet. */
  forked(parent: Thread, child: Thread, how: 'fork' | 'vfork'): void;
  /** The child of a vfork has its own memory now, or has ended: the parent continues. */
  vforkDone(parent: Thread): void;
  /** The thread's process has a new program, before its first instruction. */
  replaced(t: Thread, path: string): void;
  /** `p.status` is its wait status. */
  ended(p: Process): void;
}
