/** Futexes: who waits on which word. The key is the frame-independent place: the address space for private memory, the object for shared. */
import { E } from '../abi/errno.ts';
import type { Mm } from '../mm/mm.ts';
import { WaitQueue, type Co, type Sleeper } from './wait.ts';

export const ANY_BITS = 0xffffffff;

interface FutexWaiter { readonly t: Sleeper; bits: number; woken: boolean; queue: Bucket }
interface Bucket { readonly key: string; waiters: FutexWaiter[] }

const ids = new WeakMap<object, number>();
let lastId = 0;
const idOf = (o: object): number => { let n = ids.get(o); if (n === undefined) ids.set(o, n = ++lastId); return n; };

/** Name of the word at `va`: equal for everybody who shares it. */
export function futexKey(mm: Mm, va: number): string {
  const area = mm.areas.find(va);
  if (area?.shared && area.object) return `s${idOf(area.object)}:${(va - area.start) + area.first * 4096}`;
  return `p${idOf(mm)}:${va}`;
}

export class FutexTable {
  private readonly buckets = new Map<string, Bucket>();

  private bucket(key: string): Bucket {
    let b = this.buckets.get(key);
    if (!b) this.buckets.set(key, b = { key, waiters: [] });
    return b;
  }
  private leave(w: FutexWaiter): void {
    const i = w.queue.waiters.indexOf(w);
    if (i >= 0) w.queue.waiters.splice(i, 1);
    if (w.queue.waiters.length === 0) this.buckets.delete(w.queue.key);
  }
  /** Sleeps until woken (0), -ETIMEDOUT, or -ERESTARTSYS. The caller has compared the word. */
  *wait(t: Sleeper, key: string, bits: number, until: number): Co<number> {
    const bucket = this.bucket(key), w: FutexWaiter = { t, bits, woken: false, queue: bucket }, wq = new WaitQueue();
    bucket.waiters.push(w);
    try {
      while (!w.woken) {
        const r = yield* t.sleep(wq, until);
        if (r < 0 && !w.woken) return r;
      }
      return 0;
    } finally { if (!w.woken) this.leave(w); }
  }
  wake(key: string, count: number, bits = ANY_BITS): number {
    const b = this.buckets.get(key);
    if (!b) return 0;
    let n = 0;
    for (const w of [...b.waiters]) {
      if (n >= count) break;
      if ((w.bits & bits) === 0) continue;
      this.leave(w);
      w.woken = true;
      w.t.wake();
      n++;
    }
    return n;
  }
  requeue(from: string, to: string, wake: number, move: number): number {
    const n = this.wake(from, wake), b = this.buckets.get(from);
    if (!b) return n;
    const moved = b.waiters.splice(0, Math.max(0, move)), target = this.bucket(to);
    for (const w of moved) { w.queue = target; target.waiters.push(w); }
    if (b.waiters.length === 0) this.buckets.delete(from);
    if (target.waiters.length === 0) this.buckets.delete(to);
    return n + moved.length;
  }
}
export const futexInvalid = (va: number): number => (va % 4 !== 0 ? -E.INVAL : 0);
