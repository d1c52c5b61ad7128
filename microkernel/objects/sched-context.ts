/**
 * SchedContext: the right to run, with a priority, a budget and a period. A thread without one runs on its caller's time.
 * Budget 0: round robin with the default slice. With a period it is a sporadic server: no more than the budget in any period (refills.ts).
 */
import { Status } from '../abi/index.ts';
import type { Due } from '../../machine/deadlines.ts';
import type { Core } from '../core.ts';
import { BYTES } from '../costs.ts';
import type { Cpu } from '../sched/cpu.ts';
import { account, detach, place } from '../sched/place.ts';
import { requeue } from '../sched/queue.ts';
import { Refills } from '../sched/refills.ts';
import type { Factory } from './factory.ts';
import { KernelObject, ObjectKind, ContextState } from './object.ts';
import { answer, isCount, type Handlers, type Invocation } from './operation.ts';
import type { Thread } from './thread.ts';

/** Default time slice: 10 ms. */
export const SLICE = 10_000_000;
/** Most that budgets and periods may be: about three years of cycles. */
const LONGEST = 2 ** 46;

export class SchedContext extends KernelObject implements Due {
  readonly kind = ObjectKind.schedContext;
  priority = 0;
  /** Cycles of a slice, if there is no period; 0 = the default slice. */
  slice = SLICE;
  /** The budget, if there is a period. */
  refills: Refills | undefined = undefined;
  /** Cycles left of this slice, or of the usable budget; cycles used since the last `consumed`. */
  left = 0;
  consumed = 0;
  thread: Thread | undefined = undefined;
  place: number = ContextState.nowhere;
  /** place = queue or current: the hart; blocked: the thread that everything waits for. */
  cpu: Cpu | undefined = undefined;
  behind: Thread | undefined = undefined;
  next: SchedContext | undefined = undefined;
  prev: SchedContext | undefined = undefined;
  /** When budget comes back. */
  deadline = Infinity;
  order = 0;
  heapIndex = -1;

  /** Budget and period in cycles, valid from `now` on. */
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

  override teardown(k: Core): void {
    detach(k, this);
    if (this.thread) this.thread.context = undefined;
    this.thread = undefined;
  }
}

/** Priority below 256; a period is not shorter than its budget. */
export const parametersOk = (priority: number, budget: number, period: number): boolean =>
  isCount(priority, 256) && isCount(budget, LONGEST) && isCount(period, LONGEST) && (period === 0 || (budget > 0 && budget <= period));

function set(i: Invocation, context: SchedContext): Status {
  const priority = i.u.word(0), budget = i.u.word(1), period = i.u.word(2);
  if (!parametersOk(priority, budget, period)) return Status.badArgument;
  if (priority > Math.min(context.factory!.highest, context.thread?.factory!.highest ?? 255)) return Status.badRights;
  const was = context.place;
  detach(i.k, context);
  context.set(priority, budget, period, i.k.cpu.hart.cycles);
  if (was !== ContextState.nowhere) place(i.k, context);
  requeue(context.thread);
  return Status.ok;
}
function consumed(i: Invocation, context: SchedContext): Status {
  if (context.place === ContextState.current) account(context.cpu!);
  const cycles = context.consumed;
  context.consumed = 0;
  return answer(i.u, cycles);
}

export const schedContext: Handlers<'schedContext', SchedContext> = { set, consumed };
