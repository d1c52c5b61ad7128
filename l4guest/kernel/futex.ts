/**
 * Futexes: the waiters of each word, and the owners of words with priority inheritance. A word is named by where its bytes are: the
 * address space for private words; the mapped object for shared words, or the address space (under another name) if they have none.
 */
import { E } from '../abi/errno.ts';
import { Access, Fault, type Mm } from '../mm/mm.ts';
import { setU32 } from '../mm/uaccess.ts';
import { EFAULT } from './failure.ts';
import { WaitQueue, type Co, type Sleeper } from './wait.ts';

export const ANY_BITS = 0xffffffff;
/** Bits of a robust word, or one with priority inheritance: others wait, the owner has died, the owner's number. */
export const Word = { WAITERS: 0x8000_0000, OWNER_DIED: 0x4000_0000, TID: 0x3fff_ffff } as const;

/** A thread that owns a lock, or waits for one. */
export interface Locker extends Sleeper { readonly tid: number; readonly number: number; readonly mm: Mm; rt: number; policy: number;
  nice: number }

interface Waiter {
  /** Its real-time priority when it began to wait. */
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

/** The name of the word at `va`: equal for all threads that share it. Throws EFAULT for an invalid address. */
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
function line(waiters: Waiter[], waiter: Waiter): void {
  let i = waiters.length;
  while (i > 0 && waiters[i - 1]!.rank < waiter.rank) i--;
  waiters.splice(i, 0, waiter);
}
export class FutexTable {
  private readonly buckets = new Map<string, Bucket>();
  private readonly locks = new Map<string, PiLock>();

  private bucket(key: string): Bucket {
    let bucket = this.buckets.get(key);
    if (!bucket) this.buckets.set(key, bucket = { key, waiters: [] });
    return bucket;
  }
  private leave(waiter: Waiter): void {
    const i = waiter.queue.waiters.indexOf(waiter);
    if (i >= 0) waiter.queue.waiters.splice(i, 1);
    if (waiter.queue.waiters.length === 0) this.buckets.delete(waiter.queue.key);
  }
  private enter(sleeper: Sleeper, key: string, bits: number, target?: string): Waiter {
    const queue = this.bucket(key), rank = 'rt' in sleeper ? (sleeper as Locker).rt : 0,
      waiter: Waiter = { t: sleeper, bits, woken: false, queue, target, lock: undefined, rank };
    line(queue.waiters, waiter);
    return waiter;
  }
  /** Sleeps until woken (0), -ETIMEDOUT, or -ERESTARTSYS. The caller has compared the word. */
  *wait(sleeper: Sleeper, key: string, bits: number, until: number): Co<number> {
    const result = yield* this.waitAny(sleeper, [{ key, bits }], until);
    return result < 0 ? result : 0;
  }
  /** The same on several words: returns the index of the woken one. */
  *waitAny(sleeper: Sleeper, words: readonly { readonly key: string; readonly bits: number }[], until: number): Co<number> {
    const list = words.map((x) => this.enter(sleeper, x.key, x.bits)), wq = new WaitQueue();
    try {
      for (;;) {
        const slept = yield* sleeper.sleep(wq, until), i = list.findIndex((w) => w.woken);
        if (i >= 0) return i;
        if (slept < 0) return slept;
      }
    } finally { for (const waiter of list) if (!waiter.woken) this.leave(waiter); }
  }
  /** Returns how many it has woken; -EINVAL where it meets one that waits for a lock (FUTEX_WAIT_REQUEUE_PI). */
  wake(key: string, count: number, bits = ANY_BITS): number {
    const bucket = this.buckets.get(key);
    if (!bucket) return 0;
    let n = 0;
    for (const waiter of [...bucket.waiters]) {
      if (n >= count) break;
      if (waiter.target !== undefined) return -E.INVAL;
      if ((waiter.bits & bits) === 0) continue;
      this.leave(waiter);
      waiter.woken = true;
      waiter.t.wake();
      n++;
    }
    return n;
  }
  requeue(from: string, to: string, wake: number, move: number): number {
    const n = this.wake(from, wake), bucket = this.buckets.get(from);
    if (n < 0) return n;
    if (!bucket || from === to) return n + (bucket ? Math.min(move, bucket.waiters.length) : 0);
    const moved = bucket.waiters.splice(0, move), target = this.bucket(to);
    for (const waiter of moved) { waiter.queue = target; line(target.waiters, waiter); }
    if (bucket.waiters.length === 0) this.buckets.delete(from);
    if (target.waiters.length === 0) this.buckets.delete(to);
    return n + moved.length;
  }

  // ── priority inheritance ─────────────────────────────────────────────────────────────────────────────────────────────

