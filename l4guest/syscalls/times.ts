/** Clocks, sleeping, interval timers, accounting. */
import { Cap, Clock, Limit, Sig } from '../abi/linux.ts';
import { capable } from '../kernel/creds.ts';
import { E } from '../abi/errno.ts';
import {
  TIMER_COST, posixTimers, setPosix, setRealTimer, setWall, stopPosix, timerNow, untilFires, type PosixTimer,
} from '../kernel/itimers.ts';
import {
  addCpuTimer, cancelCpuTimer, cpuOf, cpuOfProcess, itimerClock, setCpuItimer, usageOf, usageOfChildren, usageOfProcess,
  type CpuTimer, type Usage
} from '../kernel/cputimers.ts';
import type { Process } from '../kernel/process.ts';
import type { Thread } from '../kernel/thread.ts';
import { WaitQueue, type Co } from '../kernel/wait.ts';
import { clearUser, getBig, getI32, getI64, getU32, setI64, setU32 } from '../mm/uaccess.ts';
import { tellOrUndo } from './undo.ts';
import { row, type Row } from './row.ts';

/** A struct timespec as ns; NaN if it is invalid. */
export function timespec(thread: Thread, va: number): number {
  const seconds = getI64(thread.mm, va), n = getI64(thread.mm, va + 8);
  return seconds < 0 || n < 0 || n >= 1e9 ? NaN : seconds * 1e9 + n;
}
export function putTimespec(thread: Thread, va: number, ns: number): void {
  const seconds = Math.floor(ns / 1e9);
  setI64(thread.mm, va, seconds);
  setI64(thread.mm, va + 8, Math.floor(ns - seconds * 1e9));
}
/** A struct timeval as ns. */
const timeval = (thread: Thread, va: number): number => {
  const micros = getI64(thread.mm, va + 8);
  return micros < 0 || micros >= 1e6 ? NaN : getI64(thread.mm, va) * 1e9 + micros * 1000;
};
function putTimeval(thread: Thread, va: number, ns: number): void {
  const seconds = Math.floor(ns / 1e9);
  setI64(thread.mm, va, seconds);
  setI64(thread.mm, va + 8, Math.floor((ns - seconds * 1e9) / 1000));
}

interface ClockRow {
  readonly wall: boolean; /** The answer of clock_getres; 0: the clock cannot be read. */
  readonly grain: number; /** timer_create, clock_nanosleep: 0, or the error. */
  readonly timers: number;
  readonly sleep: number
}
const clockRow = (grain: number, timers: number, sleep: number, wall = false): ClockRow => ({ wall, grain, timers, sleep });
const COARSE = 4_000_000, NO = E.OPNOTSUPP;
/** The clocks. The alarm clocks are missing: they need a clock that runs while the system sleeps. */
const clocks: Readonly<Record<number, ClockRow>> = {
  [Clock.REALTIME]: clockRow(1, 0, 0, true), [Clock.MONOTONIC]: clockRow(1, 0, 0), [Clock.PROCESS]: clockRow(1, 0, 0),
  [Clock.THREAD]: clockRow(1, 0, NO), [Clock.MONOTONIC_RAW]: clockRow(1, NO, NO),
  [Clock.REALTIME_COARSE]: clockRow(COARSE, NO, NO, true), [Clock.MONOTONIC_COARSE]: clockRow(COARSE, NO, NO),
  [Clock.BOOTTIME]: clockRow(1, 0, 0), [Clock.REALTIME_ALARM]: clockRow(0, NO, NO, true), [Clock.BOOTTIME_ALARM]: clockRow(0, NO, NO),
  [Clock.TAI]: clockRow(1, 0, 0, true),
};
const isWall = (clock: number): boolean => clocks[clock]?.wall ?? false;
/** Clocks of processor time: the caller's, or (negative: ~pid · 8 + kind) another's; `thread` if it is a thread's clock. */
export function cpuClock(caller: Thread, clock: number): { readonly proc: Process; readonly thread: Thread | undefined } | undefined {
  if (clock === Clock.PROCESS) return { proc: caller.proc, thread: undefined };
  if (clock === Clock.THREAD) return { proc: caller.proc, thread: caller };
  if (clock >= 0) return undefined;
  const id = ~(clock >> 3), perThread = (clock & 4) !== 0;
  if ((clock & 3) === 3) return undefined;
  const thread = perThread ? (id === 0 ? caller : caller.k.pids.threadOf(caller.proc.numbers, id)) : undefined;
  const proc = perThread ? thread?.proc : id === 0 ? caller.proc : caller.k.pids.processes.get(caller.proc.numbers.id(id));
  return proc && (!perThread || proc === caller.proc) ? { proc, thread } : undefined;
}
const cpuTime = (c: { readonly proc: Process; readonly thread: Thread | undefined }): number =>
  (c.thread ? cpuOf(c.thread) : cpuOfProcess(c.proc));

