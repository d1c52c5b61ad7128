/**
 * The place of each scheduling context. The scheduler picks contexts, not threads: a context runs its own thread or, while that waits for
 * an answer, the thread that owes it, along the chain of calls. Donation to servers without a context and helping of servers of lower
 * priority are this one rule.
 *
 * A context whose chain ends at a blocked thread leaves the run queue when it is found there, and waits `behind` that thread.
 */
import { Kind } from '../abi/index.ts';
import type { Stage } from '../core.ts';
import { COSTS } from '../costs.ts';
import type { SchedContext } from '../objects/sched-context.ts';
import type { Thread } from '../objects/thread.ts';
import type { Cpu } from './cpu.ts';
import { ContextState, ThreadState } from '../objects/object.ts';

/** Steps after which a chain of calls is checked for a circle. */
const LONG = 32;
const waitsForAnswer = (t: Thread): boolean =>
  (t.state === ThreadState.calling || t.state === ThreadState.sending) && t.partner !== undefined;

/** The thread at the end of the chain: ready, or what everything waits for. Of a circle it is always the same member. */
export function endOfChain(from: Thread): Thread {
  let thread = from;
  for (let i = 0; waitsForAnswer(thread); i++) {
    if (i === LONG) return endOfLongChain(from);
    thread = thread.partner!;
  }
  return thread;
}

function endOfLongChain(from: Thread): Thread {
  const seen = new Set<Thread>();
  let thread = from;
  for (; waitsForAnswer(thread) && !seen.has(thread); thread = thread.partner!) seen.add(thread);
  if (!waitsForAnswer(thread)) return thread;
  let least = thread;
  for (let member = thread.partner!; member !== thread; member = member.partner!) if (member.id < least.id) least = member;
  return least;
}

/** Places an unplaced context: in a run queue, or behind a blocked thread. */
export function place(k: Stage, context: SchedContext, first = false): void {
  if (!context.thread) { context.place = ContextState.nowhere; return; }
  const thread = endOfChain(context.thread);
  if (thread.state === ThreadState.inactive) beginDonated(k, thread);
  if (thread.state !== ThreadState.ready) return putBehind(context, thread);
  const cpu = thread.cpu;
  context.cpu = cpu;
  if (context.left <= 0 && !renew(k, context, cpu)) return;
  context.place = ContextState.queue;
  cpu.add(context, first);
  if (!cpu.current || context.priority > cpu.current.priority) preempt(k, cpu);
}

/** Makes this hart choose again, at the next opportunity. */
export function preempt(k: Stage, cpu: Cpu): void {
  if (cpu.reschedule) return;
  cpu.reschedule = true;
  if (cpu !== k.cpu) cpu.hart.kick();
}

/**
 * A thread now waits for one on another hart, or no longer does: contexts queued at `cpu` whose chains lead to another hart move there.
 * (Other contexts of these chains move when they are chosen.)
 */
export function followChains(k: Stage, cpu: Cpu): void {
  for (const c of [...cpu.contexts()]) if (c.thread && endOfChain(c.thread).cpu !== cpu) placeAnew(k, c);
}

/** Contexts whose chains led through `thread` to `end` are placed anew: it waits no longer. */
export function cutChain(k: Stage, thread: Thread, end: Thread): void {
  releaseHelpers(k, end);
  preempt(k, end.cpu);
  if (end.cpu !== thread.cpu) followChains(k, end.cpu);
}

/** `t` has answered its caller: donated time returns to the caller. */
export function returnTime(k: Stage, t: Thread): void { if (t.cpu.current?.thread !== t) preempt(k, t.cpu); }

function putBehind(context: SchedContext, thread: Thread): void {
  context.place = ContextState.blocked;
  context.behind = thread;
  thread.helpers.insert(context, thread.helpers.first);
}

/** Removes a context from its place. */
export function detach(k: Stage, context: SchedContext): void {
  switch (context.place) {
    case ContextState.queue: context.cpu!.remove(context); break;
    case ContextState.current: account(context.cpu!); context.cpu!.current = undefined; preempt(k, context.cpu!); break;
    case ContextState.depleted: context.cpu!.timeouts.cancel(context); break;
    case ContextState.blocked:
      context.behind!.helpers.remove(context);
      context.behind = undefined;
      if (context.refills) context.left = context.refills.settle(context.left, k.cpu.hart.cycles, true);
  }
  context.place = ContextState.nowhere;
}

