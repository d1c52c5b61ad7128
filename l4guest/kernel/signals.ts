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

/** The sender in the receiver's siginfo: its number and user in the receiver's name spaces. */
function asSeen(process: Process, more: Partial<SigInfo>): Partial<SigInfo> {
  if (!process.numbers.parent && !process.creds.users.parent) return more;
  const { pid, uid } = more;
  return { ...more, ...(pid === undefined ? {} : { pid: process.numbers.of(pid) }),
    ...(uid === undefined ? {} : { uid: shownId(process.creds.users.users, uid) }) };
}

export class Signals {
  private readonly k: Kernel;
  constructor(k: Kernel) { this.k = k; }

  // ── sending ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** False: nothing is queued, because the signal is ignored, already pending, or there is no memory. */
  toThread(thread: Thread, sig: number, code: number, more: Partial<SigInfo> = {}): boolean {
    if (!this.before(thread.proc, sig, thread.mask, thread.traced !== undefined, more.pid)) return false;
    const added = thread.pending.add({ ...asSeen(thread.proc, more), signo: sig, code });
    this.lookAgain(thread, sig, added);
    return added;
  }
  toProcess(process: Process, sig: number, code: number, more: Partial<SigInfo> = {}): boolean {
    if (!process.alive || !process.leader || !this.before(process, sig, process.leader.mask, process.leader.traced !== undefined, more.pid))
      return false;
    const added = process.pending.add({ ...asSeen(process, more), signo: sig, code });
    this.lookAgain(this.taker(process, sig), sig, added);
    return added;
  }
  /** A blocked signal that was pending already changes nothing for those who wait for it. */
  private lookAgain(thread: Thread, sig: number, added: boolean): void {
    if (added || (thread.mask & bit(sig)) === 0n || (UNBLOCKABLE & bit(sig)) !== 0n) this.look(thread, sig);
  }
  /** Signals queued for the processes of a user: what RLIMIT_SIGPENDING counts. */
  queuedFor(uid: number): number {
    let n = 0;
    for (const process of this.k.pids.processes.values())
      if (process.creds.uid === uid) {
        n += process.pending.length + ((process.timers as Map<number, unknown> | undefined)?.size ?? 0);
        for (const thread of process.threads) n += thread.pending.length;
      }
    return n;
  }
  toGroup(g: ProcessGroup | undefined, sig: number, code: number = SiCode.KERNEL): void {
    if (g) for (const p of [...g.members]) this.toProcess(p, sig, code);
  }
  /** A synchronous fault: a handler must run now, or the process dies. */
  force(thread: Thread, sig: number, code: number, addr: number): void {
    const action = thread.proc.actions.list[sig]!;
    if (action.handler === Handler.IGN || (thread.mask & bit(sig)) !== 0n) { thread.proc.actions.toDefault(sig); thread.mask &= ~bit(sig); }
    thread.pending.add({ signo: sig, code, addr });
    this.look(thread, sig);
  }
  /** SIGSYS for a call that a filter trapped. */
  forceCall(thread: Thread, errno: number, call: NonNullable<SigInfo['call']>): void {
    const action = thread.proc.actions.list[Sig.SYS]!;
    if (action.handler === Handler.IGN || (thread.mask & bit(Sig.SYS)) !== 0n) {
      thread.proc.actions.toDefault(Sig.SYS);
      thread.mask &= ~bit(Sig.SYS);
    }
    thread.pending.add({ signo: Sig.SYS, code: 1, errno, call });
    this.look(thread, Sig.SYS);
  }
  /** Side effects at the time of sending. False: the signal is ignored and leaves no trace. */
  private before(process: Process, sig: number, mask: bigint, traced: boolean, sender: number | undefined): boolean {
    if (sig === Sig.CONT || sig === Sig.KILL) this.resume(process, sig);
    if ((bit(sig) & STOPS) !== 0n) this.drop(process, bit(Sig.CONT));
    if (sig === Sig.CONT) this.drop(process, STOPS);
    const sigAction = process.actions.list[sig]!, { numbers } = process;
    if (numbers.reaper === process && sigAction.handler === Handler.DFL &&
      !((sig === Sig.KILL || sig === Sig.STOP) && (sender === undefined || numbers.of(sender) === 0))) return false;
    if ((mask & bit(sig)) !== 0n || traced) return true;
    return !(sigAction.handler === Handler.IGN || (sigAction.handler === Handler.DFL && IGNORED_BY_DEFAULT.has(sig)));
  }
  private drop(process: Process, set: bigint): void {
    process.pending.remove(set);
    for (const thread of process.threads) thread.pending.remove(set);
  }
  private resume(process: Process, sig: number): void {
    if (!process.stopped) return;
    process.stopped = false;
    for (const thread of process.threads) {
      if (thread.traced?.stop) thread.traced.continued();
      else if (thread.state === Run.stopped) { thread.state = Run.ready; this.k.cpu.ready.pushWoken(thread); }
    }
    if (sig === Sig.CONT) this.reportToParent(process, CONTINUED_STATUS, SiCode.CONTINUED, Sig.CONT);
  }
  private taker(process: Process, sig: number): Thread {
    const current = this.k.cpu.current;
    if (current?.proc === process && (current.mask & bit(sig)) === 0n) return current;
    for (const thread of process.threads) if ((thread.mask & bit(sig)) === 0n && thread.state !== Run.dead) return thread;
    return process.leader!;
  }
  private look(thread: Thread, sig: number): void {
    if (sig === Sig.KILL && thread.traced?.stop) { this.k.endProcess(thread.proc, sig); return; }
    if ((thread.mask & bit(sig)) !== 0n && (UNBLOCKABLE & bit(sig)) === 0n) {
      thread.proc.childWq.wakeAll();
      this.k.signalWq.wakeAll();
      return;
    }
    thread.work = true;
    if (thread.state === Run.blocked) thread.wake();
    this.k.cpu.kick(thread);
  }
  /** Call this when the mask or the pending set of a thread has changed. */
  update(t: Thread): void {
    if (((t.pending.bits | t.proc.pending.bits) & ~t.mask) !== 0n) t.work = true;
  }
  setMask(thread: Thread, mask: bigint): void {
    thread.mask = mask & ~UNBLOCKABLE;
    this.update(thread);
    const shared = thread.proc.pending.bits & thread.mask; // another thread may take signals that this one has just blocked
    if (shared !== 0n && thread.proc.threads.size > 1)
      for (const other of thread.proc.threads)
        if (other !== thread && (shared & ~other.mask) !== 0n) { other.work = true; if (other.state === Run.blocked) other.wake(); }
  }
  wouldInterrupt(thread: Thread): boolean {
    if ((thread.proc.stopped && !thread.traced?.free) || thread.proc.ending !== undefined
        || (thread.traced && thread.traced.events.length > 0)) return true;
    return ((thread.pending.bits | thread.proc.pending.bits) & ~thread.mask) !== 0n;
  }