function clockGet(thread: Thread, clock: number, va: number): number {
  const id = clock | 0, cpu = cpuClock(thread, id);
  if (cpu) { putTimespec(thread, va, cpuTime(cpu)); return 0; }
  const row_ = clocks[id];
  if (!row_?.grain) return -E.INVAL;
  if (row_.wall) {
    const time = thread.k.clock.wall();
    setI64(thread.mm, va, time.s);
    setI64(thread.mm, va + 8, Math.floor(time.n));
    return 0;
  }
  putTimespec(thread, va, thread.k.clock.now() + thread.proc.time.ahead(id));
  return 0;
}
function clockRes(thread: Thread, clock: number, va: number): number {
  const id = clock | 0, grain = cpuClock(thread, id) ? 1 : clocks[id]?.grain ?? 0;
  if (grain === 0) return -E.INVAL;
  if (va) putTimespec(thread, va, grain);
  return 0;
}
/** The deadline on the server's clock for a time on one of the caller's clocks. */
function deadline(thread: Thread, clock: number, ns: number, absolute: boolean): number {
  if (!absolute) return thread.k.clock.now() + ns;
  return isWall(clock) ? thread.k.clock.fromWall(ns) : ns - thread.proc.time.ahead(clock);
}
function* sleepUntil(thread: Thread, until: number, restAt: number, relative: boolean): Co<number> {
  for (;;) {
    const slept = yield* thread.sleep(undefined, until);
    if (slept === -E.TIMEDOUT) { thread.sleepUntil = -1; return 0; }
    if (slept < 0) {
      thread.sleepUntil = until;
      if (relative && restAt) putTimespec(thread, restAt, Math.max(0, until - thread.k.clock.now()));
      return -E.RESTARTNOHAND;
    }
  }
}
const TIMER_ABSTIME = 1;
/** Negative numbers are clocks of processes and of descriptors; those of descriptors can neither sleep nor ring. */
const noClock = (clock: number): number => ((clock & 7) === 3 ? E.OPNOTSUPP : E.INVAL);
function nanosleep(thread: Thread, clockArg: number, flags: number, va: number, restVa: number): number | Co<number> {
  const clock = clockArg | 0, absolute = (flags & TIMER_ABSTIME) !== 0, cpu = clock < 0 ? cpuClock(thread, clock) : undefined,
    refused = clock < 0 ? (cpu ? 0 : noClock(clock)) : clocks[clock]?.sleep ?? E.INVAL;
  if (refused) return -refused;
  const ns = timespec(thread, va);
  if (Number.isNaN(ns) || (cpu?.thread === thread)) return -E.INVAL;
  if (clock === Clock.PROCESS || cpu) return cpuSleep(thread, cpu?.proc ?? thread.proc, cpu?.thread, ns, absolute);
  const until = thread.sleepUntil >= 0 ? thread.sleepUntil : deadline(thread, clock, ns, absolute);
  return until <= thread.k.clock.now() ? 0 : sleepUntil(thread, until, restVa, !absolute);
}
/** Sleeps until the process or thread has used the given processor time. */
function* cpuSleep(thread: Thread, process: Process, x: Thread | undefined, ns: number, absolute: boolean): Co<number> {
  const now = (): number => (x ? cpuOf(x) : cpuOfProcess(process)), at = absolute ? ns : now() + ns, wq = new WaitQueue();
  let timer: CpuTimer | undefined;
  try {
    while (now() < at) {
      timer = addCpuTimer(process, x, at, () => { timer = undefined; wq.wakeAll(); });
      thread.k.cpu.rearm();
      const slept = yield* thread.sleep(wq);
      cancelCpuTimer(process, timer);
      if (slept < 0) return -E.RESTARTNOHAND;
    }
    return 0;
  } finally { cancelCpuTimer(process, timer); }
}

