/** Signal calls. */
import { install } from './fds.ts';
import { SignalFile } from '../fs/signalfd.ts';
import { Cap, Handler, Limit, O, S, SaFlag, SiCode, Sig } from '../abi/linux.ts';
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

/** Supported flags; others are cleared, so that a program can detect them. */
const SA_FLAGS =
  SaFlag.NOCLDSTOP | SaFlag.NOCLDWAIT | SaFlag.SIGINFO | SaFlag.ONSTACK | SaFlag.RESTART | SaFlag.NODEFER | SaFlag.RESETHAND | 0x800;

/** struct sigaction of riscv64: handler, flags, mask; no restorer. */
function sigaction(t: Thread, sig: number, newVa: number, oldVa: number, size: number): number {
  t.k.work.named();
  if (size !== 8) return -E.INVAL;
  if (newVa) copyIn(t.mm, newVa, 24);
  if (sig < 1 || sig > 64 || (newVa && (sig === Sig.KILL || sig === Sig.STOP))) return -E.INVAL;
  const old = t.proc.actions.list[sig]!;
  if (newVa) {
    const handler = getI64(t.mm, newVa), flags = getI64(t.mm, newVa + 8), mask = getBig(t.mm, newVa + 16) & ~UNBLOCKABLE;
    t.proc.actions.list[sig] = { handler, flags: flags & SA_FLAGS, mask };
    if (handler === Handler.IGN || (handler === Handler.DFL && [Sig.CHLD, Sig.URG, Sig.WINCH, Sig.CONT].includes(sig as never))) {
      t.proc.pending.remove(bit(sig));
      for (const o of t.proc.threads) o.pending.remove(bit(sig));
    }
  }
  if (oldVa) { setI64(t.mm, oldVa, old.handler); setI64(t.mm, oldVa + 8, old.flags >>> 0); setBig(t.mm, oldVa + 16, old.mask); }
  return 0;
}
function sigprocmask(t: Thread, how: number, newVa: number, oldVa: number, size: number): number {
  if (size !== 8) return -E.INVAL;
  const old = t.mask;
  if (newVa) {
    const set = getBig(t.mm, newVa);
    if (how < 0 || how > 2) return -E.INVAL;
    t.k.signals.setMask(t, how === 0 ? old | set : how === 1 ? old & ~set : set);
  }
  if (oldVa) setBig(t.mm, oldVa, old);
  return 0;
}
/** Sleeps with another mask until a handler runs; its frame holds the mask of before. */
function* suspend(t: Thread, mask: bigint): Co<number> {
  t.savedMask = t.mask;
  t.k.signals.setMask(t, mask);
  for (;;) {
    const r = yield* t.sleep(undefined);
    if (r < 0) return -E.RESTARTNOHAND;
  }
}
/** A mask for the duration of a call (ppoll, pselect, epoll_pwait): 0, or -EINVAL. `endMask` undoes it. */
export function withMask(t: Thread, va: number, size: number): number {
  if (va === 0) return 0;
  if (size !== 8) return -E.INVAL;
  const mask = getBig(t.mm, va);
  t.savedMask = t.mask;
  t.k.signals.setMask(t, mask);
  return 0;
}
/** Puts the mask back when the call has ended without a signal. */
export function endMask(t: Thread, result: number): number {
  if (t.savedMask === undefined) return result;
  if (result === -E.RESTARTNOHAND || result === -E.RESTARTSYS || result === -E.INTR)
    return result === -E.RESTARTSYS ? -E.RESTARTNOHAND : result;
  const m = t.savedMask;
  t.savedMask = undefined;
  t.k.signals.setMask(t, m);
  return result;
}

