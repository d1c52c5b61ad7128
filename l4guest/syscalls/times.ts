/** Clocks, sleeping, interval timers, accounting. */
import { Cap, Clock, Sig } from '../abi/linux.ts';
import { capable } from '../kernel/creds.ts';
import { E } from '../abi/errno.ts';
import { armPosix, posixTimers, setRealTimer, stopPosix, timerNow, type PosixTimer } from '../kernel/itimers.ts';
import { cpuOf, cpuOfProcess, setCpuItimer } from '../kernel/cputimers.ts';
import type { Process } from '../kernel/process.ts';
import type { Thread } from '../kernel/thread.ts';
import type { Co } from '../kernel/wait.ts';
import { clearUser, getBig, getI32, getI64, getU32, setI64, setU32 } from '../mm/uaccess.ts';
import { row, type Row } from './row.ts';

/** A struct timespec as ns; NaN where it is not one. */
export function timespec(t: Thread, va: number): number {
  const s = getI64(t.mm, va), n = getI64(t.mm, va + 8);
  return s < 0 || n < 0 || n >= 1e9 ? NaN : s * 1e9 + n;
}
export function putTimespec(t: Thread, va: number, ns: number): void {
  const s = Math.floor(ns / 1e9);
  setI64(t.mm, va, s);
  setI64(t.mm, va + 8, Math.floor(ns - s * 1e9));
}
/** A struct timeval as ns. */
const timeval = (t: Thread, va: number): number => { const u = getI64(t.mm, va + 8); return u < 0 || u >= 1e6 ? NaN : getI64(t.mm, va) * 1e9 + u * 1000; };
function putTimeval(t: Thread, va: number, ns: number): void { const s = Math.floor(ns / 1e9); setI64(t.mm, va, s); setI64(t.mm, va + 8, Math.floor((ns - s * 1e9) / 1000)); }

const isWall = (clock: number): boolean => clock === Clock.REALTIME || clock === Clock.REALTIME_COARSE || clock === Clock.TAI || clock === Clock.REALTIME_ALARM;
/** Clocks of processor time: of the caller, or (negative) ~pid · 8 + kind of somebody; `thread` where it is a thread's. */
export function cpuClock(t: Thread, clock: number): { readonly proc: Process; readonly thread: Thread | undefined } | undefined {
  if (clock === Clock.PROCESS) return { proc: t.proc, thread: undefined };
  if (clock === Clock.THREAD) return { proc: t.proc, thread: t };
  if (clock >= 0) return undefined;
  const id = ~(clock >> 3), perThread = (clock & 4) !== 0;
  if ((clock & 3) === 3) return undefined;
  const thread = perThread ? (id === 0 ? t : t.k.pids.threads.get(id)) : undefined, proc = perThread ? thread?.proc : id === 0 ? t.proc : t.k.pids.processes.get(id);
  return proc && (!perThread || proc === t.proc) ? { proc, thread } : undefined;
}
const cpuTime = (c: { readonly proc: Process; readonly thread: Thread | undefined }): number => (c.thread ? cpuOf(c.thread) : cpuOfProcess(c.proc));

function clockGet(t: Thread, clock: number, va: number): number {
  const c = clock | 0;
  if (isWall(c)) { const w = t.k.clock.wall(); setI64(t.mm, va, w.s); setI64(t.mm, va + 8, Math.floor(w.n)); return 0; }
  const cpu = cpuClock(t, c);
  if (cpu) { putTimespec(t, va, cpuTime(cpu)); return 0; }
  if (c < 0 || c > 11 || c === 10) return -E.INVAL;
  putTimespec(t, va, t.k.clock.now());
  return 0;
}
/** Deadline on the server's clock for a time on one of ours. */
function deadline(t: Thread, clock: number, ns: number, absolute: boolean): number {
  if (!absolute) return t.k.clock.now() + ns;
  return isWall(clock) ? t.k.clock.fromWall(ns) : ns;
}
function* sleepUntil(t: Thread, until: number, restAt: number, relative: boolean): Co<number> {
  for (;;) {
    const r = yield* t.sleep(undefined, until);
    if (r === -E.TIMEDOUT) { t.sleepUntil = -1; return 0; }
    if (r < 0) {
      t.sleepUntil = until;
      if (relative && restAt) putTimespec(t, restAt, Math.max(0, until - t.k.clock.now()));
      return -E.RESTARTNOHAND;
    }
  }
}
function nanosleep(t: Thread, clock: number, flags: number, va: number, restVa: number): number | Co<number> {
  const ns = timespec(t, va);
  if (Number.isNaN(ns) || clock > 11) return -E.INVAL;
  const until = t.sleepUntil >= 0 ? t.sleepUntil : deadline(t, clock, ns, (flags & 1) !== 0);
  return until <= t.k.clock.now() ? 0 : sleepUntil(t, until, restVa, (flags & 1) === 0);
}

