/** The futex calls: futex with all its operations, futex_waitv, futex_wake, futex_wait and futex_requeue. */
import { E } from '../abi/errno.ts';
import { Clock } from '../abi/linux.ts';
import { ANY_BITS, Word, futexKey, type Locker } from '../kernel/futex.ts';
import { CallError } from '../kernel/failure.ts';
import type { Thread } from '../kernel/thread.ts';
import type { Co } from '../kernel/wait.ts';
import { getBig, getI32, getI64, getU32, setU32 } from '../mm/uaccess.ts';
import { timespec } from './times.ts';
import { row, type Row } from './row.ts';

const Op = {
  WAIT: 0, WAKE: 1, REQUEUE: 3, CMP_REQUEUE: 4, WAKE_OP: 5, LOCK_PI: 6, UNLOCK_PI: 7, TRYLOCK_PI: 8, WAIT_BITSET: 9, WAKE_BITSET: 10,
  WAIT_REQUEUE_PI: 11, CMP_REQUEUE_PI: 12, LOCK_PI2: 13
} as const;
const PRIVATE = 128, CLOCK_REALTIME = 256;
const TIMED = new Set<number>([Op.WAIT, Op.LOCK_PI, Op.LOCK_PI2, Op.WAIT_BITSET, Op.WAIT_REQUEUE_PI]),
  WALL = new Set<number>([Op.WAIT_BITSET, Op.WAIT_REQUEUE_PI, Op.LOCK_PI2]);

/** The addresses that a call names. */
interface Words { readonly va: number; readonly va2: number; readonly own: boolean }
const keyAt = (thread: Thread, va: number, own: boolean): string => {
  if (va % 4 !== 0) throw new CallError(E.INVAL);
  thread.k.work.named();
  return futexKey(thread.mm, va, own);
};

function futex(thread: Thread, va: number, opArg: number, value: number, time: number, va2: number, value3: number): number | Co<number> {
  const op = opArg & ~0x180, own = (opArg & PRIVATE) !== 0, timed = TIMED.has(op), count = value | 0;
  const ns = timed && time ? timespec(thread, time) : Infinity;
  if (Number.isNaN(ns)) return -E.INVAL;
  if (opArg & CLOCK_REALTIME && !WALL.has(op)) return -E.NOSYS;
  const wall = (opArg & CLOCK_REALTIME) !== 0 || op === Op.LOCK_PI,
    until = ns === Infinity ? Infinity
      : op === Op.WAIT ? thread.sleepUntil >= 0 ? thread.sleepUntil : thread.k.clock.now() + ns
      : wall ? thread.k.clock.fromWall(ns)
      : ns,
    words: Words = { va, va2, own };
  switch (op) {
    case Op.WAIT: case Op.WAIT_BITSET: return wait(thread, words, value, until, op === Op.WAIT ? ANY_BITS : value3 >>> 0, op === Op.WAIT);
    case Op.WAKE: return thread.k.futexes.wake(keyAt(thread, va, own), Math.max(1, count));
    case Op.WAKE_BITSET: return value3 >>> 0 === 0 ? -E.INVAL
      : thread.k.futexes.wake(keyAt(thread, va, own), Math.max(1, count), value3 >>> 0);
    case Op.REQUEUE: case Op.CMP_REQUEUE: return requeue(thread, words, count, time | 0, op === Op.CMP_REQUEUE ? value3 : undefined);
    case Op.WAKE_OP: return wakeOp(thread, words, count, time, value3);
    case Op.LOCK_PI: case Op.LOCK_PI2: return lock(thread, va, own, until, false);
    case Op.TRYLOCK_PI: return lock(thread, va, own, until, true);
    case Op.UNLOCK_PI: return unlock(thread, va, own);
    case Op.WAIT_REQUEUE_PI: return waitRequeue(thread, words, value, until, 0xffff_ffff);
    case Op.CMP_REQUEUE_PI: return requeueToLock(thread, words, count, time | 0, value3);
    default: return -E.NOSYS;
  }
}
function wait(thread: Thread, { va, own }: Words, value: number, until: number, set: number, relative: boolean): number | Co<number> {
  if (set === 0) return -E.INVAL;
  const key = keyAt(thread, va, own);
  if (getI32(thread.mm, va) !== (value | 0)) return -E.AGAIN;
  if (relative && until !== Infinity) thread.sleepUntil = until;
  const co = thread.k.futexes.wait(thread, key, set, until);
  return until === Infinity ? co : timed(co);
}
/** A wait with a time limit restarts only if no handler ran. */
function* timed(co: Co<number>): Co<number> { const r = yield* co; return r === -E.RESTARTSYS ? -E.RESTARTNOHAND : r; }
function requeue(thread: Thread, { va, va2, own }: Words, wake: number, move: number, expected: number | undefined): number {
  if (wake < 0 || move < 0) return -E.INVAL;
  const from = keyAt(thread, va, own), to = keyAt(thread, va2, own);
  if (expected !== undefined && getU32(thread.mm, va) !== expected >>> 0) return -E.AGAIN;
  return thread.k.futexes.requeue(from, to, wake, move);
}
const sext12 = (x: number): number => (x << 20) >> 20;
/** FUTEX_WAKE_OP: changes the second word, wakes waiters of the first, and waiters of the second if its old value passes the comparison. */
function wakeOp(thread: Thread, { va, va2, own }: Words, count: number, count2: number, code: number): number {
  const first = keyAt(thread, va, own), second = keyAt(thread, va2, own), old = getI32(thread.mm, va2), arg = sext12((code >>> 12) & 0xfff),
    compare = sext12(code & 0xfff);
  const operand = code & 0x80000000 ? 1 << (arg & 31) : arg,
    next = [operand, old + operand, old | operand, old & ~operand, old ^ operand][(code >>> 28) & 7];
  if (next === undefined) return -E.NOSYS;
  setU32(thread.mm, va2, next >>> 0);
  const yes = [old === compare, old !== compare, old < compare, old <= compare, old > compare, old >= compare][(code >>> 24) & 15];
  if (yes === undefined) return -E.NOSYS;
  const n = thread.k.futexes.wake(first, Math.max(1, count));
  return yes ? n + thread.k.futexes.wake(second, Math.max(1, count2 | 0)) : n;
}

