import { expect, it } from 'vitest';
import type { Moment } from './digests.ts';
import { sameness, sayings } from './same.ts';

const moment = (marker: string, register: bigint, bytes: readonly number[] = [1, 2]): Moment => ({ marker, registers: [register],
  process: new Map([[0x1_0000n, page(bytes)]]),
  kernel: new Map<number, Uint8Array | number>([[0, page(bytes)], [4096, bytes[0]!]]), pages: Float64Array.from(bytes) });
const page = (bytes: readonly number[]): Uint8Array => { const all = new Uint8Array(4096); all.set(bytes); return all; };
const compared = (native: Moment[], other: Moment[]) => sameness(native, other, 4096, (at) => `place ${at}`);

it('what is the same is counted as that, what differs by its place', () => {
  const same = compared([moment('a', 1n), moment('b', 2n)], [moment('a', 1n), moment('b', 2n)]);
  expect(same).toMatchObject({ markers: ['a', 'b'], registers: [], process: { pages: 2, same: 2 }, memory: { pages: 4, known: 4 } });
  const other = compared([moment('a', 1n)], [moment('a', 3n, [1, 5])]);
  expect(other).toMatchObject({ registers: ['x1 at a'], process: { pages: 1, same: 0, differ: { '0x10000': 1 } },
    code: { pages: 1, same: 0, differ: { 'place 1': 1 } }, data: { pages: 1, same: 1 }, memory: { pages: 2, known: 1 } });
  expect(sayings('trap', other).join()).toContain('registers: differ: x1 at a');
});
it('markers that look-ahead has passed are left out; others, or none, are not the same', () => {
  const native = [moment('a', 1n), moment('a', 2n), moment('b', 3n)];
  expect(compared(native, [native[1]!, native[2]!])).toMatchObject({ markers: ['a', 'b'], unseen: 1, registers: [] });
  expect(compared(native, [moment('a', 9n), native[2]!]).registers).toEqual(['x1 at a']);
  expect(compared(native, [moment('c', 1n)]).markers).toBeUndefined();
  expect(sayings('trap', compared(native, [])).join()).toContain('does not set the markers');
});
