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
    let c = cpu.current;
    if (c && c.left <= 0) {
      yieldPlace(k, cpu, c);
      continue;
    }
    if (c && top && top.priority > c.priority) {
      if (c.thread && endOfChain(c.thread).cpu !== cpu) yieldPlace(k, cpu, c); // its time is spent elsewhere
      else {
        c.place = ContextState.queue;
        cpu.add(c, true);
      }
      c = undefined;
    }
    if (!c) {
      if (!top) { cpu.current = cpu.running = undefined; return undefined; }
      cpu.remove(top);
      c = top;
      c.place = ContextState.current;
      c.cpu = cpu;
    }
    cpu.current = c;
    const t = c.thread ? endOfChain(c.thread) : undefined;
    if (t && t.state === ThreadState.ready && t.cpu === cpu && c.left > 0) return dispatch(k, cpu, t, before !== c);
    yieldPlace(k, cpu, c);
  }
}

/** The current context is that no longer, and goes where it belongs. */
function yieldPlace(k: Stage, cpu: Cpu, c: SchedContext): void {
  cpu.current = undefined;
  c.place = ContextState.nowhere;
  place(k, c);
}

/** What is due on this hart: time-outs of waits, budgets that come back, the end of the slice. */
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