function getitimer(t: Thread, which: number, va: number): number {
  if (which !== 0 && which !== 1 && which !== 2) return -E.INVAL;
  const r = which === 0 ? t.proc.real : t.proc.cpuItimers[which - 1]!, now = which === 0 ? t.k.clock.now() : cpuOfProcess(t.proc);
  putTimeval(t, va, r.interval);
  putTimeval(t, va + 16, r.at > 0 ? Math.max(1000, r.at - now) : 0);
  return 0;
}
function setitimer(t: Thread, which: number, newVa: number, oldVa: number): number {
  const interval = newVa ? timeval(t, newVa) : 0, value = newVa ? timeval(t, newVa + 16) : 0;
  if ((which !== 0 && which !== 1 && which !== 2) || Number.isNaN(interval) || Number.isNaN(value)) return -E.INVAL;
  if (oldVa) getitimer(t, which, oldVa);
  if (which === 0) setRealTimer(t.k, t.proc, value, interval); else setCpuItimer(t.proc, which as 1 | 2, value, interval);
  return 0;
}

// ── POSIX timers ───────────────────────────────────────────────────────────────────────────────────────────────────────

function timerCreate(t: Thread, clock: number, event: number, idVa: number): number {
  const cpu = cpuClock(t, clock | 0);
  if (!cpu && (clock < 0 || clock > 11 || clock === 10 || clock === 4 || clock === 5 || clock === 6)) return -E.INVAL;
  const all = posixTimers(t.proc), id = all.size ? Math.max(...all.keys()) + 1 : 0;
  const notify = event ? getI32(t.mm, event + 12) : 0, signal = notify === 1 ? 0 : event ? getI32(t.mm, event + 8) : Sig.ALRM;
  if (signal < 0 || signal > 64) return -E.INVAL;
  all.set(id, { id, clock, cpu, signal, value: event ? getBig(t.mm, event) : BigInt(id), tid: notify === 4 ? getI32(t.mm, event + 16) : 0, at: 0, interval: 0, overrun: 0, timer: undefined });
  setU32(t.mm, idVa, id);
  return 0;
}
function putTimer(t: Thread, va: number, x: PosixTimer): void { putTimespec(t, va, x.interval); putTimespec(t, va + 16, x.at > 0 ? Math.max(1, x.at - timerNow(t.k, x)) : 0); }
function timerSet(t: Thread, id: number, flags: number, newVa: number, oldVa: number): number {
  const x = posixTimers(t.proc).get(id), interval = timespec(t, newVa), value = timespec(t, newVa + 16);
  if (!x || Number.isNaN(interval) || Number.isNaN(value)) return -E.INVAL;
  if (oldVa) putTimer(t, oldVa, x);
  armPosix(t.k, t.proc, x, value > 0 ? Math.max(1, x.cpu ? value + (flags & 1 ? 0 : timerNow(t.k, x)) : deadline(t, x.clock, value, (flags & 1) !== 0)) : 0, interval);
  return 0;
}
function withTimer(t: Thread, id: number, use: (x: PosixTimer) => number): number { const x = posixTimers(t.proc).get(id); return x ? use(x) : -E.INVAL; }

