/** Signal calls. */
import { install } from './fds.ts';
import { SignalFile } from '../fs/signalfd.ts';
import { Cap, Handler, Limit, O, SaFlag, SiCode, Sig } from '../abi/linux.ts';
import { capableIn } from '../kernel/spaces.ts';
import { E } from '../abi/errno.ts';
import { UserFault } from '../kernel/failure.ts';
import type { Process } from '../kernel/process.ts';
import { Loaded, type Thread } from '../kernel/thread.ts';
import { altFlags, restoreFrame } from '../kernel/sigframe.ts';
import { FIRST_REAL_TIME, UNBLOCKABLE, bit, putSigInfo, type SigInfo } from '../kernel/sigqueue.ts';
import type { Co } from '../kernel/wait.ts';
import { copyIn, copyOut, getBig, getI32, getI64, getU32, setBig, setI64, setU32 } from '../mm/uaccess.ts';
import { timespec } from './times.ts';
import { row, type Row } from './row.ts';

/** Supported flags; sigaction clears others, so that a program can detect them. */
const SA_FLAGS =
  SaFlag.NOCLDSTOP | SaFlag.NOCLDWAIT | SaFlag.SIGINFO | SaFlag.ONSTACK | SaFlag.RESTART | SaFlag.NODEFER | SaFlag.RESETHAND | 0x800;

/** struct sigaction of riscv64: handler, flags, mask; no restorer. */
function sigaction(thread: Thread, sig: number, newVa: number, oldVa: number, size: number): number {
  thread.k.work.named();
  if (size !== 8) return -E.INVAL;
  if (newVa) copyIn(thread.mm, newVa, 24);
  if (sig < 1 || sig > 64 || (newVa && (sig === Sig.KILL || sig === Sig.STOP))) return -E.INVAL;
  const old = thread.proc.actions.list[sig]!;
  if (newVa) {
    const handler = getI64(thread.mm, newVa), flags = getI64(thread.mm, newVa + 8), mask = getBig(thread.mm, newVa + 16) & ~UNBLOCKABLE;
    thread.proc.actions.list[sig] = { handler, flags: flags & SA_FLAGS, mask };
    if (handler === Handler.IGN || (handler === Handler.DFL && [Sig.CHLD, Sig.URG, Sig.WINCH, Sig.CONT].includes(sig as never))) {
      thread.proc.pending.remove(bit(sig));
      for (const member of thread.proc.threads) member.pending.remove(bit(sig));
    }
  }
  if (oldVa) {
    setI64(thread.mm, oldVa, old.handler);
    setI64(thread.mm, oldVa + 8, old.flags >>> 0);
    setBig(thread.mm, oldVa + 16, old.mask);
  }
  return 0;
}
function sigprocmask(thread: Thread, how: number, newVa: number, oldVa: number, size: number): number {
  if (size !== 8) return -E.INVAL;
  const old = thread.mask;
  if (newVa) {
    const set = getBig(thread.mm, newVa);
    if (how < 0 || how > 2) return -E.INVAL;
    thread.k.signals.setMask(thread, how === 0 ? old | set : how === 1 ? old & ~set : set);
  }
  if (oldVa) setBig(thread.mm, oldVa, old);
  return 0;
}
/** Sleeps with another mask until a handler runs; the handler's frame holds the previous mask. */
function* suspend(thread: Thread, mask: bigint): Co<number> {
  thread.savedMask = thread.mask;
  thread.k.signals.setMask(thread, mask);
  for (;;) {
    const slept = yield* thread.sleep(undefined);
    if (slept < 0) return -E.RESTARTNOHAND;
  }
}
/** Sets a mask for the duration of a call (ppoll, pselect, epoll_pwait): 0, or -EINVAL. `endMask` undoes it. */
export function withMask(thread: Thread, va: number, size: number): number {
  if (va === 0) return 0;
  if (size !== 8) return -E.INVAL;
  const mask = getBig(thread.mm, va);
  thread.savedMask = thread.mask;
  thread.k.signals.setMask(thread, mask);
  return 0;
}
/** Restores the mask when the call ends without a signal. */
export function endMask(thread: Thread, result: number): number {
  if (thread.savedMask === undefined) return result;
  if (result === -E.RESTARTNOHAND || result === -E.RESTARTSYS || result === -E.INTR)
    return result === -E.RESTARTSYS ? -E.RESTARTNOHAND : result;
  const mask = thread.savedMask;
  thread.savedMask = undefined;
  thread.k.signals.setMask(thread, mask);
  return result;
}

