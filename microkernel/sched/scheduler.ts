/** The scheduler: chooses the thread of a hart, handles its deadlines, and sets its timer. place.ts places all other contexts. */
import type { Stage } from '../core.ts';
import { ContextState, ObjectKind, ThreadState } from '../objects/object.ts';
import type { SchedContext } from '../objects/sched-context.ts';
import type { Thread } from '../objects/thread.ts';
import type { Cpu } from './cpu.ts';
import { account, dispatch, endOfChain, place } from './place.ts';
import { expireWait } from './wait.ts';

/** Chooses the thread for this hart; undefined: none. */
export function choose(k: Stage, cpu: Cpu): Thread | undefined {
  account(cpu);
  cpu.reschedule = false;
  const before = cpu.current;
  for (;;) {
    const top = cpu.top();
    let context = cpu.current;
    if (context && context.left <= 0) {
      yieldPlace(k, cpu, context);
      continue;
    }
    if (context && top && top.priority > context.priority) {
      if (context.thread && endOfChain(context.thread).cpu !== cpu) yieldPlace(k, cpu, context); // its time is spent elsewhere
      else {
        context.place = ContextState.queue;
        cpu.add(context, true);
      }
      context = undefined;
    }
    if (!context) {
      if (!top) { cpu.current = cpu.running = undefined; return undefined; }
      cpu.remove(top);
      context = top;
      context.place = ContextState.current;
      context.cpu = cpu;
    }
    cpu.current = context;
    const thread = context.thread ? endOfChain(context.thread) : undefined;
    if (thread?.state === ThreadState.ready && thread.cpu === cpu && context.left > 0) return dispatch(k, cpu, thread, before !== context);
    yieldPlace(k, cpu, context);
  }
}

/** The current context is that no longer, and goes where it belongs. */
function yieldPlace(k: Stage, cpu: Cpu, context: SchedContext): void {
  cpu.current = undefined;
  context.place = ContextState.nowhere;
  place(k, context);
}

/** Performs everything due on this hart: time-outs of waits, budgets that are refilled, the end of the slice. */
export function tick(k: Stage, cpu: Cpu): void {
  const now = cpu.hart.cycles;
  cpu.armed = -1;
  for (let item = cpu.timeouts.due(now); item; item = cpu.timeouts.due(now)) {
    if (item.kind === ObjectKind.thread) expireWait(k, item);
    else {
      item.place = ContextState.nowhere;
      place(k, item);
    }
  }
  account(cpu);
  if (cpu.current && cpu.current.left <= 0) cpu.reschedule = true;
}

/** Sets the hart's timer for the next deadline. It may fire too early (then it is set again), never too late. */
export function arm(cpu: Cpu): void {
  const slice = cpu.current ? cpu.since + cpu.current.left : Infinity, next = Math.min(slice, cpu.timeouts.next);
  if (next >= cpu.armed && cpu.armed >= 0) return;
  cpu.armed = next;
  cpu.hart.setTimer(next);
}
