/** The end of threads and processes, and the notification of parents. */
import { NotHere } from './later.ts';
import { account } from './acct.ts';
import { EFAULT, UserFault } from './failure.ts';
import type { Kernel } from './kernel.ts';
import { Handler, SaFlag, Sig } from '../abi/linux.ts';
import type { PidNumbers } from './spaces.ts';
import type { Process } from './process.ts';
import { childInfo } from './signals.ts';
import { releaseTracees, traceEnd } from './tracing.ts';
import { Run, type Thread } from './thread.ts';
import { Word, futexKey } from './futex.ts';
import { getI64, getU32, setU32 } from '../mm/uaccess.ts';
import { dropLocks } from '../fs/locks.ts';
import { undoSemaphores } from '../ipc/sem.ts';
import { dropTimers } from './itimers.ts';

/** Ends one thread; the last one ends its process with `status`. */
export function endThread(k: Kernel, thread: Thread, status: number): void {
  const process = thread.proc;
  if (process.threads.size === 1) { endProcess(k, process, status); return; }
  removeThread(k, thread, true, status);
}

function removeThread(k: Kernel, thread: Thread, courtesies: boolean, status: number): void {
  if (thread.state === Run.ready) k.cpu.ready.remove(thread);
  if (thread === k.cpu.current) k.cpu.account(thread);
  thread.state = Run.dead;
  const co = thread.co;
  thread.co = undefined;
  if (co && k.cpu.current !== thread) co.return(0);
  if (courtesies) settleObligations(k, thread);
  traceEnd(thread, status);
  thread.proc.threads.delete(thread);
  thread.proc.cpuNs += thread.cpuNs;
  thread.proc.systemNs += Math.min(thread.systemNs, thread.cpuNs);
  thread.pending.clear();
  k.frames.uncharge(thread.cost);
  k.pids.threads.delete(thread.tid);
  k.pids.gone(thread.tid);
  if (thread.proc.threads.size > 0) { thread.proc.endWq.wakeAll(); orphanOf(k, thread); }
  k.arch.threadGone(thread);
}
/** Ends the other threads of a process whose last act is this one's. */
export function leaveOnly(k: Kernel, thread: Thread, status: number): void {
  for (const other of [...thread.proc.threads]) if (other !== thread) removeThread(k, other, false, status);
}
/** Children of an ending thread pass to another thread of its process; they may get a signal. */
function orphanOf(k: Kernel, thread: Thread): void {
  for (const process of thread.proc.children) {
    if (process.parentThread !== thread) continue;
    process.parentThread = thread.proc.leader;
    if (process.deathSignal && process.alive) k.signals.toProcess(process, process.deathSignal, 0);
  }
}
/** Obligations of an ending thread: locks with priority inheritance, robust futexes, CLONE_CHILD_CLEARTID. */
export function settleObligations(k: Kernel, thread: Thread): void {
  if (thread.robustList) tryAccess(() => robust(k, thread));
  if (thread.clearTid || k.futexes.anyLocks) tryAccess(() => {
    for (const key of k.futexes.ownedBy(thread)) k.futexes.handOver(key, 1);
    if (thread.clearTid && (thread.proc.threads.size > 1 || thread.mm.users > 1)) {
      setU32(thread.mm, thread.clearTid, 0);
      k.futexes.wake(futexKey(thread.mm, thread.clearTid, false), 1);
    }
  });
}
/** Accesses memory of an ending thread; skips memory that is missing or must be fetched. */
function tryAccess(act: () => void): void {
  try { act(); } catch (e) { if (!(e instanceof UserFault) && e !== EFAULT && !(e instanceof NotHere)) throw e; }
}
const MOST_ROBUST = 2048;
/** The list of robust futexes: head, offset of the word, the pending entry. An address with bit 0 set means priority inheritance. */
function robust(k: Kernel, thread: Thread): void {
  const head = thread.robustList, offset = getI64(thread.mm, head + 8), pending = getI64(thread.mm, head + 16),
    plain = (e: number): number => e - (e % 2);
  let entry = getI64(thread.mm, head);
  for (let n = 0; plain(entry) !== head && n < MOST_ROBUST; n++) {
    const next = getI64(thread.mm, plain(entry));
    if (plain(entry) !== plain(pending)) ownerDied(k, thread, plain(entry) + offset, entry % 2 === 1, false);
    entry = next;
  }
  if (plain(pending) !== 0) ownerDied(k, thread, plain(pending) + offset, pending % 2 === 1, true);
}
function ownerDied(k: Kernel, thread: Thread, va: number, pi: boolean, pending: boolean): void {
  if (va % 4 !== 0) return;
  const value = getU32(thread.mm, va), owner = value & Word.TID;
  if (pending && !pi && owner === 0) k.futexes.wake(futexKey(thread.mm, va, false), 1);
  if (owner !== thread.number) return;
  setU32(thread.mm, va, ((value & Word.WAITERS) | Word.OWNER_DIED) >>> 0);
  if (!pi && value & Word.WAITERS) k.futexes.wake(futexKey(thread.mm, va, false), 1);
}

