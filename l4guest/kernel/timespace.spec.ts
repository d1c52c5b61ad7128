import { describe, expect, it } from 'vitest';
import { E } from '../abi/errno.ts';
import { Clone } from '../abi/linux.ts';
import { Unix } from '../testing/unix.ts';

const seconds = (u: Unix, t: Parameters<Unix['callOf']>[0], clock: number): number =>
  { u.callOf(t, 'clock_gettime', clock, Unix.MEMORY + 0x9000); return u.u32(Unix.MEMORY + 0x9000, t); };
const write = (u: Unix, path: string, text: string): number => {
  const fd = u.open(path, 1), n = u.write(fd, text)!;
  u.call('close', fd);
  return n;
};

describe('spaces of time', () => {
  it('children see clocks that are ahead; what is set stays once one lives in the space', () => {
    const u = new Unix();
    expect(write(u, '/proc/self/timens_offsets', 'monotonic 100 0')).toBe(-E.ACCES);
    expect(u.call('unshare', Clone.NEWTIME)).toBe(0);
    expect([write(u, '/proc/self/timens_offsets', 'monotonic 100 0\nboottime 200 0\n'),
      write(u, '/proc/self/timens_offsets', 'monotonic -100 0'), write(u, '/proc/self/timens_offsets', 'noon 1 1')]).toEqual(
      [31, -E.RANGE, -E.INVAL]);
    const here = seconds(u, u.main, 1), child = u.fork();
    expect([seconds(u, child, 1) - here, seconds(u, child, 7) - here, seconds(u, u.main, 1) - here]).toEqual([100, 200, 0]);
    expect(write(u, '/proc/self/timens_offsets', 'monotonic 1 0')).toBe(-E.ACCES);
  });
});
describe('adjtimex', () => {
  it('makes the wall clock run faster, and moves it little by little', () => {
    const u = new Unix(), FREQUENCY = 2, TICK = 0x4000, SINGLE = 0x8001;
    const set = (modes: number, offset: number, value: number, field: number): number => {
      const b = new Uint8Array(208), v = new DataView(b.buffer);
      v.setUint32(0, modes, true); v.setBigInt64(8, BigInt(offset), true); v.setBigInt64(field, BigInt(value), true);
      return u.call('adjtimex', b)!;
    };
    const wall = (): number => { const w = u.k.clock.wall(); return w.s * 1000 + w.n / 1e6; };
    set(TICK, 0, 11_000, 88);
    const a = wall();
    u.pass(10e9);
    expect(wall() - a).toBeCloseTo(11_000, 0);
    set(TICK, 0, 10_000, 88);
    set(FREQUENCY, 0, 100 * 65536, 16);
    const b = wall();
    u.pass(10e9);
    expect(wall() - b).toBeCloseTo(10_001, 0);
    set(FREQUENCY, 0, 0, 16);
    set(SINGLE, 2000, 0, 16);
    const c = wall();
    u.pass(10e9);
    expect(wall() - c).toBeCloseTo(10_002, 0);
  });
});
