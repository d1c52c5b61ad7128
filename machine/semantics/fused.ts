/**
 * Fused multiply-add, exactly rounded without a fused instruction. @spec unpriv 20.6
 *
 * Singles: the product is exact as a double; the sum is rounded to odd as a double, and then once more, to single: rounding to odd keeps
 * the information that the second rounding needs (Boldo and Melquiond, "Emulation of FMA and correctly rounded sums"). Doubles: the product
 * as an exact pair (Dekker), an exact sum (Knuth), and a test that adding the rest leaves the rounding certain (Ziv). Where WebAssembly
 * offers a fused instruction, doubles use it.
 */
import type { F64, I32 } from './operators.ts';
import type { Meaning, Semantics } from './semantics.ts';
import { DOUBLE, SINGLE } from './formats.ts';

type Pair = readonly [high: () => F64, low: () => F64];

/** a + b = high + low, exactly. */
function exactSum(semantics: Semantics, a: () => F64, b: () => F64): Pair {
  const high = semantics.keepD(semantics.addD(a(), b()));
  const part = semantics.keepD(semantics.subD(high(), a()));
  const low = semantics.keepD(semantics.addD(semantics.subD(a(), semantics.subD(high(), part())), semantics.subD(b(), part())));
  return [high, low];
}

/** a = high + low with 26 bits each (Veltkamp). */
function halves(semantics: Semantics, a: () => F64): Pair {
  const scaled = semantics.keepD(semantics.mulD(a(), semantics.fromBitsD(semantics.long(0x41a0_0000_0200_0000n)))); // 2^27 + 1
  const high = semantics.keepD(semantics.subD(scaled(), semantics.subD(scaled(), a())));
  return [high, semantics.keepD(semantics.subD(a(), high()))];
}

/** a * b = high + low, exactly. */
function exactProduct(semantics: Semantics, a: () => F64, b: () => F64): Pair {
  const high = semantics.keepD(semantics.mulD(a(), b()));
  const [ah, al] = halves(semantics, a);
  const [bh, bl] = halves(semantics, b);
  const first = semantics.subD(semantics.mulD(ah(), bh()), high());
  const second = semantics.addD(semantics.addD(first, semantics.mulD(ah(), bl())), semantics.mulD(al(), bh()));
  return [high, semantics.keepD(semantics.addD(second, semantics.mulD(al(), bl())))];
}

/** The sum rounded to odd, given the exact sum as a pair: an even last bit of an inexact sum moves towards the error. */
function toOdd(s: Semantics, [high, low]: Pair): () => F64 {
  const zero = (): F64 => DOUBLE.zero(s);
  const bits = s.keep(s.bitsD(high()));
  const sameSign = (): I32 => s.eq32(s.gtD(low(), zero()), s.gtD(high(), zero()));
  const moves = (): I32 => s.and32(s.neD(low(), zero()), s.eqz(s.and(bits(), s.long(1))));
  return s.keepD(s.fromBitsD(s.choose(moves(), () => s.add(bits(), s.select(s.long(1), s.long(-1), sameSign())), bits)));
}

const negateD = (s: Semantics, v: F64, negative: boolean): F64 => (negative ? s.negD(v) : v);

/** Products whose error is certainly a double: 2^-900 … 2^1000. */
const outside = (s: Semantics, v: F64): I32 => s.gtU32(s.sub32(DOUBLE.exponent(s, v), s.word(1023 - 900)), s.word(1900));

const NEAR_ONE = [0x3fef_ffff_ffff_fff8n, 0x3ff0_0000_0000_0004n] as const; // 1 - 2^-50, 1 + 2^-50

/**
 * a * b + c = sum + rest exactly, where rest = the errors of product and sum. Rounds both ends of an interval that contains the exact
 * value: where they agree, that is the result. The first inexact operation takes the slow path, as does everything out of range (an
 * intermediate NaN makes the ends unequal).
 */
function fusedDouble(semantics: Semantics, negateProduct: boolean, negateAddend: boolean): void {
  const a = semantics.keepD(negateD(semantics, semantics.d1(), negateProduct));
  const b = semantics.keepD(semantics.d2());
  const c = semantics.keepD(negateD(semantics, semantics.d3(), negateAddend));
  const fused = semantics.fusedD(a, b, c);
  if (fused === undefined) fusedBySums(semantics, a, b, c);
  else fusedByHost(semantics, a, b, c, semantics.keepD(fused));
}

