/** clone: new threads and processes. */
import type { Mm } from '../mm/mm.ts';
import { setU32 } from '../mm/uaccess.ts';
import { armCpuLimit } from './cputimers.ts';
import { E } from '../abi/errno.ts';
import type { Kernel } from './kernel.ts';
import { Cap, Clone, Sig } from '../abi/linux.ts';
import { copySpace } from '../fs/mount.ts';
import { capable } from './creds.ts';
import { Process } from './process.ts';
import { Reg } from './registers.ts';
import { TraceEvent, TraceOption, eventStop, traceChild } from './tracing.ts';
import { Loaded, Run, Thread } from './thread.ts';
import type { Co } from './wait.ts';
import { pidFd } from '../fs/pidfd.ts';

export interface CloneArgs { flags: number; stack: number; parentTid: number; childTid: number; tls: number; exitSignal: number; pidfd: number; clearSighand: boolean }

const has = (flags: number, bits: number): boolean => (flags & bits) === bits;

/** `t.regs` hold all registers. Answers the new thread's id, or a wait for vfork. */
export function clone(t: Thread, a: CloneArgs): number | Co<number> {
  const f = a.flags;
  if ((has(f, Clone.THREAD) && !has(f, Clone.SIGHAND)) || (has(f, Clone.SIGHAND) && !has(f, Clone.VM))) return -E.INVAL;
  if (f & Clone.THREAD && f & Clone.PIDFD) return -E.INVAL;
  if (f & Clone.NEWNS && f & Clone.FS) return -E.INVAL;
  if (f & Clone.NEWNS && !capable(t.proc.creds, Cap.SYS_ADMIN)) return -E.PERM;
  const k = t.k;
  if (k.pids.threads.size >= k.arch.maxThreads) return -E.AGAIN;
  const tid = k.pids.next(), proc = f & Clone.THREAD ? t.proc : newProcess(t, tid, a);
  const child = new Thread(k, tid, proc, t.name);
  inheritThread(child, t, a);
  proc.threads.add(child);
  k.pids.threads.set(tid, child);
  k.forks++;
  if (f & Clone.PARENT_SETTID) setU32(t.mm, a.parentTid, tid);
  if (f & Clone.CHILD_SETTID) setU32(child.mm, a.childTid, tid);
  if (f & Clone.PIDFD) setU32(t.mm, a.pidfd, pidFd(t, proc, 0));
  child.state = Run.ready;
  k.cpu.ready.pushNew(child, t);
  if (t.traced) traceChild(t, child, f & Clone.VFORK ? TraceEvent.VFORK : f & Clone.THREAD || a.exitSignal !== Sig.CHLD ? TraceEvent.CLONE : TraceEvent.FORK);
  return f & Clone.VFORK ? waitForChild(t, proc, tid) : tid;
}
function* waitForChild(t: Thread, child: Process, tid: number): Co<number> {
  if (t.traced) yield* t.traced.pauseForEvents();
  while (child.borrowsMm && child.alive) yield* t.nap(child.endWq);
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
  child.nice = t.resetOnFork ? Math.max(0, t.nice) : t.nice;
  if (!t.resetOnFork || t.rt === 0) { child.policy = t.policy; child.rt = t.rt; }
  if (!(a.flags & Clone.VM) || a.flags & Clone.VFORK) child.altStack = { ...t.altStack };
}
function newProcess(t: Thread, pid: number, a: CloneArgs): Process {
  const parent = t.proc, k: Kernel = t.k, f = a.flags, mm: Mm = f & Clone.VM ? parent.mm : parent.mm.fork();
  if (f & Clone.VM) mm.users++;
  const p = new Process(k, pid, mm, parent.group, f & Clone.FS ? parent.fs : { ...parent.fs });
  p.inherit(parent);
  if (f & Clone.NEWNS) copySpace(k, p);
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
export const plainFork: CloneArgs = { flags: 0, stack: 0, parentTid: 0, childTid: 0, tls: 0, exitSignal: Sig.CHLD, pidfd: 0, clearSighand: false };
