/** Scheduling: policies and priorities, processors (there is one). */
import { Cap, Limit, Policy } from '../abi/linux.ts';
import { capable } from '../kernel/creds.ts';
import { E } from '../abi/errno.ts';
import { SLICE } from '../kernel/cpu.ts';
import { CallError } from '../kernel/failure.ts';
import { Thread } from '../kernel/thread.ts';
import { copyOut, getBig, getI32, getU32, setBig, setI64, setU32 } from '../mm/uaccess.ts';
import { extensible, row, type Row } from './row.ts';

const RESET_ON_FORK = 0x4000_0000;
const isReal = (policy: number): boolean => policy === Policy.FIFO || policy === Policy.RR;
const isPolicy = (policy: number): boolean =>
  isReal(policy) || policy === Policy.OTHER || policy === Policy.BATCH || policy === Policy.IDLE;

/** The thread that a call names, 0 = the caller; -EINVAL, -ESRCH. Process 1 has no thread of its own: it gets one for this call. */
function named(thread: Thread, tid: number): Thread | number {
  if (tid < 0) return -E.INVAL;
  const { init } = thread.k;
  return tid === 0 ? thread : thread.k.pids.threadOf(thread.proc.numbers, tid) ??
    (thread.proc.numbers.id(tid) === init.pid ? new Thread(thread.k, tid, init, init.name) : -E.SRCH);
}
const withThread = (thread: Thread, tid: number, use: (x: Thread) => number): number => {
  const x = named(thread, tid | 0);
  return typeof x === 'number' ? x : use(x);
};

/** Whether the caller may give `x` this policy and priority: it may lower its own, RLIMIT_RTPRIO allows some, CAP_SYS_NICE all. */
function mayChange(thread: Thread, x: Thread, policy: number, priority: number): boolean {
  const creds = thread.creds;
  if (capable(creds, Cap.SYS_NICE)) return true;
  if (creds.euid !== x.proc.creds.uid && creds.euid !== x.proc.creds.euid) return false;
  const most = x.proc.limits.soft[Limit.RTPRIO]!;
  if (isReal(policy) && ((policy !== x.policy && most === 0) || (priority > x.rt && priority > most))) return false;
  return !(x.policy === Policy.IDLE && policy !== Policy.IDLE) || x.nice >= 20 - x.proc.limits.soft[Limit.NICE]!;
}
function change(thread: Thread, x: Thread, policy: number, priority: number, reset: boolean): number {
  if (!isPolicy(policy) || (isReal(policy) ? priority < 1 || priority > 99 : priority !== 0)) return -E.INVAL;
  if (!mayChange(thread, x, policy, priority)) return -E.PERM;
  x.policy = policy;
  x.rt = priority;
  x.resetOnFork = reset;
  thread.k.cpu.preempt();
  return 0;
}
function setscheduler(thread: Thread, tid: number, policyArg: number, va: number): number {
  const policy = policyArg & ~RESET_ON_FORK;
  if (va === 0 || policy < 0) return -E.INVAL;
  return withThread(thread, tid, (x) => change(thread, x, policy, getI32(thread.mm, va), (policyArg & RESET_ON_FORK) !== 0));
}
function setparam(thread: Thread, tid: number, va: number): number {
  const real = va === 0 ? 0 : getI32(thread.mm, va);
  return va === 0 ? -E.INVAL : withThread(thread, tid, (x) => change(thread, x, x.policy, real, x.resetOnFork));
}
const getparam = (t: Thread, tid: number, va: number): number =>
  (va === 0 ? -E.INVAL : withThread(t, tid, (x) => { setU32(t.mm, va, x.rt); return 0; }));

