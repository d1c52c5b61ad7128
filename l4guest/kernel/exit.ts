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
export function endThread(k: Kernel, t: Thread, status: number): void {
  const p = t.proc;
  if (p.threads.size === 1) { endProcess(k, p, status); return; }
  removeThread(k, t, true, status);
}

function removeThread(k: Kernel, t: Thread, courtesies: boolean, status: number): void {
  if (t.state === Run.ready) k.cpu.ready.remove(t);
  if (t === k.cpu.current) k.cpu.account(t);
  t.state = Run.dead;
  const co = t.co;
  t.co = undefined;
  if (co && k.cpu.current !== t) co.return(0);
  if (courtesies) leave(k, t);
  traceEnd(t, status);
  t.proc.threads.delete(t);
  t.proc.cpuNs += t.cpuNs;
  t.pending.clear();
  k.frames.uncharge(t.cost);
  k.pids.threads.delete(t.tid);
  k.pids.gone(t.tid);
  if (t.proc.threads.size > 0) { t.proc.endWq.wakeAll(); orphanOf(k, t); }
  k.arch.threadGone(t);
}
/** Children of an ending thread pass to another one of its process; they may get a signal. */
function orphanOf(k: Kernel, t: Thread): void {
  for (const c of t.proc.children) {
    if (c.parentThread !== t) continue;
    c.parentThread = t.proc.leader;
    if (c.deathSignal && c.alive) k.signals.toProcess(c, c.deathSignal, 0);
  }
}
/** Obligations of an ending thread: locks with priority inheritance, robust futexes, CLONE_CHILD_CLEARTID. */
export function leave(k: Kernel, t: Thread): void {
  reaching(() => { if (t.robustList) robust(k, t); });
  reaching(() => {
    for (const key of k.futexes.ownedBy(t)) k.futexes.handOver(key, 1);
    if (t.clearTid && (t.proc.threads.size > 1 || t.mm.users > 1)) {
      setU32(t.mm, t.clearTid, 0);
      k.futexes.wake(futexKey(t.mm, t.clearTid, false), 1);
    }
  });
}
/** Accesses memory of an ending thread; skips memory that is missing or must be fetched. */
function reaching(act: () => void): void {
  try { act(); } catch (e) { if (!(e instanceof UserFault) && e !== EFAULT && !(e instanceof NotHere)) throw e; }
}
const MOST_ROBUST = 2048;
/**
 * The list of robust futexes: head, offset of the word, the one in question. An address that ends in 1 is one with priority inheritance.
 */
function robust(k: Kernel, t: Thread): void {
  const head = t.robustList, offset = getI64(t.mm, head + 8), pending = getI64(t.mm, head + 16), plain = (e: number): number => e - (e % 2);
  let entry = getI64(t.mm, head);
  for (let n = 0; plain(entry) !== head && n < MOST_ROBUST; n++) {
    const next = getI64(t.mm, plain(entry));
    if (plain(entry) !== plain(pending)) ownerDied(k, t, plain(entry) + offset, entry % 2 === 1, false);
    entry = next;
  }
  if (plain(pending) !== 0) ownerDied(k, t, plain(pending) + offset, pending % 2 === 1, true);
}
function ownerDied(k: Kernel, t: Thread, va: number, pi: boolean, pending: boolean): void {
  if (va % 4 !== 0) return;
  const value = getU32(t.mm, va), owner = value & Word.TID;
  if (pending && !pi && owner === 0) k.futexes.wake(futexKey(t.mm, va, false), 1);
  if (owner !== t.number) return;
  setU32(t.mm, va, ((value & Word.WAITERS) | Word.OWNER_DIED) >>> 0);
  if (!pi && value & Word.WAITERS) k.futexes.wake(futexKey(t.mm, va, false), 1);
}

/** Threads in their own kernel calls end with those calls; the process waits for the last of them. */
function isBeyond(k: Kernel, p: Process, status: number): boolean {
  const beyond = [...p.threads].filter((t) => t.passage !== undefined);
  if (beyond.length === 0) return false;
  p.doomed ??= status;
  for (const t of [...p.threads]) if (t.passage === undefined) removeThread(k, t, true, status);
  for (const t of beyond) t.passage!.doom();
  return true;
}

