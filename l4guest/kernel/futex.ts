/**
 * Futexes: the waiters of each word, and the owners of those with priority inheritance. A word's name is the place of its bytes: the
 * address space for private words; for shared ones the mapped object, or, without one, the address space again, distinguished from private
 * words.
 */
import { E } from '../abi/errno.ts';
import { Access, Fault, type Mm } from '../mm/mm.ts';
import { setU32 } from '../mm/uaccess.ts';
import { EFAULT } from './failure.ts';
import { WaitQueue, type Co, type Sleeper } from './wait.ts';

export const ANY_BITS = 0xffffffff;
/** Bits of a word with priority inheritance or a robust one: others wait, the owner has died, the owner's number. */
export const Word = { WAITERS: 0x8000_0000, OWNER_DIED: 0x4000_0000, TID: 0x3fff_ffff } as const;

/** A thread as the owner of a lock and as one that waits for it. */
export interface Locker extends Sleeper { readonly tid: number; readonly number: number; readonly mm: Mm; rt: number; policy: number;
  nice: number }

interface Waiter {
  /** Its real-time priority when it came. */
  readonly rank: number;
  readonly t: Sleeper;
  readonly bits: number;
  woken: boolean;
  queue: Bucket; /** The target of its requeue (FUTEX_WAIT_REQUEUE_PI). */
  readonly target: string | undefined;
  lock: PiWaiter | undefined
}
interface Bucket { readonly key: string; waiters: Waiter[] }

const ids = new WeakMap<object, number>();
let lastId = 0;
const idOf = (o: object): number => { let n = ids.get(o); if (n === undefined) ids.set(o, n = ++lastId); return n; };

/** Name of the word at `va`: equal for all who share it. Throws EFAULT for an invalid one. */
export function futexKey(mm: Mm, va: number, isPrivate: boolean): string {
  if (va < 0) throw EFAULT;
  if (isPrivate) return `p${idOf(mm)}:${va}`;
  const area = mm.areas.find(va);
  if (!area || mm.touch(va, Access.read) !== Fault.none) throw EFAULT;
  return area.shared && area.object ? `s${idOf(area.object)}:${(va - area.start) + area.first * 4096}` : `m${idOf(mm)}:${va}`;
}

/** `va`: the word's address in this thread. */
interface PiWaiter { readonly t: Locker; readonly va: number; granted: boolean; readonly wq: WaitQueue }
/** A lock with priority inheritance that has waiters. */
interface PiLock {
  readonly key: string;
  owner: Locker | undefined;
  readonly waiters: PiWaiter[]; /** The owner's own priority. */
  own: { rt: number; policy: number; nice: number } | undefined
}

/** Longest chain of owners to follow. */
const CHAIN = 1024;

const urgency = (t: Locker): number => (t.rt > 0 ? 100 + t.rt : -t.nice);

/** Order of waiters: higher real-time priority first, then order of arrival. */
function line(waiters: Waiter[], w: Waiter): void {
  let i = waiters.length;
  while (i > 0 && waiters[i - 1]!.rank < w.rank) i--;
  waiters.splice(i, 0, w);
}
export class FutexTable {
  private readonly buckets = new Map<string, Bucket>();
  private readonly locks = new Map<string, PiLock>();

  private bucket(key: string): Bucket {
    let b = this.buckets.get(key);
    if (!b) this.buckets.set(key, b = { key, waiters: [] });
    return b;
  }
  private leave(w: Waiter): void {
    const i = w.queue.waiters.indexOf(w);
    if (i >= 0) w.queue.waiters.splice(i, 1);
    if (w.queue.waiters.length === 0) this.buckets.delete(w.queue.key);
  }
  private enter(t: Sleeper, key: string, bits: number, target?: string): Waiter {
    const queue = this.bucket(key), rank = 'rt' in t ? (t as Locker).rt : 0,
      w: Waiter = { t, bits, woken: false, queue, target, lock: undefined, rank };
    line(queue.waiters, w);
    return w;
  }
  /** Sleeps until woken (0), -ETIMEDOUT, or -ERESTARTSYS. The caller has compared the word. */
  *wait(t: Sleeper, key: string, bits: number, until: number): Co<number> {
    const r = yield* this.waitAny(t, [{ key, bits }], until);
    return r < 0 ? r : 0;
  }
  /** The same on several words: returns the index of the woken one. */
  *waitAny(t: Sleeper, words: readonly { readonly key: string; readonly bits: number }[], until: number): Co<number> {
    const list = words.map((x) => this.enter(t, x.key, x.bits)), wq = new WaitQueue();
    try {
      for (;;) {
        const r = yield* t.sleep(wq, until), i = list.findIndex((w) => w.woken);
        if (i >= 0) return i;
        if (r < 0) return r;
      }
    } finally { for (const w of list) if (!w.woken) this.leave(w); }
  }
  wake(key: string, count: number, bits = ANY_BITS): number {
    const b = this.buckets.get(key);
    if (!b) return 0;
    let n = 0;
    for (const w of [...b.waiters]) {
      if (n >= count) break;
      if ((w.bits & bits) === 0 || w.target !== undefined) continue;
      this.leave(w);
      w.woken = true;
      w.t.wake();
      n++;
    }
    return n;
  }
  requeue(from: string, to: string, wake: number, move: number): number {
    const n = this.wake(from, wake), b = this.buckets.get(from);
    if (!b || from === to) return n + (b ? Math.min(move, b.waiters.length) : 0);
    const moved = b.waiters.splice(0, move), target = this.bucket(to);
    for (const w of moved) { w.queue = target; line(target.waiters, w); }
    if (b.waiters.length === 0) this.buckets.delete(from);
    if (target.waiters.length === 0) this.buckets.delete(to);
    return n + moved.length;
  }

