import { describe, expect, it } from 'vitest';
import { clearTlb, computeLayout, TLB_BYTES, TLB_ENTRIES, TLB_ENTRY } from './layout.ts';

const MIB = 2 ** 20;

describe('the memory of the engine', () => {
  it('has room for 3.5 GiB of RAM, and says how much there may be', () => {
    expect(computeLayout(3584 * MIB, 16).bytes).toBeLessThan(2 ** 32);
    const [, most] = /(\d+) MiB of RAM at most/.exec((() => {
      try { computeLayout(4096 * MIB, 1); return ''; } catch (error) { return (error as Error).message; }
    })())!;
    expect(computeLayout(Number(most) * MIB, 1).bytes).toBeLessThan(2 ** 32);
    expect(() => computeLayout((Number(most) + 1) * MIB, 1)).toThrow(RangeError);
  });

  it('a TLB of memory that is still zero is empty: no access hits in it, at either end of the address space', () => {
    const words = new BigInt64Array(TLB_BYTES / 8);
    const hits = (va: bigint, size: number): boolean => {
      const entry = Number((va >> 12n) & BigInt(TLB_ENTRIES - 1));
      return [0, 1, 2].some((kind) => BigInt.asUintN(64, va - words[entry * (TLB_ENTRY / 8) + kind]!) <= BigInt(4096 - size));
    };
    clearTlb(words, 0, true);
    for (const page of [0n, 1n, 4095n, 4096n, 8191n, -1n, -4096n, 1n << 26n])
      for (const at of [0n, 1n, 4088n, 4095n]) for (const size of [1, 8]) expect(hits(page * 4096n + at, size)).toBe(false);
    expect([...words].filter((word) => word !== 0n)).toEqual([4096n, 4096n, 4096n]);
    words.fill(7n);
    clearTlb(words, 0);
    expect(hits(0n, 1) || hits(0x5000n, 1)).toBe(false);
  });

  it('refuses sizes that are no pages, and numbers of harts that it has no place for', () => {
    expect(() => computeLayout(MIB + 1, 1)).toThrow('not a multiple of 4096');
    expect(() => computeLayout(MIB, 17)).toThrow('1 to 16');
  });
});