  lockOf(key: string): { readonly owner: Locker | undefined } | undefined { return this.locks.get(key); }
  /** Records that a thread waits for this owner's lock; the owner inherits a higher priority. */
  private attach(key: string, owner: Locker | undefined, locker: Locker, va: number): PiWaiter {
    let piLock = this.locks.get(key);
    if (!piLock) this.locks.set(key, piLock = { key, owner, waiters: [], own: undefined });
    const piWaiter: PiWaiter = { t: locker, va, granted: false, wq: new WaitQueue() },
      at = piLock.waiters.findIndex((x) => urgency(x.t) < urgency(locker));
    piLock.waiters.splice(at < 0 ? piLock.waiters.length : at, 0, piWaiter);
    this.inherit(piLock);
    return piWaiter;
  }
  private inherit(piLock: PiLock): void {
    const locker = piLock.owner, top = piLock.waiters[0]?.t;
    if (!locker || !top || urgency(top) <= urgency(locker)) return;
    piLock.own ??= { rt: locker.rt, policy: locker.policy, nice: locker.nice };
    locker.rt = top.rt; locker.policy = top.policy; locker.nice = top.nice;
  }
  private restore(piLock: PiLock): void {
    if (piLock.owner && piLock.own) Object.assign(piLock.owner, piLock.own);
    piLock.own = undefined;
  }
  private detach(key: string, piWaiter: PiWaiter): void {
    const piLock = this.locks.get(key), i = piLock?.waiters.indexOf(piWaiter) ?? -1;
    if (!piLock || i < 0) return;
    piLock.waiters.splice(i, 1);
    this.restore(piLock);
    if (piLock.waiters.length === 0) this.locks.delete(key); else this.inherit(piLock);
  }
  /** Waits for the lock of `owner`: 0 when granted, -ETIMEDOUT, -ERESTARTSYS. */
  *waitLock(key: string, owner: Locker | undefined, t: Locker, va: number, until: number): Co<number> {
    return yield* this.waitGrant(key, this.attach(key, owner, t, va), t, until);
  }
  /** Whether `owner` waits, directly or not, for a lock of `locker`. */
  wouldDeadlock(owner: Locker | undefined, locker: Locker): boolean {
    for (let holder = owner, n = 0; holder && n < CHAIN; n++) {
      if (holder === locker) return true;
      const waits: Locker = holder;
      holder = [...this.locks.values()].find((l) => l.waiters.some((w) => w.t === waits))?.owner;
    }
    return false;
  }
  private *waitGrant(key: string, piWaiter: PiWaiter, locker: Locker, until: number): Co<number> {
    try {
      while (!piWaiter.granted) {
        const slept = yield* locker.sleep(piWaiter.wq, until);
        if (slept < 0 && !piWaiter.granted) return slept;
      }
      return 0;
    } finally { if (!piWaiter.granted) this.detach(key, piWaiter); }
  }
  /** Gives the lock to the most urgent waiter and stores its number in the word. False: nobody waits. */
  handOver(key: string, died: 0 | 1 = 0): boolean {
    const piLock = this.locks.get(key), next = piLock?.waiters.shift();
    if (!piLock || !next) return false;
    this.restore(piLock);
    piLock.owner = next.t;
    setU32(next.t.mm, next.va, (Word.WAITERS | (died ? Word.OWNER_DIED : 0) | next.t.number) >>> 0);
    next.granted = true;
    next.t.wake();
    if (piLock.waiters.length === 0) this.locks.delete(key); else this.inherit(piLock);
    return true;
  }
  /** Some lock is contended. */
  get anyLocks(): boolean { return this.locks.size > 0; }
  /** Contended locks of this thread. */
  ownedBy(t: Locker): string[] { return [...this.locks.values()].filter((l) => l.owner === t).map((l) => l.key); }

  /** FUTEX_WAIT_REQUEUE_PI: waits on one word to get the lock at another. */
  *waitRequeue(locker: Locker, key: string, bits: number, target: string, until: number): Co<number> {
    const waiter = this.enter(locker, key, bits, target), wq = new WaitQueue();
    try {
      while (!waiter.woken) {
        const slept = yield* locker.sleep(wq, until);
        if (slept < 0 && !waiter.woken) return slept;
      }
    } finally { if (!waiter.woken) this.leave(waiter); }
    return waiter.lock ? yield* this.waitGrant(target, waiter.lock, locker, until) : 0;
  }
  /** The threads that wait at `from` for the lock at `to`; -EINVAL if one waits for another lock, or for none. */
  requeueCandidates(from: string, to: string, count: number): readonly Waiter[] | number {
    const list = this.buckets.get(from)?.waiters.slice(0, count) ?? [];
    return list.some((w) => w.target !== to) ? -E.INVAL : list;
  }
  /** Ends the first wait: the thread gets the lock, or waits for it. */
  moveToLock(waiter: Waiter, key: string, owner: Locker | undefined, va: number, granted: boolean): void {
    this.leave(waiter);
    waiter.woken = true;
    if (!granted) waiter.lock = this.attach(key, owner, waiter.t as Locker, va);
    waiter.t.wake();
  }
}
