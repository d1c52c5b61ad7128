/**
 * F and D. Generated code computes what the host computes exactly as IEEE 754 says: round to nearest even, results well inside the
 * normal range, no NaN. Accrued inexact is tracked: while it is clear, an operation proves its result exact or raises it; where that
 * cannot be decided cheaply, and for every other case, machine/hart does the operation in software. @spec unpriv 20, 21
 */
import type { float as rows } from '../../hardware/isa/float.ts';
import type { I32, I64 } from './operators.ts';
import type { LoadKind, Meaning, Meanings, Semantics, StoreKind } from './semantics.ts';
import { DOUBLE, SINGLE, type Format } from './formats.ts';
import { fusedFloat } from './fused.ts';

const fp = (meaning: Meaning): Meaning => (s) => { s.needsFp(); meaning(s); };
const needsNearest = (s: Semantics): void => s.slowIf(s.rm());
const needsLegalRounding = (s: Semantics): void => s.slowIf(s.gtU32(s.rm(), s.word(4)));

const load = (kind: LoadKind): Meaning => fp((s) => s.fd(s.load(kind, s.add(s.x1(), s.imm()))));
const store = (kind: StoreKind): Meaning => fp((s) => s.store(kind, s.add(s.x1(), s.imm()), s.f2()));

/** Overflow is possible, or the result is not a number. */
const tooLarge = <F>(s: Semantics, f: Format<F>, r: F): I32 => s.geU32(f.exponent(s, r), s.word(f.maxExponent - 1));
/** The same, or underflow is possible. */
const notNormal = <F>(s: Semantics, f: Format<F>, r: F): I32 => s.gtU32(s.sub32(f.exponent(s, r), s.word(2)), s.word(f.maxExponent - 4));

/** Sums are exact where they are subnormal; the error of any other is exactly computable (Knuth's two-sum). */
function sum<F>(s: Semantics, f: Format<F>, subtract: boolean): void {
  needsNearest(s);
  const a = f.keep(s, f.first(s));
  const b = f.keep(s, f.second(s));
  const r = f.keep(s, subtract ? f.sub(s, a(), b()) : f.add(s, a(), b()));
  s.slowIf(tooLarge(s, f, r()));
  s.when(s.eqz32(s.inexactSet()), () => {
    const t = f.keep(s, f.sub(s, r(), a()));
    const ea = f.sub(s, a(), f.sub(s, r(), t()));
    const e = f.keep(s, f.add(s, ea, subtract ? negativeDifference(s, f, b, t) : f.sub(s, b(), t())));
    s.raiseInexact(f.ne(s, e(), f.zero(s)));
  });
  f.result(s, r());
}

/** -b - t, where t is the part of the difference that came from -b. */
const negativeDifference = <F>(s: Semantics, f: Format<F>, b: () => F, t: () => F): F => f.sub(s, f.sub(s, f.zero(s), b()), t());

/** Products and quotients: `exact` decides where it can; an operand of zero makes a zero that is exact. */
function scaled<F>(s: Semantics, f: Format<F>, compute: (a: F, b: F) => F, zeroable: 'both' | 'first',
    exact: (a: () => F, b: () => F, r: () => F) => I32): void {
  needsNearest(s);
  const a = f.keep(s, f.first(s));
  const b = f.keep(s, f.second(s));
  const r = f.keep(s, compute(a(), b()));
  const zero = (): I32 => {
    const first = f.eq(s, a(), f.zero(s));
    const any = zeroable === 'both' ? s.or32(first, f.eq(s, b(), f.zero(s))) : first;
    return s.and32(any, f.eq(s, r(), f.zero(s)));
  };
  s.when(notNormal(s, f, r()), () => s.slowIf(s.eqz32(zero())));
  s.when(s.eqz32(s.inexactSet()), () => s.slowIf(s.eqz32(s.choose32(zero(), () => s.word(1), () => exact(a, b, r)))));
  f.result(s, r());
}

