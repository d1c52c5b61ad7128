/**
 * The door of TypeScript threads: the same system call, the same UTCB, the same statuses as RISC-V code has. The kernel enters a thread
 * with a port, and the generator yields a request for each system call. `binding/` is what programs use of it.
 */
import type { Memory } from './memory.ts';
import type { Utcb } from './utcb.ts';

/** One system call of a TypeScript thread. Each thread reuses one object. */
export interface IpcRequest {
  flags: number;
  /** Destination (send, call) or, for a closed receive, the portal to receive from (0 = open). */
  cap: number;
  /** How long the send half, and the receive half, may wait. */
  sendTimeout: number;
  receiveTimeout: number;
  /** For Factory.createThread with ThreadFlag.typescript only: the new thread's body. */
  body: ThreadEntry | undefined;
  /**
   * For a reply-and-wait (`Syscalls.serve`): called for each message that comes; true: the answer stands in the UTCB, and the thread
   * waits again.
   */
  handler: (() => boolean) | undefined;
}

/** A system call in progress: `yield*` it. Every blocking function of user level has this type. */
export type Sys<T> = Generator<IpcRequest, T, number>;

/** Where the kernel enters a TypeScript thread. Returning ends the thread. */
export type ThreadEntry = (port: ThreadPort) => Sys<void>;

/** Most that a thread can charge between two system calls: about three hours. */
export const MOST_CHARGE = 1e13;

/** What the kernel gives a TypeScript thread. */
export interface ThreadPort {
  readonly utcb: Utcb;
  readonly memory: Memory;
  /** Virtual time in ns. */
  now(): number;
  /**
   * Charges cycles for work of this thread: a number from 0 on, up to MOST_CHARGE between two system calls; anything else is a
   * RangeError, and nothing is charged. A charge is a debt. It runs off before the thread's next system call takes effect, in time in
   * which interrupts, timers and threads of higher priority get the hart, and which its budget pays. `now` counts it in at once, so a
   * server that measures itself sees what it has charged.
   */
  charge(cycles: number): void;
}