// ── priority inheritance ───────────────────────────────────────────────────────────────────────────────────────────────

/** The owner of a lock by the value of its word: -ESRCH if that thread does not exist. Process 1 never releases a lock. */
function ownerOf(thread: Thread, tid: number): Locker | undefined | number {
  const x = thread.k.pids.threadOf(thread.proc.numbers, tid);
  return x ?? (thread.proc.numbers.id(tid) === thread.k.init.pid ? undefined : -E.SRCH);
}
function lock(thread: Thread, va: number, own: boolean, until: number, only: boolean): number | Co<number> {
  const key = keyAt(thread, va, own), word = getU32(thread.mm, va), tid = word & Word.TID, waited = thread.k.futexes.lockOf(key);
  if (tid === thread.number) return -E.DEADLK;
  if (waited && waited.owner && waited.owner.number !== tid) return -E.INVAL;
  if (tid === 0 && !waited) { setU32(thread.mm, va, ((word & (Word.OWNER_DIED | Word.WAITERS)) | thread.number) >>> 0); return 0; }
  const owner = waited ? waited.owner : ownerOf(thread, tid);
  if (typeof owner === 'number') return owner;
  if (only) return -E.AGAIN;
  setU32(thread.mm, va, (word | Word.WAITERS) >>> 0);
  return thread.k.futexes.wouldDeadlock(owner, thread) ? -E.DEADLK : waitFor(thread, key, owner, va, until);
}
/** Waits until the lock is free; a handler may run in between. */
function* waitFor(thread: Thread, key: string, owner: Locker | undefined, va: number, until: number): Co<number> {
  const result = yield* thread.k.futexes.waitLock(key, owner, thread, va, until);
  return result === -E.RESTARTSYS ? -E.RESTARTNOINTR : result;
}
function unlock(thread: Thread, va: number, own: boolean): number {
  const key = keyAt(thread, va, own), word = getU32(thread.mm, va);
  if ((word & Word.TID) !== thread.number) return -E.PERM;
  if (!thread.k.futexes.handOver(key)) setU32(thread.mm, va, 0);
  thread.k.cpu.preempt();
  return 0;
}
function waitRequeue(thread: Thread, { va, va2, own }: Words, value: number, until: number, set: number): number | Co<number> {
  if (va === va2) return -E.INVAL;
  getU32(thread.mm, va2);
  const key = keyAt(thread, va, own), target = keyAt(thread, va2, own);
  if (getI32(thread.mm, va) !== (value | 0)) return -E.AGAIN;
  return key === target ? -E.INVAL : timed(thread.k.futexes.waitRequeue(thread, key, set, target, until));
}
function requeueToLock(thread: Thread, { va, va2, own }: Words, wake: number, move: number, expected: number): number {
  if (wake !== 1 || move < 0 || va === va2) return -E.INVAL;
  const from = keyAt(thread, va, own), to = keyAt(thread, va2, own);
  if (getU32(thread.mm, va) !== expected >>> 0) return -E.AGAIN;
  const list = thread.k.futexes.requeueCandidates(from, to, wake + move);
  if (typeof list === 'number') return list;
  for (const waiter of list) {
    const word = getU32(thread.mm, va2), tid = word & Word.TID, free = tid === 0 && !thread.k.futexes.lockOf(to),
      owner = free ? undefined : ownerOf(thread, tid), more = list.length > 1 ? Word.WAITERS : 0;
    if (typeof owner === 'number') return owner;
    setU32(thread.mm, va2, free ? (word & Word.OWNER_DIED | more | (waiter.t as Locker).number) >>> 0 : (word | Word.WAITERS) >>> 0);
    thread.k.futexes.moveToLock(waiter, to, owner, va2, free);
  }
  return list.length;
}