function getitimer(thread: Thread, which: number, va: number): number {
  if (which !== 0 && which !== 1 && which !== 2) return -E.INVAL;
  const state = which === 0 ? thread.proc.real : thread.proc.cpuItimers[which - 1]!,
    now = which === 0 ? thread.k.clock.now() : itimerClock(thread.proc, which);
  putTimeval(thread, va, state.interval);
  putTimeval(thread, va + 16, state.at > 0 ? Math.max(1000, state.at - now) : 0);
  return 0;
}
function setitimer(thread: Thread, which: number, newVa: number, oldVa: number): number {
  const interval = newVa ? timeval(thread, newVa) : 0, value = newVa ? timeval(thread, newVa + 16) : 0;
  if ((which !== 0 && which !== 1 && which !== 2) || Number.isNaN(interval) || Number.isNaN(value)) return -E.INVAL;
  if (oldVa) getitimer(thread, which, oldVa);
  if (which === 0) setRealTimer(thread.k, thread.proc, value, interval); else setCpuItimer(thread.proc, which as 1 | 2, value, interval);
  return 0;
}

// ── POSIX timers ───────────────────────────────────────────────────────────────────────────────────────────────────────

const Notify = { SIGNAL: 0, NONE: 1, THREAD: 2, THREAD_ID: 4 } as const;
function timerCreate(thread: Thread, clockArg: number, event: number, idVa: number): number {
  const clock = clockArg | 0, cpu = cpuClock(thread, clock),
    refused = clock < 0 ? (cpu ? 0 : noClock(clock)) : clocks[clock]?.timers ?? E.INVAL;
  const value = event ? getBig(thread.mm, event) : undefined, notify = event ? getI32(thread.mm, event + 12) : Notify.SIGNAL,
    signal = event ? getI32(thread.mm, event + 8) : Sig.ALRM, tid = notify === Notify.THREAD_ID ? getI32(thread.mm, event + 16) : 0;
  // Linux stores the number before the clock refuses: alarm clocks, and clocks of processes.
  const late = clock < 0 || clock === 8 || clock === 9;
  if (refused && !late) return -refused;
  if (notify !== Notify.SIGNAL && notify !== Notify.NONE && notify !== Notify.THREAD && notify !== Notify.THREAD_ID) return -E.INVAL;
  if (notify !== Notify.NONE && (signal < 1 || signal > 64)) return -E.INVAL;
  if (notify === Notify.THREAD_ID && thread.k.pids.threadOf(thread.proc.numbers, tid)?.proc !== thread.proc) return -E.INVAL;
  if (thread.k.signals.queuedFor(thread.creds.uid) >= thread.proc.limits.soft[Limit.SIGPENDING]! || !thread.k.frames.charge(TIMER_COST))
    return -E.AGAIN;
  const all = posixTimers(thread.proc), id = freeTimer(all);
  if (refused) { thread.k.frames.uncharge(TIMER_COST); setU32(thread.mm, idVa, id); return -refused; }
  all.set(id, { id, clock, cpu, signal: notify === Notify.NONE ? 0 : signal, value: value ?? BigInt(id), tid: tid &&
    thread.proc.numbers.id(tid), at: 0, interval: 0, overrun: 0, timer: undefined, setting: 0 });
  return tellOrUndo(() => { setU32(thread.mm, idVa, id); }, () => { deleteTimer(thread, id); });
}
/** The free number after the one given last. */
function freeTimer(all: Map<number, PosixTimer>): number {
  let last = -1;
  for (const id of all.keys()) last = id;
  let id = last + 1;
  while (all.has(id)) id++;
  return id;
}
function deleteTimer(thread: Thread, id: number): number {
  const all = posixTimers(thread.proc), x = all.get(id);
  if (!x) return -E.INVAL;
  stopPosix(thread.k, thread.proc, x);
  all.delete(id);
  thread.k.frames.uncharge(TIMER_COST);
  return 0;
}
function putTimer(thread: Thread, va: number, interval: number, left: number): number {
  putTimespec(thread, va, interval);
  putTimespec(thread, va + 16, left);
  return 0;
}
function timerSet(thread: Thread, id: number, flags: number, newVa: number, oldVa: number): number {
  if (newVa === 0) return -E.INVAL;
  const interval = timespec(thread, newVa), value = timespec(thread, newVa + 16), x = posixTimers(thread.proc).get(id | 0),
    absolute = (flags & TIMER_ABSTIME) !== 0;
  if (Number.isNaN(interval) || Number.isNaN(value) || !x) return -E.INVAL;
  const old = [x.interval, untilFires(thread.k, x)] as const;
  x.wall = absolute && WALL_CLOCKS.has(x.clock);
  setPosix(thread.k, thread.proc, x,
    // A time of the wall clock may lie before the start, and counts from there; 0 disarms the timer.
    value > 0 ? (x.cpu ? value + (absolute ? 0 : timerNow(thread.k, x)) : deadline(thread, x.clock, value, absolute)) || 1 : 0, interval);
  return oldVa ? putTimer(thread, oldVa, ...old) : 0;
}
/** Clocks that can be set: real time, TAI, and the alarm clock of real time. */
const WALL_CLOCKS = new Set([0, 8, 11]);
function withTimer(thread: Thread, id: number, use: (x: PosixTimer) => number): number {
  const x = posixTimers(thread.proc).get(id | 0);
  return x ? use(x) : -E.INVAL;
}

