/** System V shared memory (the part of System V IPC that programs still use). Message queues and semaphores are not there. */
import type { RegularInode } from '../fs/regular.ts';
import { E } from '../kernel/errno.ts';
import { Map_, Prot, S } from '../kernel/linux.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Thread } from '../kernel/thread.ts';
import { mapArea, roundUp, unmap } from '../mm/mmap.ts';
import { clearUser, setI64, setU32 } from '../mm/uaccess.ts';
import { row, type Row } from './row.ts';

interface Segment { readonly id: number; readonly key: number; readonly size: number; readonly inode: RegularInode; readonly mode: number; readonly uid: number; readonly cpid: number; removed: boolean }
const segments = new WeakMap<Kernel, Map<number, Segment>>();
const of = (k: Kernel): Map<number, Segment> => { let m = segments.get(k); if (!m) segments.set(k, m = new Map()); return m; };

const IPC = { CREAT: 0o1000, EXCL: 0o2000, RMID: 0, SET: 1, STAT: 2 } as const;

function shmget(t: Thread, key: number, size: number, flags: number): number {
  const all = of(t.k), old = key === 0 ? undefined : [...all.values()].find((s) => s.key === key && !s.removed);
  if (old) return flags & IPC.CREAT && flags & IPC.EXCL ? -E.EXIST : size > old.size ? -E.INVAL : old.id;
  if (key !== 0 && !(flags & IPC.CREAT)) return -E.NOENT;
  if (size <= 0) return -E.INVAL;
  const inode = t.k.memfd(S.IFREG | 0o600), id = all.size ? Math.max(...all.keys()) + 1 : 0;
  inode.nlink = 0;
  inode.users = 1; // kept until it is removed
  inode.truncate(roundUp(size));
  all.set(id, { id, key, size, inode, mode: flags & 0o777, uid: t.proc.creds.euid, cpid: t.proc.pid, removed: false });
  return id;
}
function shmat(t: Thread, id: number, at: number, flags: number): number {
  const s = of(t.k).get(id);
  if (!s || s.removed) return -E.INVAL;
  return mapArea(t.mm, { at, length: s.size, prot: Prot.READ | (flags & 0o10000 ? 0 : Prot.WRITE), flags: Map_.SHARED | (at ? Map_.FIXED_NOREPLACE : 0), object: s.inode, name: `/SYSV${(s.key >>> 0).toString(16).padStart(8, '0')} (deleted)` });
}
function shmdt(t: Thread, at: number): number {
  const area = t.mm.areas.find(at), s = [...of(t.k).values()].find((x) => x.inode === area?.object);
  if (!area || !s || area.start !== at) return -E.INVAL;
  const r = unmap(t.mm, at, roundUp(s.size));
  sweep(t.k, s);
  return r;
}
function sweep(k: Kernel, s: Segment): void { if (s.removed && s.inode.areas.size === 0) { of(k).delete(s.id); s.inode.users = 0; s.inode.drop(); } }
function shmctl(t: Thread, id: number, command: number, va: number): number {
  const s = of(t.k).get(id);
  if (!s) return -E.INVAL;
  switch (command & 0xff) {
    case IPC.RMID: s.removed = true; sweep(t.k, s); return 0;
    case IPC.SET: return 0;
    case IPC.STAT:
      clearUser(t.mm, va, 112);
      setU32(t.mm, va, s.key); setU32(t.mm, va + 4, s.uid); setU32(t.mm, va + 20, s.mode);
      setI64(t.mm, va + 48, s.size); setU32(t.mm, va + 80, s.cpid); setI64(t.mm, va + 88, s.inode.areas.size);
      return 0;
    default: return -E.INVAL;
  }
}
const absent = (): number => -E.NOSYS;

export const sysvCalls: Row[] = [
  row(194, 'shmget', 'key:x size flags:o', (t, key, size, flags) => shmget(t, key | 0, size, flags)), row(195, 'shmctl', 'id command buf:x', shmctl), row(196, 'shmat', 'id at:x flags:o', shmat), row(197, 'shmdt', 'at:x', shmdt),
  row(186, 'msgget', 'key:x flags:o', absent, { support: 'none' }), row(190, 'semget', 'key:x n flags:o', absent, { support: 'none' }), row(180, 'mq_open', 'name:s flags:x mode:o attr:x', absent, { support: 'none' }),
];
