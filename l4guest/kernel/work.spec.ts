/** Every place that notes work is checked here or by test/calibration.spec.ts: without it, a call costs less than these expect. */
import { describe, expect, it } from 'vitest';
import { RATES } from '../../roottask/client/rates.ts';
import { UserIo, clearUser, copyForced, copyIn, copyOut, getBytesZ } from '../mm/uaccess.ts';
import { Unix } from '../testing/unix.ts';

/** The cycles that `act` owes. */
function owed(unix: Unix, act: () => unknown): number {
  unix.k.work.take();
  const before = unix.k.work.owed;
  act();
  return unix.k.work.owed - before;
}
const AF_UNIX = 1, SOCK_DGRAM = 2;

describe('bytes that are copied between the server and user memory are charged, each once', () => {
  const unix = new Unix(), at = unix.space(8192), { mm } = unix.main, count = 5000, bytes = new Uint8Array(count).fill(65);
  const io = (): UserIo => new UserIo(mm, at, count);
  clearUser(mm, at, count + 1);
  it.each<readonly [string, () => unknown]>([
    ['copyOut', () => copyOut(mm, at, bytes)], ['copyIn', () => copyIn(mm, at, count)], ['copyForced', () => copyForced(mm, at, bytes)],
    ['getBytesZ', () => getBytesZ(mm, at, 2 * count)],
    ['Io.put', () => io().put(bytes, 0, count)], ['Io.take', () => io().take(bytes, 0, count)],
    ['Io.zero', () => io().zero(count)], ['clearUser', () => clearUser(mm, at, count)],
  ])('%s', (_name, act) => { expect(owed(unix, act)).toBeCloseTo(count * RATES.byte, 5); });
});

describe('calls that look at many files', () => {
  const unix = new Unix(), looks = (name: string, ...args: (number | Uint8Array)[]): number => owed(unix, () => unix.call(name, ...args));
  const none = unix.put(new Uint8Array(16));
  it('pselect6 charges for the call, and for each descriptor', () => {
    const empty = looks('pselect6', 0, 0, 0, 0, none, 0), many = looks('pselect6', 64, 0, 0, 0, none, 0);
    expect(empty).toBeGreaterThanOrEqual(RATES.file);
    expect(many - empty).toBeCloseTo(64 * RATES.name, 5);
  });
  it('ppoll too', () => {
    const list = unix.put(new Uint8Array(8 * 10).fill(255));
    const empty = looks('ppoll', list, 0, none, 0), many = looks('ppoll', list, 10, none, 0);
    expect(empty).toBeGreaterThanOrEqual(RATES.file);
    expect(many - empty).toBeCloseTo(10 * RATES.name, 5);
  });
});

it('a Unix datagram costs an object besides its bytes', () => {
  const unix = new Unix(), ends = unix.space(8);
  expect(unix.call('socketpair', AF_UNIX, SOCK_DGRAM, 0, ends)).toBe(0);
  const fd = unix.u32(ends), text = unix.put(new Uint8Array(100)),
    cost = owed(unix, () => { expect(unix.call('write', fd, text, 100)).toBe(100); });
  expect(cost).toBeGreaterThanOrEqual(RATES.object + 100 * RATES.byte);
});
