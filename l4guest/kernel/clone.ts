/** clone: new threads and processes. */
import type { Mm } from '../mm/mm.ts';
import { setU32 } from '../mm/uaccess.ts';
import { armCpuLimit } from './cputimers.ts';
import { E } from '../abi/errno.ts';
import type { Kernel } from './kernel.ts';
import { Cap, Clone, Limit, O, Sig } from '../abi/linux.ts';
import { capableIn, type PidNumbers } from './spaces.ts';
import { newNumbers, newSpaces, newUsers } from './unshare.ts';
import { mayCopySpace } from '../fs/mount-space.ts';
import { Process } from './process.ts';
import { Reg } from './registers.ts';
import { TraceEvent, TraceOption, eventStop, traceChild } from './tracing.ts';
import { Loaded, Run, Thread } from './thread.ts';
import type { Co } from './wait.ts';
import { Parts } from './work.ts';
import { PidFile, pidInode } from '../fs/pidfd.ts';
import { capable, capableHere, copyCreds, type Creds } from './creds.ts';
import { UserFault } from './failure.ts';

export interface CloneArgs {
  flags: number; stack: number; parentTid: number; childTid: number; tls: number; exitSignal: number; pidfd: number; clearSighand: boolean;
  /** Requested numbers of the new thread, innermost space first. */
  tids: readonly number[];
}

const has = (flags: number, bits: number): boolean => (flags & bits) === bits;
/** Unsupported name spaces. */
const ABSENT = Clone.NEWCGROUP | Clone.NEWNET;
/** Name spaces that require a right over the own space of users. */
const SPACES = Clone.NEWNS | Clone.NEWUTS | Clone.NEWIPC | Clone.NEWPID;
/** Server memory of a thread and of a process, bytes, besides its pages. */
export const THREAD_COST = 4096, PROCESS_COST = 8192, GROUP_COST = 8;

/** Checks the flags: 0 or -errno. */
function refusedFlags(t: Thread, a: CloneArgs): number {
  const f = a.flags;
  if (has(f, Clone.NEWNS | Clone.FS) || has(f, Clone.NEWUSER | Clone.FS)) return -E.INVAL;
  if ((has(f, Clone.THREAD) && !has(f, Clone.SIGHAND)) || (has(f, Clone.SIGHAND) && !has(f, Clone.VM))
      || (a.clearSighand && has(f, Clone.SIGHAND)))
    return -E.INVAL;
  if (f & Clone.THREAD && (f & (Clone.NEWUSER | Clone.NEWPID) || t.proc.childNumbers !== t.proc.numbers)) return -E.INVAL;
  if (f & Clone.PARENT && (t.proc === t.k.init || t.proc.numbers.reaper === t.proc)) return -E.INVAL;
  if (f & Clone.PIDFD && f & Clone.DETACHED) return -E.INVAL;
  if (f & (SPACES | ABSENT) && !(f & Clone.NEWUSER) && !capableHere(t.creds, Cap.SYS_ADMIN)) return -E.PERM;
  return f & ABSENT ? -E.INVAL : 0;
}
/** Whether the user may have another process. */
function tooMany(t: Thread): boolean {
  const { creds, proc: { limits } } = t, most = limits.soft[Limit.NPROC]!;
  if (most === Infinity || creds.uid === 0 || capable(creds, Cap.SYS_RESOURCE) || capable(creds, Cap.SYS_ADMIN)) return false;
  let n = 0;
  for (const p of t.k.pids.processes.values()) if (p.creds.uid === creds.uid) n += Math.max(1, p.threads.size);
  return n >= most;
}

