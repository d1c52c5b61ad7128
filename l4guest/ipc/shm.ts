/** System V shared memory: segments that processes map; a removed segment lives until its last mapping ends. */
import type { IpcSpace } from './space.ts';
import type { RegularInode } from '../fs/regular.ts';
import { E } from '../abi/errno.ts';
import { Map_, Prot, S } from '../abi/linux.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Thread } from '../kernel/thread.ts';
import { mapArea, roundUp, unmap } from '../mm/mmap.ts';
import { clearUser, setBig, setI64, setU32, copyIn } from '../mm/uaccess.ts';
import { Ipc, putPerm, seconds, setPerm, type IpcObject, type Perm } from './objects.ts';

export interface Segment extends IpcObject {
  readonly size: number;
  readonly inode: RegularInode;
  /** The space that it was made in. */
  readonly space: IpcSpace;
  readonly cpid: number;
  lpid: number;
  atime: number;
  dtime: number;
  ctime: number
}

/** SHM_LOCKED, in the mode that shmctl reports. Segments are never swapped out. */
const LOCKED = 0o2000;
const Shm = {
  RDONLY: 0o10000, RND: 0o20000, REMAP: 0o40000, EXEC: 0o100000, DEST: 0o1000, LOCK: 11, UNLOCK: 12, STAT: 13, INFO: 14, STAT_ANY: 15
} as const;
export const SHM_MOST = 4096;

/** Removed segments that are still mapped. */
const left = new WeakMap<Kernel, Set<Segment>>();
const leftOf = (k: Kernel): Set<Segment> => { let s = left.get(k); if (!s) left.set(k, s = new Set()); return s; };

const HUGETLB = 0o4000;
export function shmget(thread: Thread, key: number, size: number, flags: number): number {
  return thread.proc.ipc.shm.get(thread, key, flags, (id, perm) => {
    if (size <= 0 || size > thread.k.sysctl.number('kernel/shmmax')) return -E.INVAL;
    if (size > thread.k.frames.total * 4096 || flags & HUGETLB) return -E.NOMEM; // huge pages are not supported
    return makeSegment(thread, id, perm, size);
  }, (old) => (size > old.size ? -E.INVAL : 0));
}
/** Server memory of a segment besides its pages, bytes. */
const SEGMENT_COST = 1024;
function makeSegment(thread: Thread, id: number, perm: Perm, size: number): Segment | number {
  if (!thread.k.frames.charge(SEGMENT_COST)) return -E.NOMEM;
  const inode = thread.k.memfd(S.IFREG | 0o600), k = thread.k;
  inode.nlink = 0;
  inode.users = 1; // The file exists until the segment is removed.
  inode.truncate(roundUp(size));
  const segment: Segment = { id, perm, size, inode, cpid: thread.proc.pid, lpid: 0, atime: 0, dtime: 0, ctime: seconds(thread),
    removed: false, space: thread.proc.ipc };
  inode.onUnmapped = () => sweep(k, segment);
  return segment;
}
/** By identifier; a removed segment too, as long as somebody maps it. */
const found = (thread: Thread, id: number): Segment | undefined =>
  thread.proc.ipc.shm.find(id) ?? [...leftOf(thread.k)].find((segment) => segment.id === id && segment.space === thread.proc.ipc);
