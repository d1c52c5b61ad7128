import { describe, expect, it } from 'vitest';
import * as arithmetic from './arithmetic.ts';
import { classify, compare, select } from './compare.ts';
import { convert, fromInteger, toInteger, toIntegerModular, toIntegral } from './convert.ts';
import { DOUBLE, Flag, HALF, Round, SINGLE, Status } from './format.ts';
import type { Format } from './format.ts';
import * as fused from './fused.ts';

const f64 = new Float64Array(1);
const u64 = new BigUint64Array(f64.buffer);
const f32 = new Float32Array(f64.buffer);
const u32 = new Uint32Array(f64.buffer);
const bitsOf = (x: number): bigint => { f64[0] = x; return u64[0]; };
const single = (x: number): bigint => { f32[0] = x; return BigInt(u32[0]); };
const singleValue = (bits: bigint): number => { u32[0] = Number(bits); return f32[0]; };
const value = (bits: bigint): number => { u64[0] = bits; return f64[0]; };

/** A reproducible stream of 64-bit patterns (xorshift). */
function stream(seed: bigint): () => bigint {
  let state = seed;
  return () => {
    state ^= BigInt.asUintN(64, state << 13n);
    state ^= state >> 7n;
    state ^= BigInt.asUintN(64, state << 17n);
    return state;
  };
}

const SPECIAL = [0, -0, 1, -1, Infinity, -Infinity, NaN, 5e-324, -5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 1.5, 3, 0.1];

/** Pairs: all combinations of special values, then patterns whose exponents are near each other, then any patterns. */
function* pairs(count: number): Generator<[bigint, bigint]> {
  for (const left of SPECIAL) for (const right of SPECIAL) yield [bitsOf(left), bitsOf(right)];
  const next = stream(0x9e3779b97f4a7c15n);
  for (let i = 0; i < count; i++) {
    const left = next();
    const right = next();
    yield [left, i % 2 === 0 ? right : (left & 0xff80_0000_0000_0000n) ^ (right & 0x801f_ffff_ffff_ffffn)];
  }
}

const same = (actual: bigint, expected: number, nan: bigint, encode: (x: number) => bigint): boolean =>
  (Number.isNaN(expected) ? actual === nan : actual === encode(expected));

describe('software floating point, round to nearest', () => {
  const operations: [string, (f: Format, st: Status, a: bigint, b: bigint) => bigint, (a: number, b: number) => number][] = [
    ['add', arithmetic.add, (a, b) => a + b],
    ['sub', arithmetic.sub, (a, b) => a - b],
    ['mul', arithmetic.mul, (a, b) => a * b],
    ['div', arithmetic.div, (a, b) => a / b],
  ];
  for (const [name, ours, host] of operations) {
    it(`${name} agrees with the host's doubles`, () => {
      for (const [left, right] of pairs(1500)) {
        const actual = ours(DOUBLE, new Status(), left, right);
        if (!same(actual, host(value(left), value(right)), DOUBLE.nan, bitsOf))
          expect([left.toString(16), right.toString(16), actual.toString(16)]).toBe(bitsOf(host(value(left), value(right))).toString(16));
      }
    });
    it(`${name} agrees with the host's singles`, () => {
      for (const [left, right] of pairs(1000)) {
        const [x, y] = [BigInt.asUintN(32, left >> 32n), BigInt.asUintN(32, right >> 32n)];
        const expected = Math.fround(host(singleValue(x), singleValue(y)));
        const actual = ours(SINGLE, new Status(), x, y);
        if (!same(actual, expected, SINGLE.nan, single))
          expect([x.toString(16), y.toString(16), actual.toString(16)]).toBe(single(expected).toString(16));
      }
    });
  }

  it('square roots agree with the host', () => {
    for (const [left] of pairs(1000))
      expect(same(arithmetic.sqrt(DOUBLE, new Status(), left), Math.sqrt(value(left)), DOUBLE.nan, bitsOf)).toBe(true);
  });

  it('narrowing and widening agree with the host', () => {
    for (const [left] of pairs(1000)) {
      expect(same(convert(DOUBLE, SINGLE, new Status(), left), Math.fround(value(left)), SINGLE.nan, single)).toBe(true);
      const state = BigInt.asUintN(32, left);
      expect(same(convert(SINGLE, DOUBLE, new Status(), state), singleValue(state), DOUBLE.nan, bitsOf)).toBe(true);
    }
  });
});

