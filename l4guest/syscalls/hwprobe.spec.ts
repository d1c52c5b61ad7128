/** riscv_hwprobe: answers measured on Debian's Linux 6.12 with one processor. */
import { describe, expect, it } from 'vitest';
import { E } from '../abi/errno.ts';
import { hardwareValues, isaForPrograms } from '../abi/hwprobe.ts';
import { copyIn, setBig, setI64 } from '../mm/uaccess.ts';
import { Unix } from '../testing/unix.ts';

const PAIRS = Unix.MEMORY, SET = Unix.MEMORY + 512, WHICH = 1, IMA_EXT_0 = 4, BAD = 8;

function world(pairs: readonly (readonly [key: number, value: bigint])[], set = 0n) {
  const unix = new Unix(), { mm } = unix.main;
  pairs.forEach(([key, value], i) => { setI64(mm, PAIRS + 16 * i, key); setBig(mm, PAIRS + 16 * i + 8, value); });
  setBig(mm, SET, set);
  const seen = (at: number): bigint => new DataView(copyIn(mm, at, 8).slice().buffer).getBigInt64(0, true);
  return { call: (size: number, at: number, flags: number, from = PAIRS) => unix.call('riscv_hwprobe', from, pairs.length, size, at, flags),
    pair: (i: number) => [seen(PAIRS + 16 * i), seen(PAIRS + 16 * i + 8)], set: () => seen(SET) };
}

describe('riscv_hwprobe', () => {
  it('answers the keys that Linux 6.12 has, and -1 for others', () => {
    const keys = Array.from({ length: 16 }, (_, i) => i - 2), { call, pair } = world(keys.map((key) => [key, 77n]));
    expect(call(0, 0, 0)).toBe(0);
    const known = keys.map((key, i) => pair(i)[0] === BigInt(key) && key >= 0);
    expect(keys.filter((_, i) => known[i])).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(pair(0)).toEqual([-1n, 0n]);
    expect(pair(10)).toEqual([8n, 10_000_000n]);
  });
  it.each([
    ['an empty set', 8, SET, 0n, -E.INVAL], ['a set without the processor', 8, SET, 2n, -E.INVAL], ['its set', 8, SET, 1n, 0],
    ['a set of no bytes', 0, SET, 1n, -E.INVAL], ['no set but a size', 8, 0, 0n, -E.FAULT], ['a large set', 4096, SET, 1n, 0],
  ] as const)('takes a set of processors: %s', (_what, size, at, set, answer) => {
    expect(world([[IMA_EXT_0, 3n]], set).call(size, at, 0)).toBe(answer);
  });
  it.each([
    ['an empty set is all', 0n, [IMA_EXT_0, 3n], 1n], ['more processors than there are', 3n, [IMA_EXT_0, 3n], 1n],
    ['bits that are not there', 1n, [IMA_EXT_0, 1n << 62n], 0n], ['another vendor', 1n, [0, 5n], 0n], ['no bits', 1n, [5, 0n], 1n],
    ['a key that is not known', 1n, [100, 5n], 0n],
  ] as const)('finds the processors of which the pairs are true: %s', (_what, before, pair, after) => {
    const { call, set } = world([pair], before);
    expect([call(8, SET, WHICH), set()]).toEqual([0, after]);
  });
  it('refuses other flags, a question without a set, and bad addresses', () => {
    const { call } = world([[IMA_EXT_0, 3n]], 1n);
    expect([call(8, SET, 2), call(8, SET, 3), call(0, SET, WHICH), call(8, 0, WHICH)]).toEqual(Array(4).fill(-E.INVAL));
    expect([call(0, 0, 0, BAD), call(8, SET, WHICH, BAD), call(8, BAD, 0), call(8, BAD, WHICH)]).toEqual(Array(4).fill(-E.FAULT));
  });
});

describe('an ISA string', () => {
  it('is told without what only kernels use, and with the parts of its extensions', () => {
    const isa = 'rv64imafdch_zicsr_zifencei_zicntr_zba_zfh_sstc_svinval';
    expect(isaForPrograms(isa)).toBe('rv64imafdc_zicntr_zicsr_zifencei_zfh_zfhmin_zca_zcd_zba');
    expect(hardwareValues(isa, 0)[IMA_EXT_0]).toBe(0b1011n | 1n << 27n | 1n << 28n | 1n << 43n | 1n << 45n);
  });
});
