/**
 * The contract between the kernel and the layer that runs its threads: `arch/l4` rehosts the kernel on the microkernel, `arch/native` runs
 * it directly on the machine. The kernel holds all policy: it decides on its own page tables and register images, and the layer below
 * mirrors the result before a thread runs again.
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
 * A step of the kernel that may wait in the layer below. Only that layer and its driver interpret the yielded values: `arch/l4` yields
 * system calls, `arch/native` yields the processor.
 */
export type Steps<T> = Generator<unknown, T, any>;

/** Why `switch` has returned. */
export const Outcome = {
  /**
   * `Entry` has deferred the thread's call or fault. After a call `Thread.regs` holds its arguments (a0 … a7, and t-registers as far as the
   * image's `args` go).
   */
  deferred: 0,
  /** The thread raised an exception that no page can resolve: `Arch.trap` describes it. */
  trap: 1,
  /** The thread is back because `recall` asked for it. */
  recalled: 2,
  /** An interrupt, whose data the drivers have received. The thread, if there was one, still runs. */
  interrupt: 3,
  /** The layer below has no memory for another page or thread, even after it has dropped everything it could. The thread did not resume. */
  full: 4,
  /**
   * The thread did not resume: choose again. Owed work has made others ready, or the layer below had no memory and has dropped mirrors of
   * other spaces.
   */
  retry: 5,
} as const;
export type Outcome = (typeof Outcome)[keyof typeof Outcome];

/** The exception of `Outcome.trap`. The kernel chooses the signal. */
export const Trap = { illegal: 0, breakpoint: 1, misaligned: 2, access: 3 } as const;
export type Trap = (typeof Trap)[keyof typeof Trap];

/** The kernel's entry points, called while the arch layer runs a thread, so that an operation that ends at once never leaves that layer. */
export interface Entry {
  /**
   * A system call of the current thread, arguments as numbers. Returns the result, with which the thread resumes; undefined: `switch`
   * returns (`deferred`).
   */
  call(t: Thread, nr: number, a: number, b: number, c: number, d: number, e: number, f: number): number | undefined;
  /**
   * A page fault at `va`. True: `runs` holds the pages to map, the accessed page first, replacing existing mappings; then the thread
   * resumes. False: `switch` returns (`deferred`).
   */
  fault(t: Thread, va: number, access: Access, runs: Runs): boolean;
  /** A system call that only reads: its result, with which the thread resumes. undefined: use `call` instead. */
  quick(t: Thread, nr: number, a: number): number | undefined;
  /** The thread is about to make its own call of the system below: -errno refuses it; undefined: `switch` returns (`deferred`). */
  own(t: Thread, call: OwnCall): number | undefined;
  /** The thread enters user mode now. */
  entered(t: Thread): void;
  /** The thread is in the server again. */
  left(t: Thread): void;
}

/** A process's own call of the system below, reported before it happens. `gate`: the number of the gate that it names, −1 for none. */
export interface OwnCall {
  readonly flags: number;
  readonly gate: number;
  readonly label: number;
  /** The message carries memory or capabilities, or takes some. */
  readonly items: boolean;
}

/** Gives processes access to the system below. A layer without it has no gates. */
export interface Beyond {
  /** The selector of a gate in processes, and the gate of a selector (−1: none). */
  selector(gate: number): number;
  gateOf(selector: number): number;
  /** Grants and revokes a gate for the threads of a space. */
  give(mm: Mm, gate: number): void;
  take(mm: Mm, gate: number): void;
  /** Lets the call that `Entry.own` has seen happen; `over` gets its status at the end. The thread must not run until then. */
  through(t: Thread, over: (status: number) => void): void;
  /** Aborts such a call. `revoke` first revokes all gates of the space. */
  cancel(t: Thread): void;
  revoke(t: Thread): void;
  /** Repeats an ended call with the arguments in `Thread.regs`. */
  restart(t: Thread): void;
}

export interface Arch {
  readonly pool: Pool;
  /** Most threads that the layer below supports. */
  readonly maxThreads: number;
  /** ns of virtual time since the start. */
  now(): number;
  /** What an entry from user mode and the return cost outside the server, ns. */
  readonly passage: number;
  /** Charges cycles of server work. */
  charge(cycles: number): void;
  /** Code in this frame (page number of the server) has changed. */
  changedCode(pfn: number): void;
  /** One line for the log. */
  log(line: string): void;
  /** `t` has ended and will not run again. */
  threadGone(t: Thread): void;
  /** No process uses the space any more. */
  spaceGone(mm: Mm): void;
  /** exec: `next` takes over the emptied mirror of `old`, and its thread. */
  adoptSpace(old: Mm, next: Mm): void;
  /** If `t` is in user mode, force it into the server soon: `switch` returns `recalled`. */
  recall(t: Thread): void;
  /** Timers have changed: `at` is the earliest deadline. */
  setAlarm(at: number): void;
}

/** The part of the contract that moves threads. */
export interface Switch {
  /**
   * Lets `t` run in user mode until the kernel must act; with undefined, no thread runs and it waits for an interrupt. First it performs
   * everything the kernel owes: dead threads and spaces, `Mm.flushes` of the thread's space, timers, log. While `t` runs, `Thread.regs` is
   * stale unless `Thread.loaded` says otherwise; the layer below owns the registers, and takes the image's when it enters. Called again
   * after `Outcome.interrupt` with the thread that still runs, it waits for the next event.
   */
  switch(t: Thread | undefined): Steps<Outcome>;
  /** Work is owed before any thread resumes, so `Entry` defers even calls it could answer. */
  readonly busy: boolean;
  /** The exception and address of the last `Outcome.trap`. */
  readonly trap: Trap;
  readonly trapAddress: number;
  /** Loads all registers of `t` into `Thread.regs`, except a0 of a finished call. */
  load(t: Thread): Steps<void>;
  /** Opens the lock for interrupts for a moment and passes waiting interrupts to their drivers. True: there were some. */
  open(): Steps<boolean>;
  /** Performs owed work without running a thread. */
  finish(): Steps<void>;
  /**
   * For debuggers: runs `act` while the layer below holds the registers of `t`, then lets a moment pass in which the debugger may stop the
   * machine and change them.
   */
  pause(t: Thread, act: () => void): Steps<void>;
}