// ── accounting ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** struct rusage; `pages`: the largest resident set. */
export function putRusage(thread: Thread, va: number, { user, system }: Usage, faults: number, pages: number): void {
  for (let i = 0; i < 18; i++) setI64(thread.mm, va + 8 * i, 0);
  putTimeval(thread, va, user);
  putTimeval(thread, va + 16, system);
  setI64(thread.mm, va + 32, pages * 4);
  setI64(thread.mm, va + 64, faults);
}
function getrusage(thread: Thread, who: number, va: number): number {
  if ((who | 0) === -1) putRusage(thread, va, usageOfChildren(thread.proc), thread.proc.childFaults, thread.proc.childPages);
  else if (who === 0) putRusage(thread, va, usageOfProcess(thread.proc), thread.mm.minorFaults, thread.proc.mostPages);
  else if (who === 1) putRusage(thread, va, usageOf(thread), thread.mm.minorFaults, thread.proc.mostPages);
  else return -E.INVAL;
  return 0;
}
function times(thread: Thread, va: number): number {
  const ticks = (ns: number): number => Math.floor(ns / 1e7);
  const own = usageOfProcess(thread.proc), children = usageOfChildren(thread.proc);
  if (va) [own.user, own.system, children.user, children.system].forEach((ns, i) => { setI64(thread.mm, va + 8 * i, ticks(ns)); });
  return ticks(thread.k.clock.now());
}
/** Only the wall clock can be set. */
function clockSet(thread: Thread, clock: number, va: number): number {
  const ns = timespec(thread, va);
  if (clock !== Clock.REALTIME || Number.isNaN(ns)) return -E.INVAL;
  if (!capable(thread.creds, Cap.SYS_TIME)) return -E.PERM;
  setWall(thread.k, getI64(thread.mm, va), getI64(thread.mm, va + 8));
  return 0;
}
/** The most that a time zone may be west or east, minutes. */
const MOST_ZONE = 15 * 60;
function setTimeOfDay(thread: Thread, va: number, zone: number): number {
  if (va && Number.isNaN(timeval(thread, va))) return -E.INVAL;
  const west = zone ? getI32(thread.mm, zone) : 0;
  if (!capable(thread.creds, Cap.SYS_TIME)) return -E.PERM;
  if (Math.abs(west) > MOST_ZONE) return -E.INVAL;
  if (va) setWall(thread.k, getI64(thread.mm, va), getI64(thread.mm, va + 8) * 1000);
  return 0;
}
const Adj = {
  OFFSET: 1, FREQUENCY: 2, MAXERROR: 4, ESTERROR: 8, STATUS: 0x10, TIMECONST: 0x20, TAI: 0x80, SETOFFSET: 0x100, MICRO: 0x1000,
  NANO: 0x2000, TICK: 0x4000, ADJTIME: 0x8000
} as const;
const Sta = { PLL: 1, INS: 0x10, DEL: 0x20, UNSYNC: 0x40, NANO: 0x2000, READ_ONLY: 0xff00 } as const, MOST_ERROR = 16_000_000,
  MOST_CONSTANT = 10, TIME_ERROR = 5;
