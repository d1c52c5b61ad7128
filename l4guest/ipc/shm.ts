/** System V shared memory: segments that processes map; one that is removed lives until the last has let it go. */
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
export function shmget(t: Thread, key: number, size: number, flags: number): number {
  return t.proc.ipc.shm.get(t, key, flags, (id, perm) => {
    if (size <= 0 || size > t.k.sysctl.number('kernel/shmmax')) return -E.INVAL;
    if (size > t.k.frames.total * 4096 || flags & HUGETLB) return -E.NOMEM; // there are no huge pages
    return makeSegment(t, id, perm, size);
  }, (old) => (size > old.size ? -E.INVAL : 0));
}
/** Server memory of a segment besides its pages, bytes. */
const SEGMENT_COST = 1024;
function makeSegment(t: Thread, id: number, perm: Perm, size: number): Segment | number {
  if (!t.k.frames.charge(SEGMENT_COST)) return -E.NOMEM;
  const inode = t.k.memfd(S.IFREG | 0o600), k = t.k;
  inode.nlink = 0;
  inode.users = 1; // kept until it is removed
  inode.truncate(roundUp(size));
  const s: Segment = { id, perm, size, inode, cpid: t.proc.pid, lpid: 0, atime: 0, dtime: 0, ctime: seconds(t), removed: false };
  inode.onUnmapped = () => sweep(k, s);
  return s;
}
export function shmat(t: Thread, id: number, at: number, flags: number): number {
  const s = t.proc.ipc.shm.find(id), write = !(flags & Shm.RDONLY);
  if (!s) return -E.INVAL;
  if (!s.perm.allows(t.creds, write ? 0o600 : 0o400)) return -E.ACCES;
  const where = flags & Shm.RND ? at - (at % 4096) : at;
  if (where % 4096 !== 0 || (where === 0 && flags & Shm.REMAP)) return -E.INVAL;
  const fixed = where === 0 ? 0 : flags & Shm.REMAP ? Map_.FIXED : Map_.FIXED_NOREPLACE;
  const r = mapArea(t.mm, {
    at: where, length: s.size, prot: Prot.READ | (write ? Prot.WRITE : 0) | (flags & Shm.EXEC ? Prot.EXEC : 0), flags: Map_.SHARED | fixed,
    object: s.inode, name: `/SYSV${(s.perm.key >>> 0).toString(16).padStart(8, '0')} (deleted)`, mayWrite: write
  });
  if (r < 0) return r === -E.EXIST ? -E.INVAL : r;
  s.atime = seconds(t);
  s.lpid = t.proc.pid;
  return r;
}
export function shmdt(t: Thread, at: number): number {
  const area = t.mm.areas.find(at), k = t.k, s = area && [...k.ipc.shm.slots, ...leftOf(k)].find((x) => x?.inode === area.object);
  if (!area || !s || area.start !== at || area.first !== 0) return -E.INVAL;
  s.dtime = seconds(t);
  s.lpid = t.proc.pid;
  return unmap(t.mm, at, roundUp(s.size));
}
/** Frees a removed segment when it is not mapped any more. */
function sweep(k: Kernel, s: Segment): void {
  if (!s.removed || s.inode.areas.size > 0) return;
  leftOf(k).delete(s);
  s.inode.users = 0;
  k.frames.uncharge(SEGMENT_COST);
  s.inode.drop();
}
function remove(t: Thread, s: Segment): number {
  if (!s.perm.owns(t.creds)) return -E.PERM;
  t.proc.ipc.shm.remove(s);
  leftOf(t.k).add(s);
  sweep(t.k, s);
  return 0;
}
export function shmctl(t: Thread, id: number, command: number, va: number): number {
  const all = t.proc.ipc.shm, cmd = command & 0xff;
  if (id < 0) return -E.INVAL;
  if (cmd === Ipc.INFO || cmd === Shm.INFO) return info(t, cmd, va);
  if (cmd === Ipc.SET) copyIn(t.mm, va, 112);
  const bySlot = cmd === Shm.STAT || cmd === Shm.STAT_ANY, s = bySlot ? all.slots[id] : all.find(id);
  if (!s) return -E.INVAL;
  switch (cmd) {
    case Ipc.RMID: return remove(t, s);
    case Ipc.SET: { const r = setPerm(t, va, s); if (r === 0) s.ctime = seconds(t); return r; }
    case Shm.LOCK: case Shm.UNLOCK:
      if (!s.perm.owns(t.creds)) return -E.PERM;
      s.perm.mode = (s.perm.mode & ~LOCKED) | (cmd === Shm.LOCK ? LOCKED : 0);
      return 0;
    case Ipc.STAT: case Shm.STAT: case Shm.STAT_ANY:
      if (cmd !== Shm.STAT_ANY && !s.perm.allows(t.creds, 0o444)) return -E.ACCES;
      putPerm(t, va, s, 112);
      [s.size, s.atime, s.dtime, s.ctime].forEach((n, i) => { setI64(t.mm, va + 48 + 8 * i, n); });
      setU32(t.mm, va + 80, s.cpid); setU32(t.mm, va + 84, s.lpid); setI64(t.mm, va + 88, s.inode.areas.size);
      return bySlot ? s.id : 0;
    default: return -E.INVAL;
  }
}
/** struct shminfo64, struct shm_info. */
function info(t: Thread, cmd: number, va: number): number {
  const all = t.proc.ipc.shm;
  if (cmd === Ipc.INFO) {
    clearUser(t.mm, va, 72);
    const { sysctl } = t.k;
    [sysctl.number('kernel/shmmax'), 1, SHM_MOST, SHM_MOST, sysctl.number('kernel/shmall')].forEach((n, i) => {
      setBig(t.mm, va + 8 * i, n > 2 ** 63 ? 0xffff_ffff_feff_ffffn : BigInt(n));
    });
    return all.last;
  }
  clearUser(t.mm, va, 48);
  setU32(t.mm, va, all.count);
  setI64(t.mm, va + 8, all.slots.reduce((n, s) => n + (s ? roundUp(s.size) / 4096 : 0), 0));
  setI64(t.mm, va + 16, all.slots.reduce((n, s) => n + (s ? s.inode.blocks / 8 : 0), 0));
  return all.last;
}