/** Threads in their own kernel calls end with those calls; the process waits for the last of them. */
function endsWithOwnCalls(k: Kernel, process: Process, status: number): boolean {
  const beyond: Thread[] = [];
  for (const thread of process.threads) if (thread.passage !== undefined) beyond.push(thread);
  if (beyond.length === 0) return false;
  process.doomed ??= status;
  for (const thread of [...process.threads]) if (thread.passage === undefined) removeThread(k, thread, true, status);
  for (const thread of beyond) thread.passage!.doom();
  return true;
}

/** Ends a whole process with this wait status. */
export function endProcess(k: Kernel, process: Process, status: number): void {
  if (process.status !== undefined || process.ending !== undefined || endsWithOwnCalls(k, process, status)) return;
  process.ending = status;
  if (process.numbers.reaper === process) endSpace(k, process.numbers);
  account(k, process, status);
  for (const thread of [...process.threads]) removeThread(k, thread, true, status);
  closeProcess(k, process);
  process.status = status;
  process.stopped = false;
  k.watcher?.ended(process);
  hangUp(k, process);
  orphan(k, process);
  process.endWq.wakeAll();
  if (process.pid === k.mainPid) k.onEnd(status);
  tellParent(k, process);
}
/** The end of its first process ends a pid space, and all its processes. */
function endSpace(k: Kernel, space: PidNumbers): void {
  space.ended = true;
  for (const process of [...k.pids.processes.values()])
    if (process !== space.reaper && space.contains(process.numbers) && process.alive) endProcess(k, process,
    Sig.KILL);
}
function closeProcess(k: Kernel, process: Process): void {
  k.timers.cancel(process.real.timer);
  dropTimers(k, process);
  process.pending.clear();
  releaseTracees(process);
  dropLocks(process);
  undoSemaphores(k, process);
  if (--process.fds.users === 0) process.fds.closeAll(process);
  process.exe?.release();
  process.exe = undefined;
  process.mounts.release();
  releaseMm(k, process);
}
export function releaseMm(k: Kernel, process: Process): void {
  if (--process.mm.users > 0) return;
  process.mm.onEnd?.();
  process.mm.release();
  k.arch.spaceGone(process.mm);
}
/** A session leader's end takes the terminal from the session. */
function hangUp(k: Kernel, process: Process): void {
  const session = process.session;
  if (process.pid !== session.id || !session.terminal) return;
  const terminal = session.terminal;
  session.terminal = undefined;
  k.signals.toGroup(terminal.foreground, Sig.HUP);
  k.signals.toGroup(terminal.foreground, Sig.CONT);
  terminal.session = undefined;
  terminal.foreground = undefined;
}
function orphan(k: Kernel, process: Process): void {
  if (process.children.size === 0) return;
  const heir = reaperOf(k, process);
  for (const child of process.children) {
    child.parent = heir;
    heir.children.add(child);
    if (child.deathSignal) k.signals.toProcess(child, child.deathSignal, 0);
    if (child.status !== undefined) tellParent(k, child);
    else if (child.stopped && child.group.isOrphaned) { k.signals.toGroup(child.group, Sig.HUP); k.signals.toGroup(child.group, Sig.CONT); }
  }
  process.children.clear();
}
function reaperOf(k: Kernel, process: Process): Process {
  for (let ancestor = process.parent; ancestor && ancestor.numbers === process.numbers; ancestor = ancestor.parent)
    if (ancestor.subreaper && ancestor.alive) return ancestor;
  const { reaper } = process.numbers;
  return reaper && reaper !== process && reaper.alive ? reaper : k.init;
}
function tellParent(k: Kernel, process: Process): void {
  const parent = process.parent;
  if (!parent || parent === k.init || !parent.alive) { reapChild(k, process); return; }
  const chld = parent.actions.list[Sig.CHLD]!;
  const auto = process.exitSignal === Sig.CHLD && (chld.handler === Handler.IGN || (chld.flags & SaFlag.NOCLDWAIT) !== 0);
  if (process.exitSignal > 0) {
    const info = childInfo(process.status!);
    k.signals.toProcess(parent, process.exitSignal, info.code, { pid: process.pid, uid: process.creds.uid, status: info.status });
  }
  if (auto) reapChild(k, process);
  parent.childWq.wakeAll();
}
/** A reaped child: adds its usage to its parent's children. */
export function collectChild(k: Kernel, process: Process): void {
  const { parent } = process;
  if (parent) {
    parent.childCpuNs += process.cpuNs + process.childCpuNs;
    parent.childSystemNs += process.systemNs + process.childSystemNs;
    parent.childFaults += process.mm.minorFaults + process.childFaults;
    parent.childPages = Math.max(parent.childPages, process.mostPages, process.childPages);
  }
  reapChild(k, process);
}
/** Removes the last trace of a process. */
export function reapChild(k: Kernel, process: Process): void {
  k.frames.uncharge(process.cost);
  process.endWq.wakeAll();
  process.parent?.children.delete(process);
  k.pids.drop(process);
}