/** The state that adjtimex sets: the pace of the wall clock as a frequency in 2^-16 millionths, and values that are only kept. */
class Discipline {
  frequency = 0;
  tick = TICK;
  /** Whether the remaining offset comes from the loop, not from a single shot of adjtime(3). */
  loop = false;
  status: number = Sta.UNSYNC; maxError = MOST_ERROR; error = MOST_ERROR; constant = 2; tai = 0; }
const disciplines = new WeakMap<object, Discipline>();
function disciplineOf(k: object): Discipline { let d = disciplines.get(k); if (!d) disciplines.set(k, d = new Discipline()); return d; }
/** Microseconds of a tick, and the most that the clock may be shifted per second, ns. */
const MOST_SCALED = 2 ** 63 / 65_536_000, TICK = 10_000, MOST_FREQUENCY = 500 * 65536, SINGLE_SHOT = 500_000, MOST_OFFSET = 500e6;
const within = (n: number, most: number): number => Math.max(0, Math.min(most, n));
function setDiscipline(thread: Thread, va: number, modes: number, discipline: Discipline): void {
  const constant = getI64(thread.mm, va + 48);
  if (modes & Adj.STATUS) discipline.status = (discipline.status & Sta.READ_ONLY) | (getU32(thread.mm, va + 40) & ~Sta.READ_ONLY);
  if (modes & Adj.NANO) discipline.status |= Sta.NANO;
  if (modes & Adj.MICRO) discipline.status &= ~Sta.NANO;
  if (modes & Adj.MAXERROR) discipline.maxError = within(getI64(thread.mm, va + 24), MOST_ERROR);
  if (modes & Adj.ESTERROR) discipline.error = within(getI64(thread.mm, va + 32), MOST_ERROR);
  if (modes & Adj.TIMECONST) discipline.constant = within(constant + (modes & Adj.NANO ? 0 : 4), MOST_CONSTANT);
  if (modes & Adj.FREQUENCY) discipline.frequency = Math.max(-MOST_FREQUENCY, Math.min(MOST_FREQUENCY, getI64(thread.mm, va + 16)));
  if (modes & Adj.TICK) discipline.tick = getI64(thread.mm, va + 88);
  if (modes & (Adj.FREQUENCY | Adj.TICK)) thread.k.clock.setPace((discipline.tick / TICK) * (1 + discipline.frequency / 65536e6));
  if (modes & Adj.OFFSET && discipline.status & Sta.PLL) {
    const ns = Math.max(-MOST_OFFSET, Math.min(MOST_OFFSET, getI64(thread.mm, va + 8) * (discipline.status & Sta.NANO ? 1 : 1000)));
    thread.k.clock.move(ns, Math.abs(ns) / 2 ** (2 + discipline.constant));
    discipline.loop = true;
  }
  if (modes & Adj.TAI && constant >= 0 && constant < 0x8000_0000) discipline.tai = constant;
}
/** adjtime(3) by way of adjtimex: returns the offset that was left, and starts a new one if the call sets one. */
function singleShot(thread: Thread, va: number, modes: number, discipline: Discipline): number {
  const left = discipline.loop ? 0 : Math.trunc(thread.k.clock.moving / 1000);
  if (!(modes & Adj.NANO)) { thread.k.clock.move(getI64(thread.mm, va + 8) * 1000, SINGLE_SHOT); discipline.loop = false; }
  return left;
}
/** struct timex. */
function adjustTime(thread: Thread, va: number): number {
  const modes = getU32(thread.mm, va), tick = getI64(thread.mm, va + 88),
    asks = modes === 0 || (modes & (Adj.ADJTIME | Adj.OFFSET | Adj.NANO)) === (Adj.ADJTIME | Adj.OFFSET | Adj.NANO),
      discipline = disciplineOf(thread.k);
  if (modes & Adj.ADJTIME && !(modes & Adj.OFFSET)) return -E.INVAL;
  if (!asks && !capable(thread.creds, Cap.SYS_TIME)) return -E.PERM;
  if (modes & Adj.TICK && (tick < 9000 || tick > 11000)) return -E.INVAL;
  if (modes & Adj.FREQUENCY && Math.abs(getI64(thread.mm, va + 16)) > MOST_SCALED) return -E.INVAL;
  if (modes & Adj.SETOFFSET && setOffset(thread, va, (modes & Adj.NANO) !== 0) < 0) return -E.INVAL;
  const shot = modes & Adj.ADJTIME ? singleShot(thread, va, modes, discipline) : undefined;
  if (shot === undefined) setDiscipline(thread, va, modes, discipline);
  const time = thread.k.clock.wall();
  clearUser(thread.mm, va + 8, 200);
  setI64(thread.mm, va + 8, shot ?? (discipline.loop ? Math.trunc(thread.k.clock.moving / (discipline.status & Sta.NANO ? 1 : 1000)) : 0));
  setI64(thread.mm, va + 16, discipline.frequency);
  setI64(thread.mm, va + 24, discipline.maxError);
  setI64(thread.mm, va + 32, discipline.error);
  setU32(thread.mm, va + 40, discipline.status);
  setI64(thread.mm, va + 48, discipline.constant);
  setI64(thread.mm, va + 56, 1);
  setI64(thread.mm, va + 64, 32_768_000);
  setI64(thread.mm, va + 72, time.s);
  setI64(thread.mm, va + 80, discipline.status & Sta.NANO ? time.n : Math.floor(time.n / 1000));
  setI64(thread.mm, va + 88, discipline.tick);
  setU32(thread.mm, va + 160, discipline.tai);
  return discipline.status & Sta.UNSYNC ? TIME_ERROR : discipline.status & Sta.INS ? 1 : discipline.status & Sta.DEL ? 2 : 0;
}
function setOffset(thread: Thread, va: number, nano: boolean): number {
  const seconds = getI64(thread.mm, va + 72), part = getI64(thread.mm, va + 80), n = nano ? part : part * 1000,
    time = thread.k.clock.wall();
  if (part < 0 || n >= 1e9) return -E.INVAL;
  const ns = time.n + n;
  setWall(thread.k, time.s + seconds + Math.floor(ns / 1e9), ns % 1e9);
  return 0;
}
function adjustClock(thread: Thread, clock: number, va: number): number {
  const id = clock | 0;
  return id === Clock.REALTIME ? adjustTime(thread, va) : id >= 0 && clocks[id] ? -E.OPNOTSUPP : -E.INVAL;
}

