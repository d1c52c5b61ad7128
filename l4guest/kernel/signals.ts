/** Sends signals, and handles a thread's pending signals before it returns to user mode. */
import { CONTINUED_STATUS, exitedStatus, Handler, SaFlag, SiCode, Sig, stoppedStatus } from '../abi/linux.ts';
import { leaveSequence } from './rseq.ts';
import { bringFrame, buildFrame } from './sigframe.ts';
import type { Kernel } from './kernel.ts';
import type { Process, ProcessGroup } from './process.ts';
import { E } from '../abi/errno.ts';
import { STOPS, UNBLOCKABLE, bit, type SigAction, type SigInfo } from './sigqueue.ts';
import { shownId } from './spaces.ts';
import { signalStop } from './tracing.ts';
import { Run, type Thread } from './thread.ts';
import { Reg } from './registers.ts';

const IGNORED_BY_DEFAULT = new Set<number>([Sig.CHLD, Sig.URG, Sig.WINCH, Sig.CONT]);
const CORE = new Set<number>([Sig.QUIT, Sig.ILL, Sig.TRAP, Sig.ABRT, Sig.BUS, Sig.FPE, Sig.SEGV, Sig.XCPU, Sig.XFSZ, Sig.SYS]);

/** The sender in the receiver's siginfo: its number and user in the receiver's spaces. */
function asSeen(p: Process, more: Partial<SigInfo>): Partial<SigInfo> {
  if (!p.numbers.parent && !p.creds.users.parent) return more;
  const { pid, uid } = more;
  return { ...more, ...(pid === undefined ? {} : { pid: p.numbers.of(pid) }),
    ...(uid === undefined ? {} : { uid: shownId(p.creds.users.users, uid) }) };
}

export class Signals {
  private readonly k: Kernel;
  constructor(k: Kernel) { this.k = k; }

