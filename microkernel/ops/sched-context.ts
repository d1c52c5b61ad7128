/** Operations of scheduling contexts. */
import { Status } from '../abi/index.ts';
import { Place, type SchedContext } from '../obj/sched-context.ts';
import { account, detach, place } from '../sched/scheduler.ts';
import type { Thread } from '../obj/thread.ts';
import { parametersOk } from './factory.ts';
import { answer, control, use, type Invocation, type Row } from './row.ts';

const contextOf = (i: Invocation): SchedContext => i.cap.object as SchedContext;

function set(i: Invocation): Status {
  const c = contextOf(i), priority = i.u.word(0), budget = i.u.word(1), period = i.u.word(2);
  if (!parametersOk(priority, budget, period)) return Status.badArgument;
  const was = c.place;
  detach(i.k, c);
  c.set(priority, budget, period, i.k.cpu.hart.cycles);
  if (was !== Place.nowhere) place(i.k, c);
  requeue(c.thread);
  return Status.ok;
}
/** Who waits stands where its priority belongs now. */
export function requeue(t: Thread | undefined): void {
  const queue = t?.inQueue;
  if (!queue) return;
  queue.remove(t);
  queue.add(t);
}
function consumed(i: Invocation): Status {
  const c = contextOf(i);
  if (c.place === Place.current) account(c.cpu!);
  const cycles = c.consumed;
  c.consumed = 0;
  return answer(i.u, cycles);
}

/** In the order of the labels, from 0x500. */
export const contextOps: readonly Row[] = [control(set), use(consumed)];