export const timeCalls: Row[] = [
  row('clock_gettime', clockGet),
  row('clock_getres', clockRes),
  row('clock_settime', (t, c, va) => clockSet(t, c | 0, va), { note: 'timers that run keep their deadlines' }),
  row('settimeofday', setTimeOfDay),
  row('adjtimex', adjustTime, { note: 'the loop moves the clock evenly' }), row('clock_adjtime', adjustClock),
  row('gettimeofday', (thread, va, zone) => {
    const time = thread.k.clock.wall();
    if (va) { setI64(thread.mm, va, time.s); setI64(thread.mm, va + 8, Math.floor(time.n / 1000)); }
    if (zone) setI64(thread.mm, zone, 0);
    return 0;
  }),
  row('nanosleep', (t, va, rest) => nanosleep(t, Clock.MONOTONIC, 0, va, rest)), row('clock_nanosleep', nanosleep),
  row('getitimer', getitimer), row('setitimer', setitimer),
  row('timer_create', timerCreate), row('timer_settime', timerSet),
  row('timer_gettime', (t, id, va) => withTimer(t, id, (x) => putTimer(t, va, x.interval, untilFires(t.k, x)))),
  row('timer_getoverrun', (t, id) => withTimer(t, id, (x) => x.overrun)),
  row('timer_delete', (t, id) => deleteTimer(t, id | 0)),
  row('getrusage', getrusage), row('times', times),
];