describe('exceptions', () => {
  const flags = (run: (st: Status) => void, rm: number = Round.nearestEven): number => {
    const st = new Status();
    st.rm = rm;
    run(st);
    return st.flags;
  };
  const bits = bitsOf;

  it('exact results raise nothing', () => {
    expect(flags((st) => arithmetic.add(DOUBLE, st, bits(1), bits(2)))).toBe(0);
    expect(flags((st) => arithmetic.div(DOUBLE, st, bits(1), bits(4)))).toBe(0);
    expect(flags((st) => arithmetic.sqrt(DOUBLE, st, bits(9)))).toBe(0);
  });
  it('inexact, overflow, division by zero, invalid', () => {
    expect(flags((st) => arithmetic.div(DOUBLE, st, bits(1), bits(3)))).toBe(Flag.NX);
    expect(flags((st) => arithmetic.mul(DOUBLE, st, bits(1e308), bits(10)))).toBe(Flag.OF | Flag.NX);
    expect(flags((st) => arithmetic.div(DOUBLE, st, bits(1), bits(0)))).toBe(Flag.DZ);
    expect(flags((st) => arithmetic.div(DOUBLE, st, bits(0), bits(0)))).toBe(Flag.NV);
    expect(flags((st) => arithmetic.sub(DOUBLE, st, bits(Infinity), bits(Infinity)))).toBe(Flag.NV);
    expect(flags((st) => arithmetic.sqrt(DOUBLE, st, bits(-1)))).toBe(Flag.NV);
    expect(flags((st) => arithmetic.add(DOUBLE, st, 0x7ff0_0000_0000_0001n, bits(1)))).toBe(Flag.NV);
    expect(flags((st) => arithmetic.add(DOUBLE, st, DOUBLE.nan, bits(1)))).toBe(0);
    expect(flags((st) => arithmetic.fma(DOUBLE, st, bits(Infinity), bits(0), DOUBLE.nan))).toBe(Flag.NV);
  });
  it('an exact subnormal does not underflow; an inexact one does; tininess is seen after rounding', () => {
    const least = bits(2.2250738585072014e-308);
    expect(flags((st) => arithmetic.mul(DOUBLE, st, least, bits(0.5)))).toBe(0);
    expect(flags((st) => arithmetic.div(DOUBLE, st, least, bits(3)))).toBe(Flag.UF | Flag.NX);
    // 2^-1022 (1 - 2^-53) has 53 bits, so it is tiny; 2^-1022 (1 - 2^-104) rounds to the smallest normal even with an unbounded exponent.
    expect(flags((st) => arithmetic.mul(DOUBLE, st, least, bits(1 - 2 ** -53)))).toBe(Flag.UF | Flag.NX);
    expect(flags((st) => arithmetic.mul(DOUBLE, st, bits(2 ** -1022 * (1 + 2 ** -52)), bits(1 - 2 ** -52)))).toBe(Flag.NX);
  });
  it('directed rounding chooses the neighbour, and what overflow becomes', () => {
    const third = (rm: number): bigint => { const st = new Status(); st.rm = rm; return arithmetic.div(DOUBLE, st, bits(1), bits(3)); };
    expect(third(Round.up) - third(Round.down)).toBe(1n);
    expect(third(Round.towardZero)).toBe(third(Round.down));
    const st = new Status();
    st.rm = Round.towardZero;
    expect(arithmetic.mul(DOUBLE, st, bits(1e308), bits(10))).toBe(bits(1.7976931348623157e308));
    st.rm = Round.down;
    expect(arithmetic.sub(DOUBLE, st, bits(1), bits(1))).toBe(bits(-0));
  });
});

