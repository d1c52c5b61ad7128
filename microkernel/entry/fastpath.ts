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

/** `t` has trapped. False: nothing has changed, and the general path takes over. */
export function fastSystemCall(k: Core, cpu: Cpu, t: Thread): boolean {
  const { hart } = cpu;
  if (hart.causeCode !== ECALL_U || hart.causeIsInterrupt || t.guest
    || (isIpc(hart.x32) && (!t.alien || t.events[Cause.ownCall] !== undefined))) return false;
  const portal = t.events[Cause.syscall], from = cpu.current;
  if (!portal || portal.dead || portal.mtd !== Mtd.args || !from || from.thread !== t || t.helpers.first || cpu.owner !== t
    || cpu.active !== t.task || cpu.reschedule) return false;
  const server = portal.thread, to = server.context, now = hart.cycles;
  if (!to || !server.body || server.task === t.task || !isIdle(server) || server.cpu !== cpu || !isAbove(to, from, server)
    || now + THERE >= cpu.armed) return false;
  hart.advance(4);
  enter(k, cpu, t, portal, from, to);
  const request = body(k, server);
  if (!request) return true;
  if (!answer(k, cpu, t, from, server, to, request)) askFor(k, cpu, server, request);
  return true;
}

/** The server waits for any message, for as long as it takes. */
const isIdle = (server: Thread): boolean =>
  server.state === ThreadState.receiving && server.debt === 0 && server.heapIndex < 0 && server.onlyFrom === undefined;

/** The event is in the server's UTCB, and the server runs. */
function enter(k: Core, cpu: Cpu, t: Thread, portal: Portal, from: SchedContext, to: SchedContext): void {
  const { hart } = cpu, server = portal.thread, x = hart.x32, u = server.utcb!.i32, raised = hart.cycles + COSTS.entry;
  hart.charge(THERE);
  k.counters.kernelEntries++;
  k.counters.events[Cause.syscall]++;
  t.sequence = k.trace.record(raised, Kind.event, cpu.id, 0, t.id, portal.id, 0, Cause.syscall, ARGS, x[A7] >>> 0);
  u[0] = 0;
  u[1] = t.event = Cause.syscall;
  stamp(u, portal, Mtd.args);
  for (let i = A0; i < A0 + ARGS / 4; i++) u[X + i] = x[i];
  called(t, portal, server);
  account(cpu, raised + EVENT);
  takeOver(cpu, from, server, to);
  change(k, cpu, t, server, to.priority, raised + EVENT);
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

/** The server has replied with a result and waits again: `t` resumes. False: it did something else. */
function answer(k: Core, cpu: Cpu, t: Thread, from: SchedContext, server: Thread, to: SchedContext, request: Asked): boolean {
  const { hart } = cpu, { debt } = server, u = server.utcb!.i32, done = hart.cycles + debt, told = done + ANSWERED;
  if (request.flags !== ANSWER || request.cap !== 0 || request.receiveTimeout !== Infinity || request.handler !== server.handler
    || server.currentCaller !== t || t.event !== Cause.syscall) return false;
  if ((u[0] & 0x1f00) !== 0 || u[1] !== Resume.go || u[MTD] !== Mtd.result || t.recalled || t.starting || server.senders.first
    || cpu.reschedule || cpu.top() !== from) return false;
  if (told >= cpu.armed || to.left <= told - cpu.since || from.left <= 0 || done - cpu.entered >= TURN) return false;
  const x = hart.x32;
  hart.charge(debt + BACK);
  server.debt = 0;
  k.counters.kernelEntries++;
  x[A0] = u[X + A0];
  x[A0 + 1] = u[X + A0 + 1];
  k.trace.record(told, Kind.resume, cpu.id, 0, server.id, t.id, t.sequence, Resume.go, RESULT, 0);
  answered(server, t);
  t.event = -1;
  account(cpu, told);
  giveBack(cpu, from, server, to);
  change(k, cpu, server, t, from.priority, told);
  arm(cpu);
  hart.resume(0, false);
  return true;
}