/** Ends a whole process with this wait status. */
export function endProcess(k: Kernel, p: Process, status: number): void {
  if (p.status !== undefined || p.ending !== undefined || isBeyond(k, p, status)) return;
  p.ending = status;
  if (p.numbers.reaper === p) endSpace(k, p.numbers);
  account(k, p, status);
  for (const t of [...p.threads]) removeThread(k, t, true, status);
  closeProcess(k, p);
  p.status = status;
  p.stopped = false;
  k.watcher?.ended(p);
  hangUp(k, p);
  orphan(k, p);
  p.endWq.wakeAll();
  if (p.pid === k.mainPid) k.onEnd(status);
  tellParent(k, p);
}
/** The end of its first process ends a space of numbers, and all its processes. */
function endSpace(k: Kernel, space: PidNumbers): void {
  space.ended = true;
  for (const p of [...k.pids.processes.values()]) if (p !== space.reaper && space.contains(p.numbers) && p.alive) endProcess(k, p,
    Sig.KILL);
}
function closeProcess(k: Kernel, p: Process): void {
  k.timers.cancel(p.real.timer);
  dropTimers(k, p);
  p.pending.clear();
  releaseTracees(p);
  dropLocks(p);
  undoSemaphores(k, p);
  if (--p.fds.users === 0) p.fds.closeAll(p);
  p.exe?.release();
  p.exe = undefined;
  p.mounts.release();
  releaseMm(k, p);
}
export function releaseMm(k: Kernel, p: Process): void {
  if (--p.mm.users > 0) return;
  p.mm.onEnd?.();
  p.mm.release();
  k.arch.spaceGone(p.mm);
}
/** A session leader's end takes the terminal from the session. */
function hangUp(k: Kernel, p: Process): void {
  const s = p.session;
  if (p.pid !== s.id || !s.terminal) return;
  const terminal = s.terminal;
  s.terminal = undefined;
  k.signals.toGroup(terminal.foreground, Sig.HUP);
  k.signals.toGroup(terminal.foreground, Sig.CONT);
  terminal.session = undefined;
  terminal.foreground = undefined;
}
function orphan(k: Kernel, p: Process): void {
  const heir = reaperOf(k, p);
  for (const c of p.children) {
    c.parent = heir;
    heir.children.add(c);
    if (c.deathSignal) k.signals.toProcess(c, c.deathSignal, 0);
    if (c.status !== undefined) tellParent(k, c);
    else if (c.stopped && c.group.isOrphaned) { k.signals.toGroup(c.group, Sig.HUP); k.signals.toGroup(c.group, Sig.CONT); }
  }
  p.children.clear();
}
function reaperOf(k: Kernel, p: Process): Process {
  for (let a = p.parent; a && a.numbers === p.numbers; a = a.parent) if (a.subreaper && a.alive) return a;
  const { reaper } = p.numbers;
  return reaper && reaper !== p && reaper.alive ? reaper : k.init;
}
function tellParent(k: Kernel, p: Process): void {
  const parent = p.parent;
  if (!parent || parent === k.init || !parent.alive) { reapChild(k, p); return; }
  const chld = parent.actions.list[Sig.CHLD]!;
  const auto = p.exitSignal === Sig.CHLD && (chld.handler === Handler.IGN || (chld.flags & SaFlag.NOCLDWAIT) !== 0);
  if (p.exitSignal > 0) {
    const info = childInfo(p.status!);
    k.signals.toProcess(parent, p.exitSignal, info.code, { pid: p.pid, uid: p.creds.uid, status: info.status });
  }
  if (auto) reapChild(k, p);
  parent.childWq.wakeAll();
}
/** A reaped child: adds its usage to its parent's children. */
export function collectChild(k: Kernel, p: Process): void {
  const { parent } = p;
  if (parent) {
    parent.childCpuNs += p.cpuNs + p.childCpuNs;
    parent.childFaults += p.mm.minorFaults + p.childFaults;
    parent.childPages = Math.max(parent.childPages, p.mostPages, p.childPages);
  }
  reapChild(k, p);
}
/** Removes the last trace of a process. */
export function reapChild(k: Kernel, p: Process): void {
  k.frames.uncharge(p.cost);
  p.endWq.wakeAll();
  p.parent?.children.delete(p);
  k.pids.drop(p);
}
