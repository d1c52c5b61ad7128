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
function exactSum(semantics: Semantics, left: () => F64, right: () => F64): Pair {
  const high = semantics.keepD(semantics.addD(left(), right()));
  const part = semantics.keepD(semantics.subD(high(), left()));
  const low = semantics.keepD(semantics.addD(semantics.subD(left(), semantics.subD(high(), part())), semantics.subD(right(), part())));
  return [high, low];
}

/** a = high + low with 26 bits each (Veltkamp). */
function halves(semantics: Semantics, value: () => F64): Pair {
  const scaled = semantics.keepD(semantics.mulD(value(), semantics.fromBitsD(semantics.long(0x41a0_0000_0200_0000n)))); // 2^27 + 1
  const high = semantics.keepD(semantics.subD(scaled(), semantics.subD(scaled(), value())));
  return [high, semantics.keepD(semantics.subD(value(), high()))];
}

/** a * b = high + low, exactly. */
function exactProduct(semantics: Semantics, left: () => F64, right: () => F64): Pair {
  const high = semantics.keepD(semantics.mulD(left(), right()));
  const [ah, al] = halves(semantics, left);
  const [bh, bl] = halves(semantics, right);
  const first = semantics.subD(semantics.mulD(ah(), bh()), high());
  const second = semantics.addD(semantics.addD(first, semantics.mulD(ah(), bl())), semantics.mulD(al(), bh()));
  return [high, semantics.keepD(semantics.addD(second, semantics.mulD(al(), bl())))];
}

/** The sum rounded to odd, given the exact sum as a pair: an even last bit of an inexact sum moves towards the error. */
function toOdd(semantics: Semantics, [high, low]: Pair): () => F64 {
  const zero = (): F64 => DOUBLE.zero(semantics);
  const bits = semantics.keep(semantics.bitsD(high()));
  const sameSign = (): I32 => semantics.eq32(semantics.gtD(low(), zero()), semantics.gtD(high(), zero()));
  const moves = (): I32 => semantics.and32(semantics.neD(low(), zero()), semantics.eqz(semantics.and(bits(), semantics.long(1))));
  return semantics.keepD(semantics.fromBitsD(semantics.choose(moves(),
    () => semantics.add(bits(), semantics.select(semantics.long(1), semantics.long(-1), sameSign())), bits)));
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
  const left = semantics.keepD(negateD(semantics, semantics.d1(), negateProduct));
  const right = semantics.keepD(semantics.d2());
  const addend = semantics.keepD(negateD(semantics, semantics.d3(), negateAddend));
  const fused = semantics.fusedD(left, right, addend);
  if (fused === undefined) fusedBySums(semantics, left, right, addend);
  else fusedByHost(semantics, left, right, addend, semantics.keepD(fused));
}

/** The host has rounded once. Where inexact is not yet accrued, the errors of product and sum must be shown to be zero. */
function fusedByHost(semantics: Semantics, left: () => F64, right: () => F64, addend: () => F64, result: () => F64): void {
  const zeroProduct = (): I32 => semantics.or32(semantics.eqD(left(), DOUBLE.zero(semantics)),
    semantics.eqD(right(), DOUBLE.zero(semantics)));
  const normal = semantics.leU32(semantics.sub32(DOUBLE.exponent(semantics, result()), semantics.word(2)),
    semantics.word(DOUBLE.maxExponent - 4));
  semantics.when(semantics.eqz32(normal),
    () => semantics.slowIf(semantics.eqz32(semantics.and32(zeroProduct(), semantics.eqD(result(), DOUBLE.zero(semantics))))));
  semantics.when(semantics.eqz32(semantics.inexactSet()), () => {
    const [high, low] = exactProduct(semantics, left, right);
    semantics.when(outside(semantics, high()), () => semantics.slowIf(semantics.eqz32(zeroProduct())));
    const [, error] = exactSum(semantics, high, addend);
    semantics.slowIf(semantics.neD(semantics.addD(error(), low()), DOUBLE.zero(semantics)));
  });
  semantics.fdD(result());
}

function fusedBySums(semantics: Semantics, left: () => F64, right: () => F64, addend: () => F64): void {
  const [high, low] = exactProduct(semantics, left, right);
  semantics.when(outside(semantics, high()),
    () => semantics.slowIf(semantics.eqz32(semantics.or32(semantics.eqD(left(), DOUBLE.zero(semantics)),
      semantics.eqD(right(), DOUBLE.zero(semantics))))));
  const [sum, error] = exactSum(semantics, high, addend);
  const rest = semantics.keepD(semantics.addD(error(), low()));
  const end = (factor: bigint): (() => F64) =>
    semantics.keepD(semantics.addD(sum(), semantics.mulD(rest(), semantics.fromBitsD(semantics.long(factor)))));
  const first = end(NEAR_ONE[0]);
  const last = end(NEAR_ONE[1]);
  const inexact = (): I32 => semantics.neD(rest(), DOUBLE.zero(semantics));
  semantics.slowIf(semantics.or32(semantics.neD(first(), last()), semantics.and32(inexact(), semantics.eqz32(semantics.inexactSet()))));
  // An exact result is the sum as it is: minus zero plus a rest of zero would lose its sign.
  semantics.fdD(semantics.fromBitsD(semantics.select(semantics.bitsD(first()), semantics.bitsD(sum()), inexact())));
}

function fusedSingle(semantics: Semantics, negateProduct: boolean, negateAddend: boolean): void {
  const left = semantics.keepD(negateD(semantics, semantics.promote(semantics.s1()), negateProduct));
  const right = semantics.keepD(semantics.promote(semantics.s2()));
  const addend = semantics.keepD(negateD(semantics, semantics.promote(semantics.s3()), negateAddend));
  const product = semantics.keepD(semantics.mulD(left(), right()));
  const sum = exactSum(semantics, product, addend);
  const odd = toOdd(semantics, sum);
  const result = semantics.keepS(semantics.demote(odd()));
  const normal = semantics.leU32(semantics.sub32(SINGLE.exponent(semantics, result()), semantics.word(2)),
    semantics.word(SINGLE.maxExponent - 4));
  semantics.when(semantics.eqz32(normal), () => semantics.slowIf(semantics.neD(odd(), DOUBLE.zero(semantics))));
  semantics.raiseInexact(semantics.neD(semantics.promote(result()), odd()));
  semantics.fdS(result());
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
