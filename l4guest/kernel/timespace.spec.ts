import { describe, expect, it } from 'vitest';
import { E } from '../abi/errno.ts';
import { Clone } from '../abi/linux.ts';
import { Unix } from '../testing/unix.ts';

const seconds = (u: Unix, t: Parameters<Unix['callOf']>[0], clock: number): number =>
  { u.callOf(t, 'clock_gettime', clock, Unix.MEMORY + 0x9000); return u.u32(Unix.MEMORY + 0x9000, t); };
const write = (unix: Unix, path: string, text: string): number => {
  const fd = unix.open(path, 1), n = unix.write(fd, text)!;
  unix.call('close', fd);
  return n;
};

describe('time spaces', () => {
  it('children see clocks that are ahead; offsets are fixed once a process lives in the space', () => {
    const unix = new Unix();
    expect(write(unix, '/proc/self/timens_offsets', 'monotonic 100 0')).toBe(-E.ACCES);
    expect(unix.call('unshare', Clone.NEWTIME)).toBe(0);
    expect([write(unix, '/proc/self/timens_offsets', 'monotonic 100 0\nboottime 200 0\n'),
      write(unix, '/proc/self/timens_offsets', 'monotonic -100 0'), write(unix, '/proc/self/timens_offsets', 'noon 1 1')]).toEqual(
      [31, -E.RANGE, -E.INVAL]);
    const here = seconds(unix, unix.main, 1), child = unix.fork();
    expect([seconds(unix, child, 1) - here, seconds(unix, child, 7) - here, seconds(unix, unix.main, 1) - here]).toEqual([100, 200, 0]);
    expect(write(unix, '/proc/self/timens_offsets', 'monotonic 1 0')).toBe(-E.ACCES);
  });
});
describe('adjtimex', () => {
  it('makes the wall clock run faster, and moves it gradually', () => {
    const unix = new Unix(), FREQUENCY = 2, TICK = 0x4000, SINGLE = 0x8001;
    const set = (modes: number, offset: number, value: number, field: number): number => {
      const bytes = new Uint8Array(208), view = new DataView(bytes.buffer);
      view.setUint32(0, modes, true); view.setBigInt64(8, BigInt(offset), true); view.setBigInt64(field, BigInt(value), true);
      return unix.call('adjtimex', bytes)!;
    };
    const wall = (): number => { const w = unix.k.clock.wall(); return w.s * 1000 + w.n / 1e6; };
    set(TICK, 0, 11_000, 88);
    const first = wall();
    unix.pass(10e9);
    expect(wall() - first).toBeCloseTo(11_000, 0);
    set(TICK, 0, 10_000, 88);
    set(FREQUENCY, 0, 100 * 65536, 16);
    const second = wall();
    unix.pass(10e9);
    expect(wall() - second).toBeCloseTo(10_001, 0);
    set(FREQUENCY, 0, 0, 16);
    set(SINGLE, 2000, 0, 16);
    const third = wall();
    unix.pass(10e9);
    expect(wall() - third).toBeCloseTo(10_002, 0);
  });
});
