/**
 * Events: messages that the kernel sends on a thread's behalf when it faults, traps or exits. The message goes through the portal that the
 * thread's event table names for the cause, and carries the state groups of the portal's MTD; the reply brings new state and the thread's
 * next action. A Linux process's `ecall` and a virtual machine's exit are the same thing here.
 */
import { CapRight, Cause, Kind, Mtd, Resume, Status, U, causeName, type Utcb } from '../abi/index.ts';
import { COSTS } from '../costs.ts';
import type { Core } from '../core.ts';
import { ObjectKind, ThreadState } from '../objects/object.ts';
import { named } from '../objects/operation.ts';
import type { Task } from '../objects/task.ts';
import type { Thread } from '../objects/thread.ts';
import { itemsOf, mapIntoTask, stamp } from './transfer.ts';
import { awaitAnswer, endCall, meet } from '../sched/wait.ts';
import { pcNumber, registersOf, moveState } from '../state/user.ts';

const MTD = U.mtd >> 2, A7 = 34;

/** Raises an event with these words: the thread waits for the reply. Without a portal for the cause, or its server, it stops. */
export function raise(k: Core, t: Thread, cause: number, word0 = 0, word1 = 0, word2 = 0, word3 = 0): void {
  t.exit[0] = word0;
  t.exit[1] = word1;
  t.exit[2] = word2;
  t.exit[3] = word3;
  const portal = t.events[cause];
  t.visiting = undefined;
  k.counters.events[cause]++;
  if (!portal || portal.dead || portal.thread.state === ThreadState.dead) return unhandled(k, t, cause);
  t.portal = portal;
  t.event = cause;
  t.sendsCall = true;
  t.receiveTimeout = Infinity;
  t.sequence = k.trace.note(t.cpu, Kind.event, t.id, portal.id, 0, cause, portal.eventBytes | accessBits(t, cause), detail(t, cause));
  meet(k, t, portal.thread, Infinity, deliverEvent);
}

function unhandled(k: Core, t: Thread, cause: number): void {
  const where = t.body ? 'TypeScript' : `0x${pcNumber(t).toString(16)}`;
  t.state = ThreadState.stopped;
  k.trace.note(t.cpu, Kind.event, t.id, 0, 0, cause, accessBits(t, cause), detail(t, cause), Status.dead);
  k.log(`thread ${t.id} stopped: ${causeName(cause)} at ${where}, value 0x${t.exit[1].toString(16)}: no portal for it`);
}

/** Further trace data of an event: system call or SBI extension, or the address. */
function detail(t: Thread, cause: number): number {
  if (cause === Cause.syscall || cause === Cause.sbi) return registersOf(t)[A7] >>> 0;
  return cause === Cause.guestPageFault ? t.exit[2] * 4 + (t.exit[1] % 4) : t.exit[1];
}

/** … and of a page fault: the access. */
const accessBits = (t: Thread, cause: number): number =>
  cause === Cause.pageFault || cause === Cause.guestPageFault ? t.exit[0] << 16 : 0;

/** The event arrives in the server's UTCB; the thread waits for the answer. */
export function deliverEvent(k: Core, t: Thread, server: Thread): Status {
  const portal = t.portal!, u = server.utcb!, to = u.i32, words = t.event !== Cause.syscall || (portal.mtd & Mtd.exit) !== 0;
  to[0] = words ? 4 : 0;
  to[1] = t.event;
  stamp(to, portal, portal.mtd);
  if (words) exitWords(t, u);
  const bytes = t.body ? 0 : moveState(t, u, portal.mtd, true);
  const queued = t.state === ThreadState.sending;
  awaitAnswer(t, server);
  k.charge(COSTS.event + (bytes / 8) * COSTS.word);
  if (queued) k.trace.record(k.cpu.hart.cycles, Kind.receive, server.cpu.id, 0, server.id, t.id, t.sequence, t.event, 0, portal.label);
  return Status.ok;
}

function exitWords(t: Thread, u: Utcb): void {
  for (let i = 0; i < 4; i++) u.setWord(i, t.exit[i]);
  if (Math.abs(t.exit[1]) >= 2 ** 53) u.setBigWord(1, t.exactValue);
}

/** The reply to an event. Not ok: the server's request is impossible, and the thread still waits. */
export function resumeFromEvent(k: Core, server: Thread, t: Thread): Status {
  const u = server.utcb!, items = itemsOf(u), mtd = u.u32[MTD], how = u.u32[1], sequence = t.sequence;
  const where = (mtd & Mtd.visit) !== 0 ? visited(server, t) : t.task;
  if (typeof where === 'number') return where;
  if (items > 0) {
    const status = mapIntoTask(k, server, where, items, sequence);
    if (status !== Status.ok) return status;
  }
  const bytes = t.body || mtd === 0 ? 0 : moveState(t, u, mtd, false);
  const alienCall = t.event === Cause.syscall || t.event === Cause.ownCall;
  k.charge(COSTS.event + (bytes / 8) * COSTS.word);
  k.trace.note(server.cpu, Kind.resume, server.id, t.id, sequence, how, bytes, where === t.task ? 0 : where.id);
  t.visiting = where === t.task ? undefined : where;
  t.letThrough = alienCall && (how === Resume.letThrough || how === Resume.watch);
  t.watched = t.letThrough && how === Resume.watch && t.events[Cause.ownCalled] !== undefined;
  endCall(k, t, server, Status.ok, how === Resume.stop);
  return Status.ok;
}

/** The task that the answer names for the thread to run in; it has the kind of the thread's own. */
function visited(server: Thread, t: Thread): Task | Status {
  const selector = server.utcb!.num(U.visit);
  if (selector === 0) return t.task;
  const task = named<Task>(server.task.caps, selector, ObjectKind.task, CapRight.control);
  return typeof task !== 'number' && (t.body || task.guest !== t.guest) ? Status.badArgument : task;
}
