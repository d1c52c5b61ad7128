/**
 * SchedContext: the right to run, with a priority, a budget and a period. A thread that has none runs on the time of who called it.
 * Budget 0: round robin with the default slice. With a period it is a sporadic server: no more than the budget in any period (refills.ts).
 */
import { BYTES } from '../costs.ts';
import type { Factory } from '../factory.ts';
import type { Kernel } from '../kernel.ts';
import { KernelObject, ObjectKind } from '../object.ts';
import type { Cpu } from '../sched/cpu.ts';
import { detach } from '../sched/scheduler.ts';
import { Refills } from '../sched/refills.ts';
import type { Timed } from '../sched/timeouts.ts';
import type { Thread } from './thread.ts';

/** Default time slice: 10 ms. */
export const SLICE = 10_000_000;

/** Where a context is: without a thread, in a run queue, running, behind a blocked thread, or out of budget. */
export const Place = { nowhere: 0, queue: 1, current: 2, blocked: 3, depleted: 4 } as const;

export class SchedContext extends KernelObject implements Timed {
  readonly kind = ObjectKind.schedContext;
  priority = 0;
  /** Cycles of a slice, if there is no period; 0 = the default slice. */
  slice = SLICE;
  /** The budget, if there is a period. */
  refills: Refills | undefined = undefined;
  /** Cycles left of this slice, or of what may be used of the budget now; used since `consumed` was asked. */
  left = 0;
  consumed = 0;
  thread: Thread | undefined = undefined;
  place: number = Place.nowhere;
  /** place = queue or current: the hart; blocked: the thread that everything waits for. */
  cpu: Cpu | undefined = undefined;
  behind: Thread | undefined = undefined;
  next: SchedContext | undefined = undefined;
  prev: SchedContext | undefined = undefined;
  /** When budget comes back. */
  deadline = Infinity;
  order = 0;
  heapIndex = -1;

  /** Budget and period in cycles; `now`: from when on they hold. */
  constructor(id: number, factory: Factory, priority: number, budget: number, period: number, now = 0) {
    super(id, factory, BYTES.schedContext);
    this.set(priority, budget, period, now);
  }
  /** New parameters, and a new budget. It is in no queue. */
  set(priority: number, budget: number, period: number, now: number): void {
    this.priority = priority;
    this.slice = budget > 0 ? budget : SLICE;
    this.refills = budget > 0 && period > 0 ? new Refills(budget, period, now) : undefined;
    this.left = this.slice;
  }

  override teardown(k: Kernel): void {
    detach(k, this);
    if (this.thread) this.thread.context = undefined;
    this.thread = undefined;
  }
}
