/** Timers that end in signals: setitimer, alarm, and POSIX timers. */
import type { Kernel } from './kernel.ts';
import { SiCode, Sig } from '../abi/linux.ts';
import type { Process } from './process.ts';
import type { Timer } from './timers.ts';
import { addCpuTimer, cancelCpuTimer, cpuOf, cpuOfProcess, type CpuTimer } from './cputimers.ts';
import { Run, type Thread } from './thread.ts';

/** (Re)starts the real-time interval timer; 0 stops it. Times in ns. */
export function setRealTimer(k: Kernel, p: Process, value: number, interval: number): void {
  k.timers.cancel(p.real.timer);
  p.real = { timer: undefined, at: 0, interval };
  if (value > 0) armReal(k, p, k.clock.now() + value);
  k.cpu.rearm();
}
function armReal(k: Kernel, p: Process, at: number): void {
  p.real.at = at;
  p.real.timer = k.timers.add(at, () => {
    p.real.timer = undefined;
    p.real.at = 0;
    k.signals.toProcess(p, Sig.ALRM, SiCode.KERNEL);
    if (p.real.interval > 0 && p.alive) armReal(k, p, Math.max(at + p.real.interval, k.clock.now()));
  });
}

export interface PosixTimer {
  readonly id: number; readonly clock: number; readonly signal: number; readonly value: bigint; readonly tid: number;
  /** Whose processor time it goes by; undefined: real time. */
  readonly cpu: { readonly proc: Process; readonly thread: Thread | undefined } | undefined;
  at: number; interval: number; overrun: number; timer: Timer | undefined; cpuTimer?: CpuTimer | undefined;
}
/** The time on the timer's clock. */
export const timerNow = (k: Kernel, x: PosixTimer): number => (x.cpu ? (x.cpu.thread ? cpuOf(x.cpu.thread) : cpuOfProcess(x.cpu.proc)) : k.clock.now());
export function stopPosix(k: Kernel, x: PosixTimer): void {
  k.timers.cancel(x.timer);
  if (x.cpu) cancelCpuTimer(x.cpu.proc, x.cpuTimer);
  x.timer = x.cpuTimer = undefined;
}
export const posixTimers = (p: Process): Map<number, PosixTimer> => (p.timers ??= new Map<number, PosixTimer>()) as Map<number, PosixTimer>;

export function armPosix(k: Kernel, p: Process, x: PosixTimer, at: number, interval: number): void {
  stopPosix(k, x);
  x.at = at;
  x.interval = interval;
  if (at > 0 && x.cpu) x.cpuTimer = addCpuTimer(x.cpu.proc, x.cpu.thread, at, () => firePosix(k, p, x));
  else if (at > 0) x.timer = k.timers.add(at, () => firePosix(k, p, x));
  k.cpu.rearm();
}
function firePosix(k: Kernel, p: Process, x: PosixTimer): void {
  const now = timerNow(k, x);
  x.timer = x.cpuTimer = undefined;
  x.overrun = x.interval > 0 ? Math.floor((now - x.at) / x.interval) : 0;
  const next = x.at + (x.overrun + 1) * x.interval, more = { timer: x.id, overrun: x.overrun, value: x.value };
  const t = x.tid ? k.pids.threads.get(x.tid) : undefined;
  if (x.signal > 0) { if (t && t.state !== Run.dead) k.signals.toThread(t, x.signal, SiCode.TIMER, more); else k.signals.toProcess(p, x.signal, SiCode.TIMER, more); }
  if (x.interval > 0 && p.alive) armPosix(k, p, x, next, x.interval); else x.at = 0;
}
export function dropTimers(k: Kernel, p: Process): void {
  if (p.timers) for (const x of posixTimers(p).values()) stopPosix(k, x);
  p.timers = undefined;
}