/** The host has rounded once. Where inexact is not yet accrued, the errors of product and sum must be shown to be zero. */
function fusedByHost(s: Semantics, a: () => F64, b: () => F64, c: () => F64, r: () => F64): void {
  const zeroProduct = (): I32 => s.or32(s.eqD(a(), DOUBLE.zero(s)), s.eqD(b(), DOUBLE.zero(s)));
  const normal = s.leU32(s.sub32(DOUBLE.exponent(s, r()), s.word(2)), s.word(DOUBLE.maxExponent - 4));
  s.when(s.eqz32(normal), () => s.slowIf(s.eqz32(s.and32(zeroProduct(), s.eqD(r(), DOUBLE.zero(s))))));
  s.when(s.eqz32(s.inexactSet()), () => {
    const [high, low] = exactProduct(s, a, b);
    s.when(outside(s, high()), () => s.slowIf(s.eqz32(zeroProduct())));
    const [, error] = exactSum(s, high, c);
    s.slowIf(s.neD(s.addD(error(), low()), DOUBLE.zero(s)));
  });
  s.fdD(r());
}

function fusedBySums(s: Semantics, a: () => F64, b: () => F64, c: () => F64): void {
  const [high, low] = exactProduct(s, a, b);
  s.when(outside(s, high()), () => s.slowIf(s.eqz32(s.or32(s.eqD(a(), DOUBLE.zero(s)), s.eqD(b(), DOUBLE.zero(s))))));
  const [sum, error] = exactSum(s, high, c);
  const rest = s.keepD(s.addD(error(), low()));
  const end = (factor: bigint): (() => F64) => s.keepD(s.addD(sum(), s.mulD(rest(), s.fromBitsD(s.long(factor)))));
  const first = end(NEAR_ONE[0]);
  const last = end(NEAR_ONE[1]);
  const inexact = (): I32 => s.neD(rest(), DOUBLE.zero(s));
  s.slowIf(s.or32(s.neD(first(), last()), s.and32(inexact(), s.eqz32(s.inexactSet()))));
  // An exact result is the sum as it is: minus zero plus a rest of zero would lose its sign.
  s.fdD(s.fromBitsD(s.select(s.bitsD(first()), s.bitsD(sum()), inexact())));
}

function fusedSingle(s: Semantics, negateProduct: boolean, negateAddend: boolean): void {
  const a = s.keepD(negateD(s, s.promote(s.s1()), negateProduct));
  const b = s.keepD(s.promote(s.s2()));
  const c = s.keepD(negateD(s, s.promote(s.s3()), negateAddend));
  const product = s.keepD(s.mulD(a(), b()));
  const sum = exactSum(s, product, c);
  const z = toOdd(s, sum);
  const r = s.keepS(s.demote(z()));
  const normal = s.leU32(s.sub32(SINGLE.exponent(s, r()), s.word(2)), s.word(SINGLE.maxExponent - 4));
  s.when(s.eqz32(normal), () => s.slowIf(s.neD(z(), DOUBLE.zero(s))));
  s.raiseInexact(s.neD(s.promote(r()), z()));
  s.fdS(r());
}

type Fused = (s: Semantics, negateProduct: boolean, negateAddend: boolean) => void;
const fused = (meaning: Fused, negateProduct: boolean, negateAddend: boolean): Meaning => (semantics) => {
  semantics.needsFp();
  semantics.slowIf(semantics.rm());
  meaning(semantics, negateProduct, negateAddend);
};

export const fusedFloat = {
  'fmadd.s': fused(fusedSingle, false, false), 'fmadd.d': fused(fusedDouble, false, false),
  'fmsub.s': fused(fusedSingle, false, true), 'fmsub.d': fused(fusedDouble, false, true),
  'fnmsub.s': fused(fusedSingle, true, false), 'fnmsub.d': fused(fusedDouble, true, false),
  'fnmadd.s': fused(fusedSingle, true, true), 'fnmadd.d': fused(fusedDouble, true, true),
};
