/**
 * Timers on processor time: ITIMER_VIRTUAL and ITIMER_PROF, POSIX timers on CPU clocks, RLIMIT_CPU. Each process has a list of them; only
 * the running process's timers can become due, so the alarm is set for the earliest of its list. ITIMER_VIRTUAL counts user time; the
 * others count the server's time for the process too.
 */
import { Limit, SiCode, Sig } from '../abi/linux.ts';
import type { Process } from './process.ts';
import type { Thread } from './thread.ts';

/** Least interval between checks of processor-time timers, ns; Linux checks at every tick. */
const TICK = 1_000_000;

export interface CpuTimer {
  readonly at: number;
  readonly thread: Thread | undefined;
  readonly fire: () => void;
  /** Its clock counts user time only. */
  readonly user: boolean;
}

/** Processor time of a thread, ns. */
export const cpuOf = (t: Thread): number => t.cpuNs + (t === t.k.cpu.current ? Math.max(0, t.k.clock.now() - t.startedAt) : 0);
export function cpuOfProcess(p: Process): number { let n = p.cpuNs; for (const t of p.threads) n += cpuOf(t); return n; }

/** What of it passed in the server and on the way there and back, ns. */
const systemOf = (t: Thread): number => Math.min(t.systemNs, cpuOf(t));
export function systemOfProcess(p: Process): number { let n = p.systemNs; for (const t of p.threads) n += systemOf(t); return n; }
export interface Usage { readonly user: number; readonly system: number }
export const usageOf = (t: Thread): Usage => ({ user: cpuOf(t) - systemOf(t), system: systemOf(t) });
export function usageOfProcess(p: Process): Usage { const system = systemOfProcess(p); return { user: cpuOfProcess(p) - system, system }; }
export const usageOfChildren = (p: Process): Usage => ({ user: p.childCpuNs - p.childSystemNs, system: p.childSystemNs });
/** What the clock of ITIMER_VIRTUAL (1) or ITIMER_PROF (2) shows, ns. */
export const itimerClock = (p: Process, which: number): number => (which === 1 ? usageOfProcess(p).user : cpuOfProcess(p));

/** Calls `fire` when the thread, or without one the process, has used `at` ns in total, or of user time. */
export function addCpuTimer(process: Process, thread: Thread | undefined, at: number, fire: () => void, user = false): CpuTimer {
  const timer: CpuTimer = { at, thread, fire, user };
  process.cpuTimers.push(timer);
  return timer;
}
export function cancelCpuTimer(process: Process, timer: CpuTimer | undefined): void {
  const i = timer ? process.cpuTimers.indexOf(timer) : -1;
  if (i >= 0) process.cpuTimers.splice(i, 1);
}
/** How long `t` may run until the first of its process's timers is due, ns. */
export function untilCpuTimer(thread: Thread): number {
  const { proc } = thread, all = cpuOfProcess(proc), own = cpuOf(thread);
  let least = Infinity;
  for (const { at, thread: whose, user } of proc.cpuTimers) {
    if (whose !== undefined && whose !== thread) continue;
    least = Math.min(least, at - (user ? usageOfProcess(proc).user : whose ? own : all));
  }
  return least;
}
/** Fires due timers of the process of `t`. */
export function runCpuTimers(thread: Thread): void {
  const process = thread.proc;
  if (process.cpuTimers.length === 0) return;
  const all = cpuOfProcess(process),
    due = process.cpuTimers.filter((x) => (x.user ? usageOfProcess(process).user : x.thread ? cpuOf(x.thread) : all) >= x.at);
  for (const x of due) { cancelCpuTimer(process, x); x.fire(); }
}

/** Starts (again) the interval timer ITIMER_VIRTUAL or ITIMER_PROF; 0 stops it. */
export function setCpuItimer(process: Process, which: 1 | 2, value: number, interval: number): void {
  const state = process.cpuItimers[which - 1]!, arm = (at: number): void => {
    state.at = at;
    state.timer = addCpuTimer(process, undefined, at, () => {
      state.at = 0;
      process.k.signals.toProcess(process, which === 1 ? Sig.VTALRM : Sig.PROF, SiCode.KERNEL);
      if (state.interval > 0 && process.alive)
        arm(at + Math.max(1, Math.ceil((itimerClock(process, which) + TICK - at) / state.interval)) * state.interval);
    }, which === 1);
  };
  cancelCpuTimer(process, state.timer);
  state.timer = undefined;
  state.at = 0;
  state.interval = interval;
  if (value > 0) arm(itimerClock(process, which) + value);
  process.k.cpu.rearm();
}
/**
 * RLIMIT_CPU: SIGXCPU at the soft limit and every second after it, SIGKILL at the hard one. Call it when the limit or the process is new.
 */
export function armCpuLimit(process: Process): void {
  cancelCpuTimer(process, process.cpuLimit);
  process.cpuLimit = undefined;
  const soft = process.limits.soft[Limit.CPU]!, hard = process.limits.hard[Limit.CPU]!;
  if (soft === Infinity) return;
  const arm = (seconds: number): void => {
    process.cpuLimit = addCpuTimer(process, undefined, seconds * 1e9, () => {
      const over = seconds >= hard;
      process.k.signals.toProcess(process, over ? Sig.KILL : Sig.XCPU, SiCode.KERNEL);
      if (!over && process.alive) arm(Math.min(seconds + 1, hard));
    });
  };
  arm(Math.max(1, Math.min(soft, hard)));
}
