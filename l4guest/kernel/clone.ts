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
/** Name spaces that need CAP_SYS_ADMIN in the caller's user space. */
const SPACES = Clone.NEWNS | Clone.NEWUTS | Clone.NEWIPC | Clone.NEWPID;
/** Server memory of a thread and of a process, bytes, besides its pages. */
export const THREAD_COST = 4096, PROCESS_COST = 8192, GROUP_COST = 8;

/** Checks the flags: 0 or -errno. */
function refusedFlags(thread: Thread, cloneArgs: CloneArgs): number {
  const flags = cloneArgs.flags;
  if (has(flags, Clone.NEWNS | Clone.FS) || has(flags, Clone.NEWUSER | Clone.FS)) return -E.INVAL;
  if ((has(flags, Clone.THREAD) && !has(flags, Clone.SIGHAND)) || (has(flags, Clone.SIGHAND) && !has(flags, Clone.VM))
      || (cloneArgs.clearSighand && has(flags, Clone.SIGHAND)))
    return -E.INVAL;
  if (flags & Clone.THREAD && (flags & (Clone.NEWUSER | Clone.NEWPID) || thread.proc.childNumbers !== thread.proc.numbers)) return -E.INVAL;
  if (flags & Clone.PARENT && (thread.proc === thread.k.init || thread.proc.numbers.reaper === thread.proc)) return -E.INVAL;
  if (flags & Clone.PIDFD && flags & Clone.DETACHED) return -E.INVAL;
  if (has(flags, Clone.NEWIPC | Clone.SYSVSEM)) return -E.INVAL; // the list of undos belongs to a space
  if (flags & (SPACES | ABSENT) && !(flags & Clone.NEWUSER) && !capableHere(thread.creds, Cap.SYS_ADMIN)) return -E.PERM;
  return flags & ABSENT ? -E.INVAL : 0;
}
/** Whether the user may have another process. */
function tooMany(thread: Thread): boolean {
  const { creds, proc: { limits } } = thread, most = limits.soft[Limit.NPROC]!;
  if (most === Infinity || creds.uid === 0 || capable(creds, Cap.SYS_RESOURCE) || capable(creds, Cap.SYS_ADMIN)) return false;
  let n = 0;
  for (const process of thread.k.pids.processes.values()) if (process.creds.uid === creds.uid) n += Math.max(1, process.threads.size);
  return n >= most;
}