/** `t.regs` hold all registers. Answers the new thread's id, or a wait for vfork. */
export function clone(t: Thread, a: CloneArgs): number | Co<number> {
  const f = a.flags, k = t.k, refused = refusedFlags(t, a),
    cost = (f & Clone.THREAD ? THREAD_COST : PROCESS_COST) + GROUP_COST * t.creds.groups.length + t.creds.users.weight;
  const fdCost = f & (Clone.THREAD | Clone.FILES) ? 0 : t.proc.fds.weight;
  if (refused) return refused;
  if (tooMany(t) || k.pids.threads.size >= Math.min(k.arch.maxThreads, k.sysctl.number('kernel/threads-max'))) return -E.AGAIN;
  const creds = f & Clone.NEWUSER ? newUsers(t) : copyCreds(t.creds);
  if (typeof creds === 'number') return creds;
  const numbers = f & Clone.NEWPID ? newNumbers(t, creds.users) : t.proc.childNumbers;
  if (typeof numbers === 'number') return numbers;
  const unusable = refusedTids(t, numbers, a.tids);
  if (unusable) return unusable;
  if (numbers.ended) return -E.NOMEM;
  if (!(f & Clone.FILES) && t.proc.fds.length > k.sysctl.number('fs/nr_open')) return -E.MFILE;
  const noSpace = f & Clone.NEWNS ? mayCopySpace(k, t.proc) : 0;
  if (noSpace) return noSpace;
  if ((!(f & Clone.VM) && !(t.mm.table.canCopy() && t.mm.payAreas())) || !k.frames.charge(cost + fdCost)) return -E.NOMEM;
  const pidfd = f & Clone.PIDFD ? reservePidfd(t, a) : -1;
  if (f & Clone.PIDFD && pidfd < 0) { k.frames.uncharge(cost + fdCost); return pidfd; }
  const tid = k.pids.allot(numbers, a.tids);
  if (tid < 0) { k.frames.uncharge(cost + fdCost); return tid; }
  const proc = f & Clone.THREAD ? t.proc : newProcess(t, tid, a, numbers, creds), child = new Thread(k, tid, proc, t.name);
  if (f & Clone.THREAD) child.creds = creds; else creds.processRing = undefined;
  creds.threadRing = undefined;
  inheritThread(child, t, a);
  if (!(f & Clone.VM)) child.mm.payAreas();
  if (f & Clone.THREAD) child.cost = cost; else proc.cost = cost;
  proc.threads.add(child);
  k.pids.threads.set(tid, child);
  k.forks++;
  k.work.made(f & Clone.THREAD ? Parts.thread : Parts.process);
  if (f & Clone.PIDFD)
    t.proc.fds.put(pidfd,
      new PidFile(pidInode(k), f & Clone.THREAD ? O.EXCL : 0, proc, f & Clone.THREAD ? child : undefined), true);
  if (f & Clone.PARENT_SETTID) tryTo(() => { setU32(t.mm, a.parentTid, t.proc.numbers.of(tid)); });
  if (f & Clone.CHILD_SETTID) tryTo(() => { setU32(child.mm, a.childTid, child.number); });
  child.state = Run.ready;
  k.cpu.ready.pushNew(child, t);
  if (t.traced)
    traceChild(t, child,
      f & Clone.VFORK ? TraceEvent.VFORK : f & Clone.THREAD || a.exitSignal !== Sig.CHLD ? TraceEvent.CLONE : TraceEvent.FORK);
  if (!(f & Clone.THREAD)) k.watcher?.forked(t, child, f & Clone.VFORK ? 'vfork' : 'fork');
  return f & Clone.VFORK ? waitForChild(t, proc, t.proc.numbers.of(tid)) : t.proc.numbers.of(tid);
}
/** Stores numbers where possible; a bad address does not prevent the child. */
function tryTo(tell: () => void): void { try { tell(); } catch (e) { if (!(e instanceof UserFault)) throw e; } }
/** A descriptor for the child's pidfd, stored before the child exists: -EMFILE, -EFAULT. */
function reservePidfd(t: Thread, a: CloneArgs): number {
  const fd = t.proc.fds.lowestFree(t.proc.limits.files);
  if (fd >= 0 && !t.proc.fds.hasRoom(fd)) return -E.NOMEM;
  if (fd >= 0) setU32(t.mm, a.pidfd, fd);
  return fd;
}
function* waitForChild(t: Thread, child: Process, tid: number): Co<number> {
  if (t.traced) yield* t.traced.pauseForEvents();
  while (child.borrowsMm && child.alive) yield* t.nap(child.endWq);
  t.k.watcher?.vforkDone(t);
  if (t.traced?.has(TraceOption.VFORK_DONE)) { t.traced.events.push(eventStop(TraceEvent.VFORK_DONE, tid)); t.work = true; }
  return tid;
}
function inheritThread(child: Thread, t: Thread, a: CloneArgs): void {
  child.regs.big.set(t.regs.big);
  child.loaded = Loaded.all;
  child.regs.setX(Reg.a0, 0);
  if (a.stack !== 0) child.regs.setX(Reg.sp, a.stack);
  if (a.flags & Clone.SETTLS) child.regs.setX(Reg.tp, a.tls);
  if (a.flags & Clone.CHILD_CLEARTID) child.clearTid = a.childTid;
  child.mask = t.mask;
  child.seccomp = t.seccomp;
  child.rseq = a.flags & Clone.VM ? undefined : t.rseq && { ...t.rseq };
  child.noNewPrivs = t.noNewPrivs;
  child.timerSlack = child.slackAtStart = t.timerSlack;
  child.ioPriority = t.ioPriority;
  child.nice = t.resetOnFork ? Math.max(0, t.nice) : t.nice;
  if (!t.resetOnFork || t.rt === 0) { child.policy = t.policy; child.rt = t.rt; }
  if (!(a.flags & Clone.VM) || a.flags & Clone.VFORK) child.altStack = { ...t.altStack };
}
/** Checks the requested numbers: no right, no such space, not the first of a new one. */
function refusedTids(t: Thread, numbers: PidNumbers, tids: readonly number[]): number {
  if (tids.length > numbers.level + 1) return -E.INVAL;
  let s: PidNumbers | undefined = numbers;
  for (const n of tids) {
    if (n < 1 || n >= t.k.sysctl.number('kernel/pid_max') || (n !== 1 && s?.parent && !s.reaper)) return -E.INVAL;
    if (!capableIn(t.creds, s!.owner, Cap.SYS_ADMIN) && !capableIn(t.creds, s!.owner, Cap.CHECKPOINT_RESTORE)) return -E.PERM;
    s = s?.parent;
  }
  return 0;
}
function newProcess(t: Thread, pid: number, a: CloneArgs, numbers: PidNumbers, creds: Creds): Process {
  const parent = t.proc, k: Kernel = t.k, f = a.flags, mm: Mm = f & Clone.VM ? parent.mm : parent.mm.fork();
  if (f & Clone.VM) mm.users++;
  const p = new Process(k, pid, mm, parent.group, f & Clone.FS ? parent.fs : { ...parent.fs });
  p.inherit(parent);
  p.creds = creds;
  p.numbers = p.childNumbers = numbers;
  p.number = numbers.of(pid);
  if (numbers.parent && !numbers.reaper) numbers.reaper = p;
  p.parentThread = f & Clone.PARENT ? parent.parentThread : t;
  newSpaces(k, p, f, creds.users);
  if (!(f & Clone.VM)) k.timePages.enter(mm, p.time);
  if (f & 0x8000_0000) p.ioContext = parent.ioContext;
  if (f & Clone.SYSVSEM) p.undoList = parent.undoList;
  armCpuLimit(p);
  if (f & Clone.FILES) { p.fds = parent.fds; p.fds.users++; } else p.fds = parent.fds.fork();
  p.actions = f & Clone.SIGHAND ? parent.actions : parent.actions.copy();
  if (a.clearSighand) p.actions.reset();
  p.exitSignal = a.exitSignal;
  p.borrowsMm = (f & Clone.VFORK) !== 0;
  p.parent = f & Clone.PARENT ? parent.parent : parent;
  p.parent?.children.add(p);
  k.pids.processes.set(pid, p);
  return p;
}
export const plainFork: CloneArgs =
  { flags: 0, stack: 0, parentTid: 0, childTid: 0, tls: 0, exitSignal: Sig.CHLD, pidfd: 0, clearSighand: false, tids: [] };
