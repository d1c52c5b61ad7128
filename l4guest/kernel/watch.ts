/**
 * A debugger's ear in the server: it hears what becomes of processes while the server goes about its work, and may have the machine
 * stop. It changes nothing; only what its user does to registers and memory does.
 */
import type { Process } from './process.ts';
import type { Thread } from './thread.ts';

/** What a watcher may ask. */
export interface Watched {
  /** The thread whose events arrive with this label. */
  who(label: number): Thread | undefined;
  threads(): Iterable<Thread>;
}

export interface Watcher {
  /** The server is about to serve. */
  began(watched: Watched): void;
  /** Does it want to hear of this process's signals? */
  concerns(pid: number): boolean;
  /** Is this process to stand still while others run? Asked before a thread of it enters user mode. */
  holds(pid: number): boolean;
  /** The thread is about to get a signal at this pc. It may have the machine stop; then it is asked whether the thread gets it. */
  signalled(t: Thread, sig: number, pc: number): () => boolean;
  /** `child` is the first thread of a new process and has done nothing yet. */
  forked(parent: Thread, child: Thread, how: 'fork' | 'vfork'): void;
  /** The child of a vfork has its own memory now, or has ended: the parent goes on. */
  vforkDone(parent: Thread): void;
  /** The thread's process has a new program; its first instruction is to come. */
  replaced(t: Thread, path: string): void;
  /** `p.status` is its wait status. */
  ended(p: Process): void;
}
