/** /dev/rtc0, compared with Linux 6.12 (Debian on the same clock chip). */
import { describe, expect, it } from 'vitest';
import { E } from '../abi/errno.ts';
import { O } from '../abi/linux.ts';
import { copyIn, copyOut } from '../mm/uaccess.ts';
import { Unix } from '../testing/unix.ts';

const RD = 0x80247009, SET = 0x4024700a, ALARM_SET = 0x4028700f, ALARM_READ = 0x80287010, UPDATES = 0x7003, PERIODIC = 0x7005;
const AT = Unix.MEMORY;

function opened() {
  const unix = new Unix({ epoch: 1_700_000_000 }), { mm } = unix.main,
    fd = unix.call('openat', -100, '/dev/rtc0', O.RDONLY | O.NONBLOCK, 0)!;
  const put = (fields: readonly number[], at = AT): void => { copyOut(mm, at, new Uint8Array(Int32Array.from(fields).buffer)); };
  const control = (command: number, arg = AT): number => unix.call('ioctl', fd, command, arg)!;
  return { unix, fd, put, control, set: (fields: readonly number[]) => { put(fields); return control(SET); },
    shown: () => { control(RD); return [...new Int32Array(copyIn(mm, AT, 36).slice().buffer)]; },
    read: () => {
      const n = unix.call('read', fd, AT, 8)!;
      return n === 8 ? new DataView(copyIn(mm, AT, 8).slice().buffer).getUint32(0, true) : n;
    } };
}

describe('the real-time clock', () => {
  it('starts with the wall clock, and is another one when it is set', () => {
    const { unix, shown, set } = opened();
    expect(shown()).toEqual([unix.k.clock.wall().s % 60, 13, 22, 14, 10, 123, 2, 318, 0]);
    expect(set([9, 8, 7, 6, 4, 130, 0, 0, 0])).toBe(0);
    expect(shown()).toEqual([9, 8, 7, 6, 4, 130, 1, 126, 0]);
    expect(unix.k.clock.wall().s - 1_700_000_000).toBeLessThan(5);
    unix.pass(2e9);
    expect(shown().slice(0, 3)).toEqual([11, 8, 7]);
  });
  it.each([
    ['month 13', [0, 0, 0, 1, 12, 130]], ['30 February', [0, 0, 0, 30, 1, 130]], ['1969', [0, 0, 0, 1, 1, 69]],
    ['24 hours', [0, 0, 24, 1, 1, 130]],
    ['a leap second', [60, 0, 0, 1, 1, 130]], ['day 0', [0, 0, 0, 0, 1, 130]],
  ] as const)('refuses a time that there is not: %s', (_what, fields) => {
    expect(opened().set([...fields, 0, 0, 0])).toBe(-E.INVAL);
  });
  it('is open once at a time, and knows no other commands', () => {
    const { unix, fd, control } = opened(), again = (): number => unix.call('openat', -100, '/dev/rtc0', O.RDONLY, 0)!;
    expect([again(), control(0x7077), control(RD, 8), unix.call('lseek', fd, 1, 0), unix.call('read', fd, AT, 2)])
      .toEqual([-E.BUSY, -E.NOTTY, -E.FAULT, -E.SPIPE, -E.INVAL]);
    unix.call('close', fd);
    expect(again()).toBeGreaterThan(0);
  });
  it('tells of its alarm once, of each second, and of a periodic interrupt, with a count', () => {
    const { unix, put, control, read } = opened();
    put([1]);
    put([25, 13, 22, 14, 10, 123, 0, 0, 0], AT + 4);
    expect([control(ALARM_SET), control(ALARM_READ), read()]).toEqual([0, 0, -E.AGAIN]);
    unix.pass(6e9);
    expect([read(), read()]).toEqual([0x1a0, -E.AGAIN]);
    put([1]);
    put([25, 13, 22, 14, 10, 123, 0, 0, 0], AT + 4);
    expect(control(ALARM_SET)).toBe(-E.TIME);
    control(UPDATES);
    for (let i = 0; i < 3; i++) unix.pass(1e9);
    expect(read()).toBe(0x390);
    control(UPDATES + 1);
    control(PERIODIC);
    for (let i = 0; i < 2; i++) unix.pass(1e9);
    expect(read()).toBe(0x2c0);
  });
});