/** `thread.regs` hold all registers. Returns the new thread's id, or a wait for vfork. */
export function clone(thread: Thread, cloneArgs: CloneArgs): number | Co<number> {
  const flags = cloneArgs.flags, k = thread.k, refused = refusedFlags(thread, cloneArgs),
    cost = (flags & Clone.THREAD ? THREAD_COST : PROCESS_COST) + GROUP_COST * thread.creds.groups.length + thread.creds.users.weight;
  const fdCost = flags & (Clone.THREAD | Clone.FILES) ? 0 : thread.proc.fds.weight;
  if (refused) return refused;
  if (tooMany(thread) || k.pids.threads.size >= Math.min(k.arch.maxThreads, k.sysctl.number('kernel/threads-max'))) return -E.AGAIN;
  const creds = flags & Clone.NEWUSER ? newUsers(thread) : copyCreds(thread.creds);
  if (typeof creds === 'number') return creds;
  const numbers = flags & Clone.NEWPID ? newNumbers(thread, creds.users) : thread.proc.childNumbers;
  if (typeof numbers === 'number') return numbers;
  const unusable = refusedTids(thread, numbers, cloneArgs.tids);
  if (unusable) return unusable;
  if (numbers.ended) return -E.NOMEM;
  if (!(flags & Clone.FILES) && thread.proc.fds.length > k.sysctl.number('fs/nr_open')) return -E.MFILE;
  const noSpace = flags & Clone.NEWNS ? mayCopySpace(k, thread.proc) : 0;
  if (noSpace) return noSpace;
  if ((!(flags & Clone.VM) && !(thread.mm.table.canCopy() && thread.mm.payAreas())) || !k.frames.charge(cost + fdCost)) return -E.NOMEM;
  const pidfd = flags & Clone.PIDFD ? reservePidfd(thread, cloneArgs) : -1;
  if (flags & Clone.PIDFD && pidfd < 0) { k.frames.uncharge(cost + fdCost); return pidfd; }
  const tid = k.pids.allot(numbers, cloneArgs.tids);
  if (tid < 0) { k.frames.uncharge(cost + fdCost); return tid; }
  const proc = flags & Clone.THREAD ? thread.proc : newProcess(thread, tid, cloneArgs, numbers, creds),
    child = new Thread(k, tid, proc, thread.name);
  if (flags & Clone.THREAD) child.creds = creds; else creds.processRing = undefined;
  creds.threadRing = undefined;
  inheritThread(child, thread, cloneArgs);
  if (!(flags & Clone.VM)) child.mm.payAreas();
  if (flags & Clone.THREAD) child.cost = cost; else proc.cost = cost;
  proc.threads.add(child);
  k.pids.threads.set(tid, child);
  k.forks++;
  k.work.made(flags & Clone.THREAD ? Parts.thread : Parts.process);
  if (flags & Clone.PIDFD)
    thread.proc.fds.put(pidfd,
      new PidFile(pidInode(k, proc), flags & Clone.THREAD ? O.EXCL : 0, proc, flags & Clone.THREAD ? child : undefined), true);
  if (flags & Clone.PARENT_SETTID) tryTo(() => { setU32(thread.mm, cloneArgs.parentTid, thread.proc.numbers.of(tid)); });
  if (flags & Clone.CHILD_SETTID) tryTo(() => { setU32(child.mm, cloneArgs.childTid, child.number); });
  child.state = Run.ready;
  k.cpu.ready.pushNew(child, thread);
  if (thread.traced)
    traceChild(thread, child,
      flags & Clone.VFORK ? TraceEvent.VFORK
        : flags & Clone.THREAD || cloneArgs.exitSignal !== Sig.CHLD ? TraceEvent.CLONE : TraceEvent.FORK);
  if (!(flags & Clone.THREAD)) k.watcher?.forked(thread, child, flags & Clone.VFORK ? 'vfork' : 'fork');
  return flags & Clone.VFORK ? waitForChild(thread, proc, thread.proc.numbers.of(tid)) : thread.proc.numbers.of(tid);
}
/** Stores numbers where possible; a bad address does not prevent the child. */
function tryTo(tell: () => void): void { try { tell(); } catch (e) { if (!(e instanceof UserFault)) throw e; } }
/** A descriptor for the child's pidfd, stored before the child exists: -EMFILE, -EFAULT. */
function reservePidfd(thread: Thread, cloneArgs: CloneArgs): number {
  const fd = thread.proc.fds.lowestFree(thread.proc.limits.files);
  if (fd >= 0 && !thread.proc.fds.hasRoom(fd)) return -E.NOMEM;
  if (fd >= 0) setU32(thread.mm, cloneArgs.pidfd, fd);
  return fd;
}
function* waitForChild(thread: Thread, child: Process, tid: number): Co<number> {
  if (thread.traced) yield* thread.traced.pauseForEvents();
  while (child.borrowsMm && child.alive) yield* thread.nap(child.endWq);
  thread.k.watcher?.vforkDone(thread);
  if (thread.traced?.has(TraceOption.VFORK_DONE)) { thread.traced.events.push(eventStop(TraceEvent.VFORK_DONE, tid)); thread.work = true; }
  return tid;
}
function inheritThread(child: Thread, thread: Thread, cloneArgs: CloneArgs): void {
  child.regs.big.set(thread.regs.big);
  child.loaded = Loaded.all;
  child.regs.setX(Reg.a0, 0);
  if (cloneArgs.stack !== 0) child.regs.setX(Reg.sp, cloneArgs.stack);
  if (cloneArgs.flags & Clone.SETTLS) child.regs.setX(Reg.tp, cloneArgs.tls);
  if (cloneArgs.flags & Clone.CHILD_CLEARTID) child.clearTid = cloneArgs.childTid;
  child.mask = thread.mask;
  child.seccomp = thread.seccomp;
  child.rseq = cloneArgs.flags & Clone.VM ? undefined : thread.rseq && { ...thread.rseq };
  child.noNewPrivs = thread.noNewPrivs;
  child.timerSlack = child.slackAtStart = thread.timerSlack;
  child.ioPriority = thread.ioPriority;
  child.nice = thread.resetOnFork ? Math.max(0, thread.nice) : thread.nice;
  if (!thread.resetOnFork || thread.rt === 0) { child.policy = thread.policy; child.rt = thread.rt; }
  if (!(cloneArgs.flags & Clone.VM) || cloneArgs.flags & Clone.VFORK) child.altStack = { ...thread.altStack };
}
/**
 * Checks the requested numbers, -errno: the caller has no right to choose, there is no such space, or a new space does not begin with 1.
 */
