/** Each place that notes work is noticed here or by test/calibration.spec.ts: without it, a call costs less than these say. */
import { describe, expect, it } from 'vitest';
import { RATES } from '../../roottask/client/rates.ts';
import { UserIo, clearUser, copyForced, copyIn, copyOut, getBytesZ } from '../mm/uaccess.ts';
import { Unix } from '../testing/unix.ts';

/** What the work of `act` owes. */
function owed(unix: Unix, act: () => unknown): number {
  unix.k.work.take();
  const before = unix.k.work.owed;
  act();
  return unix.k.work.owed - before;
}
const AF_UNIX = 1, SOCK_DGRAM = 2;

describe('bytes that pass between the server and user memory are paid for, each once', () => {
  const unix = new Unix(), at = unix.space(8192), { mm } = unix.main, N = 5000, bytes = new Uint8Array(N).fill(65);
  const io = (): UserIo => new UserIo(mm, at, N);
  clearUser(mm, at, N + 1);
  it.each<readonly [string, () => unknown]>([
    ['copyOut', () => copyOut(mm, at, bytes)], ['copyIn', () => copyIn(mm, at, N)], ['copyForced', () => copyForced(mm, at, bytes)],
    ['getBytesZ', () => getBytesZ(mm, at, 2 * N)], ['Io.put', () => io().put(bytes, 0, N)], ['Io.take', () => io().take(bytes, 0, N)],
    ['Io.zero', () => io().zero(N)], ['clearUser', () => clearUser(mm, at, N)],
  ])('%s', (_name, act) => { expect(owed(unix, act)).toBeCloseTo(N * RATES.byte, 5); });
});

describe('calls that look at many files', () => {
  const unix = new Unix(), looks = (name: string, ...args: (number | Uint8Array)[]): number => owed(unix, () => unix.call(name, ...args));
  const none = unix.put(new Uint8Array(16));
  it('pselect6 pays for asking, and for each number', () => {
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

it('a Unix datagram is an object beside its bytes', () => {
  const unix = new Unix(), ends = unix.space(8);
  expect(unix.call('socketpair', AF_UNIX, SOCK_DGRAM, 0, ends)).toBe(0);
  const fd = unix.u32(ends), text = unix.put(new Uint8Array(100)),
    cost = owed(unix, () => { expect(unix.call('write', fd, text, 100)).toBe(100); });
  expect(cost).toBeGreaterThanOrEqual(RATES.object + 100 * RATES.byte);
});
