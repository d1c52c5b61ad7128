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
export function raise(k: Core, thread: Thread, cause: number, word0 = 0, word1 = 0, word2 = 0, word3 = 0): void {
  thread.exit[0] = word0;
  thread.exit[1] = word1;
  thread.exit[2] = word2;
  thread.exit[3] = word3;
  const portal = thread.events[cause];
  thread.visiting = undefined;
  k.counters.events[cause]++;
  if (!portal || portal.dead || portal.thread.state === ThreadState.dead) return unhandled(k, thread, cause);
  thread.portal = portal;
  thread.event = cause;
  thread.sendsCall = true;
  thread.receiveTimeout = Infinity;
  thread.sequence = k.trace.note(thread.cpu, Kind.event, thread.id, portal.id, 0, cause, portal.eventBytes | accessBits(thread, cause),
    detail(thread, cause));
  meet(k, thread, portal.thread, Infinity, deliverEvent);
}

function unhandled(k: Core, thread: Thread, cause: number): void {
  const where = thread.body ? 'TypeScript' : `0x${pcNumber(thread).toString(16)}`;
  thread.state = ThreadState.stopped;
  k.trace.note(thread.cpu, Kind.event, thread.id, 0, 0, cause, accessBits(thread, cause), detail(thread, cause), Status.dead);
  k.log(`thread ${thread.id} stopped: ${causeName(cause)} at ${where}, value 0x${thread.exit[1].toString(16)}: no portal for it`);
}

/** Further trace data of an event: system call or SBI extension, or the address. */
function detail(thread: Thread, cause: number): number {
  if (cause === Cause.syscall || cause === Cause.sbi) return registersOf(thread)[A7] >>> 0;
  return cause === Cause.guestPageFault ? thread.exit[2] * 4 + (thread.exit[1] % 4) : thread.exit[1];
}

/** … and of a page fault: the access. */
const accessBits = (t: Thread, cause: number): number => cause === Cause.pageFault || cause === Cause.guestPageFault ? t.exit[0] << 16 : 0;

/** The event arrives in the server's UTCB; the thread waits for the answer. */
export function deliverEvent(k: Core, thread: Thread, server: Thread): Status {
  const portal = thread.portal!, utcb = server.utcb!, words = thread.event !== Cause.syscall || (portal.mtd & Mtd.exit) !== 0;
  utcb.i32[0] = words ? 4 : 0;
  utcb.i32[1] = thread.event;
  stamp(utcb.i32, portal, portal.mtd);
  if (words) exitWords(thread, utcb);
  const bytes = thread.body ? 0 : moveState(thread, utcb, portal.mtd, true);
  const queued = thread.state === ThreadState.sending;
  awaitAnswer(thread, server);
  k.charge(COSTS.event + (bytes / 8) * COSTS.word);
  if (queued) k.trace.record(k.cpu.hart.cycles, Kind.receive, server.cpu.id, 0, server.id, thread.id, thread.sequence, thread.event, 0,
    portal.label);
  return Status.ok;
}

function exitWords(thread: Thread, utcb: Utcb): void {
  for (let i = 0; i < 4; i++) utcb.setWord(i, thread.exit[i]);
  if (Math.abs(thread.exit[1]) >= 2 ** 53) utcb.setBigWord(1, thread.exactValue);
}

/** The reply to an event. Not ok: the server's request is impossible, and the thread still waits. */
export function resumeFromEvent(k: Core, server: Thread, thread: Thread): Status {
  const utcb = server.utcb!, items = itemsOf(utcb), mtd = utcb.u32[MTD], how = utcb.u32[1], sequence = thread.sequence;
  const where = (mtd & Mtd.visit) !== 0 ? visited(server, thread) : thread.task;
  if (typeof where === 'number') return where;
  if (items > 0) {
    const status = mapIntoTask(k, server, where, items, sequence);
    if (status !== Status.ok) return status;
  }
  const bytes = thread.body || mtd === 0 ? 0 : moveState(thread, utcb, mtd, false);
  const alienCall = thread.event === Cause.syscall || thread.event === Cause.ownCall;
  k.charge(COSTS.event + (bytes / 8) * COSTS.word);
  k.trace.note(server.cpu, Kind.resume, server.id, thread.id, sequence, how, bytes, where === thread.task ? 0 : where.id);
  thread.visiting = where === thread.task ? undefined : where;
  thread.letThrough = alienCall && (how === Resume.letThrough || how === Resume.watch);
  thread.watched = thread.letThrough && how === Resume.watch && thread.events[Cause.ownCalled] !== undefined;
  endCall(k, thread, server, Status.ok, how === Resume.stop);
  return Status.ok;
}

/** The task that the answer names for the thread to run in; it has the kind of the thread's own. */
function visited(server: Thread, thread: Thread): Task | Status {
  const selector = server.utcb!.num(U.visit);
  if (selector === 0) return thread.task;
  const task = named<Task>(server.task.caps, selector, ObjectKind.task, CapRight.control);
  return typeof task !== 'number' && (thread.body || task.guest !== thread.guest) ? Status.badArgument : task;
}