  // ── sending ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** False: nothing is queued, because the signal is ignored, already pending, or there is no memory. */
  toThread(t: Thread, sig: number, code: number, more: Partial<SigInfo> = {}): boolean {
    if (!this.before(t.proc, sig, t.mask, t.traced !== undefined, more.pid)) return false;
    const added = t.pending.add({ ...asSeen(t.proc, more), signo: sig, code });
    this.look(t, sig);
    return added;
  }
  toProcess(p: Process, sig: number, code: number, more: Partial<SigInfo> = {}): boolean {
    if (!p.alive || !p.leader || !this.before(p, sig, p.leader.mask, p.leader.traced !== undefined, more.pid)) return false;
    const added = p.pending.add({ ...asSeen(p, more), signo: sig, code });
    this.look(this.taker(p, sig), sig);
    return added;
  }
  /** Signals queued for the processes of a user: what RLIMIT_SIGPENDING counts. */
  queuedFor(uid: number): number {
    let n = 0;
    for (const p of this.k.pids.processes.values())
      if (p.creds.uid === uid) {
        n += p.pending.length + ((p.timers as Map<number, unknown> | undefined)?.size ?? 0);
        for (const t of p.threads) n += t.pending.length;
      }
    return n;
  }
  toGroup(g: ProcessGroup | undefined, sig: number, code: number = SiCode.KERNEL): void {
    if (g) for (const p of [...g.members]) this.toProcess(p, sig, code);
  }
  /** A synchronous fault: a handler must run now, or the process dies. */
  force(t: Thread, sig: number, code: number, addr: number): void {
    const action = t.proc.actions.list[sig]!;
    if (action.handler === Handler.IGN || (t.mask & bit(sig)) !== 0n) { t.proc.actions.toDefault(sig); t.mask &= ~bit(sig); }
    t.pending.add({ signo: sig, code, addr });
    this.look(t, sig);
  }
  /** SIGSYS for a call that a filter trapped. */
  forceCall(t: Thread, errno: number, call: NonNullable<SigInfo['call']>): void {
    const action = t.proc.actions.list[Sig.SYS]!;
    if (action.handler === Handler.IGN || (t.mask & bit(Sig.SYS)) !== 0n) { t.proc.actions.toDefault(Sig.SYS); t.mask &= ~bit(Sig.SYS); }
    t.pending.add({ signo: Sig.SYS, code: 1, errno, call });
    this.look(t, Sig.SYS);
  }
  /** Side effects at the time of sending. False: the signal is ignored and leaves no trace. */
  private before(p: Process, sig: number, mask: bigint, traced: boolean, sender: number | undefined): boolean {
    if (sig === Sig.CONT || sig === Sig.KILL) this.resume(p, sig);
    if ((bit(sig) & STOPS) !== 0n) this.drop(p, bit(Sig.CONT));
    if (sig === Sig.CONT) this.drop(p, STOPS);
    const a = p.actions.list[sig]!, { numbers } = p;
    if (numbers.reaper === p && a.handler === Handler.DFL &&
      !((sig === Sig.KILL || sig === Sig.STOP) && (sender === undefined || numbers.of(sender) === 0))) return false;
    if ((mask & bit(sig)) !== 0n || traced) return true;
    return !(a.handler === Handler.IGN || (a.handler === Handler.DFL && IGNORED_BY_DEFAULT.has(sig)));
  }
  private drop(p: Process, set: bigint): void {
    p.pending.remove(set);
    for (const t of p.threads) t.pending.remove(set);
  }
  private resume(p: Process, sig: number): void {
    if (!p.stopped) return;
    p.stopped = false;
    for (const t of p.threads) {
      if (t.traced?.stop) t.traced.continued();
      else if (t.state === Run.stopped) { t.state = Run.ready; this.k.cpu.ready.pushWoken(t); }
    }
    if (sig === Sig.CONT) this.reportToParent(p, CONTINUED_STATUS, SiCode.CONTINUED, Sig.CONT);
  }
  private taker(p: Process, sig: number): Thread {
    const current = this.k.cpu.current;
    if (current?.proc === p && (current.mask & bit(sig)) === 0n) return current;
    for (const t of p.threads) if ((t.mask & bit(sig)) === 0n && t.state !== Run.dead) return t;
    return p.leader!;
  }
  private look(t: Thread, sig: number): void {
    if (sig === Sig.KILL && t.traced?.stop) { this.k.endProcess(t.proc, sig); return; }
    if ((t.mask & bit(sig)) !== 0n && (UNBLOCKABLE & bit(sig)) === 0n) { t.proc.childWq.wakeAll(); this.k.signalWq.wakeAll(); return; }
    t.work = true;
    if (t.state === Run.blocked) t.wake();
    this.k.cpu.kick(t);
  }
  /** Call this when the mask or the pending set of a thread has changed. */
  update(t: Thread): void {
    if (((t.pending.bits | t.proc.pending.bits) & ~t.mask) !== 0n) t.work = true;
  }
  setMask(t: Thread, mask: bigint): void {
    t.mask = mask & ~UNBLOCKABLE;
    this.update(t);
    const shared = t.proc.pending.bits & t.mask; // another thread may take signals that this one has just blocked
    if (shared !== 0n && t.proc.threads.size > 1)
      for (const o of t.proc.threads) if (o !== t && (shared & ~o.mask) !== 0n) { o.work = true; if (o.state === Run.blocked) o.wake(); }
  }
  wouldInterrupt(t: Thread): boolean {
    if ((t.proc.stopped && !t.traced?.free) || t.proc.ending !== undefined || (t.traced && t.traced.events.length > 0)) return true;
    return ((t.pending.bits | t.proc.pending.bits) & ~t.mask) !== 0n;
  }

