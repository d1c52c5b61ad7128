/**
 * The contract between the kernel and the layer that carries its threads: `arch/l4` rehosts the kernel on the microkernel, `arch/native`
 * runs it
 * on the machine itself. All policy is above: the kernel decides in ordinary code on its own page tables and register images, and the layer
 * below mirrors the outcome before a thread runs again.
 *
 *   kernel:  choose a thread ──→ switch(thread) ──→ act on the outcome ──→ choose …
 *   arch:                          │  enter user mode
 *                                  │  system call or fault ─→ Entry.call / Entry.fault ─→ answered: enter again
 *                                  └─ put off, exception, recall, interrupt: come back
 */
import type { Thread } from '../kernel/thread.ts';
import type { Runs } from '../mm/around.ts';
import type { Pool } from '../mm/frames.ts';
import type { Access, Mm } from '../mm/mm.ts';

/**
 * A step of the kernel that may wait below. What it yields is between the layer below and whoever drives it: `arch/l4` yields system
 * calls, `arch/native` the processor.
 */
export type Steps<T> = Generator<unknown, T, any>;

/** Why `switch` has come back. */
export const Outcome = {
  /**
   * The thread's call or fault was put off by `Entry`. After a call its arguments (a0 … a7, t-registers as far as the image's `args` go)
   * stand in `Thread.regs`.
   */
  deferred: 0,
  /** The thread did what no page can cure: `Arch.trap` says what. */
  trap: 1,
  /** The thread is back because `recall` asked for it. */
  recalled: 2,
  /** An interrupt; what it brought has been handed to its drivers. The thread, if there was one, still runs. */
  interrupt: 3,
  /** The layer below has no memory for another page or thread, even after it has dropped all it could. The thread did not go on. */
  full: 4,
  /**
   * The thread did not go on: choose again. What was owed has made others ready, or the layer below had no memory and has dropped mirrors
   * of other spaces.
   */
  retry: 5,
} as const;
export type Outcome = (typeof Outcome)[keyof typeof Outcome];

/** What a thread did, for `Outcome.trap`. The kernel decides which signal that is. */
export const Trap = { illegal: 0, breakpoint: 1, misaligned: 2, access: 3 } as const;
export type Trap = (typeof Trap)[keyof typeof Trap];

/** The kernel's side of the door: asked while a thread is in the arch layer's hands, so that what ends at once never leaves them. */
export interface Entry {
  /**
   * A system call of the current thread, arguments as numbers. Answers the result, with which the thread goes on; undefined: `switch`
   * comes back (`deferred`).
   */
  call(t: Thread, nr: number, a: number, b: number, c: number, d: number, e: number, f: number): number | undefined;
  /**
   * A page fault at `va`. True: `runs` holds what to map, the touched page first; a mapping that is there is replaced. Then the thread
   * goes on.
   * False: `switch` comes back (`deferred`).
   */
  fault(t: Thread, va: number, access: Access, runs: Runs): boolean;
  /**
   * A system call that looks something up and changes nothing: its result, with which the thread goes on. undefined: it has to be a
   * `call`.
   */
  quick(t: Thread, nr: number, a: number): number | undefined;
  /** The thread is about to make a call of its own of what lies below: -errno refuses it; undefined: `switch` comes back (`deferred`). */
  own(t: Thread, call: OwnCall): number | undefined;
  /** The thread enters user mode now. */
  entered(t: Thread): void;
  /** The thread is in the server again. */
  left(t: Thread): void;
}

/**
 * A call of a process of its own, as the layer below reports it before it happens. `gate`: the number of the gate that it names, −1 for
 * none.
 */
export interface OwnCall {
  readonly flags: number;
  readonly gate: number;
  readonly label: number;
  /** The message carries memory or capabilities, or takes some. */
  readonly items: boolean;
}

/** What lets processes reach the system below. A layer without it has no gates. */
export interface Beyond {
  /** The name that processes have for a gate, and which gate a name means (−1: none). */
  selector(gate: number): number;
  gateOf(selector: number): number;
  /** The threads of a space may, and may no longer, use a gate. */
  give(mm: Mm, gate: number): void;
  take(mm: Mm, gate: number): void;
  /**
   * Lets the call that `Entry.own` was asked about happen; `over` is told its status when it has ended. The thread must not run until
   * then.
   */
  through(t: Thread, over: (status: number) => void): void;
  /** Ends such a call. `revoke` takes all gates of the space away first. */
  cancel(t: Thread): void;
  revoke(t: Thread): void;
  /** The call that has ended is to be made again: its arguments stand in `Thread.regs`. */
  restart(t: Thread): void;
}

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
  /** If `t` is in user mode, force it into the server soon: `switch` comes back with `recalled`. */
  recall(t: Thread): void;
  /** Timers have changed: `at` is the earliest deadline. */
  setAlarm(at: number): void;
}

/** The part of the contract that moves threads. */
export interface Switch {
  /**
   * Lets `t` run in user mode until the kernel must act; with undefined, nobody runs and an interrupt is waited for. First everything is
   * done
   * that the kernel owes: dead threads and spaces, `Mm.flushes` of the thread's space, timers, log. While `t` runs, `Thread.regs` is
   * stale unless
   * `Thread.loaded` says otherwise; the layer below owns the registers, and takes the image's when it enters. Called again after
   * `Outcome.interrupt` with the thread that still runs, it waits for the next event.
   */
  switch(t: Thread | undefined): Steps<Outcome>;
  /** Something is owed before any thread goes on: `Entry` puts off what it could answer. */
  readonly busy: boolean;
  /** What the thread of the last `Outcome.trap` did, and the address it did it to. */
  readonly trap: Trap;
  readonly trapAddress: number;
  /** All registers of `t` into `Thread.regs`; a0 of a finished call stays as it is there. */
  load(t: Thread): Steps<void>;
  /** The lock for interrupts is open for a moment: hands those that wait for it to their drivers. True: there were some. */
  open(): Steps<boolean>;
  /** Does what is owed, without letting anybody run. */
  finish(): Steps<void>;
  /**
   * For debuggers: `act` runs while the registers of `t` are below, then a moment passes in which the machine may be stopped and they may
   * be changed.
   */
  pause(t: Thread, act: () => void): Steps<void>;
}