function sigaltstack(t: Thread, newVa: number, oldVa: number): number {
  const flags = altFlags(t, t.regs.x(2)), old = t.altStack;
  if (newVa) {
    const next = { sp: getI64(t.mm, newVa), flags: getU32(t.mm, newVa + 8), size: getI64(t.mm, newVa + 16) };
    const mode = next.flags & ~0x80000000;
    if (flags & 1) return -E.PERM;
    if (mode > 2 || mode < 0) return -E.INVAL;
    if (mode === 2) t.altStack = { sp: 0, flags: 2, size: 0 };
    else if (next.size < 2048) return -E.NOMEM;
    else t.altStack = { ...next, flags: next.flags & 0x80000000 };
  }
  if (oldVa) { setI64(t.mm, oldVa, old.sp); setU32(t.mm, oldVa + 8, flags); setI64(t.mm, oldVa + 16, old.size); }
  return 0;
}

// ── sending ────────────────────────────────────────────────────────────────────────────────────────────────────────────

function may(t: Thread, p: Process, sig: number): boolean {
  const c = t.creds;
  return capableIn(c, p.creds.users, Cap.KILL) || [p.creds.uid, p.creds.suid].some((u) => u === c.uid || u === c.euid) ||
    (sig === Sig.CONT && p.session === t.proc.session);
}
export function kill(t: Thread, pid: number, sig: number): number {
  t.k.work.found();
  const all = [...t.k.pids.processes.values()], { numbers } = t.proc;
  let list: Process[];
  if (pid === -0x8000_0000) return -E.SRCH;
  if (pid > 0) { const p = t.k.pids.processOf(numbers, pid); list = p ? [p] : []; }
  else if (pid === -1) list = all.filter((p) => p !== t.k.init && p !== t.proc && numbers.contains(p.numbers) && p !== numbers.reaper);
  else { const g = pid === 0 ? t.proc.group.id : numbers.id(-pid); list = all.filter((p) => p.group.id === g); }
  if (list.length === 0) return -E.SRCH;
  if (sig < 0 || sig > 64) return -E.INVAL;
  const allowed = list.filter((p) => may(t, p, sig));
  if (allowed.length === 0) return -E.PERM;
  if (sig) for (const p of allowed) t.k.signals.toProcess(p, sig, SiCode.USER, { pid: t.proc.pid, uid: t.creds.uid });
  return 0;
}
/** Whether the user of a process has as many signals queued as the limit allows; it counts for real-time signals. */
function queueFull(t: Thread, p: Process, sig: number): boolean {
  return sig >= FIRST_REAL_TIME && t.k.signals.queuedFor(p.creds.uid) >= p.limits.soft[Limit.SIGPENDING]!;
}
function tgkill(t: Thread, tgid: number, tid: number, sig: number, info?: SigInfo): number {
  const { numbers } = t.proc, target = t.k.pids.threadOf(numbers, tid);
  if (!target || (tgid > 0 && target.proc.pid !== numbers.id(tgid))) return -E.SRCH;
  if (sig < 0 || sig > 64) return -E.INVAL;
  if (!may(t, target.proc, sig)) return -E.PERM;
  if (sig === 0) return 0;
  if (queueFull(t, target.proc, sig)) return -E.AGAIN;
  t.k.signals.toThread(target, sig, info?.code ?? SiCode.TKILL, info ?? { pid: t.proc.pid, uid: t.creds.uid });
  return 0;
}
export const killThread = (t: Thread, tgid: number, tid: number, sig: number): number => tgkill(t, tgid, tid, sig);
const positive = (...ids: number[]): boolean => ids.every((x) => (x | 0) > 0);
function infoArg(t: Thread, va: number, sig: number): SigInfo {
  return { signo: sig, code: getI32(t.mm, va + 8), pid: getU32(t.mm, va + 16), uid: getU32(t.mm, va + 20), value: getBig(t.mm, va + 24) };
}
/** Only the kernel and the process itself say where a signal comes from. */
const forged = (info: SigInfo): boolean => info.code >= 0 || info.code === SiCode.TKILL;
export function queueInfo(t: Thread, pid: number, sig: number, va: number): number {
  const info = infoArg(t, va, sig);
  if (forged(info) && pid !== t.proc.number) return -E.PERM;
  const p = t.k.pids.processOf(t.proc.numbers, pid);
  if (!p) return -E.SRCH;
  if (sig < 0 || sig > 64) return -E.INVAL;
  if (!may(t, p, sig)) return -E.PERM;
  if (sig === 0) return 0;
  if (info.code !== SiCode.USER && queueFull(t, p, sig)) return -E.AGAIN;
  return t.k.signals.toProcess(p, sig, info.code, info) || sig < FIRST_REAL_TIME || info.code === SiCode.USER ? 0 : refusedQueue(t, p, sig);
}
/** Nothing was queued: because the signal is ignored, or because there is no memory. */
function refusedQueue(t: Thread, p: Process, sig: number): number {
  const { handler } = p.actions.list[sig]!;
  return handler === Handler.IGN || !p.alive ? 0 : t.k.frames.free === 0 ? -E.AGAIN : 0;
}
function threadInfo(t: Thread, tgid: number, tid: number, sig: number, va: number): number {
  const info = infoArg(t, va, sig);
  if (!positive(tgid, tid)) return -E.INVAL;
  return forged(info) && (tid | 0) !== t.number ? -E.PERM : tgkill(t, tgid | 0, tid | 0, sig | 0, info);
}