/** struct sched_attr: size, policy, flags (8), nice, priority, three of SCHED_DEADLINE, which is not supported, and two of utilization. */
const ATTR = 56, ATTR_LEAST = 48;
const SchedFlag = { RESET_ON_FORK: 1, KEEP_POLICY: 8, KEEP_PARAMS: 0x10, UTIL: 0x60, ALL: 0x7f } as const;
/** The structure; if its size is not ours, the caller is told ours. */
function readAttr(thread: Thread, va: number): DataView | number {
  const size = getU32(thread.mm, va);
  try {
    return size > 0 && size < ATTR_LEAST ? tellSize(thread, va) : extensible(thread, va, size || ATTR_LEAST, ATTR_LEAST, ATTR);
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    return tellSize(thread, va);
  }
}
function tellSize(t: Thread, va: number): number { setU32(t.mm, va, ATTR); return -E.TOOBIG; }
function setattr(thread: Thread, tid: number, va: number, flags: number): number {
  if (va === 0 || (tid | 0) < 0 || flags !== 0) return -E.INVAL;
  const attributes = readAttr(thread, va);
  if (typeof attributes === 'number') return attributes;
  const given = attributes.getInt32(4, true), options = attributes.getUint32(8, true),
    nice = Math.max(-20, Math.min(19, attributes.getInt32(16, true))),
    priority = attributes.getUint32(20, true);
  if (given < 0) return -E.INVAL;
  return withThread(thread, tid, (x) => {
    const policy = options & SchedFlag.KEEP_POLICY ? x.policy : given, keep = (options & SchedFlag.KEEP_PARAMS) !== 0;
    if (attributes.getUint32(12, true) !== 0 || options & ~SchedFlag.ALL) return -E.INVAL;
    if (options & SchedFlag.UTIL) return -E.OPNOTSUPP;
    if (!isReal(policy) && nice < x.nice && !keep && !capable(thread.creds, Cap.SYS_NICE)) return -E.PERM;
    const result = change(thread, x, policy, keep ? x.rt : priority, (options & SchedFlag.RESET_ON_FORK) !== 0);
    if (result === 0 && !isReal(policy) && !keep) x.nice = nice;
    return result;
  });
}
function getattr(thread: Thread, tid: number, va: number, size: number, flags: number): number {
  if (va === 0 || (tid | 0) < 0 || size < ATTR_LEAST || size > 4096 || flags !== 0) return -E.INVAL;
  return withThread(thread, tid, (x) => {
    const out = new DataView(new ArrayBuffer(Math.min(size, ATTR))), told = Math.min(size, ATTR);
    out.setUint32(0, told, true);
    out.setUint32(4, x.policy, true);
    out.setUint32(8, x.resetOnFork ? 1 : 0, true);
    out.setInt32(16, isReal(x.policy) ? 0 : x.nice, true);
    out.setUint32(20, x.rt, true);
    copyOut(thread.mm, va, new Uint8Array(out.buffer));
    return 0;
  });
}
/** Bytes of a set of processors: Debian's kernel for riscv64 has as many. */
const CPU_SET = 16;
function getaffinity(thread: Thread, tid: number, sizeArg: number, va: number): number {
  const size = sizeArg >>> 0;
  if ((size * 8) % 2 ** 32 < 64 || size % 8) return -E.INVAL;
  return withThread(thread, tid, () => {
    setBig(thread.mm, va, 1n);
    if (size >= CPU_SET) setBig(thread.mm, va + 8, 0n);
    return Math.min(size, CPU_SET);
  });
}
function setaffinity(thread: Thread, tid: number, sizeArg: number, va: number): number {
  const size = sizeArg >>> 0;
  const first = size >= 8 ? getBig(thread.mm, va) : size > 0 ? BigInt(getU32(thread.mm, va)) : 0n;
  if ((tid | 0) < 0) return -E.SRCH;
  return withThread(thread, tid, (x) => (first & 1n ? (mayChange(thread, x, Policy.OTHER, 0) ? 0 : -E.PERM) : -E.INVAL));
}
function interval(thread: Thread, tid: number, va: number): number {
  return withThread(thread, tid, (x) => {
    setI64(thread.mm, va, 0);
    setI64(thread.mm, va + 8, x.policy === Policy.FIFO ? 0 : x.policy === Policy.RR ? thread.k.cpu.realtimeSlice() : SLICE);
    return 0;
  });
}
const yieldCpu = (thread: Thread): number => {
  thread.k.work.found();
  if (thread.k.cpu.ready.length > 0) { thread.k.cpu.ready.stepBack(thread); thread.k.cpu.resched = true; }
  return 0;
};
const range = (policy: number, real: number): number => (isReal(policy) ? real
  : isPolicy(policy) || policy === 6 || policy === 7 ? 0 : -E.INVAL);

export const schedCalls: Row[] = [
  row('sched_yield', yieldCpu), row('sched_getaffinity', getaffinity), row('sched_setaffinity', setaffinity, { note: 'one processor' }),
  row('sched_getscheduler', (t, tid) => withThread(t, tid, (x) => x.policy | (x.resetOnFork ? RESET_ON_FORK : 0))),
  row('sched_setscheduler', (t, tid, policy, va) => setscheduler(t, tid, policy | 0, va), { note: 'no SCHED_DEADLINE' }),
  row('sched_setparam', setparam), row('sched_getparam', getparam),
  row('sched_get_priority_max', (_t, p) => range(p | 0, 99)), row('sched_get_priority_min', (_t, p) => range(p | 0, 1)),
  row('sched_rr_get_interval', interval), row('sched_setattr', setattr, { note: 'no SCHED_DEADLINE' }), row('sched_getattr', getattr),
];
