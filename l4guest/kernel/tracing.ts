/**
 * One thread traced by a process: ptrace. A traced thread stops at signals, on request at system calls, and at events; during a stop its
 * tracer, notified by wait, reads and writes it, and resumes it.
 *
 *   halt ─→ (SIGCHLD, wait) ─→ requests ─→ resume        a stop on the way to user mode: `deliver` halts and looks again afterwards
 *   pause: the same from inside a system call, which continues afterwards
 */
import { Cap, SaFlag, SiCode, Sig } from '../abi/linux.ts';
import type { Process } from './process.ts';
import { type SigInfo } from './sigqueue.ts';
import { capableIn } from './spaces.ts';
import { Run, type Thread } from './thread.ts';
import type { Co } from './wait.ts';

export const TraceEvent = { FORK: 1, VFORK: 2, CLONE: 3, EXEC: 4, VFORK_DONE: 5, EXIT: 6, STOP: 128 } as const;
export const TraceOption = {
  SYSGOOD: 1, FORK: 2, VFORK: 4, CLONE: 8, EXEC: 0x10, VFORK_DONE: 0x20, EXIT: 0x40, SECCOMP: 0x80, EXITKILL: 0x10_0000,
  SUSPEND_SECCOMP: 0x20_0000
} as const;
export const TRACE_OPTIONS = Object.values(TraceOption).reduce<number>((all, o) => all | o, 0);

/** Whether `thread` may trace the process: the same user in all respects, with no more rights, or CAP_SYS_PTRACE. */
export const mayTrace = (thread: Thread, process: Process): boolean => {
  const { uid, gid, caps } = thread.creds;
  return mayAccess(thread, process, uid, gid, caps.permitted);
};
/** Whether it may read what /proc tells of the process to nobody else: the same rule, with the ids and rights that count for files. */
export const mayInspect = (thread: Thread, process: Process): boolean => {
  const { fsuid, fsgid, caps } = thread.creds;
  return mayAccess(thread, process, fsuid, fsgid, caps.effective);
};
/** @spec linux kernel/ptrace.c __ptrace_may_access */
function mayAccess(thread: Thread, process: Process, uid: number, gid: number, rights: bigint): boolean {
  const theirs = process.creds;
  if (process === thread.proc || capableIn(thread.creds, theirs.users, Cap.SYS_PTRACE)) return true;
  return process.dumpable === 1 && theirs.uid === uid && theirs.euid === uid && theirs.suid === uid
    && theirs.gid === gid && theirs.egid === gid && theirs.sgid === gid && (theirs.caps.permitted & ~rights) === 0n;
}

export interface Stop {
  readonly kind: 'signal' | 'group' | 'event' | 'call';
  /** The status for wait. */
  readonly status: number;
  readonly info: SigInfo | undefined;
  /** PTRACE_GETEVENTMSG. */
  readonly message?: number;
}
/** Position of the stop in a system call. */
export interface TracedCall { readonly op: 1 | 2; readonly nr: number; readonly args: readonly bigint[] }

const stopped = (sig: number, event = 0): number => event * 65536 + (sig << 8) + 0x7f;
export const eventStop = (event: number, message = 0, sig: number = Sig.TRAP): Stop => ({
  kind: event === TraceEvent.STOP && sig !== Sig.TRAP ? 'group' : 'event', status: stopped(sig, event),
  info: { signo: sig, code: event * 256 + sig }, message
});
export const signalStop = (info: SigInfo): Stop => ({ kind: 'signal', status: stopped(info.signo), info });

export class Tracing {
  readonly t: Thread;
  readonly tracer: Process;
  readonly seized: boolean;
  options: number;
  stop: Stop | undefined;
  /** wait has reported this stop. */
  reported = false;
  /** The tracer has requested stops at system calls. */
  calls = false;
  call: TracedCall | undefined;
  message = 0;
  /** The signal that the tracer passes on. */
  inject: SigInfo | undefined;
  /** Pending stops before the thread is in user mode again. */
  readonly events: Stop[] = [];
  /** It runs although its process is stopped, because the tracer resumed it. */
  free = false;
  /** PTRACE_LISTEN: in a group stop, waiting for its end. */
  listening = false;

  constructor(thread: Thread, tracer: Process, seized: boolean, options: number) {
    this.t = thread; this.tracer = tracer; this.seized = seized; this.options = options;
    thread.traced = this;
    tracer.tracees.add(thread);
  }
  has(option: number): boolean { return (this.options & option) !== 0; }
  /** Whether this system call takes the path of `tracedCall`. */
  wantsCall(nr: number): boolean { return this.calls || (this.has(TraceOption.EXIT) && (nr === 93 || nr === 94)); }

