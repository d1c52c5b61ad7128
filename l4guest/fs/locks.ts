/** File locks: flock (per open description) and POSIX record locks (per process), kept per inode. */
import { E } from '../abi/errno.ts';
import type { Process } from '../kernel/process.ts';
import type { Thread } from '../kernel/thread.ts';
import { WaitQueue, type Co } from '../kernel/wait.ts';
import type { File } from './file.ts';
import type { Inode } from './inode.ts';

export const LockType = { READ: 0, WRITE: 1, UNLOCK: 2 } as const;
export interface Lock { readonly owner: object; readonly pid: number; readonly type: number; readonly start: number; readonly end: number; readonly whole: boolean }

class InodeLocks { list: Lock[] = []; readonly wq = new WaitQueue(); }
const table = new WeakMap<Inode, InodeLocks>();
const held = new WeakMap<object, Set<Inode>>();

function locksOf(i: Inode): InodeLocks {
  let l = table.get(i);
  if (!l) table.set(i, l = new InodeLocks());
  return l;
}
/** The lock that stands in the way, if any. flock and record locks do not see each other. */
export function conflict(i: Inode, want: Lock): Lock | undefined {
  return locksOf(i).list.find((l) => l.whole === want.whole && l.owner !== want.owner && l.start < want.end && want.start < l.end && (l.type === LockType.WRITE || want.type === LockType.WRITE));
}
/** Sets or removes; the caller has asked about conflicts. */
export function apply(i: Inode, want: Lock): void {
  const l = locksOf(i), rest: Lock[] = [];
  for (const o of l.list) {
    if (o.owner !== want.owner || o.whole !== want.whole || o.end <= want.start || o.start >= want.end) { rest.push(o); continue; }
    if (o.start < want.start) rest.push({ ...o, end: want.start });
    if (o.end > want.end) rest.push({ ...o, start: want.end });
  }
  if (want.type !== LockType.UNLOCK) {
    rest.push(want);
    let s = held.get(want.owner);
    if (!s) held.set(want.owner, s = new Set());
    s.add(i);
  }
  l.list = rest;
  l.wq.wakeAll();
}
export function tryLock(i: Inode, want: Lock): number {
  if (want.type !== LockType.UNLOCK && conflict(i, want)) return -E.AGAIN;
  apply(i, want);
  return 0;
}
export function* waitLock(t: Thread, i: Inode, want: Lock): Co<number> {
  for (;;) {
    if (tryLock(i, want) === 0) return 0;
    const r = yield* t.sleep(locksOf(i).wq);
    if (r < 0) return r;
  }
}
const unlock = (owner: object, i: Inode, whole: boolean): void => apply(i, { owner, pid: 0, type: LockType.UNLOCK, start: 0, end: Infinity, whole });
/** A process closes a descriptor of the inode: its record locks there end. */
export function closeLocks(p: Process, i: Inode): void { if (held.get(p)?.delete(i)) unlock(p, i, false); }
/** The open description is gone: its flock ends. */
export function closeFlock(f: File): void { if (f.refs === 0 && held.get(f)?.delete(f.inode)) unlock(f, f.inode, true); }
export function dropLocks(p: Process): void { const s = held.get(p); if (s) for (const i of s) unlock(p, i, false); held.delete(p); }
