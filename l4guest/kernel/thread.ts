/** A thread of a process: registers, signal state, and where it is: in user mode, in the run queue or asleep. */
import { E } from '../abi/errno.ts';
import { copyCreds, type Creds } from './creds.ts';
import type { Kernel } from './kernel.ts';
import type { Process } from './process.ts';
import { Registers } from './registers.ts';
import { Sig } from '../abi/linux.ts';
import type { Passage } from './gates.ts';
import { SignalQueue, bit, type AltStack } from './sigqueue.ts';
import type { Rseq } from './rseq.ts';
import type { Seccomp } from './seccomp.ts';
import type { Tracing } from './tracing.ts';
import type { Mm } from '../mm/mm.ts';
import type { Co, Waiter, WaitQueue } from './wait.ts';

export const Run = {
  /** In user mode, or in the server on its way there. */
  current: 0,
  /** In the run queue. */
  ready: 1,
  /** In a system call that waits. */
  blocked: 2,
  /** Stopped by job control. */
  stopped: 3,
  dead: 4,
} as const;
export type Run = (typeof Run)[keyof typeof Run];

/** Which registers `regs` holds; the arch layer has the rest. */
export const Loaded = { none: 0, args: 1, all: 2 } as const;

/** The result of a call that has already set the final registers. */
export const KEEP_REGISTERS = NaN;

export class Thread implements Waiter {
  readonly k: Kernel;
  tid: number;
  /** Its number in its process's pid space. */
  number: number;
  proc: Process;
  readonly regs = new Registers();
  loaded: 0 | 1 | 2 = Loaded.none;
  state: Run = Run.current;
  /** The system call in progress, when it sleeps. */
  co: Co<number> | undefined;
  /** It has pending work before it returns to user mode: a signal, a stop. */
  work = false;
  /** Number, first argument and restart wish of the system call that has just ended; -1 = none. */
  call = -1;
  arg0 = 0n;
  restart = false;
  /** The absolute deadline of a sleep that may restart. */
  sleepUntil = -1;
  since = Infinity;

  mask = 0n;
  /** Mask to restore after sigsuspend and the like, once a handler's frame holds it. */
  savedMask: bigint | undefined;
  readonly pending: SignalQueue;
  altStack: AltStack = { sp: 0, flags: 2, size: 0 };

  name: string;
  /** Address of a word that is cleared, and its futex woken, when the thread ends. */
  clearTid = 0;
  robustList = 0;
  /** Its area for restartable sequences. */
  rseq: Rseq | undefined;
  cpuNs = 0;
  /** What of it passed in the server and on the way there and back, ns. */
  systemNs = 0;
  /** Bytes charged for it. */
  cost = 0;
  /** Processor time weighted by niceness, by which the run queue is ordered. */
  virtual = 0;
  startedAt = 0;
  nice = 0;
  /** Scheduling policy (SCHED_*), and the priority of the real-time ones: 1 … 99, else 0. */
  policy = 0;
  rt = 0;
  resetOnFork = false;
  /** Its credentials. */
  creds: Creds;
  noNewPrivs = 0;
  /** prctl(PR_SET_TIMERSLACK), ns; ioprio_set. */
  timerSlack = 50_000;
  /** The value that prctl(PR_SET_TIMERSLACK, 0) restores: its maker's slack. */
  slackAtStart = 50_000;
  ioPriority = 0;
  /** The filters of its system calls. */
  seccomp: Seccomp | undefined;
  /** Its tracer and trace state. */
  traced: Tracing | undefined;
  /** Its message buffer for kernel calls (0: none), and its call in progress. */
  utcb = 0;
  passage: Passage | undefined;
  /** The arch layer's handle. */
  hardware: unknown = undefined;
  /** Its last access that no page could resolve. */
  badAccess = 'access to';

  constructor(k: Kernel, tid: number, proc: Process, name: string) {
    this.k = k;
    this.pending = new SignalQueue(k.frames);
    this.tid = tid;
    this.proc = proc;
    this.number = proc.numbers.of(tid);
    this.name = name;
    this.creds = proc.threads.size === 0 ? proc.creds : copyCreds(proc.creds);
  }

  get mm(): Mm { return this.proc.mm; }

  wake(): void {
    if (this.state !== Run.blocked) return;
    this.state = Run.ready;
    this.k.work.woken();
    this.k.cpu.ready.pushWoken(this);
    this.k.cpu.somebodyReady(this);
  }
  /** SIGKILL is pending, or its process must end. */
  get isKilled(): boolean {
    return this.proc.doomed !== undefined || ((this.pending.bits | this.proc.pending.bits) & bit(Sig.KILL)) !== 0n;
  }
  /** Whether a signal is pending that this thread would handle. */
  get interrupted(): boolean { return this.work && this.k.signals.wouldInterrupt(this); }

  /**
   * Sleeps until the queue (or queues) or the deadline (ns of virtual time) wakes it. 0 = woken (check again, the reason may be gone),
   * -ETIMEDOUT, -ERESTARTSYS = a signal.
   */
  *sleep(on: WaitQueue | readonly WaitQueue[] | undefined, until = Infinity): Co<number> {
    if (this.interrupted) return -E.RESTARTSYS;
    if (until <= this.k.clock.now()) return -E.TIMEDOUT;
    const queues = on === undefined ? [] : 'length' in on ? on : [on];
    let timedOut = false;
    const timer = until === Infinity ? undefined : this.k.timers.add(until, () => { timedOut = true; this.wake(); });
    for (const waitQueue of queues) waitQueue.add(this);
    this.state = Run.blocked;
    try { yield; } finally {
      for (const queue of queues) queue.remove(this);
      this.k.timers.cancel(timer);
    }
    if (this.interrupted) return -E.RESTARTSYS;
    return timedOut ? -E.TIMEDOUT : 0;
  }
  /** Sleeps without regard to signals: for short waits that must not be interrupted (vfork). */
  *nap(on: WaitQueue): Co<void> {
    on.add(this);
    this.state = Run.blocked;
    try { yield; } finally { on.remove(this); }
  }
}