// ── waiting ────────────────────────────────────────────────────────────────────────────────────────────────────────────

function sigtimedwait(t: Thread, setVa: number, infoVa: number, timeVa: number, size: number): number | Co<number> {
  if (size !== 8) return -E.INVAL;
  const set = getBig(t.mm, setVa) & ~UNBLOCKABLE, until = timeVa ? t.k.clock.now() + timespec(t, timeVa) : Infinity;
  if (Number.isNaN(until)) return -E.INVAL;
  return waitFor(t, set, infoVa, until);
}
function* waitFor(t: Thread, set: bigint, infoVa: number, until: number): Co<number> {
  for (;;) {
    const info = t.pending.take(~set) ?? t.proc.pending.take(~set);
    if (info) { if (infoVa) putSigInfo(t.mm, infoVa, info); return info.signo; }
    // Signals of the set that are not blocked wake the thread too, but must not run their handlers first.
    const mask = t.mask;
    t.mask |= set;
    const r = yield* t.sleep(t.k.signalWq, until);
    t.mask = mask;
    if (((t.pending.bits | t.proc.pending.bits) & set) !== 0n) continue;
    if (r === -E.TIMEDOUT) return -E.AGAIN;
    if (r < 0) return -E.INTR;
  }
}
function signalfd(t: Thread, fd: number, setVa: number, size: number, flags: number): number {
  if (size !== 8) return -E.INVAL;
  const set = getBig(t.mm, setVa) & ~UNBLOCKABLE;
  if (flags & ~(O.CLOEXEC | O.NONBLOCK)) return -E.INVAL;
  if ((fd | 0) !== -1) {
    const f = t.proc.fds.get(fd);
    if (!(f instanceof SignalFile)) return f ? -E.INVAL : -E.BADF;
    f.set = set;
    return fd;
  }
  return install(t, new SignalFile(t.k.anon.make(S.IFREG | 0o600), flags, t.k, set), (flags & O.CLOEXEC) !== 0);
}
function sigreturn(t: Thread): number {
  try { restoreFrame(t); } catch (e) {
    if (!(e instanceof UserFault)) throw e;
    t.k.signals.force(t, Sig.SEGV, SiCode.KERNEL, t.regs.x(2));
  }
  t.loaded = Loaded.all;
  return 0;
}

/** As many bytes of the set as are asked for. */
function sigpending(t: Thread, va: number, size: number): number {
  if (size < 0 || size > 8) return -E.INVAL;
  const set = (t.pending.bits | t.proc.pending.bits) & t.mask;
  copyOut(t.mm, va, new Uint8Array(new BigUint64Array([BigInt.asUintN(64, set)]).buffer).subarray(0, size));
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
