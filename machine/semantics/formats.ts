/** Single and double precision behind one interface, so that float.ts writes each instruction once. */
import type { F32, F64, I32, I64 } from './operators.ts';
import type { Semantics } from './semantics.ts';

export interface Format<F> {
  readonly suffix: 's' | 'd';
  first(s: Semantics): F;
  second(s: Semantics): F;
  result(s: Semantics, value: F): void;
  keep(s: Semantics, value: F): () => F;
  zero(s: Semantics): F;
  add(s: Semantics, a: F, b: F): F;
  sub(s: Semantics, a: F, b: F): F;
  mul(s: Semantics, a: F, b: F): F;
  div(s: Semantics, a: F, b: F): F;
  sqrt(s: Semantics, a: F): F;
  min(s: Semantics, a: F, b: F): F;
  max(s: Semantics, a: F, b: F): F;
  eq(s: Semantics, a: F, b: F): I32;
  ne(s: Semantics, a: F, b: F): I32;
  lt(s: Semantics, a: F, b: F): I32;
  le(s: Semantics, a: F, b: F): I32;
  abs(s: Semantics, a: F): F;
  trunc(s: Semantics, a: F): F;
  nearest(s: Semantics, a: F): F;
  floor(s: Semantics, a: F): F;
  ceil(s: Semantics, a: F): F;
  fromW(s: Semantics, a: I32): F;
  fromWu(s: Semantics, a: I32): F;
  fromL(s: Semantics, a: I64): F;
  fromLu(s: Semantics, a: I64): F;
  toW(s: Semantics, a: F): I32;
  toWu(s: Semantics, a: F): I32;
  toL(s: Semantics, a: F): I64;
  toLu(s: Semantics, a: F): I64;
  /** 2 to the power n. */
  power(s: Semantics, n: number): F;
  /** The biased exponent, and its largest value (that of infinities and NaNs). */
  exponent(s: Semantics, a: F): I32;
  readonly maxExponent: number;
  /** 1 when a * b is certainly exact (it may be exact otherwise too). */
  exactProduct(s: Semantics, a: () => F, b: () => F): I32;
}

/** Significant bits of a double: 53 less the trailing zeros of its fraction (fraction 0: 1 bit). */
const significantBits = (s: Semantics, a: () => F64): I32 => s.sub32(s.word(53), s.wrap(s.ctz(s.or(s.bitsD(a()), s.long(1n << 52n)))));

export const DOUBLE: Format<F64> = {
  suffix: 'd', maxExponent: 0x7ff,
  first: (s) => s.d1(), second: (s) => s.d2(), result: (s, v) => s.fdD(v), keep: (s, v) => s.keepD(v), zero: (s) => s.fromBitsD(s.long(0)),
  add: (s, a, b) => s.addD(a, b), sub: (s, a, b) => s.subD(a, b), mul: (s, a, b) => s.mulD(a, b), div: (s, a, b) => s.divD(a, b),
  sqrt: (s, a) => s.sqrtD(a),
  min: (s, a, b) => s.minD(a, b), max: (s, a, b) => s.maxD(a, b),
  eq: (s, a, b) => s.eqD(a, b), ne: (s, a, b) => s.neD(a, b), lt: (s, a, b) => s.ltD(a, b), le: (s, a, b) => s.leD(a, b),
  abs: (s, a) => s.absD(a), trunc: (s, a) => s.truncD(a), nearest: (s, a) => s.nearestD(a), floor: (s, a) => s.floorD(a),
  ceil: (s, a) => s.ceilD(a),
  fromW: (s, a) => s.dFromW(a), fromWu: (s, a) => s.dFromWu(a), fromL: (s, a) => s.dFromL(a), fromLu: (s, a) => s.dFromLu(a),
  toW: (s, a) => s.wFromD(a), toWu: (s, a) => s.wuFromD(a), toL: (s, a) => s.lFromD(a), toLu: (s, a) => s.luFromD(a),
  power: (s, n) => s.fromBitsD(s.long(BigInt(n + 1023) << 52n)),
  exponent: (s, a) => s.and32(s.wrap(s.shrU(s.bitsD(a), s.long(52))), s.word(0x7ff)),
  exactProduct: (s, a, b) => s.leS32(s.add32(significantBits(s, a), significantBits(s, b)), s.word(53)),
};

export const SINGLE: Format<F32> = {
  suffix: 's', maxExponent: 0xff,
  first: (s) => s.s1(), second: (s) => s.s2(), result: (s, v) => s.fdS(v), keep: (s, v) => s.keepS(v), zero: (s) => s.fromBitsS(s.word(0)),
  add: (s, a, b) => s.addS(a, b), sub: (s, a, b) => s.subS(a, b), mul: (s, a, b) => s.mulS(a, b), div: (s, a, b) => s.divS_(a, b),
  sqrt: (s, a) => s.sqrtS(a),
  min: (s, a, b) => s.minS(a, b), max: (s, a, b) => s.maxS(a, b),
  eq: (s, a, b) => s.eqS(a, b), ne: (s, a, b) => s.neS(a, b), lt: (s, a, b) => s.ltS_(a, b), le: (s, a, b) => s.leS_(a, b),
  abs: (s, a) => s.absS(a), trunc: (s, a) => s.truncS(a), nearest: (s, a) => s.nearestS(a), floor: (s, a) => s.floorS(a),
  ceil: (s, a) => s.ceilS(a),
  fromW: (s, a) => s.sFromW(a), fromWu: (s, a) => s.sFromWu(a), fromL: (s, a) => s.sFromL(a), fromLu: (s, a) => s.sFromLu(a),
  toW: (s, a) => s.wFromS(a), toWu: (s, a) => s.wuFromS(a), toL: (s, a) => s.lFromS(a), toLu: (s, a) => s.luFromS(a),
  power: (s, n) => s.fromBitsS(s.word((n + 127) << 23)),
  exponent: (s, a) => s.and32(s.shrU32(s.bitsS(a), s.word(23)), s.word(0xff)),
  exactProduct: (semantics, left, right) => {
    const product = semantics.keepD(semantics.mulD(semantics.promote(left()), semantics.promote(right()))); // exact: 24 + 24 bits fit 53
    return semantics.eqD(semantics.promote(semantics.demote(product())), product());
  },
};
