/**
 * The fast path of IPC between RISC-V threads: a call to a waiting server, and a reply that waits again; without items or time-outs, on one
 * hart. It checks all conditions before it changes anything; if one fails, the general path does everything (traps/, ipc/, sched/). Both
 * leave the same state, the same records and the same cycles: fastipc.spec.ts runs one against the other.
 *
 * Two ways of time: the server has a context of its own and of higher priority (then the context is handed over and back), or it works on
 * its caller's (then nothing is scheduled at all).
 */
import { CapRight, IpcFlag, Kind } from '../abi/index.ts';
import { COSTS } from '../costs.ts';
import type { Core } from '../core.ts';
import { ObjectKind, ContextState, ThreadState } from '../objects/object.ts';
import type { Portal } from '../objects/portal.ts';
import type { Thread } from '../objects/thread.ts';
import type { Cpu } from '../sched/cpu.ts';
import { account, dispatch, giveBack, isAbove, takeOver } from '../sched/place.ts';
import { answered, called } from '../sched/wait.ts';
import { exchange } from '../state/user.ts';
import { ECALL_U, activate, go, isIpc, returnValues } from './resume.ts';
import { copyWords, stamp, wordsOf } from '../ipc/transfer.ts';

const CALL = IpcFlag.send | IpcFlag.call | IpcFlag.receive, ANSWER = IpcFlag.reply | IpcFlag.receive;
const A0 = 20, A1 = 22, A2 = 24, ITEMS = 0x1f00;
/** The most cycles that a path of this kind takes. */
const MOST = COSTS.entry + COSTS.message + 64 * COSTS.word + COSTS.schedule + COSTS.spaceSwitch + COSTS.registers + COSTS.exit;

/** `thread` has trapped. False: nothing has changed, and the general path takes over. True: the hart returns to user level. */
export function fastIpc(k: Core, cpu: Cpu, thread: Thread): boolean {
  const { hart } = cpu, x = hart.x32;
  if (hart.causeCode !== ECALL_U || hart.causeIsInterrupt || !isIpc(x) || thread.alien || thread.guest) return false;
  if (x[A2 + 1] >= 0 || x[A1 + 1] !== 0 || cpu.reschedule || cpu.owner !== thread || cpu.active !== thread.task || !thread.utcb
      || (thread.utcb.i32[0] & ITEMS) !== 0 || hart.cycles + MOST >= cpu.armed)
    return false;
  return x[A0] === CALL ? call(k, cpu, thread, x[A1] >>> 0) : x[A0] === ANSWER && x[A1] === 0 && answer(k, cpu, thread);
}

/** May this thread resume now, returning from its own system call on this hart? */
const goesOn = (t: Thread, cpu: Cpu): boolean =>
  t.cpu === cpu && t.inSyscall && !t.body && !t.recalled && !t.starting && !t.watched
  && t.heapIndex < 0 && t.debt === 0 && t.utcb !== undefined && !t.guest && !t.visiting && t.units === cpu.units;

function call(k: Core, cpu: Cpu, thread: Thread, selector: number): boolean {
  const cap = thread.task.caps.lookup(selector), from = cpu.current;
  if (!cap || cap.object.kind !== ObjectKind.portal || (cap.rights & CapRight.use) === 0 || from?.thread !== thread
      || thread.helpers.first) return false;
  const portal = cap.object as Portal, server = portal.thread, own = server.context;
  if (server.state !== ThreadState.receiving || (server.onlyFrom !== undefined && server.onlyFrom !== portal) || !goesOn(server, cpu))
    return false;
  const handsOver = server.helpers.first !== undefined;
  if (handsOver ? !own || !isAbove(own, from, server) : from.left <= 0 || (own && own.place !== ContextState.queue)) return false;
  const sent = began(k, cpu, thread), words = thread.utcb!.i32, n = wordsOf(thread.utcb!), arrived = sent + COSTS.message + n * COSTS.word;
  thread.sequence = k.trace.record(sent, Kind.call, cpu.id, 0, thread.id, portal.id, 0, words[1] >>> 0, n, portal.label);
  const target = server.utcb!.i32;
  copyWords(k, words, target, n);
  stamp(target, portal, 0);
  k.trace.record(arrived, Kind.receive, cpu.id, 0, server.id, thread.id, thread.sequence, target[1] >>> 0, n, portal.label);
  called(thread, portal, server);
  cpu.hart.charge(COSTS.message + n * COSTS.word);
  account(cpu);
  if (handsOver) {
    takeOver(cpu, from, server, own!);
    dispatch(k, cpu, server, true);
  }
  goOn(k, cpu, server);
  return true;
}

function answer(k: Core, cpu: Cpu, thread: Thread): boolean {
  const caller = thread.currentCaller, now = cpu.current;
  if (!caller || caller.event >= 0 || thread.senders.first || caller.helpers.first || thread.helpers.first || !goesOn(caller, cpu) || !now)
    return false;
  const handsBack = now.thread === thread, back = caller.context!;
  if (handsBack
    ? back === undefined || back.place !== ContextState.queue || cpu.top() !== back || back.left <= 0 || now.left <= 0
        || back.priority > now.priority
    : now !== back)
    return false;
  const sent = began(k, cpu, thread), words = thread.utcb!.i32, n = wordsOf(thread.utcb!), target = caller.utcb!.i32;
  copyWords(k, words, target, n);
  cpu.hart.charge(COSTS.message + n * COSTS.word);
  k.trace.record(sent + COSTS.message + n * COSTS.word, Kind.reply, cpu.id, 0, thread.id, caller.id, caller.sequence, words[1] >>> 0, n, 0);
  answered(thread, caller);
  account(cpu);
  if (handsBack) {
    giveBack(cpu, back, thread, now);
    dispatch(k, cpu, caller, true);
  }
  goOn(k, cpu, caller);
  return true;
}

/** Enters the kernel for the thread's system call; returns the cycle. */
function began(k: Core, cpu: Cpu, thread: Thread): number {
  k.counters.kernelEntries++;
  cpu.hart.charge(COSTS.entry);
  cpu.hart.advance(4);
  thread.inSyscall = true;
  thread.event = -1;
  return cpu.hart.cycles;
}

/** To user level with `thread`, whose call is over. */
function goOn(k: Core, cpu: Cpu, thread: Thread): void {
  cpu.running = thread;
  activate(k, cpu, thread.task);
  exchange(cpu, thread);
  returnValues(thread, cpu.hart.x32);
  cpu.hart.charge(COSTS.registers);
  go(cpu, thread, thread.task);
}
