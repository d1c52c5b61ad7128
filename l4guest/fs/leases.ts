/**
 * Signals about files: leases (another opener), F_NOTIFY (a change in a folder), and O_ASYNC (the file became readable or writable). The
 * signal is SIGIO or the one of F_SETSIG, which then carries the descriptor.
 */
import { E } from '../abi/errno.ts';
import { O, Poll, Sig } from '../abi/linux.ts';
import type { Thread } from '../kernel/thread.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { WaitQueue, type Co, type Waiter } from '../kernel/wait.ts';
import type { File } from './file.ts';
import type { Inode } from './inode.ts';
import { Watch } from './watch.ts';
import { LockType } from './locks.ts';

/** The receiver of a description's signals: a thread, a process, or a group (type 0, 1, 2), with which signal; `fd` names it in siginfo. */
export interface Owner { type: number; id: number; signal: number; fd: number }
export const ownerOf = (f: File): Owner => (f.owner ??= { type: 1, id: 0, signal: 0, fd: -1 });

/** Sends the description's signal. `code`: POLL_IN 1, POLL_OUT 2, POLL_MSG 3. */
export function signalOwner(k: Kernel, o: Owner | undefined, code: number, band: number): void {
  if (!o || o.id === 0) return;
  const sig = o.signal || Sig.IO, more = o.signal ? { value: BigInt.asUintN(64, BigInt(o.fd)), band } : {}, si = o.signal ? code : 0x80;
  if (o.type === 2) { k.signals.toGroup(k.pids.groups.get(o.id), sig, si); return; }
  const t = k.pids.threads.get(o.id), p = k.pids.processes.get(o.id);
  if (o.type === 0 && t) k.signals.toThread(t, sig, si, more);
  else if (p ?? t) k.signals.toProcess(p ?? t!.proc, sig, si, more);
}

/** O_ASYNC on a file with a queue. */
class Async implements Waiter {
  private readonly k: Kernel; private readonly f: File;
  constructor(k: Kernel, f: File) { this.k = k; this.f = f; }
  wake(): void {
    const ready = this.f.poll();
    if (ready & (Poll.IN | Poll.HUP | Poll.ERR)) signalOwner(this.k, this.f.owner, 1, Poll.IN | Poll.RDNORM);
    else if (ready & Poll.OUT) signalOwner(this.k, this.f.owner, 2, Poll.OUT | Poll.WRNORM);
  }
}
const asyncs = new WeakMap<File, Async>();
/** Turns O_ASYNC on or off, for files with a queue. */
export function setAsync(k: Kernel, f: File, on: boolean): void {
  const old = asyncs.get(f);
  if (!f.wq || on === (old !== undefined)) return;
  if (!on) { f.wq.remove(old!); asyncs.delete(f); f.flags &= ~O.ASYNC; return; }
  const a = new Async(k, f);
  (f.atEnd ??= []).push(() => f.wq!.remove(a));
  asyncs.set(f, a);
  f.wq.add(a);
  f.flags |= O.ASYNC;
}

// ── leases ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

interface Lease {
  readonly file: File;
  type: number; /** The type it must change to, and the time when it is broken. */
  breaking: number | undefined;
  until: number
}
class Leases { list: Lease[] = []; readonly wq = new WaitQueue(); }
const leases = new WeakMap<Inode, Leases>();

export const leaseOf = (f: File): number => {
  const l = leases.get(f.inode)?.list.find((x) => x.file === f);
  return l ? l.breaking ?? l.type : LockType.UNLOCK;
};
/** F_SETLEASE; `openers` counts descriptions of the inode that are open for writing, and all. */
export function setLease(f: File, type: number, openers: { readonly writing: number; readonly all: number }): number {
  const all = leases.get(f.inode) ?? new Leases(), mine = all.list.find((x) => x.file === f);
  if (type === LockType.UNLOCK) {
    if (!mine) return -E.AGAIN;
    all.list = all.list.filter((x) => x !== mine);
    all.wq.wakeAll();
    return 0;
  }
  if (type === LockType.READ ? openers.writing > 0 : openers.all > 1) return -E.AGAIN;
  if (mine?.breaking !== undefined && type > mine.breaking) return -E.AGAIN;
  if (all.list.some((x) => x !== mine && (type === LockType.WRITE || x.type === LockType.WRITE || x.breaking !== undefined)))
    return -E.AGAIN;
  if (mine) {
    mine.type = type;
    mine.breaking = undefined;
  } else { all.list.push({ file: f, type, breaking: undefined, until: 0 }); (f.atEnd ??= []).push(() => closeLease(f)); }
  leases.set(f.inode, all);
  all.wq.wakeAll();
  return 0;
}
const stands = (l: Lease, write: boolean, f: File | undefined): boolean =>
  l.file !== f && l.file.refs > 0 && (write || l.type === LockType.WRITE);