function squareRoot<F>(s: Semantics, f: Format<F>): void {
  needsNearest(s);
  const a = f.keep(s, f.first(s));
  const r = f.keep(s, f.sqrt(s, a()));
  s.slowIf(notNormal(s, f, r()));
  s.when(s.eqz32(s.inexactSet()), () =>
    s.slowIf(s.eqz32(s.choose32(f.exactProduct(s, r, r), () => f.eq(s, f.mul(s, r(), r()), a()), () => s.word(0)))));
  f.result(s, r());
}

/** r * b = a, decided where that product is exact. */
const reproduces = <F>(s: Semantics, f: Format<F>, r: () => F, b: () => F, a: () => F): I32 =>
  s.choose32(f.exactProduct(s, r, b), () => f.eq(s, f.mul(s, r(), b()), a()), () => s.word(0));

const unordered = <F>(s: Semantics, f: Format<F>, a: () => F, b: () => F): I32 => s.or32(f.ne(s, a(), a()), f.ne(s, b(), b()));

function pick<F>(s: Semantics, f: Format<F>, larger: boolean): void {
  const a = f.keep(s, f.first(s));
  const b = f.keep(s, f.second(s));
  s.slowIf(unordered(s, f, a, b));
  f.result(s, larger ? f.max(s, a(), b()) : f.min(s, a(), b()));
}

function compare<F>(s: Semantics, f: Format<F>, how: 'eq' | 'lt' | 'le'): void {
  const a = f.keep(s, f.first(s));
  const b = f.keep(s, f.second(s));
  s.slowIf(unordered(s, f, a, b));
  s.rd(s.zext(f[how](s, a(), b())));
}

/** The value rounded to an integral one in the mode in force; nearest-away goes the slow way. */
function integral<F>(s: Semantics, f: Format<F>, a: () => F): () => F {
  const rm = s.keep32(s.rm());
  s.slowIf(s.gtU32(rm(), s.word(3)));
  const out = f.keep(s, f.trunc(s, a()));
  const modes = [[0, f.nearest], [2, f.floor], [3, f.ceil]] as const;
  let value = out;
  for (const [mode, round] of modes) value = chooseF(s, f, s.eq32(rm(), s.word(mode)), round, a, value);
  return value;
}

/** condition ? round(a) : other, on floats. */
function chooseF<F>(s: Semantics, f: Format<F>, condition: I32, round: (s: Semantics, a: F) => F, a: () => F, other: () => F): () => F {
  const c = s.keep32(condition);
  const rounded = f.keep(s, round(s, a()));
  return f.keep(s, selectF(s, f, rounded, other, c));
}
const selectF = <F>(s: Semantics, f: Format<F>, a: () => F, b: () => F, c: () => I32): F => {
  const bits = (v: () => F): I64 => (f.suffix === 'd' ? s.bitsD(v() as never) : s.zext(s.bitsS(v() as never)));
  const chosen = s.select(bits(a), bits(b), c());
  return (f.suffix === 'd' ? s.fromBitsD(chosen) : s.fromBitsS(s.wrap(chosen))) as F;
};

interface IntegerType { name: 'w' | 'wu' | 'l' | 'lu'; low: number; high: number }
const W: IntegerType = { name: 'w', low: -31, high: 31 }, WU: IntegerType = { name: 'wu', low: 0, high: 32 };
const L: IntegerType = { name: 'l', low: -63, high: 63 }, LU: IntegerType = { name: 'lu', low: 0, high: 64 };

/** Float to integer: in range [-2^low, 2^high) after rounding, else the slow way. */
function toInteger<F>(s: Semantics, f: Format<F>, t: IntegerType): void {
  const a = f.keep(s, f.first(s));
  const v = integral(s, f, a);
  const lowest = (): F => (t.low === 0 ? f.zero(s) : f.sub(s, f.zero(s), f.power(s, -t.low)));
  s.slowIf(s.eqz32(s.and32(f.le(s, lowest(), v()), f.lt(s, v(), f.power(s, t.high)))));
  s.raiseInexact(f.ne(s, v(), a()));
  if (t.name === 'w') s.rdw(f.toW(s, v()));
  else if (t.name === 'wu') s.rdw(f.toWu(s, v()));
  else s.rd(t.name === 'l' ? f.toL(s, v()) : f.toLu(s, v()));
}