describe('conversions', () => {
  it('to integers: rounding, saturation, NaN', () => {
    const st = new Status();
    expect(toInteger(DOUBLE, st, bitsOf(2.5), 32, false)).toBe(2n);
    st.rm = Round.nearestAway;
    expect(toInteger(DOUBLE, st, bitsOf(2.5), 32, false)).toBe(3n);
    expect(st.flags).toBe(Flag.NX);
    expect(toInteger(DOUBLE, st, bitsOf(1e30), 64, false)).toBe(2n ** 63n - 1n);
    expect(toInteger(DOUBLE, st, bitsOf(NaN), 32, true)).toBe(-1n);
    expect(toInteger(DOUBLE, st, bitsOf(-1), 64, true)).toBe(0n);
    expect(toIntegerModular(DOUBLE, st, bitsOf(2 ** 32 + 5))).toBe(5n);
  });
  it('from integers and to integral values', () => {
    expect(fromInteger(SINGLE, new Status(), 16_777_217n)).toBe(single(16_777_216));
    expect(fromInteger(HALF, new Status(), 65_520n)).toBe(HALF.infinity);
    expect(toIntegral(DOUBLE, new Status(), bitsOf(-0.4), true)).toBe(bitsOf(-0));
  });
});

describe('comparison', () => {
  it('orders numbers; NaN is unordered', () => {
    const st = new Status();
    expect(compare(DOUBLE, st, 'lt', bitsOf(-1), bitsOf(1))).toBe(true);
    expect(compare(DOUBLE, st, 'eq', bitsOf(-0), bitsOf(0))).toBe(true);
    expect(compare(DOUBLE, st, 'eq', DOUBLE.nan, DOUBLE.nan)).toBe(false);
    expect(st.flags).toBe(0);
    compare(DOUBLE, st, 'lt', DOUBLE.nan, bitsOf(1));
    expect(st.flags).toBe(Flag.NV);
  });
  it('minimum and maximum know signed zeros, and drop or keep NaN', () => {
    const st = new Status();
    expect(select(DOUBLE, st, bitsOf(0), bitsOf(-0), false, false)).toBe(bitsOf(-0));
    expect(select(DOUBLE, st, bitsOf(-0), bitsOf(0), true, false)).toBe(bitsOf(0));
    expect(select(DOUBLE, st, DOUBLE.nan, bitsOf(1), true, false)).toBe(bitsOf(1));
    expect(select(DOUBLE, st, DOUBLE.nan, bitsOf(1), true, true)).toBe(DOUBLE.nan);
  });
  it('classifies', () => {
    expect([-Infinity, -1, -5e-324, -0, 0, 5e-324, 1, Infinity].map((x) =>
      Math.log2(classify(DOUBLE, bitsOf(x))))).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(classify(DOUBLE, 0x7ff0_0000_0000_0001n)).toBe(1 << 8);
    expect(classify(DOUBLE, DOUBLE.nan)).toBe(1 << 9);
  });
});

describe('fused multiply-add by the host', () => {
  it('equals the exact one wherever it answers, flags included', () => {
    const next = stream(0x2545f4914f6cdd1dn);
    let answered = 0;
    for (let i = 0; i < 3000; i++) {
      const near = (): bigint => (next() & 0x800f_ffff_ffff_ffffn) | ((1013n + (next() % 20n)) << 52n);
      const [left, right] = [near(), near()];
      // Often: an addend that cancels most of the product.
      const addend = i % 3 === 0 ? bitsOf(-value(left) * value(right)) ^ (next() & 0xffn) : near();
      const result = fused.fusedDouble(value(left), value(right), value(addend));
      if (Number.isNaN(result)) continue;
      answered++;
      const st = new Status();
      const inexact = fused.inexact;
      expect(bitsOf(result)).toBe(arithmetic.fma(DOUBLE, st, left, right, addend));
      expect(inexact).toBe((st.flags & Flag.NX) !== 0);
    }
    expect(answered).toBeGreaterThan(2500);
  });
  it('the same for singles', () => {
    const next = stream(0x1234567n);
    for (let i = 0; i < 3000; i++) {
      const near = (): bigint => (next() & 0x807f_ffffn) | ((117n + (next() % 20n)) << 23n);
      const [left, right] = [near(), near()];
      const addend = i % 3 === 0 ? single(-singleValue(left) * singleValue(right)) ^ (next() & 0xfn) : near();
      const result = fused.fusedSingle(singleValue(left), singleValue(right), singleValue(addend));
      if (Number.isNaN(result)) continue;
      const st = new Status();
      const inexact = fused.inexact;
      expect(single(result)).toBe(arithmetic.fma(SINGLE, st, left, right, addend));
      expect(inexact).toBe((st.flags & Flag.NX) !== 0);
    }
  });
});
