/** Operations of threads. */
import { CAUSES, CapRight, Kind, Status } from '../abi/index.ts';
import { ObjectKind } from '../object.ts';
import type { Portal } from '../obj/portal.ts';
import { Reply } from '../obj/reply.ts';
import type { SchedContext } from '../obj/sched-context.ts';
import { ThreadState, type Thread } from '../obj/thread.ts';
import { account, detach, makeReady, place, preempt, returnTime } from '../sched/scheduler.ts';
import { endWait } from '../sched/wait.ts';
import { stateIn, stateOut } from '../state/user.ts';
import { killThread } from '../threads/kill.ts';
import { migrate } from '../threads/migrate.ts';
import { startThread } from '../threads/start.ts';
import { BYTES } from '../costs.ts';
import { requeue } from './sched-context.ts';
import { answer, control, named, use, type Invocation, type Row } from './row.ts';
import { nameOf } from './task.ts';

const threadOf = (i: Invocation): Thread => i.cap.object as Thread;
/** May its state be read and written: it is not about to run. */
const stands = (t: Thread): boolean => t.state !== ThreadState.ready && t.state !== ThreadState.dead && !t.body;

const start = (i: Invocation): Status => startThread(i.k, threadOf(i), i.u.bigWord(0), i.u.bigWord(1), i.u.bigWord(2));

function getState(i: Invocation): Status {
  const t = threadOf(i), mtd = i.u.word(0);
  if (!stands(t)) return t.state === ThreadState.dead ? Status.dead : Status.busy;
  stateOut(t, i.u, mtd);
  i.u.mtd = mtd;
  return Status.ok;
}
function setState(i: Invocation): Status {
  const t = threadOf(i);
  if (!stands(t)) return t.state === ThreadState.dead ? Status.dead : Status.busy;
  stateIn(t, i.u, i.u.word(0));
  return Status.ok;
}

function setEvents(i: Invocation): Status {
  const selector = i.u.word(0), causes = i.u.word(1);
  const cap = selector === 0 ? undefined : named(i, selector, ObjectKind.portal, CapRight.use);
  if (typeof cap === 'number') return cap;
  if (!(causes >= 0) || causes >= 2 ** CAUSES) return Status.badArgument;
  const portal = cap ? cap.object as Portal : undefined;
  for (let c = 0; c < CAUSES; c++) if (((causes >> c) & 1) !== 0) threadOf(i).events[c] = portal;
  return Status.ok;
}

/** Binding takes a context from nobody: it must be free, and the thread must have none. */
function bind(i: Invocation): Status {
  const { k } = i, t = threadOf(i), selector = i.u.word(0);
  if (selector === 0) {
    if (t.context) { detach(k, t.context); t.context.thread = undefined; t.context = undefined; }
    return Status.ok;
  }
  const cap = named(i, selector, ObjectKind.schedContext, CapRight.control);
  if (typeof cap === 'number') return cap;
  const context = cap.object as SchedContext;
  if (t.state === ThreadState.dead) return Status.dead;
  if (t.context || context.thread) return Status.busy;
  t.context = context;
  context.thread = t;
  place(k, context);
  requeue(t);
  return Status.ok;
}

/** An event waits for its reply as before; a wait of its own ends; what runs stops at once. */
function recall(i: Invocation): Status {
  const { k } = i, t = threadOf(i);
  if (t.state === ThreadState.dead) return Status.dead;
  k.trace.record(k.cpu.hart.cycles, Kind.recall, k.cpu.id, 0, i.caller.id, t.id, 0, 0, 0, 0);
  if (!t.body) t.recalled = true;
  if (t.state === ThreadState.ready) {
    if (t.cpu !== k.cpu && t.cpu.running === t) preempt(k, t.cpu);
  } else if (t.state !== ThreadState.inactive && t.state !== ThreadState.stopped && t.event < 0) endWait(k, t, Status.aborted);
  return Status.ok;
}

function kill(i: Invocation): Status {
  killThread(i.k, threadOf(i));
  return Status.ok;
}
function cancel(i: Invocation): Status {
  const t = threadOf(i);
  if (t.state === ThreadState.dead) return Status.dead;
  if (t.state >= ThreadState.receiving && t.state <= ThreadState.semaphore) endWait(i.k, t, Status.aborted);
  return Status.ok;
}

/** badArgument: not the caller itself; dead: there is no caller to answer (any more). */
function keepReply(i: Invocation): Status {
  const { k } = i, t = threadOf(i), selector = i.u.word(0), waiting = t.currentCaller, factory = t.task.factory!;
  if (t !== i.caller) return Status.badArgument;
  if (!waiting) return Status.dead;
  const status = t.task.caps.canPut(selector);
  if (status !== Status.ok) return status;
  if (factory.free < 2 * BYTES.cap + BYTES.capChunk || !factory.charge(BYTES.cap)) return Status.noQuota;
  const reply = new Reply(k.newId(), factory, waiting);
  k.adopt(reply);
  t.task.caps.put(selector, reply, CapRight.all, undefined);
  waiting.keptReply = reply;
  waiting.partner = undefined;
  t.currentCaller = undefined;
  returnTime(k, t);
  return Status.ok;
}

function info(i: Invocation): Status {
  const t = threadOf(i);
  account(t.cpu);
  return answer(i.u, t.state, t.consumed);
}
function resume(i: Invocation): Status {
  const t = threadOf(i);
  if (t.state !== ThreadState.stopped) return t.state === ThreadState.dead ? Status.dead : Status.busy;
  makeReady(i.k, t);
  return Status.ok;
}
function name(i: Invocation): Status {
  i.k.trace.name('thread', threadOf(i).id, threadOf(i).task.id, nameOf(i));
  return Status.ok;
}

function move(i: Invocation): Status {
  const t = threadOf(i), to = i.k.cpus[i.u.word(0)];
  if (!to) return Status.badArgument;
  if (t.state === ThreadState.dead) return Status.dead;
  migrate(i.k, t, to);
  return Status.ok;
}

/** In the order of the labels, from 0x300. */
export const threadOps: readonly Row[] = [
  control(start), control(getState), control(setState), control(setEvents), control(bind), control(recall), control(kill), control(cancel),
  use(keepReply), use(info), control(resume), control(name), control(move),
];