function sigaltstack(thread: Thread, newVa: number, oldVa: number): number {
  const flags = altFlags(thread, thread.regs.x(2)), old = thread.altStack;
  if (newVa) {
    const next = { sp: getI64(thread.mm, newVa), flags: getU32(thread.mm, newVa + 8), size: getI64(thread.mm, newVa + 16) };
    const mode = next.flags & ~0x80000000;
    if (flags & 1) return -E.PERM;
    if (mode > 2 || mode < 0) return -E.INVAL;
    if (mode === 2) thread.altStack = { sp: 0, flags: 2, size: 0 };
    else if (next.size < 2048) return -E.NOMEM;
    else thread.altStack = { ...next, flags: next.flags & 0x80000000 };
  }
  if (oldVa) { setI64(thread.mm, oldVa, old.sp); setU32(thread.mm, oldVa + 8, flags); setI64(thread.mm, oldVa + 16, old.size); }
  return 0;
}

// ── sending ────────────────────────────────────────────────────────────────────────────────────────────────────────────

function may(thread: Thread, process: Process, sig: number): boolean {
  const creds = thread.creds;
  return capableIn(creds, process.creds.users, Cap.KILL)
    || [process.creds.uid, process.creds.suid].some((u) => u === creds.uid || u === creds.euid) ||
    (sig === Sig.CONT && process.session === thread.proc.session);
}
export function kill(thread: Thread, pid: number, sig: number): number {
  thread.k.work.found();
  const all = [...thread.k.pids.processes.values()], { numbers } = thread.proc;
  let list: Process[];
  if (pid === -0x8000_0000) return -E.SRCH;
  if (pid > 0) { const process = thread.k.pids.processOf(numbers, pid); list = process ? [process] : []; }
  else if (pid === -1) list = all.filter((p) =>
    p !== thread.k.init && p !== thread.proc && numbers.contains(p.numbers) && p !== numbers.reaper);
  else { const group = pid === 0 ? thread.proc.group.id : numbers.id(-pid); list = all.filter((p) => p.group.id === group); }
  if (list.length === 0) return -E.SRCH;
  if (sig < 0 || sig > 64) return -E.INVAL;
  const allowed = list.filter((p) => may(thread, p, sig));
  if (allowed.length === 0) return pid === -1 ? 0 : -E.PERM;
  if (sig) for (const process of allowed)
    thread.k.signals.toProcess(process, sig, SiCode.USER, { pid: thread.proc.pid, uid: thread.creds.uid });
  return 0;
}
/** Whether the user of a process has queued as many signals as the limit allows; only real-time signals count. */
function queueFull(t: Thread, p: Process, sig: number): boolean {
  return sig >= FIRST_REAL_TIME && t.k.signals.queuedFor(p.creds.uid) >= p.limits.soft[Limit.SIGPENDING]!;
}
function tgkill(thread: Thread, tgid: number, tid: number, sig: number, info?: SigInfo): number {
  const { numbers } = thread.proc, target = thread.k.pids.threadOf(numbers, tid);
  if (!target || (tgid > 0 && target.proc.pid !== numbers.id(tgid))) return -E.SRCH;
  if (sig < 0 || sig > 64) return -E.INVAL;
  if (!may(thread, target.proc, sig)) return -E.PERM;
  if (sig === 0) return 0;
  if (queueFull(thread, target.proc, sig)) return -E.AGAIN;
  thread.k.signals.toThread(target, sig, info?.code ?? SiCode.TKILL, info ?? { pid: thread.proc.pid, uid: thread.creds.uid });
  return 0;
}
export const killThread = (t: Thread, tgid: number, tid: number, sig: number): number => tgkill(t, tgid, tid, sig);
const positive = (...ids: number[]): boolean => ids.every((x) => (x | 0) > 0);
function infoArg(t: Thread, va: number, sig: number): SigInfo {
  return { signo: sig, code: getI32(t.mm, va + 8), pid: getU32(t.mm, va + 16), uid: getU32(t.mm, va + 20), value: getBig(t.mm, va + 24) };
}
/** Only the kernel and the process itself may set the code that says who sent a signal. */
const forged = (info: SigInfo): boolean => info.code >= 0 || info.code === SiCode.TKILL;
export function queueInfo(thread: Thread, pid: number, sig: number, va: number): number {
  const info = infoArg(thread, va, sig);
  if (forged(info) && pid !== thread.proc.number) return -E.PERM;
  const process = thread.k.pids.processOf(thread.proc.numbers, pid);
  if (!process) return -E.SRCH;
  if (sig < 0 || sig > 64) return -E.INVAL;
  if (!may(thread, process, sig)) return -E.PERM;
  if (sig === 0) return 0;
  if (info.code !== SiCode.USER && queueFull(thread, process, sig)) return -E.AGAIN;
  return thread.k.signals.toProcess(process, sig, info.code, info) || sig < FIRST_REAL_TIME || info.code === SiCode.USER ? 0
    : refusedQueue(thread, process, sig);
}
/** Nothing was queued: the signal is ignored, or memory is short. */
function refusedQueue(thread: Thread, process: Process, sig: number): number {
  const { handler } = process.actions.list[sig]!;
  return handler === Handler.IGN || !process.alive ? 0 : thread.k.frames.free === 0 ? -E.AGAIN : 0;
}
function threadInfo(thread: Thread, tgid: number, tid: number, sig: number, va: number): number {
  const info = infoArg(thread, va, sig);
  if (!positive(tgid, tid)) return -E.INVAL;
  return forged(info) && (tid | 0) !== thread.number ? -E.PERM : tgkill(thread, tgid | 0, tid | 0, sig | 0, info);
}

