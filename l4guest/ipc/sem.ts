/** System V semaphores: sets of counters; one call does several operations, all of them or none. */
import { E } from '../abi/errno.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Process } from '../kernel/process.ts';
import type { Thread } from '../kernel/thread.ts';
import { WaitQueue, type Co } from '../kernel/wait.ts';
import { getU16, setI64, setU16, setU32 } from '../mm/uaccess.ts';
import { timespec } from '../syscalls/times.ts';
import { Ipc, putPerm, seconds, setPerm, type IpcObject, type Perm } from './objects.ts';

const Sem = {
  UNDO: 0o10000, GETPID: 11, GETVAL: 12, GETALL: 13, GETNCNT: 14, GETZCNT: 15, SETVAL: 16, SETALL: 17, STAT: 18, INFO: 19, STAT_ANY: 20
} as const;
/** Largest value, semaphores in a set, operations in a call, sets. */
const MAX_VALUE = 32767, MAX_SET = 32000, MAX_OPS = 500;
export const SEM_MOST = 32000;

interface Op { readonly num: number; readonly op: number; readonly flags: number }

export class SemSet implements IpcObject {
  readonly id: number;
  readonly perm: Perm;
  removed = false;
  readonly values: number[];
  /** The last process that changed each semaphore. */
  readonly pids: number[];
  readonly wq = new WaitQueue();
  /** Waiting operations: the first that is not possible. */
  readonly waiting = new Set<Op>();
  /** Adjustments at the end of a process, for each of its semaphores (SEM_UNDO). */
  readonly undo = new Map<Process, Map<number, number>>();
  otime = 0;
  ctime: number;
  constructor(id: number, perm: Perm, n: number, now: number) {
    this.id = id;
    this.perm = perm;
    this.values = new Array<number>(n).fill(0);
    this.pids = new Array<number>(n).fill(0);
    this.ctime = now;
  }

  /** Performs all operations and returns undefined, or none: returns the one that must wait, or -errno. */
  attempt(ops: readonly Op[], process: Process): Op | number | undefined {
    const next = new Map<number, number>();
    for (const op of ops) {
      const old = next.get(op.num) ?? this.values[op.num]!, value = old + op.op;
      if (op.op === 0 ? old !== 0 : value < 0) return op;
      if (value > MAX_VALUE) return -E.RANGE;
      next.set(op.num, value);
    }
    if (!this.owe(ops.filter((o) => o.flags & Sem.UNDO), process)) return -E.NOMEM;
    for (const [num, value] of next) { this.values[num] = value; this.pids[num] = process.pid; }
    this.wq.wakeAll();
    return undefined;
  }
  /** Records the process's adjustments for these operations; false: no memory for them. */
  private owe(ops: readonly Op[], process: Process): boolean {
    if (ops.length === 0) return true;
    const back = this.undo.get(process) ?? new Map<number, number>(),
      more = new Set(ops.map((o) => o.num).filter((n) => !back.has(n))).size;
    if (!process.k.frames.charge(UNDO_COST * more)) return false;
    for (const op of ops) back.set(op.num, (back.get(op.num) ?? 0) - op.op);
    this.undo.set(process, back);
    return true;
  }
  /** Sets a value, and drops all adjustments of it. */
  set(num: number, value: number, pid: number): void {
    this.values[num] = value;
    this.pids[num] = pid;
    for (const back of this.undo.values()) if (back.has(num)) back.set(num, 0);
  }
}

/** Server memory of an adjustment, bytes. */
const UNDO_COST = 160;
/** Server memory of a set with this many semaphores, bytes. */
const setCost = (n: number): number => 512 + 16 * n;
export function semget(thread: Thread, key: number, n: number, flags: number): number {
  if (n < 0 || n > MAX_SET) return -E.INVAL;
  return thread.proc.ipc.sem.get(thread, key, flags, (id, perm) => (n === 0 ? -E.INVAL : thread.k.frames.charge(setCost(n))
    ? new SemSet(id, perm, n, seconds(thread)) : -E.NOMEM), (old) => (n > old.values.length ? -E.INVAL : 0));
}

export function semtimedop(thread: Thread, id: number, va: number, countArg: number, timeVa: number): number | Co<number> {
  const count = countArg >>> 0;
  const ns = timeVa ? timespec(thread, timeVa) : Infinity, ops: Op[] = [];
  if (count < 1 || id < 0) return -E.INVAL;
  if (count > MAX_OPS) return -E.TOOBIG;
  for (let i = 0; i < count; i++)
    ops.push({ num: getU16(thread.mm, va + 6 * i), op: (getU16(thread.mm, va + 6 * i + 2) << 16) >> 16,
      flags: getU16(thread.mm, va + 6 * i + 4) });
  if (Number.isNaN(ns)) return -E.INVAL;
  const semSet = thread.proc.ipc.sem.find(id);
  if (!semSet) return -E.INVAL;
  if (ops.some((o) => o.num >= semSet.values.length)) return -E.FBIG;
  if (!semSet.perm.allows(thread.creds, ops.some((o) => o.op !== 0) ? 0o200 : 0o400)) return -E.ACCES;
  const outcome = semSet.attempt(ops, thread.proc);
  if (outcome === undefined) { semSet.otime = seconds(thread); return 0; }
  return typeof outcome === 'number' ? outcome
    : outcome.flags & Ipc.NOWAIT ? -E.AGAIN : operate(thread, semSet, ops, outcome, thread.k.clock.now() + ns);
}
function* operate(thread: Thread, semSet: SemSet, ops: readonly Op[], first: Op, until: number): Co<number> {
  for (let blocked = first; ; ) {
    semSet.waiting.add(blocked);
    let slept: number;
    try { slept = yield* thread.sleep(semSet.wq, until); } finally { semSet.waiting.delete(blocked); }
    if (semSet.removed) return -E.IDRM;
    const again = semSet.attempt(ops, thread.proc);
    if (again === undefined) { semSet.otime = seconds(thread); return 0; }
    if (typeof again === 'number') return again;
    if (again.flags & Ipc.NOWAIT || slept === -E.TIMEDOUT) return -E.AGAIN;
    if (slept < 0) return -E.INTR; // never restarted, whatever the handler's flags
    blocked = again;
  }
}
/** The end of a process: SEM_UNDO. */
export function undoSemaphores(k: Kernel, process: Process): void {
  for (const semSet of k.ipc.sem.slots) {
    const back = semSet?.undo.get(process);
    if (!semSet || !back) continue;
    semSet.undo.delete(process);
    k.frames.uncharge(UNDO_COST * back.size);
    back.forEach((n, i) => {
      if (n === 0) return;
      semSet.values[i] = Math.min(MAX_VALUE, Math.max(0, semSet.values[i]! + n));
      semSet.pids[i] = process.pid;
    });
    semSet.wq.wakeAll();
  }
}

