/**
 * The debugger's interface in the server: it is notified of process events while the server works, and may stop the machine. It changes
 * nothing itself; only its user changes registers and memory.
 */
import type { Process } from './process.ts';
import type { Thread } from './thread.ts';

/** Queries for a watcher. */
export interface Watched {
  /** The thread whose events arrive with this label. */
  who(label: number): Thread | undefined;
  threads(): Iterable<Thread>;
}

export interface Watcher {
  /** The server is about to serve. */
  began(watched: Watched): void;
  /** Should this process's signals be reported? */
  concerns(pid: number): boolean;
  /** Should this process stay stopped while others run? Asked before a thread of it enters user mode. */
  holds(pid: number): boolean;
  /** The thread is about to get a signal at this pc. It may have the machine stop; then it is asked whether the thread gets it. */
  signalled(t: Thread, sig: number, pc: number): () => boolean;
  /** `child` is the first thread of a new process and has done nothing yet. */
  forked(parent: Thread, child: Thread, how: 'fork' | 'vfork'): void;
  /** The child of a vfork has its own memory now, or has ended: the parent continues. */
  vforkDone(parent: Thread): void;
  /** The thread's process has a new program, before its first instruction. */
  replaced(t: Thread, path: string): void;
  /** `p.status` is its wait status. */
  ended(p: Process): void;
}