  // ── priority inheritance ─────────────────────────────────────────────────────────────────────────────────────────────

  lockOf(key: string): { readonly owner: Locker | undefined } | undefined { return this.locks.get(key); }
  /** A thread waits for the lock of this owner, who inherits a higher priority. */
  private attach(key: string, owner: Locker | undefined, t: Locker, va: number): PiWaiter {
    let l = this.locks.get(key);
    if (!l) this.locks.set(key, l = { key, owner, waiters: [], own: undefined });
    const w: PiWaiter = { t, va, granted: false, wq: new WaitQueue() }, at = l.waiters.findIndex((x) => urgency(x.t) < urgency(t));
    l.waiters.splice(at < 0 ? l.waiters.length : at, 0, w);
    this.inherit(l);
    return w;
  }
  private inherit(l: PiLock): void {
    const o = l.owner, top = l.waiters[0]?.t;
    if (!o || !top || urgency(top) <= urgency(o)) return;
    l.own ??= { rt: o.rt, policy: o.policy, nice: o.nice };
    o.rt = top.rt; o.policy = top.policy; o.nice = top.nice;
  }
  private restore(l: PiLock): void {
    if (l.owner && l.own) Object.assign(l.owner, l.own);
    l.own = undefined;
  }
  private detach(key: string, w: PiWaiter): void {
    const l = this.locks.get(key), i = l?.waiters.indexOf(w) ?? -1;
    if (!l || i < 0) return;
    l.waiters.splice(i, 1);
    this.restore(l);
    if (l.waiters.length === 0) this.locks.delete(key); else this.inherit(l);
  }
  /** Waits for the lock of `owner`: 0 when granted, -ETIMEDOUT, -ERESTARTSYS. */
  *waitLock(key: string, owner: Locker | undefined, t: Locker, va: number, until: number): Co<number> {
    return yield* this.waitGrant(key, this.attach(key, owner, t, va), t, until);
  }
  /** Whether `owner` waits, directly or not, for a lock of `t`. */
  wouldDeadlock(owner: Locker | undefined, t: Locker): boolean {
    for (let o = owner, n = 0; o && n < CHAIN; n++) {
      if (o === t) return true;
      const waits: Locker = o;
      o = [...this.locks.values()].find((l) => l.waiters.some((w) => w.t === waits))?.owner;
    }
    return false;
  }
  private *waitGrant(key: string, w: PiWaiter, t: Locker, until: number): Co<number> {
    try {
      while (!w.granted) {
        const r = yield* t.sleep(w.wq, until);
        if (r < 0 && !w.granted) return r;
      }
      return 0;
    } finally { if (!w.granted) this.detach(key, w); }
  }
  /** Gives the lock to the most urgent waiter and stores its number in the word. False: there is none. */
  handOver(key: string, died: 0 | 1 = 0): boolean {
    const l = this.locks.get(key), next = l?.waiters.shift();
    if (!l || !next) return false;
    this.restore(l);
    l.owner = next.t;
    setU32(next.t.mm, next.va, (Word.WAITERS | (died ? Word.OWNER_DIED : 0) | next.t.number) >>> 0);
    next.granted = true;
    next.t.wake();
    if (l.waiters.length === 0) this.locks.delete(key); else this.inherit(l);
    return true;
  }
  /** Contended locks of this thread. */
  ownedBy(t: Locker): string[] { return [...this.locks.values()].filter((l) => l.owner === t).map((l) => l.key); }

  /** FUTEX_WAIT_REQUEUE_PI: waits on one word to get the lock at another. */
  *waitRequeue(t: Locker, key: string, bits: number, target: string, until: number): Co<number> {
    const w = this.enter(t, key, bits, target), wq = new WaitQueue();
    try {
      while (!w.woken) {
        const r = yield* t.sleep(wq, until);
        if (r < 0 && !w.woken) return r;
      }
    } finally { if (!w.woken) this.leave(w); }
    return w.lock ? yield* this.waitGrant(target, w.lock, t, until) : 0;
  }
  /** Those who wait at `from` for the lock at `to`; -EINVAL where one wants another lock, or none. */
  requeueCandidates(from: string, to: string, count: number): readonly Waiter[] | number {
    const list = this.buckets.get(from)?.waiters.slice(0, count) ?? [];
    return list.some((w) => w.target !== to) ? -E.INVAL : list;
  }
  /** Ends the first wait: the lock is the thread's, or it waits for it now. */
  moveToLock(w: Waiter, key: string, owner: Locker | undefined, va: number, granted: boolean): void {
    this.leave(w);
    w.woken = true;
    if (!granted) w.lock = this.attach(key, owner, w.t as Locker, va);
    w.t.wake();
  }
}