/** Whether an opening has to wait for a lease. */
export const leased = (i: Inode, write: boolean, f?: File): boolean => leases.get(i)?.list.some((l) => stands(l, write, f)) ?? false;
/** Notifies the holders and waits until they have released it, or their time is over. The caller holds `f`. */
export function* breakLease(t: Thread, i: Inode, write: boolean, f: File | undefined, wait: boolean): Co<number> {
  const all = leases.get(i);
  if (!all) return 0;
  const seconds = t.k.sysctl.number('fs/lease-break-time');
  for (const l of all.list) {
    if (!stands(l, write, f) || l.breaking !== undefined) continue;
    l.breaking = write ? LockType.UNLOCK : LockType.READ;
    l.until = seconds > 0 ? t.k.clock.now() + seconds * 1e9 : Infinity;
    signalOwner(t.k, l.file.owner, 3, Poll.IN | Poll.RDNORM);
  }
  for (;;) {
    all.list = all.list.filter((l) => l.file.refs > 0);
    const first = all.list.find((l) => stands(l, write, f));
    if (!first) return 0;
    if (!wait) return -E.AGAIN;
    const r = yield* t.sleep(all.wq, first.until);
    if (r === -E.TIMEDOUT) expire(all, first);
    else if (r < 0) return r;
  }
}
function expire(all: Leases, l: Lease): void {
  if (l.breaking === LockType.UNLOCK) all.list = all.list.filter((x) => x !== l); else { l.type = LockType.READ; l.breaking = undefined; }
  all.wq.wakeAll();
}
function closeLease(f: File): void {
  const all = leases.get(f.inode);
  if (!all) return;
  all.list = all.list.filter((l) => l.file !== f);
  all.wq.wakeAll();
}

// ── F_NOTIFY ───────────────────────────────────────────────────────────────────────────────────────────────────────────

const DN_MULTISHOT = 0x8000_0000 | 0;
/** DN_ACCESS, MODIFY, CREATE, DELETE, RENAME, ATTRIB as inotify's events. */
const DN: readonly number[] = [
  Watch.ACCESS, Watch.MODIFY, Watch.CREATE | Watch.MOVED_TO, Watch.DELETE | Watch.MOVED_FROM, Watch.RENAMED, Watch.ATTRIB
];
interface DirNotice { notify(mask: number): void }
const notices = new WeakMap<File, DirNotice>();

export function setDirNotice(k: Kernel, f: File, mask: number): number {
  if (!f.inode.isDir) return -E.NOTDIR;
  dropDirNotice(f);
  if ((mask & ~DN_MULTISHOT) === 0) return 0;
  const wanted = DN.reduce((n, w, i) => (mask & (1 << i) ? n | w : n), 0), notice: DirNotice = {
    notify: (happened) => {
      if (!(happened & wanted)) return;
      signalOwner(k, f.owner, 3, Poll.IN | Poll.RDNORM);
      if (!(mask & DN_MULTISHOT)) dropDirNotice(f);
    },
  };
  notices.set(f, notice);
  (f.atEnd ??= []).push(() => dropDirNotice(f));
  (f.inode.watchers ??= new Set()).add(notice);
  return 0;
}
function dropDirNotice(f: File): void {
  const n = notices.get(f);
  if (!n) return;
  notices.delete(f);
  f.inode.watchers?.delete(n);
  if (f.inode.watchers?.size === 0) f.inode.watchers = undefined;
}