  // ── delivery ───────────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Delivers pending signals before `t` returns to user mode; its registers are loaded. Afterwards it may be stopped or dead. A system call
   * that asks for a restart restarts here, unless a handler without SA_RESTART runs.
   */
  deliver(t: Thread): void {
    if (t.mm.sleepy) bringFrame(t);
    t.work = false;
    if (t.rseq?.due && !leaveSequence(t)) this.force(t, Sig.SEGV, 0x80, 0);
    for (;;) {
      if (t.state === Run.dead) return;
      if (this.mustStop(t)) { t.work = true; return; }
      const passed = t.traced?.inject, info = passed ?? t.pending.take(t.mask) ?? t.proc.pending.take(t.mask);
      if (!info) break;
      if (t.traced) {
        t.traced.inject = undefined;
        if (!passed && info.signo !== Sig.KILL) { t.work = true; t.traced.halt(signalStop(info)); return; }
      }
      if (this.act(t, info)) return;
    }
    if (t.state !== Run.current) return;
    this.restartCall(t, undefined);
    if (t.savedMask !== undefined) { const m = t.savedMask; t.savedMask = undefined; this.setMask(t, m); if (t.work) this.deliver(t); }
  }
  /** Stops the thread for an event of its tracer or a stop of its process. */
  private mustStop(t: Thread): boolean {
    const x = t.traced, event = x?.events.shift();
    if (event) { x!.halt(event); return true; }
    if (!t.proc.stopped || x?.free) return false;
    if (x) x.haltGroup(t.proc.stopSignal); else t.state = Run.stopped;
    return true;
  }
  /** True when a handler's frame is built, or the thread cannot continue. */
  private act(t: Thread, info: SigInfo): boolean {
    const sig = info.signo, a = t.proc.actions.list[sig]!;
    if (a.handler === Handler.IGN && sig !== Sig.KILL && sig !== Sig.STOP) return false;
    if (a.handler > Handler.IGN) { this.handle(t, info, a); return true; }
    if (IGNORED_BY_DEFAULT.has(sig)) return false;
    if ((bit(sig) & STOPS) !== 0n) return this.stop(t, sig);
    if (info.addr !== undefined && t.proc.pid === this.k.mainPid)
      this.k.fatal = { signo: sig, address: info.addr, access: t.badAccess, pc: t.regs.pc };
    this.k.endProcess(t.proc, sig | (CORE.has(sig) && t.proc.limits.soft[4]! > 0 ? 0x80 : 0));
    return true;
  }
  private handle(t: Thread, info: SigInfo, a: SigAction): void {
    this.restartCall(t, a);
    const mask = t.savedMask ?? t.mask;
    t.savedMask = undefined;
    if (!buildFrame(t, info, a, mask)) {
      t.proc.actions.toDefault(Sig.SEGV);
      this.k.endProcess(t.proc, Sig.SEGV);
      return;
    }
    const handlerMask = t.mask | a.mask | (a.flags & SaFlag.NODEFER ? 0n : bit(info.signo));
    if (a.flags & SaFlag.RESETHAND) t.proc.actions.resetHandler(info.signo);
    this.setMask(t, handlerMask);
    if (t.work && t.state === Run.current) this.deliver(t);
  }
  private restartCall(t: Thread, a: SigAction | undefined): void {
    if (t.call < 0) return;
    const result = -t.regs.x(Reg.a0);
    t.call = -1;
    if (result !== E.RESTARTSYS && result !== E.RESTARTNOHAND && result !== E.RESTARTNOINTR) return;
    if (a && result !== E.RESTARTNOINTR
        && (result === E.RESTARTNOHAND || !(a.flags & SaFlag.RESTART))) { t.regs.setX(Reg.a0, -E.INTR); t.sleepUntil = -1; return; }
    t.regs.big[Reg.a0] = t.arg0;
    t.regs.pc -= 4;
  }
  private stop(t: Thread, sig: number): boolean {
    const p = t.proc;
    if (sig !== Sig.STOP && p.group.isOrphaned) return false;
    p.stopped = true;
    p.stopSignal = sig;
    if (t.traced) t.traced.free = false;
    for (const o of p.threads) { o.work = true; if (o.state === Run.blocked) o.wake(); }
    this.reportToParent(p, stoppedStatus(sig), SiCode.STOPPED, sig);
    t.work = true;
    this.mustStop(t);
    return true;
  }
  private reportToParent(p: Process, report: number, code: number, status: number): void {
    const parent = p.parent;
    p.report = report;
    if (!parent) return;
    if (!(parent.actions.list[Sig.CHLD]!.flags & SaFlag.NOCLDSTOP))
      this.toProcess(parent, Sig.CHLD, code, { pid: p.pid, uid: p.creds.uid, status });
    parent.childWq.wakeAll();
  }
}
/** SIGCHLD's code and status for a wait status. */
export function childInfo(status: number): { code: number; status: number } {
  if ((status & 0x7f) === 0) return { code: SiCode.EXITED, status: (status >> 8) & 0xff };
  return { code: status & 0x80 ? SiCode.DUMPED : SiCode.KILLED, status: status & 0x7f };
}
export { exitedStatus };
