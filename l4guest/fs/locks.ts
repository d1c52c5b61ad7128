/**
 * File locks: flock (per open description), POSIX record locks (per process) and those of a description, kept per inode; and the detection
 * of deadlocks.
 */
import { E } from '../abi/errno.ts';
import { O } from '../abi/linux.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { Process } from '../kernel/process.ts';
import type { Thread } from '../kernel/thread.ts';
import { WaitQueue, type Co } from '../kernel/wait.ts';
import type { File } from './file.ts';
import type { Inode } from './inode.ts';

export const LockType = { READ: 0, WRITE: 1, UNLOCK: 2 } as const;
export interface Lock {
  readonly owner: object;
  readonly pid: number;
  readonly type: number;
  readonly start: number;
  readonly end: number;
  readonly whole: boolean
}
/** Server memory of a lock, bytes. */
const COST = 160;
/** Longest chain of waiting processes to follow. */
const CHAIN = 10;

class InodeLocks { list: Lock[] = []; readonly wq = new WaitQueue(); }
const table = new WeakMap<Inode, InodeLocks>();
const held = new WeakMap<object, Set<Inode>>();
/** What each waiting process waits for. */
const waiting = new WeakMap<object, { readonly inode: Inode; readonly want: Lock }>();

function locksOf(i: Inode): InodeLocks {
  let inodeLocks = table.get(i);
  if (!inodeLocks) table.set(i, inodeLocks = new InodeLocks());
  return inodeLocks;
}
export const locksOn = (i: Inode): readonly Lock[] => table.get(i)?.list ?? [];
/** The conflicting lock, if any: the first of its owner. flock and record locks ignore each other. */
export function conflict(i: Inode, want: Lock): Lock | undefined {
  return locksOf(i).list.find((l) =>
    l.whole === want.whole && l.owner !== want.owner && l.start < want.end && want.start < l.end
      && (l.type === LockType.WRITE || want.type === LockType.WRITE));
}
/** The owner's locks after `want`: sorted, cut where it overlaps them, joined where they touch and have the same type. */
function combined(own: readonly Lock[], want: Lock): Lock[] {
  const out: Lock[] = [];
  let next = want;
  for (const lock of own) {
    if (lock.type === want.type && lock.end >= want.start
        && lock.start <= want.end) {
          next = { ...next, start: Math.min(next.start, lock.start), end: Math.max(next.end, lock.end) };
          continue;
        }
    if (lock.end <= want.start || lock.start >= want.end) { out.push(lock); continue; }
    if (lock.start < want.start) out.push({ ...lock, end: want.start });
    if (lock.end > want.end) out.push({ ...lock, start: want.end });
  }
  if (want.type !== LockType.UNLOCK) out.push(next);
  return out.sort((a, b) => a.start - b.start);
}
/** Sets or removes a lock; the caller has checked for conflicts. False: not enough memory. */
function apply(i: Inode, want: Lock, k?: Kernel): boolean {
  const inodeLocks = locksOf(i), mine = (o: Lock): boolean => o.owner === want.owner && o.whole === want.whole,
    at = inodeLocks.list.findIndex(mine),
    next = combined(inodeLocks.list.filter(mine), want);
  const rest = inodeLocks.list.filter((o) => !mine(o)), more = rest.length + next.length - inodeLocks.list.length,
    frames = (i.fs as { frames?: Kernel['frames'] }).frames ?? k?.frames;
  if (more > 0 && frames && !frames.charge(more * COST)) return false;
  if (more < 0) frames?.uncharge(-more * COST);
  rest.splice(at < 0 ? rest.length : Math.min(at, rest.length), 0, ...next);
  if (next.length > 0) {
    let inodes = held.get(want.owner);
    if (!inodes) { held.set(want.owner, inodes = new Set()); if (!(want.owner instanceof Process)) atEnd(want.owner as File); }
    inodes.add(i);
  }
  inodeLocks.list = rest;
  inodeLocks.wq.wakeAll();
  return true;
}
export function tryLock(i: Inode, want: Lock): number {
  if (want.type === LockType.UNLOCK) return apply(i, want) ? 0 : -E.NOLCK;
  // flock releases its own lock before it requests one of another type.
  if (want.whole) {
    const old = locksOf(i).list.find((o) => o.whole && o.owner === want.owner);
    if (old && old.type !== want.type) unlock(want.owner, i, true);
  }
  if (conflict(i, want)) return -E.AGAIN;
  return apply(i, want) ? 0 : -E.NOLCK;
}
/** Whether waiting for `want` causes a deadlock. */
function wouldDeadlock(i: Inode, want: Lock): boolean {
  let blocker = conflict(i, want)?.owner;
  for (let n = 0; blocker && n < CHAIN; n++) {
    if (blocker === want.owner) return true;
    const wait = waiting.get(blocker);
    blocker = wait && conflict(wait.inode, wait.want)?.owner;
  }
  return false;
}
export function* waitLock(thread: Thread, i: Inode, want: Lock): Co<number> {
  const posix = !want.whole && want.owner instanceof Process;
  try {
    for (;;) {
      const result = tryLock(i, want);
      if (result !== -E.AGAIN) return result;
      if (posix && wouldDeadlock(i, want)) return -E.DEADLK;
      if (posix) waiting.set(want.owner, { inode: i, want });
      const slept = yield* thread.sleep(locksOf(i).wq);
      if (slept < 0) return slept;
    }
  } finally { if (posix) waiting.delete(want.owner); }
}
const unlock = (owner: object, i: Inode, whole: boolean): void => {
  apply(i, { owner, pid: 0, type: LockType.UNLOCK, start: 0, end: Infinity, whole });
};
/** A process closes a descriptor of the file: its record locks there end, whatever other descriptors it has. */
export function closedBy(process: Process, file: File): void {
  if (file.flags & O.PATH) return;
  file.flush(process);
  if (held.get(process)?.delete(file.inode)) unlock(process, file.inode, false);
}
/** When the open file ends, its flock and its record locks are released. */
function atEnd(f: File): void { (f.atEnd ??= []).push(() => { unlock(f, f.inode, true); unlock(f, f.inode, false); }); }
export function dropLocks(p: Process): void { const s = held.get(p); if (s) for (const i of s) unlock(p, i, false); held.delete(p); }

/** /proc/locks. */
export function lockLines(k: Kernel): string {
  const inodes = new Set<Inode>();
  for (const process of k.pids.processes.values())
    if (process.alive) for (const [, file] of process.fds.entries()) if (table.get(file.inode)?.list.length) inodes.add(file.inode);
  let n = 0;
  const line = (i: Inode, lock: Lock): string =>
    `${++n}: ${(lock.whole ? 'FLOCK' : lock.owner instanceof Process ? 'POSIX' : 'OFDLCK').padEnd(6)} ADVISORY  `
      + `${(lock.type === LockType.WRITE ? 'WRITE' : 'READ').padEnd(5)} ${lock.pid} ${(i.dev >>> 8).toString(16).padStart(2, '0')}:`
      + `${(i.dev & 0xff).toString(16).padStart(2, '0')}:${i.ino} ${lock.start} ${lock.end === Infinity ? 'EOF' : lock.end - 1}\n`;
  return [...inodes].flatMap((i) => locksOn(i).map((l) => line(i, l))).join('');
}