export function shmat(thread: Thread, id: number, at: number, flags: number): number {
  const segment = found(thread, id), write = !(flags & Shm.RDONLY);
  if (!segment) return -E.INVAL;
  if (!segment.perm.allows(thread.creds, write ? 0o600 : 0o400)) return -E.ACCES;
  const where = flags & Shm.RND ? at - (at % 4096) : at;
  if (where % 4096 !== 0 || (where === 0 && flags & Shm.REMAP)) return -E.INVAL;
  const fixed = where === 0 ? 0 : flags & Shm.REMAP ? Map_.FIXED : Map_.FIXED_NOREPLACE;
  const mapped = mapArea(thread.mm, {
    at: where, length: segment.size, prot: Prot.READ | (write ? Prot.WRITE : 0) | (flags & Shm.EXEC ? Prot.EXEC : 0),
      flags: Map_.SHARED | fixed,
    object: segment.inode, name: `/SYSV${(segment.perm.key >>> 0).toString(16).padStart(8, '0')} (deleted)`, mayWrite: write
  });
  if (mapped < 0) return mapped === -E.EXIST ? -E.INVAL : mapped;
  segment.atime = seconds(thread);
  segment.lpid = thread.proc.pid;
  return mapped;
}
export function shmdt(thread: Thread, at: number): number {
  const area = thread.mm.areas.find(at), k = thread.k,
    segment = area && [...k.ipc.shm.slots, ...leftOf(k)].find((x) => x?.inode === area.object);
  if (!area || !segment || area.start !== at || area.first !== 0) return -E.INVAL;
  segment.dtime = seconds(thread);
  segment.lpid = thread.proc.pid;
  return unmap(thread.mm, at, roundUp(segment.size));
}
/** Frees a removed segment that is no longer mapped. */
function sweep(k: Kernel, segment: Segment): void {
  if (!segment.removed || segment.inode.areas.size > 0) return;
  leftOf(k).delete(segment);
  segment.inode.users = 0;
  k.frames.uncharge(SEGMENT_COST);
  segment.inode.drop();
}
function remove(thread: Thread, segment: Segment): number {
  if (!segment.perm.owns(thread.creds)) return -E.PERM;
  segment.perm.mode |= Shm.DEST;
  segment.perm.key = 0;
  thread.proc.ipc.shm.remove(segment);
  leftOf(thread.k).add(segment);
  segment.inode.ending = true;
  sweep(thread.k, segment);
  return 0;
}
export function shmctl(thread: Thread, id: number, command: number, va: number): number {
  const all = thread.proc.ipc.shm, cmd = command & 0xff;
  if (id < 0) return -E.INVAL;
  if (cmd === Ipc.INFO || cmd === Shm.INFO) return info(thread, cmd, va);
  if (cmd === Ipc.SET) copyIn(thread.mm, va, 112);
  const bySlot = cmd === Shm.STAT || cmd === Shm.STAT_ANY, segment = bySlot ? all.slots[id] : found(thread, id);
  if (!segment) return -E.INVAL;
  switch (cmd) {
    case Ipc.RMID: return remove(thread, segment);
    case Ipc.SET: { const result = setPerm(thread, va, segment); if (result === 0) segment.ctime = seconds(thread); return result; }
    case Shm.LOCK: case Shm.UNLOCK:
      if (!segment.perm.owns(thread.creds)) return -E.PERM;
      segment.perm.mode = (segment.perm.mode & ~LOCKED) | (cmd === Shm.LOCK ? LOCKED : 0);
      return 0;
    case Ipc.STAT: case Shm.STAT: case Shm.STAT_ANY:
      if (cmd !== Shm.STAT_ANY && !segment.perm.allows(thread.creds, 0o444)) return -E.ACCES;
      putPerm(thread, va, segment, 112);
      [segment.size, segment.atime, segment.dtime, segment.ctime].forEach((n, i) => { setI64(thread.mm, va + 48 + 8 * i, n); });
      setU32(thread.mm, va + 80, segment.cpid); setU32(thread.mm, va + 84, segment.lpid); setI64(thread.mm, va + 88,
        segment.inode.areas.size);
      return bySlot ? segment.id : 0;
    default: return -E.INVAL;
  }
}
/** struct shminfo64, struct shm_info. */
function info(thread: Thread, cmd: number, va: number): number {
  const all = thread.proc.ipc.shm;
  if (cmd === Ipc.INFO) {
    clearUser(thread.mm, va, 72);
    const { sysctl } = thread.k;
    [sysctl.number('kernel/shmmax'), 1, SHM_MOST, SHM_MOST, sysctl.number('kernel/shmall')].forEach((n, i) => {
      setBig(thread.mm, va + 8 * i, n > 2 ** 63 ? 0xffff_ffff_feff_ffffn : BigInt(n));
    });
    return all.last;
  }
  clearUser(thread.mm, va, 48);
  setU32(thread.mm, va, all.count);
  setI64(thread.mm, va + 8, all.slots.reduce((n, s) => n + (s ? roundUp(s.size) / 4096 : 0), 0));
  setI64(thread.mm, va + 16, all.slots.reduce((n, s) => n + (s ? s.inode.blocks / 8 : 0), 0));
  return all.last;
}
