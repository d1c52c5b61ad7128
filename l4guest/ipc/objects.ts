/**
 * System V IPC objects have identifiers, shared keys, and permissions. One table holds the objects of one kind.
 *
 *   identifier = slot + 32768 · sequence        so that an old identifier does not name a new object in the same slot
 */
import { E } from '../abi/errno.ts';
import { Cap } from '../abi/linux.ts';
import { capable, type Creds } from '../kernel/creds.ts';
import type { Thread } from '../kernel/thread.ts';
import { getU32, setU16, setU32, clearUser } from '../mm/uaccess.ts';

export const Ipc = { CREAT: 0o1000, EXCL: 0o2000, NOWAIT: 0o4000, RMID: 0, SET: 1, STAT: 2, INFO: 3 } as const;
const SLOTS = 32768, MIN_CYCLE = 64;

/** Owner and permissions of an object (struct ipc64_perm). */
export class Perm {
  /** 0 once the object has been removed. */
  key: number;
  uid: number;
  gid: number;
  readonly cuid: number;
  readonly cgid: number;
  mode: number;
  constructor(key: number, creds: Creds, mode: number) {
    this.key = key;
    this.uid = this.cuid = creds.euid;
    this.gid = this.cgid = creds.egid;
    this.mode = mode & 0o777;
  }

  /** Whether the credentials grant `wanted` (rwx three times, as in flags). */
  allows(creds: Creds, wanted: number): boolean {
    const asked = ((wanted >> 6) | (wanted >> 3) | wanted) & 7;
    const mine = creds.euid === this.uid || creds.euid === this.cuid,
      group = [creds.egid, ...creds.groups].some((g) => g === this.gid || g === this.cgid);
    if (capable(creds, Cap.IPC_OWNER)) return true;
    return (asked & ~(mine ? this.mode >> 6 : group ? this.mode >> 3 : this.mode)) === 0;
  }
  owns(c: Creds): boolean { return capable(c, Cap.SYS_ADMIN) || c.euid === this.uid || c.euid === this.cuid; }
}

export interface IpcObject { readonly id: number; readonly perm: Perm; removed: boolean }

export class IpcTable<T extends IpcObject> {
  readonly slots: (T | undefined)[] = [];
  private sequence = 0;
  /** The settings for the maximum number (the last number of kernel/sem), and the next identifier (−1: any). */
  private readonly most: string;
  private readonly wish: string;
  constructor(most: string, wish: string) { this.most = most; this.wish = wish; }

  /** The object of a key; `make(id)` creates it with IPC_CREAT. Returns its identifier, or -errno. `fits` may refuse an existing one. */
  get(thread: Thread, key: number, flags: number, make: (id: number, perm: Perm) => T | number, fits: (old: T) => number): number {
    const old = key === 0 ? undefined : this.slots.find((o) => o !== undefined && o.perm.key === key && !o.removed);
    if (old) {
      if (flags & Ipc.CREAT && flags & Ipc.EXCL) return -E.EXIST;
      const misfit = fits(old);
      return misfit < 0 ? misfit : old.perm.allows(thread.creds, flags & 0o777) ? old.id : -E.ACCES;
    }
    if (key !== 0 && !(flags & Ipc.CREAT)) return -E.NOENT;
    const { sysctl } = thread.k, wished = sysctl.number(this.wish);
    if (this.count >= Math.min(SLOTS, sysctl.numbers(this.most).at(-1)!)) return -E.NOSPC;
    const slot = wished < 0 ? this.nextSlot(sysctl.numbers(this.most).at(-1)!) : this.freeFrom(wished % SLOTS);
    const turned = slot <= this.latest, sequence = wished < 0 ? (this.sequence + (turned ? 1 : 0)) % SLOTS : Math.floor(wished / SLOTS);
    const made = make(slot + SLOTS * sequence, new Perm(key, thread.creds, flags));
    if (typeof made === 'number') return made;
    if (wished < 0) { this.sequence = sequence; this.latest = slot; } else sysctl.set(this.wish, '-1');
    this.slots[slot] = made;
    return made.id;
  }
  /** The slot given last: a new object gets the next one; when the slots wrap around, the sequence number grows. */
  private latest = -1;
  private nextSlot(most: number): number {
    const end = Math.min(most, Math.max(MIN_CYCLE, Math.floor((this.count * 3) / 2)));
    for (let i = 1; i <= end; i++) { const slot = (this.latest + i) % end; if (this.slots[slot] === undefined) return slot; }
    return this.freeFrom(0);
  }
  private freeFrom(first: number): number {
    let slot = first;
    while (this.slots[slot] !== undefined) slot++;
    return slot;
  }
  find(id: number): T | undefined { const o = id < 0 ? undefined : this.slots[id % SLOTS]; return o?.id === id ? o : undefined; }
  remove(o: T): void { o.removed = true; const slot = o.id % SLOTS; if (this.slots[slot] === o) this.slots[slot] = undefined; }
  /** Highest slot in use, or 0: the result of the *_INFO commands. */
  get last(): number { return Math.max(0, this.slots.findLastIndex((o) => o !== undefined)); }
  get count(): number { return this.slots.reduce((n, o) => n + (o ? 1 : 0), 0); }
}

/** Writes struct ipc64_perm (48 bytes) and clears the rest of its structure. */
export function putPerm(thread: Thread, va: number, ipcObject: IpcObject, size: number): void {
  clearUser(thread.mm, va, size);
  const perm = ipcObject.perm;
  [perm.key, perm.uid, perm.gid, perm.cuid, perm.cgid, perm.mode].forEach((n, i) => { setU32(thread.mm, va + 4 * i, n >>> 0); });
  setU16(thread.mm, va + 24, Math.floor(ipcObject.id / SLOTS));
}
/** IPC_SET: owner and mode from a struct ipc64_perm. */
export function setPerm(thread: Thread, va: number, ipcObject: IpcObject): number {
  if (!ipcObject.perm.owns(thread.creds)) return -E.PERM;
  const uid = getU32(thread.mm, va + 4), gid = getU32(thread.mm, va + 8), mode = getU32(thread.mm, va + 20);
  ipcObject.perm.uid = uid; ipcObject.perm.gid = gid; ipcObject.perm.mode = (ipcObject.perm.mode & ~0o777) | (mode & 0o777);
  return 0;
}
export const seconds = (t: Thread): number => t.k.clock.wall().s;