// ── waiting ────────────────────────────────────────────────────────────────────────────────────────────────────────────

function sigtimedwait(thread: Thread, setVa: number, infoVa: number, timeVa: number, size: number): number | Co<number> {
  if (size !== 8) return -E.INVAL;
  const set = getBig(thread.mm, setVa) & ~UNBLOCKABLE, until = timeVa ? thread.k.clock.now() + timespec(thread, timeVa) : Infinity;
  if (Number.isNaN(until)) return -E.INVAL;
  return waitFor(thread, set, infoVa, until);
}
function* waitFor(thread: Thread, set: bigint, infoVa: number, until: number): Co<number> {
  for (;;) {
    const info = thread.pending.take(~set) ?? thread.proc.pending.take(~set);
    if (info) { if (infoVa) putSigInfo(thread.mm, infoVa, info); return info.signo; }
    // Unblocked signals of the set wake the thread too; their handlers must not run first.
    const mask = thread.mask;
    thread.mask |= set;
    const slept = yield* thread.sleep(thread.k.signalWq, until);
    thread.mask = mask;
    if (((thread.pending.bits | thread.proc.pending.bits) & set) !== 0n) continue;
    if (slept === -E.TIMEDOUT) return -E.AGAIN;
    if (slept < 0) return -E.INTR;
  }
}
function signalfd(thread: Thread, fd: number, setVa: number, size: number, flags: number): number {
  if (size !== 8) return -E.INVAL;
  const set = getBig(thread.mm, setVa) & ~UNBLOCKABLE;
  if (flags & ~(O.CLOEXEC | O.NONBLOCK)) return -E.INVAL;
  if ((fd | 0) !== -1) {
    const file = thread.proc.fds.get(fd);
    if (!(file instanceof SignalFile)) return file ? -E.INVAL : -E.BADF;
    file.set = set;
    return fd;
  }
  return install(thread, new SignalFile(thread.k.anon.make(0o600), flags, thread.k, set), (flags & O.CLOEXEC) !== 0);
}
function sigreturn(thread: Thread): number {
  try { restoreFrame(thread); } catch (error) {
    if (!(error instanceof UserFault)) throw error;
    thread.k.signals.force(thread, Sig.SEGV, SiCode.KERNEL, thread.regs.x(2));
  }
  thread.loaded = Loaded.all;
  return 0;
}

/** Copies as many bytes of the set as the caller asks for. */
function sigpending(thread: Thread, va: number, size: number): number {
  if (size < 0 || size > 8) return -E.INVAL;
  const set = (thread.pending.bits | thread.proc.pending.bits) & thread.mask;
  copyOut(thread.mm, va, new Uint8Array(new BigUint64Array([BigInt.asUintN(64, set)]).buffer).subarray(0, size));
  return 0;
}

export const signalCalls: Row[] = [
  row('rt_sigaction', sigaction), row('rt_sigprocmask', sigprocmask),
  row('rt_sigpending', sigpending),
  row('rt_sigsuspend', (t, va, size) => (size === 8 ? suspend(t, getBig(t.mm, va)) : -E.INVAL)),
  row('rt_sigreturn', sigreturn, { regs: true }), row('sigaltstack', sigaltstack, { regs: true }),
  row('kill', (t, pid, sig) => kill(t, pid | 0, sig | 0)),
  row('tkill', (t, tid, sig) => (positive(tid) ? tgkill(t, 0, tid | 0, sig | 0) : -E.INVAL)),
  row('tgkill', (t, tgid, tid, sig) => (positive(tgid, tid) ? tgkill(t, tgid | 0, tid | 0, sig | 0) : -E.INVAL)),
  row('rt_sigqueueinfo', (t, pid, sig, va) => queueInfo(t, pid | 0, sig | 0, va)), row('rt_tgsigqueueinfo', threadInfo),
  row('rt_sigtimedwait', sigtimedwait), row('signalfd4', signalfd),
];