// ── control ────────────────────────────────────────────────────────────────────────────────────────────────────────────

export function semctl(thread: Thread, id: number, num: number, command: number, arg: number): number {
  const all = thread.proc.ipc.sem, cmd = command & 0xff;
  if (id < 0) return -E.INVAL;
  if (cmd === Ipc.INFO || cmd === Sem.INFO) return info(thread, cmd, arg);
  if (cmd === Sem.SETVAL && ((arg | 0) < 0 || (arg | 0) > MAX_VALUE)) return -E.RANGE;
  const semSet = cmd === Sem.STAT || cmd === Sem.STAT_ANY ? all.slots[id] : all.find(id);
  if (!semSet) return -E.INVAL;
  if (cmd === Ipc.RMID) {
    if (!semSet.perm.owns(thread.creds)) return -E.PERM;
    all.remove(semSet);
    thread.k.frames.uncharge(setCost(semSet.values.length));
    for (const back of semSet.undo.values()) thread.k.frames.uncharge(UNDO_COST * back.size);
    semSet.undo.clear();
    semSet.wq.wakeAll();
    return 0;
  }
  if (cmd === Ipc.SET) { const result = setPerm(thread, arg, semSet); if (result === 0) semSet.ctime = seconds(thread); return result; }
  if (cmd !== Sem.STAT_ANY && !semSet.perm.allows(thread.creds, cmd === Sem.SETVAL || cmd === Sem.SETALL ? 0o222 : 0o444)) return -E.ACCES;
  return cmd === Ipc.STAT || cmd === Sem.STAT || cmd === Sem.STAT_ANY ? stat(thread, semSet, cmd, arg)
    : values(thread, semSet, num, cmd, arg);
}
function stat(thread: Thread, semSet: SemSet, cmd: number, va: number): number {
  putPerm(thread, va, semSet, 88);
  [semSet.otime, semSet.ctime, semSet.values.length].forEach((n, i) => { setI64(thread.mm, va + 48 + 8 * i, n); });
  return cmd === Ipc.STAT ? 0 : semSet.id;
}
function values(thread: Thread, semSet: SemSet, num: number, cmd: number, arg: number): number {
  if (cmd === Sem.GETALL) { semSet.values.forEach((v, i) => { setU16(thread.mm, arg + 2 * i, v); }); return 0; }
  if (cmd === Sem.SETALL) {
    const next = semSet.values.map((_, i) => getU16(thread.mm, arg + 2 * i));
    if (next.some((v) => v > MAX_VALUE)) return -E.RANGE;
    return changed(thread, semSet, () => { next.forEach((v, i) => { semSet.set(i, v, thread.proc.pid); }); });
  }
  if (num < 0 || num >= semSet.values.length) return -E.INVAL;
  switch (cmd) {
    case Sem.GETVAL: return semSet.values[num]!;
    case Sem.GETPID: return semSet.pids[num]!;
    case Sem.GETNCNT: return [...semSet.waiting].filter((o) => o.num === num && o.op < 0).length;
    case Sem.GETZCNT: return [...semSet.waiting].filter((o) => o.num === num && o.op === 0).length;
    case Sem.SETVAL: {
      const value = arg | 0;
      return value < 0 || value > MAX_VALUE ? -E.RANGE : changed(thread, semSet, () => { semSet.set(num, value, thread.proc.pid); });
    }
    default: return -E.INVAL;
  }
}
function changed(thread: Thread, semSet: SemSet, change: () => void): number {
  change();
  semSet.ctime = seconds(thread);
  semSet.wq.wakeAll();
  return 0;
}
/** struct seminfo: ten integers. */
function info(thread: Thread, cmd: number, va: number): number {
  const all = thread.proc.ipc.sem, total = all.slots.reduce((n, s) => n + (s?.values.length ?? 0), 0), now = cmd === Sem.INFO;
  [
    SEM_MOST * MAX_SET, SEM_MOST, SEM_MOST * MAX_SET, SEM_MOST * MAX_SET, MAX_SET, MAX_OPS, MAX_OPS, now ? all.count : 20, MAX_VALUE,
    now ? total : MAX_VALUE
  ].forEach((n,
      i) => { setU32(thread.mm, va + 4 * i, n); });
  return all.last;
}
