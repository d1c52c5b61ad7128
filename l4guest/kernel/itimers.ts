/** Timers that end in signals: setitimer, alarm, and POSIX timers. */
import type { Time } from './clocks.ts';
import type { Kernel } from './kernel.ts';
import { SiCode, Sig } from '../abi/linux.ts';
import type { Process } from './process.ts';
import type { Timer } from './timers.ts';
import { addCpuTimer, cancelCpuTimer, cpuOf, cpuOfProcess, type CpuTimer } from './cputimers.ts';
import type { SigInfo } from './sigqueue.ts';
import { Run, type Thread } from './thread.ts';

/** (Re)starts the real-time interval timer; 0 stops it. Times in ns. */
export function setRealTimer(k: Kernel, process: Process, value: number, interval: number): void {
  k.timers.cancel(process.real.timer);
  process.real = { timer: undefined, at: 0, interval };
  if (value > 0) armReal(k, process, k.clock.now() + value);
  k.cpu.rearm();
}
function armReal(k: Kernel, process: Process, at: number): void {
  process.real.at = at;
  process.real.timer = k.timers.add(at, () => {
    const { interval } = process.real;
    process.real.timer = undefined;
    process.real.at = 0;
    // A repeating timer restarts when its signal is delivered, so it cannot fire faster than its signals are handled.
    const again = (): void => {
      if (interval > 0 && process.alive && process.real.timer === undefined
          && process.real.interval === interval) { armReal(k, process, forward(at, interval, k.clock.now() + LEAST_PAUSE)); k.cpu.rearm(); }
    };
    const kept = k.signals.toProcess(process, Sig.ALRM, SiCode.KERNEL, { taken: (info) => { again(); return info; } });
    if (!kept && interval > 0) armReal(k, process, forward(at, Math.max(interval, IGNORED_PACE), k.clock.now()));
  });
}
/** The first of at + interval, at + 2 · interval … that lies after `now`. */
const forward = (at: number, interval: number, now: number): number => at + Math.max(1, Math.floor((now - at) / interval) + 1) * interval;
/** Least interval of a timer whose signal is ignored, ns. */
const IGNORED_PACE = 4_000_000, MOST_OVERRUN = 0x7fff_ffff;
/** Least program time between two signals of a timer, ns, comparable to the overhead of timer hardware on other machines. */
const LEAST_PAUSE = 10_000;

/** Server memory of a timer, bytes. */
export const TIMER_COST = 512;

export interface PosixTimer {
  readonly id: number; readonly clock: number; readonly value: bigint;
  /** The signal to send, 0 = none; to this thread, or (0) to the process. */
  readonly signal: number; readonly tid: number;
  /** The thread or process whose processor time it follows; undefined: real time. */
  readonly cpu: { readonly proc: Process; readonly thread: Thread | undefined } | undefined;
  /** Next firing time, or the last one of a repeating timer whose signal is pending; 0 = not armed. */
  at: number; interval: number; overrun: number; timer: Timer | undefined; cpuTimer?: CpuTimer | undefined;
  /** The timer was set for a wall-clock time, and follows changes of the wall clock. */
  wall?: boolean;
  /** How often it was set: a signal of an earlier setting does not restart it. */
  setting: number;
}
/** The time on the timer's clock. */
export const timerNow = (k: Kernel, x: PosixTimer): number =>
  (x.cpu ? (x.cpu.thread ? cpuOf(x.cpu.thread) : cpuOfProcess(x.cpu.proc)) : k.clock.now());
/** How long until it fires; a repeating timer fires at its next time in the future. */
export function untilFires(k: Kernel, x: PosixTimer): number {
  const now = timerNow(k, x);
  if (x.at === 0) return 0;
  if (x.at > now) return x.at - now;
  return x.interval > 0 ? forward(x.at, x.interval, now) - now : x.signal === 0 ? 0 : 1;
}
export function stopPosix(k: Kernel, process: Process, x: PosixTimer): void {
  k.timers.cancel(x.timer);
  if (x.cpu) cancelCpuTimer(x.cpu.proc, x.cpuTimer);
  x.timer = x.cpuTimer = undefined;
  x.setting++;
  if (x.signal === 0) return;
  process.pending.removeTimer(x.signal, x.id);
  for (const thread of process.threads) thread.pending.removeTimer(x.signal, x.id);
}
export const posixTimers = (p: Process): Map<number, PosixTimer> => (p.timers ??= new Map<number, PosixTimer>()) as Map<number, PosixTimer>;

export function setPosix(k: Kernel, process: Process, x: PosixTimer, at: number, interval: number): void {
  stopPosix(k, process, x);
  x.interval = interval;
  x.overrun = 0;
  arm(k, process, x, at);
}
/** A timer that sends nothing never fires; its state can be read. */
function arm(k: Kernel, process: Process, x: PosixTimer, at: number): void {
  x.at = at;
  if (at === 0 || x.signal === 0) return;
  if (x.cpu) x.cpuTimer = addCpuTimer(x.cpu.proc, x.cpu.thread, at, () => firePosix(k, process, x));
  else x.timer = k.timers.add(at, () => firePosix(k, process, x));
  k.cpu.rearm();
}
/** It fires once, and restarts when its signal is delivered, which then reports the missed firings. */
function firePosix(k: Kernel, process: Process, x: PosixTimer): void {
  const { setting, at } = x, once = x.interval === 0, thread = x.tid ? k.pids.threads.get(x.tid) : undefined;
  x.timer = x.cpuTimer = undefined;
  if (once) x.at = 0;
  const taken = (info: SigInfo): SigInfo => {
    if (x.setting !== setting) return info;
    if (once) { x.overrun = 0; return info; }
    const now = timerNow(k, x);
    x.overrun = Math.min(MOST_OVERRUN, Math.max(0, Math.floor((now - at) / x.interval)));
    if (process.alive) arm(k, process, x, forward(at, x.interval, now + LEAST_PAUSE));
    return { ...info, overrun: x.overrun };
  };
  const more = { timer: x.id, overrun: 0, value: x.value, taken };
  const kept = thread && thread.state !== Run.dead
    ? k.signals.toThread(thread, x.signal, SiCode.TIMER, more)
    : k.signals.toProcess(process, x.signal, SiCode.TIMER, more);
  if (!kept && x.interval > 0 && process.alive) arm(k, process, x, forward(at, Math.max(x.interval, IGNORED_PACE), timerNow(k, x)));
}
/** The wall clock moved forward by this many ns (back if negative): absolute real-time timers follow it. */
function wallMoved(k: Kernel, ahead: number): void {
  for (const process of k.pids.processes.values()) if (process.timers)
    for (const x of posixTimers(process).values()) if (x.wall && x.at > 0) setPosix(k, process, x, Math.max(1, x.at - ahead), x.interval);
}
/** Sets the wall clock for a caller. */
export function setWall(k: Kernel, seconds: number, n: number): void {
  const was = k.clock.wall();
  k.clock.setWall(seconds, n);
  wallMoved(k, (seconds - was.s) * 1e9 + n - was.n);
}
/** The clock outside shows a time: the wall clock does not stay behind it, unless a process has set it, or the time is a day away. */
export function followWall(k: Kernel, shown: Time): void {
  const moved = k.clock.follow(shown);
  if (moved > 0) wallMoved(k, moved);
}
export function dropTimers(k: Kernel, process: Process): void {
  if (process.timers) for (const x of posixTimers(process).values()) stopPosix(k, process, x);
  process.timers = undefined;
}