function placeAnew(k: Stage, context: SchedContext): void {
  detach(k, context);
  place(k, context);
}

/** Requeues every context that waits behind `thread`. */
export function releaseHelpers(k: Stage, thread: Thread): void {
  const { first } = thread.helpers;
  if (first?.next) for (const context of [...thread.helpers]) placeAnew(k, context);
  else if (first) placeAnew(k, first);
}

/** A thread has become ready. */
export function makeReady(k: Stage, thread: Thread): void {
  thread.state = ThreadState.ready;
  if (thread.helpers.first) releaseHelpers(k, thread);
  const own = thread.context;
  if (!own) return;
  if (own.place === ContextState.nowhere) place(k, own);
  else if (own.place !== ContextState.depleted && (own.place === ContextState.blocked || own.cpu !== thread.cpu)) placeAnew(k, own);
}

/** A server's context may take over from the one that runs: it alone waits behind the server, is above, and both have time left. */
export const isAbove = (to: SchedContext, from: SchedContext, server: Thread): boolean =>
  server.helpers.first === to && !to.next && to.priority > from.priority && !to.refills && to.left > 0 && from.left > 0;

/** A server has got a message from who runs on this hart: the usual case of `makeReady` followed by `choose`, without a detour. */
export function handOver(k: Stage, cpu: Cpu, server: Thread): void {
  const from = cpu.current, to = server.context;
  if (!from || !to || server.cpu !== cpu || k.cpu !== cpu || cpu.reschedule || !isAbove(to, from, server)) return makeReady(k, server);
  account(cpu);
  server.state = ThreadState.ready;
  takeOver(cpu, from, server, to);
  dispatch(k, cpu, server, true);
}

/** The current context makes room, at the head of its queue, for that of a server, which has waited behind it. */
export function takeOver(cpu: Cpu, from: SchedContext, server: Thread, to: SchedContext): void {
  server.helpers.first = server.helpers.last = to.behind = undefined;
  from.place = ContextState.queue;
  cpu.add(from, true);
  to.place = ContextState.current;
  to.cpu = cpu;
  cpu.current = to;
}

/** … and has its place again, while the server's waits behind it. */
export function giveBack(cpu: Cpu, from: SchedContext, server: Thread, to: SchedContext): void {
  to.place = ContextState.blocked;
  to.behind = server;
  server.helpers.first = server.helpers.last = to;
  cpu.remove(from);
  from.place = ContextState.current;
  cpu.current = from;
}

/** Time that has passed since the last account goes to the current context and the running thread. */
export function account(cpu: Cpu, now = cpu.hart.cycles): void {
  const passed = now - cpu.since;
  cpu.since = now;
  if (cpu.current) {
    cpu.current.left -= passed;
    cpu.current.consumed += passed;
  }
  if (cpu.running) cpu.running.consumed += passed;
}

/** Makes `thread` the running thread; a change of the current context counts as a scheduling decision. */
export function dispatch(k: Stage, cpu: Cpu, thread: Thread, switched: boolean): Thread {
  const last = cpu.running;
  cpu.running = thread;
  if (switched && thread !== last) {
    k.counters.schedules++;
    cpu.hart.charge(COSTS.schedule);
    k.trace.note(cpu, Kind.schedule, thread.id, last ? last.id : 0, 0, cpu.current!.priority);
  }
  return thread;
}

/** The slice is over: there is a new one; or what has come back of the budget; or nothing (false): the context is out until there is. */
function renew(k: Stage, context: SchedContext, cpu: Cpu): boolean {
  context.left = context.refills ? context.refills.settle(context.left, k.cpu.hart.cycles, false) : context.slice;
  if (context.left > 0) return true;
  context.place = ContextState.depleted;
  alarm(k, cpu, context, context.refills!.time);
  return false;
}

/** `item` is due on this hart at `deadline`; another hart, asleep for longer, wakes up and sets its timer. */
export function alarm(k: Stage, cpu: Cpu, item: Thread | SchedContext, deadline: number): void {
  cpu.timeouts.set(item, deadline);
  if (cpu !== k.cpu && deadline < cpu.armed) preempt(k, cpu);
}

/** A TypeScript server that has no context of its own, and never ran, begins when somebody calls it: on the caller's time. */
function beginDonated(k: Stage, t: Thread): void { if (t.body && !t.context) makeReady(k, t); }
