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

/**
 * The receiver of an open file's signals: a thread, a process, or a group (type 0, 1, 2), and the signal; `fd` identifies the file in
 * siginfo.
 */
export interface Owner { type: number; id: number; signal: number; fd: number }
export const ownerOf = (f: File): Owner => (f.owner ??= { type: 1, id: 0, signal: 0, fd: -1 });

/** Sends the open file's signal. `code`: POLL_IN 1, POLL_OUT 2, POLL_MSG 3. */
export function signalOwner(k: Kernel, owner: Owner | undefined, code: number, band: number): void {
  if (!owner || owner.id === 0) return;
  const sig = owner.signal || Sig.IO, more = owner.signal ? { value: BigInt.asUintN(64, BigInt(owner.fd)), band } : {},
    si = owner.signal ? code : 0x80;
  if (owner.type === 2) { k.signals.toGroup(k.pids.groups.get(owner.id), sig, si); return; }
  const thread = k.pids.threads.get(owner.id), process = k.pids.processes.get(owner.id);
  if (owner.type === 0 && thread) k.signals.toThread(thread, sig, si, more);
  else if (process ?? thread) k.signals.toProcess(process ?? thread!.proc, sig, si, more);
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
export function setAsync(k: Kernel, file: File, on: boolean): void {
  const old = asyncs.get(file);
  if (!file.wq || on === (old !== undefined)) return;
  if (!on) { file.wq.remove(old!); asyncs.delete(file); file.flags &= ~O.ASYNC; return; }
  const async = new Async(k, file);
  (file.atEnd ??= []).push(() => file.wq!.remove(async));
  asyncs.set(file, async);
  file.wq.add(async);
  file.flags |= O.ASYNC;
}

// ── leases ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

interface Lease {
  readonly file: File;
  type: number; /** The type it must change to while it is being broken, and when the holder's time is over. */
  breaking: number | undefined;
  until: number
}
class Leases { list: Lease[] = []; readonly wq = new WaitQueue(); }
const leases = new WeakMap<Inode, Leases>();

export const leaseOf = (file: File): number => {
  const lease = leases.get(file.inode)?.list.find((x) => x.file === file);
  return lease ? lease.breaking ?? lease.type : LockType.UNLOCK;
};
/** F_SETLEASE; `openers` counts the open files of the inode: those for writing, and all. */
export function setLease(file: File, type: number, openers: { readonly writing: number; readonly all: number }): number {
  const all = leases.get(file.inode) ?? new Leases(), mine = all.list.find((x) => x.file === file);
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
  } else { all.list.push({ file: file, type, breaking: undefined, until: 0 }); (file.atEnd ??= []).push(() => closeLease(file)); }
  leases.set(file.inode, all);
  all.wq.wakeAll();
  return 0;
}
const stands = (l: Lease, write: boolean, f: File | undefined): boolean =>
  l.file !== f && l.file.refs > 0 && (write || l.type === LockType.WRITE);
/** Whether an open call must wait for a lease. */
export const leased = (i: Inode, write: boolean, f?: File): boolean => leases.get(i)?.list.some((l) => stands(l, write, f)) ?? false;
/** Notifies the holders and waits until they have released the lease, or their time is over. The caller holds `file`. */
export function* breakLease(thread: Thread, i: Inode, write: boolean, file: File | undefined, wait: boolean): Co<number> {
  const all = leases.get(i);
  if (!all) return 0;
  const seconds = thread.k.sysctl.number('fs/lease-break-time');
  for (const lease of all.list) {
    if (!stands(lease, write, file) || lease.breaking !== undefined) continue;
    lease.breaking = write ? LockType.UNLOCK : LockType.READ;
    lease.until = seconds > 0 ? thread.k.clock.now() + seconds * 1e9 : Infinity;
    signalOwner(thread.k, lease.file.owner, 3, Poll.IN | Poll.RDNORM);
  }
  for (;;) {
    all.list = all.list.filter((l) => l.file.refs > 0);
    const first = all.list.find((l) => stands(l, write, file));
    if (!first) return 0;
    if (!wait) return -E.AGAIN;
    const slept = yield* thread.sleep(all.wq, first.until);
    if (slept === -E.TIMEDOUT) expire(all, first);
    else if (slept < 0) return slept;
  }
}
function expire(all: Leases, lease: Lease): void {
  if (lease.breaking === LockType.UNLOCK)
    all.list = all.list.filter((x) => x !== lease); else { lease.type = LockType.READ; lease.breaking = undefined; }
  all.wq.wakeAll();
}
function closeLease(file: File): void {
  const all = leases.get(file.inode);
  if (!all) return;
  all.list = all.list.filter((l) => l.file !== file);
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

export function setDirNotice(k: Kernel, file: File, mask: number): number {
  if (!file.inode.isDir) return -E.NOTDIR;
  dropDirNotice(file);
  if ((mask & ~DN_MULTISHOT) === 0) return 0;
  const wanted = DN.reduce((n, w, i) => (mask & (1 << i) ? n | w : n), 0), notice: DirNotice = {
    notify: (happened) => {
      if (!(happened & wanted)) return;
      signalOwner(k, file.owner, 3, Poll.IN | Poll.RDNORM);
      if (!(mask & DN_MULTISHOT)) dropDirNotice(file);
    },
  };
  notices.set(file, notice);
  (file.atEnd ??= []).push(() => dropDirNotice(file));
  (file.inode.watchers ??= new Set()).add(notice);
  return 0;
}
function dropDirNotice(file: File): void {
  const n = notices.get(file);
  if (!n) return;
  notices.delete(file);
  file.inode.watchers?.delete(n);
  if (file.inode.watchers?.size === 0) file.inode.watchers = undefined;
}