// ── accounting ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** struct rusage: user time, system time, 14 longs of which we know two. */
export function putRusage(t: Thread, va: number, ns: number, faults: number): void {
  for (let i = 0; i < 18; i++) setI64(t.mm, va + 8 * i, 0);
  putTimeval(t, va, ns);
  setI64(t.mm, va + 32, Math.floor(t.mm.resident / 1024));
  setI64(t.mm, va + 64, faults);
}
function getrusage(t: Thread, who: number, va: number): number {
  if ((who | 0) === -1) putRusage(t, va, t.proc.childCpuNs, t.proc.childFaults);
  else if (who === 0) putRusage(t, va, cpuOfProcess(t.proc), t.mm.minorFaults);
  else if (who === 1) putRusage(t, va, cpuOf(t), t.mm.minorFaults);
  else return -E.INVAL;
  return 0;
}
function times(t: Thread, va: number): number {
  const ticks = (ns: number): number => Math.floor(ns / 1e7);
  if (va) [ticks(cpuOfProcess(t.proc)), 0, ticks(t.proc.childCpuNs), 0].forEach((n, i) => { setI64(t.mm, va + 8 * i, n); });
  return ticks(t.k.clock.now());
}
/** Only the wall clock can be set. */
function clockSet(t: Thread, clock: number, va: number): number {
  const ns = timespec(t, va);
  if (clock !== Clock.REALTIME || Number.isNaN(ns)) return -E.INVAL;
  if (!capable(t.proc.creds, Cap.SYS_TIME)) return -E.PERM;
  t.k.clock.setWall(getI64(t.mm, va), getI64(t.mm, va + 8));
  return 0;
}
function setTimeOfDay(t: Thread, va: number): number {
  if (va && Number.isNaN(timeval(t, va))) return -E.INVAL;
  if (!capable(t.proc.creds, Cap.SYS_TIME)) return -E.PERM;
  if (va) t.k.clock.setWall(getI64(t.mm, va), getI64(t.mm, va + 8) * 1000);
  return 0;
}
/** struct timex of a clock that is never disciplined: modes asked for, status "unsynchronised". Answers TIME_ERROR. */
function adjustTime(t: Thread, va: number): number {
  if (getU32(t.mm, va) !== 0 && !capable(t.proc.creds, Cap.SYS_TIME)) return -E.PERM;
  clearUser(t.mm, va + 8, 200);
  setU32(t.mm, va + 40, 64);
  const w = t.k.clock.wall();
  setI64(t.mm, va + 72, w.s);
  setI64(t.mm, va + 80, Math.floor(w.n / 1000));
  setI64(t.mm, va + 88, 10_000);
  return 5;
}

export const timeCalls: Row[] = [
  row('clock_gettime', clockGet),
  row('clock_getres', (t, c, va) => { if (!cpuClock(t, c | 0) && (c < 0 || c > 11 || c === 10)) return -E.INVAL; if (va) putTimespec(t, va, 1); return 0; }),
  row('clock_settime', (t, c, va) => clockSet(t, c | 0, va), { note: 'timers that run keep their deadlines' }), row('settimeofday', setTimeOfDay),
  row('adjtimex', adjustTime, { note: 'reports a free clock, changes nothing' }), row('clock_adjtime', (t, c, va) => (c === Clock.REALTIME ? adjustTime(t, va) : -E.OPNOTSUPP), { note: 'reports a free clock, changes nothing' }),
  row('gettimeofday', (t, va, zone) => { const w = t.k.clock.wall(); if (va) { setI64(t.mm, va, w.s); setI64(t.mm, va + 8, Math.floor(w.n / 1000)); } if (zone) setI64(t.mm, zone, 0); return 0; }),
  row('nanosleep', (t, va, rest) => nanosleep(t, Clock.MONOTONIC, 0, va, rest)), row('clock_nanosleep', nanosleep),
  row('getitimer', getitimer), row('setitimer', setitimer, { note: 'user time is not told apart from system time' }),
  row('timer_create', timerCreate), row('timer_settime', timerSet),
  row('timer_gettime', (t, id, va) => withTimer(t, id, (x) => { putTimer(t, va, x); return 0; })), row('timer_getoverrun', (t, id) => withTimer(t, id, (x) => x.overrun)),
  row('timer_delete', (t, id) => withTimer(t, id, (x) => { stopPosix(t.k, x); posixTimers(t.proc).delete(id); return 0; })),
  row('getrusage', getrusage), row('times', times),
];
