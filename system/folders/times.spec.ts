import fc from 'fast-check';
import { expect, it } from 'vitest';
import { timesOf } from './calls/attributes.ts';

const SECOND = 1_000_000_000n, FIRST = -(2n ** 62n), LAST = 2n ** 63n - 1n;

it('splits any time into the seconds and nanoseconds of a long division, at the borders of seconds too', () => {
  const border = fc.tuple(fc.bigInt(FIRST / SECOND, LAST / SECOND - 1n), fc.bigInt(-3n, 3n)).map(([s, n]) => s * SECOND + n);
  fc.assert(fc.property(fc.oneof(border, fc.bigInt(FIRST, LAST)), (time) => {
    const { atimeSec, atimeNsec } = timesOf({ atime: time, mtime: 0n, ctime: 0n });
    expect(atimeNsec).toBeGreaterThanOrEqual(0);
    expect(BigInt(atimeSec) * SECOND + BigInt(atimeNsec)).toBe(time);
    expect(atimeNsec).toBeLessThan(1e9);
  }));
});