/** Integer to float. Exact for doubles of 32-bit integers; otherwise checked by converting back. */
function fromInteger<F>(s: Semantics, f: Format<F>, t: IntegerType): void {
  if (f.suffix === 'd' && t.name.startsWith('w')) {
    needsLegalRounding(s);
    return f.result(s, t.name === 'w' ? f.fromW(s, s.w1()) : f.fromWu(s, s.w1()));
  }
  needsNearest(s);
  const x = s.keep(t.name === 'w' ? s.sext(s.w1()) : t.name === 'wu' ? s.zext(s.w1()) : s.x1());
  const unsigned = t.name === 'lu';
  const r = f.keep(s, unsigned ? f.fromLu(s, x()) : f.fromL(s, x()));
  // The largest integers round up to 2^63 or 2^64, which saturates on the way back and would look exact.
  const limit = (): I32 => f.eq(s, r(), f.power(s, unsigned ? 64 : 63));
  s.when(s.eqz32(s.inexactSet()), () => s.raiseInexact(s.or32(limit(), s.ne(unsigned ? f.toLu(s, r()) : f.toL(s, r()), x()))));
  f.result(s, r());
}

/** One-hot class of a number from its bits. @spec unpriv 20.9 */
function classify(s: Semantics, bits: () => I64, fraction: bigint, exponentBits: number): void {
  const fractionBits = BigInt(fraction.toString(2).length);
  const top = (1 << exponentBits) - 1;
  const sign = s.keep32(s.wrap(s.and(s.shrU(bits(), s.long(fractionBits + BigInt(exponentBits))), s.long(1))));
  const exponent = s.keep32(s.and32(s.wrap(s.shrU(bits(), s.long(fractionBits))), s.word(top)));
  const rest = s.keep(s.and(bits(), s.long(fraction)));
  const quiet = (): I32 => s.wrap(s.and(s.shrU(rest(), s.long(fractionBits - 1n)), s.long(1)));
  /** Negative classes count 0 … 3 from infinity to zero, positive ones 7 … 4. */
  const signed = (n: number): I32 => s.select32(s.word(1 << n), s.word(1 << (7 - n)), sign());
  const extreme = (): I32 => s.choose32(s.eqz(rest()), () => signed(0), () => s.shl32(s.word(1 << 8), quiet()));
  const small = (): I32 => s.choose32(s.eqz(rest()), () => signed(3), () => signed(2));
  s.rd(s.zext(s.choose32(s.eq32(exponent(), s.word(top)), extreme, () => s.choose32(s.eqz32(exponent()), small, () => signed(1)))));
}

type SignRule = 'copy' | 'negate' | 'xor';
const SIGN = 1n << 63n;
function signDouble(s: Semantics, how: SignRule): void {
  if (how === 'xor') return s.fd(s.xor(s.f1(), s.and(s.f2(), s.long(SIGN))));
  const sign = (): I64 => (how === 'copy' ? s.f2() : s.xor(s.f2(), s.long(-1)));
  s.fd(s.or(s.and(s.f1(), s.long(~SIGN)), s.and(sign(), s.long(SIGN))));
}
function signSingle(s: Semantics, how: SignRule): void {
  const signBit = 0x8000_0000 | 0;
  const a = s.keep32(s.b1());
  const b = s.keep32(s.b2());
  if (how === 'xor') return s.fdB(s.xor32(a(), s.and32(b(), s.word(signBit))));
  const from = (): I32 => (how === 'copy' ? b() : s.xor32(b(), s.word(-1)));
  s.fdB(s.or32(s.and32(a(), s.word(0x7fff_ffff)), s.and32(from(), s.word(signBit))));
}