  // ── delivery ───────────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Delivers pending signals before the thread returns to user mode; its registers are loaded. Afterwards it may be stopped or dead. A
   * system call that asks for a restart restarts here, unless a handler without SA_RESTART runs.
   */
  deliver(thread: Thread): void {
    if (thread.mm.sleepy) bringFrame(thread);
    thread.work = false;
    if (thread.rseq?.due && !leaveSequence(thread)) this.force(thread, Sig.SEGV, 0x80, 0);
    for (;;) {
      if (thread.state === Run.dead) return;
      if (this.mustStop(thread)) { thread.work = true; return; }
      const passed = thread.traced?.inject, info = passed ?? thread.pending.take(thread.mask) ?? thread.proc.pending.take(thread.mask);
      if (!info) break;
      if (thread.traced) {
        thread.traced.inject = undefined;
        if (!passed && info.signo !== Sig.KILL) { thread.work = true; thread.traced.halt(signalStop(info)); return; }
      }
      if (this.act(thread, info)) return;
    }
    if (thread.state !== Run.current) return;
    this.restartCall(thread, undefined);
    if (thread.savedMask !== undefined) {
      const mask = thread.savedMask;
      thread.savedMask = undefined;
      this.setMask(thread, mask);
      if (thread.work) this.deliver(thread);
    }
  }
  /** Stops the thread for an event of its tracer or a stop of its process. */
  private mustStop(thread: Thread): boolean {
    const x = thread.traced, event = x?.events.shift();
    if (event) { x!.halt(event); return true; }
    if (!thread.proc.stopped || x?.free) return false;
    if (x) x.haltGroup(thread.proc.stopSignal); else thread.state = Run.stopped;
    return true;
  }
  /** True if a handler's frame is built, or the thread cannot continue. */
  private act(thread: Thread, info: SigInfo): boolean {
    const sig = info.signo, sigAction = thread.proc.actions.list[sig]!;
    if (sigAction.handler === Handler.IGN && sig !== Sig.KILL && sig !== Sig.STOP) return false;
    if (sigAction.handler > Handler.IGN) { this.handle(thread, info, sigAction); return true; }
    if (IGNORED_BY_DEFAULT.has(sig)) return false;
    if ((bit(sig) & STOPS) !== 0n) return this.stop(thread, sig);
    if (info.addr !== undefined && thread.proc.pid === this.k.mainPid)
      this.k.fatal = { signo: sig, address: info.addr, access: thread.badAccess, pc: thread.regs.pc };
    if (!CORE.has(sig) || !this.k.beginDump(thread, info)) this.k.endProcess(thread.proc, sig);
    return true;
  }
  private handle(thread: Thread, info: SigInfo, sigAction: SigAction): void {
    this.restartCall(thread, sigAction);
    const mask = thread.savedMask ?? thread.mask;
    thread.savedMask = undefined;
    if (!buildFrame(thread, info, sigAction, mask)) {
      thread.proc.actions.toDefault(Sig.SEGV);
      if (!this.k.beginDump(thread, { signo: Sig.SEGV, code: SiCode.KERNEL })) this.k.endProcess(thread.proc, Sig.SEGV);
      return;
    }
    const handlerMask = thread.mask | sigAction.mask | (sigAction.flags & SaFlag.NODEFER ? 0n : bit(info.signo));
    if (sigAction.flags & SaFlag.RESETHAND) thread.proc.actions.resetHandler(info.signo);
    this.setMask(thread, handlerMask);
    if (thread.work && thread.state === Run.current) this.deliver(thread);
  }
  private restartCall(thread: Thread, sigAction: SigAction | undefined): void {
    if (thread.call < 0) return;
    const result = -thread.regs.x(Reg.a0);
    thread.call = -1;
    if (result !== E.RESTARTSYS && result !== E.RESTARTNOHAND && result !== E.RESTARTNOINTR) return;
    if (sigAction && result !== E.RESTARTNOINTR
        && (result === E.RESTARTNOHAND || !(sigAction.flags & SaFlag.RESTART))) {
          thread.regs.setX(Reg.a0, -E.INTR);
          thread.sleepUntil = -1;
          return;
        }
    thread.regs.big[Reg.a0] = thread.arg0;
    thread.regs.pc -= 4;
  }
  private stop(thread: Thread, sig: number): boolean {
    const process = thread.proc;
    if (sig !== Sig.STOP && process.group.isOrphaned) return false;
    process.stopped = true;
    process.stopSignal = sig;
    if (thread.traced) thread.traced.free = false;
    for (const member of process.threads) { member.work = true; if (member.state === Run.blocked) member.wake(); }
    this.reportToParent(process, stoppedStatus(sig), SiCode.STOPPED, sig);
    thread.work = true;
    this.mustStop(thread);
    return true;
  }
  private reportToParent(process: Process, report: number, code: number, status: number): void {
    const parent = process.parent;
    process.report = report;
    if (!parent) return;
    if (!(parent.actions.list[Sig.CHLD]!.flags & SaFlag.NOCLDSTOP))
      this.toProcess(parent, Sig.CHLD, code, { pid: process.pid, uid: process.creds.uid, status });
    parent.childWq.wakeAll();
  }
}
/** SIGCHLD's code and status for a wait status. */
export function childInfo(status: number): { code: number; status: number } {
  if ((status & 0x7f) === 0) return { code: SiCode.EXITED, status: (status >> 8) & 0xff };
  return { code: status & 0x80 ? SiCode.DUMPED : SiCode.KILLED, status: status & 0x7f };
}
export { exitedStatus };