// ── the newer calls ────────────────────────────────────────────────────────────────────────────────────────────────────

/** FUTEX2_SIZE_U32, the only size; FUTEX2_PRIVATE. */
const U32 = 2, FUTEX2 = 3 | PRIVATE, MOST = 128;
const validFlags = (flags: number): boolean => (flags & ~FUTEX2) === 0 && (flags & 3) === U32;
const fits = (value: bigint): boolean => value >> 32n === 0n;
/** The deadline on the server's clock for an absolute time; NaN for an unknown clock or an invalid time. */
function deadline(thread: Thread, va: number, clock: number): number {
  if (va === 0) return Infinity;
  if (clock !== Clock.MONOTONIC && clock !== Clock.REALTIME) return NaN;
  const ns = timespec(thread, va);
  return clock === Clock.REALTIME ? thread.k.clock.fromWall(ns) : ns;
}
/** struct futex_waitv: u64 value, u64 address, u32 flags, u32 zero. */
function waitv(thread: Thread, va: number, count: number, flags: number, time: number, clock: number): number | Co<number> {
  if (flags !== 0 || count === 0 || count >>> 0 > MOST || va === 0) return -E.INVAL;
  const until = deadline(thread, time, clock | 0), words: { key: string; bits: number; at: number; value: bigint }[] = [];
  if (Number.isNaN(until)) return -E.INVAL;
  for (let i = 0; i < count; i++) {
    const at = va + 24 * i, value = getBig(thread.mm, at), how = getU32(thread.mm, at + 16);
    if (!validFlags(how) || getU32(thread.mm, at + 20) !== 0 || !fits(value)) return -E.INVAL;
    words.push({ key: keyAt(thread, getI64(thread.mm, at + 8), (how & PRIVATE) !== 0), bits: ANY_BITS, at: getI64(thread.mm, at + 8),
      value });
  }
  if (words.some((w) => BigInt(getU32(thread.mm, w.at)) !== w.value)) return -E.AGAIN;
  const co = thread.k.futexes.waitAny(thread, words, until);
  return until === Infinity ? co : timed(co);
}
const asMask = (n: number): number => (n < 0 || n > 0xffff_ffff ? 0 : n);
function futexWake(thread: Thread, va: number, mask: number, count: number, flags: number): number {
  if (!validFlags(flags) || asMask(mask) === 0) return -E.INVAL;
  return thread.k.futexes.wake(keyAt(thread, va, (flags & PRIVATE) !== 0), count | 0, mask);
}
function futexWait2(thread: Thread, va: number, value: number, mask: number, flags: number, time: number,
    clock: number): number | Co<number> {
  const until = deadline(thread, time, clock | 0);
  if (!validFlags(flags) || asMask(mask) === 0 || value < 0 || value > 0xffff_ffff || Number.isNaN(until)) return -E.INVAL;
  return wait(thread, { va, va2: 0, own: (flags & PRIVATE) !== 0 }, value, until, mask, false);
}
function futexRequeue(thread: Thread, va: number, flags: number, wake: number, move: number): number {
  if (flags !== 0 || va === 0 || (wake | 0) < 0 || (move | 0) < 0) return -E.INVAL;
  const read = (at: number): { value: bigint; at: number; flags: number } => ({
    value: getBig(thread.mm, at), at: getI64(thread.mm, at + 8), flags: getU32(thread.mm, at + 16)
  }),
    source = read(va), target = read(va + 24);
  if (!validFlags(source.flags) || !validFlags(target.flags) || getU32(thread.mm, va + 20) !== 0 || getU32(thread.mm, va + 44) !== 0
      || !fits(source.value))
    return -E.INVAL;
  const from = keyAt(thread, source.at, (source.flags & PRIVATE) !== 0), to = keyAt(thread, target.at, (target.flags & PRIVATE) !== 0);
  return BigInt(getU32(thread.mm, source.at)) === source.value ? thread.k.futexes.requeue(from, to, wake | 0, move | 0) : -E.AGAIN;
}

export const futexCalls: Row[] = [
  row('futex', futex), row('futex_waitv', waitv), row('futex_wake', futexWake), row('futex_wait', futexWait2),
  row('futex_requeue', futexRequeue)
];