function refusedTids(thread: Thread, numbers: PidNumbers, tids: readonly number[]): number {
  if (tids.length > numbers.level + 1) return -E.INVAL;
  let pidNumbers: PidNumbers | undefined = numbers;
  for (const n of tids) {
    if (n < 1 || n >= thread.k.sysctl.number('kernel/pid_max') || (n !== 1 && pidNumbers?.parent && !pidNumbers.reaper)) return -E.INVAL;
    if (!capableIn(thread.creds, pidNumbers!.owner, Cap.SYS_ADMIN) && !capableIn(thread.creds, pidNumbers!.owner, Cap.CHECKPOINT_RESTORE))
      return -E.PERM;
    pidNumbers = pidNumbers?.parent;
  }
  return 0;
}
function newProcess(thread: Thread, pid: number, cloneArgs: CloneArgs, numbers: PidNumbers, creds: Creds): Process {
  const parent = thread.proc, k: Kernel = thread.k, flags = cloneArgs.flags, mm: Mm = flags & Clone.VM ? parent.mm : parent.mm.fork();
  if (flags & Clone.VM) mm.users++;
  const process = new Process(k, pid, mm, parent.group, flags & Clone.FS ? parent.fs : { ...parent.fs }, parent);
  process.creds = creds;
  process.numbers = process.childNumbers = numbers;
  process.number = numbers.of(pid);
  if (numbers.parent && !numbers.reaper) numbers.reaper = process;
  process.parentThread = flags & Clone.PARENT ? parent.parentThread : thread;
  newSpaces(k, process, flags, creds.users);
  if (!(flags & Clone.VM)) k.timePages.enter(mm, process.time);
  if (flags & 0x8000_0000) process.ioContext = parent.ioContext;
  if (flags & Clone.SYSVSEM) process.undoList = parent.undoList;
  armCpuLimit(process);
  if (flags & Clone.FILES) process.fds.users++; else process.fds = parent.fds.fork();
  if (!(flags & Clone.SIGHAND)) process.actions = parent.actions.copy();
  if (cloneArgs.clearSighand) process.actions.reset();
  process.exitSignal = cloneArgs.exitSignal;
  process.borrowsMm = (flags & Clone.VFORK) !== 0;
  process.parent = flags & Clone.PARENT ? parent.parent : parent;
  process.parent?.children.add(process);
  k.pids.processes.set(pid, process);
  return process;
}
export const plainFork: CloneArgs =
  { flags: 0, stack: 0, parentTid: 0, childTid: 0, tls: 0, exitSignal: Sig.CHLD, pidfd: 0, clearSighand: false, tids: [] };
