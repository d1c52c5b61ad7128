/**
 * SchedContext: the right to run, with a priority, a budget and a period. A thread that has none runs on the time of who called it.
 * Budget 0: round robin with the default slice. With a period, a used-up budget comes back when the period is over.
 */
import { BYTES } from '../costs.ts';
import type { Factory } from '../factory.ts';
import type { Kernel } from '../kernel.ts';
import { KernelObject, ObjectKind } from '../object.ts';
import type { Cpu } from '../sched/cpu.ts';
import { detach } from '../sched/scheduler.ts';
import type { Timed } from '../sched/timeouts.ts';
import type { Thread } from './thread.ts';

/** Default time slice: 10 ms. */
export const SLICE = 10_000_000;

/** Where a context is: without a thread, in a run queue, running, behind a blocked thread, or out of budget. */
export const Place = { nowhere: 0, queue: 1, current: 2, blocked: 3, depleted: 4 } as const;

export class SchedContext extends KernelObject implements Timed {
  readonly kind = ObjectKind.schedContext;
  priority: number;
  /** Cycles; 0 = default slice. */
  budget: number;
  period: number;
  /** Cycles left of this slice or budget; used since `consumed` was asked, and in all. */
  left: number;
  consumed = 0;
  thread: Thread | undefined = undefined;
  place: number = Place.nowhere;
  /** place = queue or current: the hart; blocked: the thread that everything waits for. */
  cpu: Cpu | undefined = undefined;
  behind: Thread | undefined = undefined;
  next: SchedContext | undefined = undefined;
  prev: SchedContext | undefined = undefined;
  /** When the current period began. */
  periodStart = 0;
  /** The timer that refills the budget. */
  deadline = Infinity;
  order = 0;
  heapIndex = -1;

  constructor(id: number, factory: Factory, priority: number, budget: number, period: number) {
    super(id, factory, BYTES.schedContext);
    this.priority = priority;
    this.budget = budget;
    this.period = period;
    this.left = this.slice;
  }
  get slice(): number { return this.budget > 0 ? this.budget : SLICE; }
  /** A budget per period that can be used up (and is not just a slice). */
  get limited(): boolean { return this.budget > 0 && this.period > 0; }

  override teardown(k: Kernel): void {
    detach(k, this);
    if (this.thread) this.thread.context = undefined;
    this.thread = undefined;
  }
}
