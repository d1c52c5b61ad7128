/** Signal calls. */
import { install } from './fds.ts';
import { SignalFile } from '../fs/signalfd.ts';
import { Cap, Handler, O, S, SiCode, Sig } from '../abi/linux.ts';
import { capable } from '../kernel/creds.ts';
import { E } from '../abi/errno.ts';
import { UserFault } from '../kernel/failure.ts';
import type { Process } from '../kernel/process.ts';
import { Loaded, type Thread } from '../kernel/thread.ts';
import { altFlags, restoreFrame } from '../kernel/sigframe.ts';
import { UNBLOCKABLE, bit, putSigInfo, type SigInfo } from '../kernel/sigqueue.ts';
import type { Co } from '../kernel/wait.ts';
import { getBig, getI32, getI64, getU32, setBig, setI64, setU32 } from '../mm/uaccess.ts';
import { timespec } from './times.ts';
import { row, type Row } from './row.ts';

/** struct sigaction of riscv64: handler, flags, mask; no restorer. */
function sigaction(t: Thread, sig: number, newVa: number, oldVa: number, size: number): number {
  if (size !== 8 || sig < 1 || sig > 64 || (newVa && (sig === Sig.KILL || sig === Sig.STOP))) return -E.INVAL;
  const old = t.proc.actions.list[sig]!;
  if (newVa) {
    const handler = getI64(t.mm, newVa), flags = getI64(t.mm, newVa + 8), mask = getBig(t.mm, newVa + 16) & ~UNBLOCKABLE;
    t.proc.actions.list[sig] = { handler, flags: flags | 0, mask };
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
/** A mask for the duration of a call (ppoll, pselect, epoll_pwait): answers what undoes it. */
export function withMask(t: Thread, va: number, size: number): void {
  if (va === 0) return;
  if (size !== 8) return;
  t.savedMask = t.mask;
  t.k.signals.setMask(t, getBig(t.mm, va));
}
/** Puts the mask back when the call has ended without a signal. */
export function endMask(t: Thread, result: number): number {
  if (t.savedMask === undefined) return result;
  if (result === -E.RESTARTNOHAND || result === -E.RESTARTSYS || result === -E.INTR) return result === -E.RESTARTSYS ? -E.RESTARTNOHAND : result;
  const m = t.savedMask;
  t.savedMask = undefined;
  t.k.signals.setMask(t, m);
  return result;
}

function sigaltstack(t: Thread, newVa: number, oldVa: number): number {
  const flags = altFlags(t, t.regs.x(2)), old = t.altStack;
  if (newVa) {
    const next = { sp: getI64(t.mm, newVa), flags: getU32(t.mm, newVa + 8), size: getI64(t.mm, newVa + 16) };
    if (flags & 1) return -E.PERM;
    if (next.flags & 2) t.altStack = { sp: 0, flags: 2, size: 0 };
    else if (next.flags & ~0x80000001) return -E.INVAL;
    else if (next.size < 2048) return -E.NOMEM;
    else t.altStack = { ...next, flags: next.flags & 0x80000000 };
  }
  if (oldVa) { setI64(t.mm, oldVa, old.sp); setU32(t.mm, oldVa + 8, flags); setI64(t.mm, oldVa + 16, old.size); }
  return 0;
}

// ── sending ────────────────────────────────────────────────────────────────────────────────────────────────────────────

function may(t: Thread, p: Process, sig: number): boolean {
  const c = t.proc.creds;
  return capable(c, Cap.KILL) || [p.creds.uid, p.creds.suid].some((u) => u === c.uid || u === c.euid) || (sig === Sig.CONT && p.session === t.proc.session);
}
export function kill(t: Thread, pid: number, sig: number): number {
  if (sig < 0 || sig > 64) return -E.INVAL;
  const all = [...t.k.pids.processes.values()];
  let list: Process[];
  if (pid > 0) { const p = t.k.pids.processes.get(pid) ?? t.k.pids.threads.get(pid)?.proc; list = p ? [p] : []; }
  else if (pid === -1) list = all.filter((p) => p !== t.k.init && p !== t.proc);
  else { const g = pid === 0 ? t.proc.group.id : -pid; list = all.filter((p) => p.group.id === g); }
  if (list.length === 0) return -E.SRCH;
  const allowed = list.filter((p) => may(t, p, sig));
  if (allowed.length === 0) return -E.PERM;
  if (sig) for (const p of allowed) t.k.signals.toProcess(p, sig, SiCode.USER, { pid: t.proc.pid, uid: t.proc.creds.uid });
  return 0;
}
function tgkill(t: Thread, tgid: number, tid: number, sig: number, info?: SigInfo): number {
  if (sig < 0 || sig > 64 || tid <= 0) return -E.INVAL;
  const target = t.k.pids.threads.get(tid);
  if (!target || (tgid > 0 && target.proc.pid !== tgid)) return -E.SRCH;
  if (!may(t, target.proc, sig)) return -E.PERM;
  if (sig) t.k.signals.toThread(target, sig, info?.code ?? SiCode.TKILL, info ?? { pid: t.proc.pid, uid: t.proc.creds.uid });
  return 0;
}
function infoArg(t: Thread, va: number, sig: number): SigInfo { return { signo: sig, code: getI32(t.mm, va + 8), pid: getU32(t.mm, va + 16), uid: getU32(t.mm, va + 20), value: getBig(t.mm, va + 24) }; }
export function queueInfo(t: Thread, pid: number, sig: number, va: number): number {
  const p = t.k.pids.processes.get(pid), info = infoArg(t, va, sig);
  if (!p) return -E.SRCH;
  if (sig < 0 || sig > 64) return -E.INVAL;
  if (info.code >= 0 && p !== t.proc) return -E.PERM;
  if (!may(t, p, sig)) return -E.PERM;
  if (sig) t.k.signals.toProcess(p, sig, info.code, info);
  return 0;
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
  if (size !== 8 || flags & ~(O.CLOEXEC | O.NONBLOCK)) return -E.INVAL;
  const set = getBig(t.mm, setVa) & ~UNBLOCKABLE;
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

export const signalCalls: Row[] = [
  row('rt_sigaction', sigaction), row('rt_sigprocmask', sigprocmask),
  row('rt_sigpending', (t, va) => { setBig(t.mm, va, (t.pending.bits | t.proc.pending.bits) & t.mask); return 0; }),
  row('rt_sigsuspend', (t, va) => suspend(t, getBig(t.mm, va))),
  row('rt_sigreturn', sigreturn, { regs: true }), row('sigaltstack', sigaltstack, { regs: true }),
  row('kill', (t, pid, sig) => kill(t, pid | 0, sig | 0)), row('tkill', (t, tid, sig) => tgkill(t, 0, tid | 0, sig | 0)),
  row('tgkill', (t, tgid, tid, sig) => tgkill(t, tgid | 0, tid | 0, sig | 0)),
  row('rt_sigqueueinfo', queueInfo), row('rt_tgsigqueueinfo', (t, tgid, tid, sig, va) => tgkill(t, tgid, tid, sig, infoArg(t, va, sig))),
  row('rt_sigtimedwait', sigtimedwait), row('signalfd4', signalfd),
];