  /** Stops the thread here and notifies the tracer. */
  halt(stop: Stop): void {
    const { t: thread, tracer } = this;
    this.stop = stop;
    this.reported = false;
    this.listening = false;
    if (stop.message !== undefined) this.message = stop.message;
    thread.state = Run.stopped;
    if (!(tracer.actions.list[Sig.CHLD]!.flags & SaFlag.NOCLDSTOP))
      thread.k.signals.toProcess(tracer, Sig.CHLD, SiCode.TRAPPED,
        { pid: thread.tid, uid: thread.creds.uid, status: (stop.status >> 8) & 0x7f });
    tracer.childWq.wakeAll();
  }
  /** Stops a thread whose process is stopped by job control. */
  haltGroup(sig: number): void {
    this.halt(this.seized ? eventStop(TraceEvent.STOP, 0, sig) : { kind: 'group', status: stopped(sig), info: undefined });
  }
  /** A stop inside a system call; continues on the tracer's command. */
  *pause(stop: Stop): Co<void> {
    this.halt(stop);
    while (this.stop === stop) { this.t.state = Run.stopped; yield; }
  }
  *pauseForEvents(): Co<void> { for (let e = this.events.shift(); e; e = this.events.shift()) yield* this.pause(e); }

  /** Resumes the thread. */
  resume(): void {
    const { t: thread } = this;
    if (!this.stop) return;
    if (this.stop.kind === 'group') this.free = thread.proc.stopped;
    this.stop = undefined;
    this.call = undefined;
    this.listening = false;
    thread.work = true;
    thread.state = Run.ready;
    thread.k.cpu.ready.pushWoken(thread);
  }
  /** Notes an event to stop at, as soon as possible. */
  want(stop: Stop): void {
    const { t: thread } = this;
    this.note(stop);
    thread.work = true;
    thread.wake();
    thread.k.cpu.kick(thread);
  }
  /** SIGCONT has resumed the process. */
  continued(): void {
    this.free = false;
    if (this.stop?.kind !== 'group') return;
    if (this.listening) this.halt(eventStop(TraceEvent.STOP));
    else this.note(eventStop(TraceEvent.STOP));
  }
  /** Adds a reason to stop, unless it is already pending: the list cannot grow while the thread does not run. */
  private note(stop: Stop): void { if (!this.events.some((e) => e.status === stop.status && e.kind === stop.kind)) this.events.push(stop); }
  /** Ends tracing; the thread resumes, with this signal if it is not 0. */
  end(sig = 0): void {
    const { t: thread } = this;
    this.tracer.tracees.delete(thread);
    thread.traced = undefined;
    if (sig) thread.pending.add({ signo: sig, code: SiCode.USER, pid: this.tracer.pid, uid: this.tracer.creds.uid });
    this.resume();
  }
}

/** A traced thread has made a new thread or process: notifies its tracer, and traces the new one too if the options say so. */
export function traceChild(thread: Thread, child: Thread, event: 1 | 2 | 3): void {
  const x = thread.traced;
  if (!x?.has(event === TraceEvent.FORK ? TraceOption.FORK : event === TraceEvent.VFORK ? TraceOption.VFORK : TraceOption.CLONE)) return;
  const y = new Tracing(child, x.tracer, x.seized, x.options);
  if (y.seized) y.events.push(eventStop(TraceEvent.STOP));
  else child.pending.add({ signo: Sig.STOP, code: SiCode.USER });
  child.work = true;
  x.events.push(eventStop(event, child.tid));
  thread.work = true;
}
/** A traced thread runs another program. */
export function traceExec(thread: Thread, formerTid: number): void {
  const x = thread.traced;
  if (!x) return;
  if (x.has(TraceOption.EXEC)) { x.events.push(eventStop(TraceEvent.EXEC, formerTid)); thread.work = true; }
  else if (!x.seized) thread.k.signals.toThread(thread, Sig.TRAP, SiCode.USER, { pid: thread.proc.pid, uid: thread.creds.uid });
}
/**
 * A thread has ended with this wait status: notifies its tracer, unless that is the parent of a whole process, which is notified anyway.
 */
export function traceEnd(thread: Thread, status: number): void {
  const x = thread.traced;
  if (!x) return;
  x.tracer.tracees.delete(thread);
  thread.traced = undefined;
  if (thread.tid === thread.proc.pid && (x.tracer === thread.proc.parent || thread.proc.ending === undefined)) return;
  x.tracer.deadTracees.push({ tid: thread.tid, group: thread.proc.group.id, status });
  x.tracer.childWq.wakeAll();
}
/** The tracer has ended: its threads continue alone, or die with it. */
export function releaseTracees(process: Process): void {
  for (const thread of [...process.tracees]) {
    const kill = thread.traced!.has(TraceOption.EXITKILL);
    thread.traced!.end();
    if (kill) thread.k.signals.toProcess(thread.proc, Sig.KILL, SiCode.KERNEL);
  }
}
