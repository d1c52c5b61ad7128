/**
 * Semaphore: a counting signal. `up` (right: use) adds one or wakes a waiting thread; `down` (right: control) takes one, or waits. An
 * interrupt is a semaphore whose `up` the hardware does: the line is silent from when it fires to `ack`.
 */
import { Kind, Status } from '../abi/index.ts';
import { BYTES } from '../costs.ts';
import type { Factory } from '../factory.ts';
import type { Kernel } from '../kernel.ts';
import { KernelObject, ObjectKind } from '../object.ts';
import { endWait } from '../sched/wait.ts';
import { ThreadState, type Thread } from './thread.ts';
import { WaitQueue } from '../sched/queue.ts';

export class Semaphore extends KernelObject {
  readonly kind = ObjectKind.semaphore;
  count: number;
  /** Line of the interrupt controller; 0 = an ordinary semaphore. */
  readonly line: number;
  readonly waiters = new WaitQueue();

  constructor(id: number, factory: Factory, count: number, line = 0) {
    super(id, factory, BYTES.semaphore);
    this.count = count;
    this.line = line;
  }

  /** `cause`: the interrupt's trace record; 0 = a thread signals. */
  up(k: Kernel, cause = 0): void {
    const waiter = this.waiters.first;
    if (!waiter) { this.count++; return; }
    k.trace.record(k.cpu.hart.cycles, Kind.wake, k.cpu.id, 0, waiter.id, this.id, cause, cause === 0 && k.cpu.running ? k.cpu.running.id : 0, 0, 0);
    waiter.utcb?.setWord(0, 1);
    waiter.utcb?.setTag(0, 1);
    endWait(k, waiter, Status.ok);
  }

  /** True when the count was not zero: then one (or all, `clear`) of it is taken, and how many is word 0 of the answer. */
  take(thread: Thread, clear: boolean): boolean {
    if (this.count === 0) return false;
    const n = clear ? this.count : 1;
    this.count -= n;
    thread.utcb?.setWord(0, n);
    thread.utcb?.setTag(0, 1);
    return true;
  }

  /** The thread waits here from now on. */
  enqueue(thread: Thread): void {
    thread.state = ThreadState.semaphore;
    thread.waitingAt = this;
    this.waiters.add(thread);
  }

  override teardown(k: Kernel): void {
    for (let t = this.waiters.first; t; t = this.waiters.first) endWait(k, t, Status.dead);
    if (this.line > 0) k.interrupts.mask(this.line);
  }
}
