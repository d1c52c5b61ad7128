/**
 * A thread moves to another hart, and with it every scheduling context that runs it: its own, and those of its callers. A waiting one moves
 * at once; one that executes on another hart is interrupted there, and moves when that hart enters the kernel (`leaveHart`).
 */
import type { Stage } from '../core.ts';
import type { SchedContext } from '../objects/sched-context.ts';
import type { Thread } from '../objects/thread.ts';
import type { Cpu } from './cpu.ts';
import { account, alarm, detach, endOfChain, place, preempt } from './place.ts';
import { ThreadState } from '../objects/object.ts';
import { unloadGuest } from '../state/guest.ts';
import { save } from '../state/user.ts';

export function migrate(k: Stage, t: Thread, to: Cpu): void {
  const from = t.cpu;
  t.movesTo = to === from ? undefined : to;
  if (!t.movesTo) return;
  if (from !== k.cpu && from.running === t && t.state === ThreadState.ready) preempt(k, from);
  else leaveHart(k, t);
}

/** The thread does not execute now: moves it to its target hart. */
export function leaveHart(k: Stage, t: Thread): void {
  const from = t.cpu, to = t.movesTo!, { deadline } = t, waits = t.heapIndex >= 0;
  t.movesTo = undefined;
  if (t.state === ThreadState.dead) return;
  if (from.owner === t) { save(from); from.owner = undefined; }
  if (from.vsOwner === t) unloadGuest(from);
  const with_ = contextsOf(from, t);
  for (const c of with_) detach(k, c);
  if (waits) from.timeouts.cancel(t);
  if (from.running === t) { account(from); from.running = undefined; preempt(k, from); }
  t.cpu = to;
  if (waits) alarm(k, to, t, deadline);
  for (const c of with_) place(k, c);
}

/** What is in this hart's queue, or runs, and ends at `t`. */
function contextsOf(cpu: Cpu, t: Thread): SchedContext[] {
  const all = [...cpu.contexts()];
  if (cpu.current) all.push(cpu.current);
  return all.filter(c => c.thread && endOfChain(c.thread) === t);
}
