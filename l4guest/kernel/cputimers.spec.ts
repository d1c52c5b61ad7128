import { describe, expect, it } from 'vitest';
import { Unix } from '../testing/unix.ts';
import { Sig } from '../abi/linux.ts';
import { Timers } from './timers.ts';

const words = (...list: number[]): Uint8Array => {
  const bytes = new Uint8Array(list.length * 8), view = new DataView(bytes.buffer);
  list.forEach((n, i) => { view.setBigInt64(i * 8, BigInt(n), true); });
  return bytes;
};
/** Lets the main thread compute for `ns`. */
function compute(u: Unix, ns: number): void { u.passQuietly(u.k.clock.now() + ns); }
const pending = (u: Unix): number => u.main.proc.pending.take(0n)?.signo ?? u.main.pending.take(0n)?.signo ?? 0;

describe('timers on processor time', () => {
  it('ITIMER_VIRTUAL and ITIMER_PROF count computing, not sleeping', () => {
    for (const [which, sig] of [[1, Sig.VTALRM], [2, Sig.PROF]] as const) {
      const unix = new Unix(), old = unix.space(32);
      unix.main.startedAt = unix.k.clock.now();
      expect(unix.call('setitimer', which, words(0, 20_000, 0, 50_000), 0)).toBe(0);
      compute(unix, 30e6);
      unix.call('getitimer', which, old);
      expect([pending(unix), unix.u32(old + 24)]).toEqual([0, 20_000]);
      compute(unix, 21e6);
      expect(pending(unix)).toBe(sig);
      compute(unix, 20e6);
      expect(pending(unix)).toBe(sig);
      unix.k.cpu.account(unix.main);
      unix.k.cpu.current = undefined; // it sleeps
      unix.passQuietly(unix.k.clock.now() + 1e9);
      expect(pending(unix)).toBe(0);
    }
  });
  it('RLIMIT_CPU sends SIGXCPU, then SIGKILL', () => {
    const unix = new Unix();
    unix.main.startedAt = unix.k.clock.now();
    unix.call('prlimit64', 0, 0, words(1, 3), 0);
    compute(unix, 1.01e9);
    expect(pending(unix)).toBe(Sig.XCPU);
    compute(unix, 1e9);
    expect(pending(unix)).toBe(Sig.XCPU);
    compute(unix, 1e9);
    expect(pending(unix)).toBe(Sig.KILL);
  });
  it('a POSIX timer may count processor time', () => {
    const unix = new Unix(), event = new Uint8Array(64), id = unix.space(8);
    new DataView(event.buffer).setInt32(8, Sig.USR1, true);
    unix.main.startedAt = unix.k.clock.now();
    expect(unix.call('timer_create', 2, event, id)).toBe(0);
    expect(unix.call('timer_settime', unix.u32(id), 0, words(0, 0, 0, 5_000_000), 0)).toBe(0);
    compute(unix, 4e6);
    expect(pending(unix)).toBe(0);
    compute(unix, 2e6);
    expect(pending(unix)).toBe(Sig.USR1);
  });
});
describe('timers', () => {
  it('cancelled timers do not fill memory until they would have been due', () => {
    const timers = new Timers(), fired: number[] = [];
    for (let i = 0; i < 10_000; i++) timers.cancel(timers.add(1e12 + i, () => fired.push(-1)));
    for (let i = 9; i >= 0; i--) timers.add(i, () => fired.push(i));
    for (let i = 0; i < 1000; i++) timers.cancel(timers.add(5, () => fired.push(-1)));
    expect(timers.size).toBeLessThan(300);
    timers.run(1e13);
    expect(fired).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });
});
describe('a time slice', () => {
  it('ends for a thread that computes and makes no calls, once it has woken another one', () => {
    const unix = new Unix(), [readEnd, writeEnd] = unix.pipe(), child = unix.fork();
    unix.callOf(child, 'read', readEnd, unix.space(8), 1);
    unix.k.cpu.current = unix.main;
    unix.k.cpu.sliceEnd = unix.k.clock.now() + 10e6;
    unix.k.cpu.rearm();
    expect(unix.alarm).toBe(Infinity);
    unix.write(writeEnd, 'x');
    expect(unix.alarm).toBe(unix.k.cpu.sliceEnd);
    unix.passQuietly(unix.k.cpu.sliceEnd);
    expect(unix.k.cpu.resched).toBe(true);
  });
});
describe('processor time', () => {
  it('of a process that computed until its end is counted', () => {
    const unix = new Unix(), child = unix.fork(), usage = unix.space(144);
    unix.k.cpu.current = child;
    child.startedAt = unix.k.clock.now();
    compute(unix, 2.5e9);
    unix.callOf(child, 'exit_group', 0);
    unix.call('wait4', -1, 0, 0, usage);
    expect([unix.u32(usage), unix.u32(usage + 8)]).toEqual([2, 500_000]);
  });
});
describe('the wall clock', () => {
  it('can be set; the clock since boot continues', () => {
    const unix = new Unix(), at = unix.space(16), before = unix.k.clock.now();
    expect(unix.call('clock_settime', 0, words(2_000_000_000, 5))).toBe(0);
    unix.call('clock_gettime', 0, at);
    expect([unix.u32(at), unix.u32(at + 8), unix.k.clock.now()]).toEqual([2_000_000_000, 5, before]);
    expect([
      unix.call('clock_settime', 0, words(-1, 0)), unix.call('clock_settime', 0, words(1, 2e9)), unix.call('clock_settime', 1, words(1, 0))
    ]).toEqual([-22, -22, -22]);
    unix.call('setresuid', 1000, 1000, 1000);
    expect(unix.call('clock_settime', 0, words(1, 0))).toBe(-1);
  });
});
