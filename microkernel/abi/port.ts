/**
 * The door of TypeScript threads: the same system call, UTCB and statuses as for RISC-V code. The kernel enters a thread with a port, and
 * the generator yields a request for each system call. Programs use it through `binding/`.
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
  /** For a reply-and-wait (`Syscalls.serve`): called for each message; true: the UTCB holds the answer, and the thread waits again. */
  handler: (() => boolean) | undefined;
}

/** A system call in progress: `yield*` it. Every blocking function of user level has this type. */
export type Sys<T> = Generator<IpcRequest, T, number>;

/** The entry of a TypeScript thread. Returning ends the thread. */
export type ThreadEntry = (port: ThreadPort) => Sys<void>;

/** Most that a thread can charge between two system calls: about three hours. */
export const MOST_CHARGE = 1e13;

/** The kernel's interface for a TypeScript thread. */
export interface ThreadPort {
  readonly utcb: Utcb;
  readonly memory: Memory;
  /** Virtual time in ns. */
  now(): number;
  /**
   * Charges cycles for work of this thread: a number from 0 on, up to MOST_CHARGE between two system calls; anything else is a
   * RangeError, and nothing is charged. A charge is a debt. Its time passes before the thread's next system call takes effect; meanwhile
   * interrupts, timers and threads of higher priority get the hart, and the thread's budget pays. `now` includes it at once, so a server
   * that measures itself sees its charges.
   */
  charge(cycles: number): void;
}