/** Instructions of both formats; the names are those of the table without the format. */
const arithmetic = <F>(f: Format<F>) => ({
  fadd: fp((s) => sum(s, f, false)),
  fsub: fp((s) => sum(s, f, true)),
  fmul: fp((s) => scaled(s, f, (a, b) => f.mul(s, a, b), 'both', (a, b) => f.exactProduct(s, a, b))),
  fdiv: fp((s) => scaled(s, f, (a, b) => f.div(s, a, b), 'first', (a, b, r) => reproduces(s, f, r, b, a))),
  fsqrt: fp((s) => squareRoot(s, f)),
  fmin: fp((s) => pick(s, f, false)),
  fmax: fp((s) => pick(s, f, true)),
  fle: fp((s) => compare(s, f, 'le')),
  flt: fp((s) => compare(s, f, 'lt')),
  feq: fp((s) => compare(s, f, 'eq')),
  'fcvt.w': fp((s) => toInteger(s, f, W)), 'fcvt.wu': fp((s) => toInteger(s, f, WU)),
  'fcvt.l': fp((s) => toInteger(s, f, L)), 'fcvt.lu': fp((s) => toInteger(s, f, LU)),
});
const fromIntegers = <F>(f: Format<F>) => ({
  w: fp((s) => fromInteger(s, f, W)), wu: fp((s) => fromInteger(s, f, WU)),
  l: fp((s) => fromInteger(s, f, L)), lu: fp((s) => fromInteger(s, f, LU)),
});
const signs = (make: (s: Semantics, how: SignRule) => void) => ({
  fsgnj: fp((s) => make(s, 'copy')), fsgnjn: fp((s) => make(s, 'negate')), fsgnjx: fp((s) => make(s, 'xor')),
});

/** The same meanings under longer names. */
const suffixed = <T extends object, const S extends string>(list: T, suffix: S) =>
  Object.fromEntries(Object.entries(list).map(([name, meaning]) => [`${name}${suffix}`, meaning])) as
    { [K in keyof T & string as `${K}${S}`]: Meaning };
const prefixed = <T extends object, const P extends string>(prefix: P, list: T) =>
  Object.fromEntries(Object.entries(list).map(([name, meaning]) => [`${prefix}${name}`, meaning])) as
    { [K in keyof T & string as `${P}${K}`]: Meaning };

export const float = {
  flw: load('fw'), fld: load('fd'), fsw: store('w'), fsd: store('d'),
  ...suffixed(arithmetic(SINGLE), '.s'), ...suffixed(arithmetic(DOUBLE), '.d'),
  ...prefixed('fcvt.s.', fromIntegers(SINGLE)), ...prefixed('fcvt.d.', fromIntegers(DOUBLE)),
  ...suffixed(signs(signSingle), '.s'), ...suffixed(signs(signDouble), '.d'),
  'fmv.x.w': fp((s) => s.rd(s.sext32(s.f1()))),
  'fmv.w.x': fp((s) => s.fdB(s.w1())),
  'fmv.x.d': fp((s) => s.rd(s.f1())),
  'fmv.d.x': fp((s) => s.fd(s.x1())),
  'fclass.s': fp((s) => classify(s, s.keep(s.zext(s.b1())), 0x7f_ffffn, 8)),
  'fclass.d': fp((s) => classify(s, s.keep(s.f1()), (1n << 52n) - 1n, 11)),
  'fcvt.s.d': fp((s) => {
    needsNearest(s);
    const a = s.keepD(s.d1());
    const r = s.keepS(s.demote(a()));
    s.when(notNormal(s, SINGLE, r()), () => s.slowIf(s.neD(a(), DOUBLE.zero(s))));
    s.raiseInexact(s.neD(s.promote(r()), a()));
    s.fdS(r());
  }),
  'fcvt.d.s': fp((s) => {
    needsLegalRounding(s);
    const a = s.keepS(s.s1());
    s.slowIf(s.neS(a(), a()));
    s.fdD(s.promote(a()));
  }),
  ...fusedFloat,
} satisfies Meanings<typeof rows>;
