/**
 * A processor of the server: its current thread, its run queue, and the end of the time slice. Everything "current" belongs to a processor,
 * not to the kernel.
 */
import { Policy } from '../abi/linux.ts';
import type { Arch } from '../arch/arch.ts';
import { runCpuTimers, untilCpuTimer } from './cputimers.ts';
import { RunQueue } from './runqueue.ts';
import { Run, type Thread } from './thread.ts';
import type { Timers } from './timers.ts';

/** Time slice when several threads want to run, ns. */
export const SLICE = 10_000_000;
/**
 * Time for which a chosen thread keeps the processor from threads of equal rank, ns: threads that sleep for less than a switch takes
 * would otherwise starve others.
 */
const LEAST_TURN = 50_000;

export class ServerCpu {
  /** The thread that is in user mode, or in the server with its call. */
  current: Thread | undefined;
  /** The current thread is in user mode now. */
  inUser = false;
  /** The current thread should yield at its next return. */
  resched = false;
  readonly ready = new RunQueue<Thread>();
  /** Number of thread switches. */
  switches = 0;
  sliceEnd = Infinity;
  /** When the current thread was chosen, ns. */
  private takenAt = 0;
  private readonly arch: Arch;
  private readonly timers: Timers;
  /** The slice of SCHED_RR, ns. */
  realtimeSlice: () => number = () => SLICE;
  constructor(arch: Arch, timers: Timers) { this.arch = arch; this.timers = timers; }

  /** Gives the processor to a thread for one slice. */
  take(thread: Thread): void {
    this.switches++;
    this.takenAt = this.arch.now();
    this.sliceEnd = this.takenAt + (thread.rt > 0 && thread.policy === Policy.RR ? this.realtimeSlice() : SLICE);
    this.current = thread;
  }
  /** Puts the current thread behind the ready ones. */
  yield(thread: Thread): void {
    thread.state = Run.ready;
    this.ready.push(thread);
    this.resched = false;
  }
  /** A thread has pending work: recalls it if it runs in user mode. */
  kick(t: Thread): void { if (this.inUser && t === this.current) this.arch.recall(t); }
  /**
   * A thread that slept is ready while another one runs: from now on the slice of the running one ends. A real-time thread does not wait
   * for that.
   */
  somebodyReady(woken: Thread): void {
    if (this.current?.state !== Run.current) return;
    if (woken.rt > 0) this.preempt();
    if (this.ready.length === 1) this.rearm();
  }

  /** Handles due timers and the end of the slice. Call it when the alarm has rung, between two events. */
  tick(): void {
    const now = this.arch.now();
    this.timers.run(now);
    if (this.current) runCpuTimers(this.current);
    this.preempt(now >= this.sliceEnd);
    if (now >= this.sliceEnd && !this.resched) this.sliceEnd = now + SLICE;
    this.rearm();
  }
  /** Preempts the current thread if another one takes precedence, or its slice is over. */
  preempt(over = false): void {
    const thread = this.current;
    if (!thread || this.ready.length === 0) return;
    this.account(thread);
    if (!(over && this.ready.sliceEnds(thread)) && !this.ready.beats(thread)) return;
    const least = this.takenAt + LEAST_TURN;
    if (!over && thread.rt === 0 && !this.ready.realTimeWaits && this.arch.now() < least) { this.sliceEnd = least; this.rearm(); return; }
    this.resched = true;
    if (this.inUser) this.arch.recall(thread);
  }
  /** Charges the current thread's processor time up to now. */
  account(thread: Thread): void {
    const now = this.arch.now(), ns = Math.max(0, now - thread.startedAt);
    thread.cpuNs += ns;
    thread.startedAt = now;
    this.ready.used(thread, ns);
  }
  /** Tells the arch layer when to ring next. A slice that was recalled rings no more: it would ring before the thread can react. */
  rearm(): void {
    const thread = this.current, slice = this.ready.length > 0 && thread && !this.resched ? this.sliceEnd : Infinity;
    const cpu = thread && thread.proc.cpuTimers.length > 0 && thread.state === Run.current
      ? this.arch.now() + Math.max(0, untilCpuTimer(thread)) : Infinity;
    const turn = thread && thread.rt > 0 && thread.state === Run.current && !this.resched ? thread.startedAt + this.ready.turnEnds(thread)
      : Infinity;
    this.arch.setAlarm(Math.min(this.timers.next, slice, cpu, turn));
  }
}
