/**
 * The fast path of a system call: from the trap of a user thread to the server that its portal names, and back when that server answers
 * at once. It checks all conditions before it changes anything; if one fails, the general path does everything. Both leave the same state,
 * records and cycles (fastpath.spec.ts runs one against the other); this one charges once each way, and knows the times in between.
 *
 *   trap ── event record ── time accounted, context handed over ── server's address space ── the server's body ── answer ── user level
 */
import { Cause, IpcFlag, Kind, Mtd, Resume, S, U } from '../abi/index.ts';
import { COSTS } from '../costs.ts';
import type { Core } from '../core.ts';
import type { SchedContext } from '../objects/sched-context.ts';
import type { Portal } from '../objects/portal.ts';
import type { Asked, Thread } from '../objects/thread.ts';
import { ThreadState } from '../objects/object.ts';
import type { Cpu } from '../sched/cpu.ts';
import { TURN } from '../sched/debt.ts';
import { stamp } from '../ipc/transfer.ts';
import { account, giveBack, isAbove, takeOver } from '../sched/place.ts';
import { arm } from '../sched/scheduler.ts';
import { answered, called } from '../sched/wait.ts';
import { askFor, body } from './server.ts';
import { ECALL_U, isIpc } from './resume.ts';

const ANSWER = IpcFlag.reply | IpcFlag.receive, MTD = U.mtd >> 2, X = S.x >> 2, A0 = 20, A7 = 34;
/** Cycles of the event on the way there, and of all of the way. Bytes moved: a0 … a7. */
const ARGS = 64, EVENT = COSTS.event + (ARGS / 8) * COSTS.word, THERE = COSTS.entry + EVENT + COSTS.schedule + COSTS.spaceSwitch;
/** … and of the answer, on the way back. */
const RESULT = 8, ANSWERED = COSTS.entry + COSTS.exit + COSTS.event + (RESULT / 8) * COSTS.word;
const SPACE = COSTS.schedule + COSTS.spaceSwitch, BACK = ANSWERED + SPACE + COSTS.exit;

/** `thread` has trapped. False: nothing has changed, and the general path takes over. */
export function fastSystemCall(k: Core, cpu: Cpu, thread: Thread): boolean {
  const { hart } = cpu;
  if (hart.causeCode !== ECALL_U || hart.causeIsInterrupt || thread.guest
    || (isIpc(hart.x32) && (!thread.alien || thread.events[Cause.ownCall] !== undefined))) return false;
  const portal = thread.events[Cause.syscall], from = cpu.current;
  if (!portal || portal.dead || portal.mtd !== Mtd.args || !from || from.thread !== thread || thread.helpers.first || cpu.owner !== thread
    || cpu.active !== thread.task || cpu.reschedule) return false;
  const server = portal.thread, to = server.context, now = hart.cycles;
  if (!to || !server.body || server.task === thread.task || !isIdle(server) || server.cpu !== cpu || !isAbove(to, from, server)
    || now + THERE >= cpu.armed) return false;
  hart.advance(4);
  enter(k, cpu, thread, portal, from, to);
  const request = body(k, server);
  if (!request) return true;
  if (!answer(k, cpu, thread, from, server, to, request)) askFor(k, cpu, server, request);
  return true;
}

/** The server waits for any message, for as long as it takes. */
const isIdle = (server: Thread): boolean =>
  server.state === ThreadState.receiving && server.debt === 0 && server.heapIndex < 0 && server.onlyFrom === undefined;

/** The event is in the server's UTCB, and the server runs. */
function enter(k: Core, cpu: Cpu, thread: Thread, portal: Portal, from: SchedContext, to: SchedContext): void {
  const { hart } = cpu, server = portal.thread, x = hart.x32, words = server.utcb!.i32, raised = hart.cycles + COSTS.entry;
  hart.charge(THERE);
  k.counters.kernelEntries++;
  k.counters.events[Cause.syscall]++;
  thread.sequence = k.trace.record(raised, Kind.event, cpu.id, 0, thread.id, portal.id, 0, Cause.syscall, ARGS, x[A7] >>> 0);
  words[0] = 0;
  words[1] = thread.event = Cause.syscall;
  stamp(words, portal, Mtd.args);
  for (let i = A0; i < A0 + ARGS / 4; i++) words[X + i] = x[i];
  called(thread, portal, server);
  account(cpu, raised + EVENT);
  takeOver(cpu, from, server, to);
  change(k, cpu, thread, server, to.priority, raised + EVENT);
}

/** `to` runs after `from`, in its space, from `told` on: decided and counted; the cycles are charged. */
function change(k: Core, cpu: Cpu, from: Thread, to: Thread, priority: number, told: number): void {
  k.counters.schedules++;
  k.counters.addressSpaceSwitches++;
  k.trace.record(told + COSTS.schedule, Kind.schedule, cpu.id, 0, to.id, from.id, 0, priority, 0, 0);
  k.trace.record(told + SPACE, Kind.spaceSwitch, cpu.id, 0, to.id, to.task.id, 0, 0, 0, 0);
  cpu.running = to;
  cpu.active = to.task;
}

/** The server has replied with a result and waits again: `thread` resumes. False: it did something else. */
function answer(k: Core, cpu: Cpu, thread: Thread, from: SchedContext, server: Thread, to: SchedContext, request: Asked): boolean {
  const { hart } = cpu, { debt } = server, words = server.utcb!.i32, done = hart.cycles + debt, told = done + ANSWERED;
  if (request.flags !== ANSWER || request.cap !== 0 || request.receiveTimeout !== Infinity || request.handler !== server.handler
    || server.currentCaller !== thread || thread.event !== Cause.syscall) return false;
  if ((words[0] & 0x1f00) !== 0 || words[1] !== Resume.go || words[MTD] !== Mtd.result || thread.recalled || thread.starting
    || server.senders.first || cpu.reschedule || cpu.top() !== from) return false;
  if (told >= cpu.armed || to.left <= told - cpu.since || from.left <= 0 || done - cpu.entered >= TURN) return false;
  const x = hart.x32;
  hart.charge(debt + BACK);
  server.debt = 0;
  k.counters.kernelEntries++;
  x[A0] = words[X + A0];
  x[A0 + 1] = words[X + A0 + 1];
  k.trace.record(told, Kind.resume, cpu.id, 0, server.id, thread.id, thread.sequence, Resume.go, RESULT, 0);
  answered(server, thread);
  thread.event = -1;
  account(cpu, told);
  giveBack(cpu, from, server, to);
  change(k, cpu, server, thread, from.priority, told);
  arm(cpu);
  hart.resume(0, false);
  return true;
}
