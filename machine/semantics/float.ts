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
function sum<F>(semantics: Semantics, format: Format<F>, subtract: boolean): void {
  needsNearest(semantics);
  const left = format.keep(semantics, format.first(semantics));
  const right = format.keep(semantics, format.second(semantics));
  const result = format.keep(semantics, subtract ? format.sub(semantics, left(), right()) : format.add(semantics, left(), right()));
  semantics.slowIf(tooLarge(semantics, format, result()));
  semantics.when(semantics.eqz32(semantics.inexactSet()), () => {
    const part = format.keep(semantics, format.sub(semantics, result(), left()));
    const ea = format.sub(semantics, left(), format.sub(semantics, result(), part()));
    const error = format.keep(semantics,
      format.add(semantics, ea, subtract ? negativeDifference(semantics, format, right, part) : format.sub(semantics, right(), part())));
    semantics.raiseInexact(format.ne(semantics, error(), format.zero(semantics)));
  });
  format.result(semantics, result());
}

/** -b - t, where t is the part of the difference that came from -b. */
const negativeDifference = <F>(s: Semantics, f: Format<F>, b: () => F, t: () => F): F => f.sub(s, f.sub(s, f.zero(s), b()), t());

/** Products and quotients: `exact` decides where it can; an operand of zero makes a zero that is exact. */
function scaled<F>(semantics: Semantics, format: Format<F>, compute: (a: F, b: F) => F, zeroable: 'both' | 'first',
    exact: (a: () => F, b: () => F, r: () => F) => I32): void {
  needsNearest(semantics);
  const left = format.keep(semantics, format.first(semantics));
  const right = format.keep(semantics, format.second(semantics));
  const result = format.keep(semantics, compute(left(), right()));
  const zero = (): I32 => {
    const first = format.eq(semantics, left(), format.zero(semantics));
    const any = zeroable === 'both' ? semantics.or32(first, format.eq(semantics, right(), format.zero(semantics))) : first;
    return semantics.and32(any, format.eq(semantics, result(), format.zero(semantics)));
  };
  semantics.when(notNormal(semantics, format, result()), () => semantics.slowIf(semantics.eqz32(zero())));
  semantics.when(semantics.eqz32(semantics.inexactSet()),
    () => semantics.slowIf(semantics.eqz32(semantics.choose32(zero(), () => semantics.word(1), () => exact(left, right, result)))));
  format.result(semantics, result());
}

function squareRoot<F>(semantics: Semantics, format: Format<F>): void {
  needsNearest(semantics);
  const operand = format.keep(semantics, format.first(semantics));
  const result = format.keep(semantics, format.sqrt(semantics, operand()));
  semantics.slowIf(notNormal(semantics, format, result()));
  semantics.when(semantics.eqz32(semantics.inexactSet()), () =>
    semantics.slowIf(semantics.eqz32(semantics.choose32(format.exactProduct(semantics, result, result),
      () => format.eq(semantics, format.mul(semantics, result(), result()), operand()), () => semantics.word(0)))));
  format.result(semantics, result());
}

/** r * b = a, decided where that product is exact. */
const reproduces = <F>(s: Semantics, f: Format<F>, r: () => F, b: () => F, a: () => F): I32 =>
  s.choose32(f.exactProduct(s, r, b), () => f.eq(s, f.mul(s, r(), b()), a()), () => s.word(0));

const unordered = <F>(s: Semantics, f: Format<F>, a: () => F, b: () => F): I32 => s.or32(f.ne(s, a(), a()), f.ne(s, b(), b()));

function pick<F>(semantics: Semantics, format: Format<F>, larger: boolean): void {
  const left = format.keep(semantics, format.first(semantics));
  const right = format.keep(semantics, format.second(semantics));
  semantics.slowIf(unordered(semantics, format, left, right));
  format.result(semantics, larger ? format.max(semantics, left(), right()) : format.min(semantics, left(), right()));
}

function compare<F>(semantics: Semantics, format: Format<F>, how: 'eq' | 'lt' | 'le'): void {
  const left = format.keep(semantics, format.first(semantics));
  const right = format.keep(semantics, format.second(semantics));
  semantics.slowIf(unordered(semantics, format, left, right));
  semantics.rd(semantics.zext(format[how](semantics, left(), right())));
}

/** The value rounded to an integral one in the mode in force; nearest-away goes the slow way. */
function integral<F>(semantics: Semantics, format: Format<F>, operand: () => F): () => F {
  const rm = semantics.keep32(semantics.rm());
  semantics.slowIf(semantics.gtU32(rm(), semantics.word(3)));
  const out = format.keep(semantics, format.trunc(semantics, operand()));
  const modes = [[0, format.nearest], [2, format.floor], [3, format.ceil]] as const;
  let value = out;
  for (const [mode, round] of modes) value = chooseF(semantics, format, semantics.eq32(rm(), semantics.word(mode)), round, operand, value);
  return value;
}

/** condition ? round(value) : other, on floats. */
function chooseF<F>(semantics: Semantics, format: Format<F>, condition: I32, round: (s: Semantics, operand: F) => F,
    value: () => F, other: () => F): () => F {
  const which = semantics.keep32(condition);
  const rounded = format.keep(semantics, round(semantics, value()));
  return format.keep(semantics, selectF(semantics, format, rounded, other, which));
}
const selectF = <F>(semantics: Semantics, format: Format<F>, whenTrue: () => F, whenFalse: () => F, condition: () => I32): F => {
  const bits = (v: () => F): I64 => (format.suffix === 'd' ? semantics.bitsD(v() as never) : semantics.zext(semantics.bitsS(v() as never)));
  const chosen = semantics.select(bits(whenTrue), bits(whenFalse), condition());
  return (format.suffix === 'd' ? semantics.fromBitsD(chosen) : semantics.fromBitsS(semantics.wrap(chosen))) as F;
};

interface IntegerType { name: 'w' | 'wu' | 'l' | 'lu'; low: number; high: number }
const W: IntegerType = { name: 'w', low: -31, high: 31 }, WU: IntegerType = { name: 'wu', low: 0, high: 32 };
const L: IntegerType = { name: 'l', low: -63, high: 63 }, LU: IntegerType = { name: 'lu', low: 0, high: 64 };

/** Float to integer: in range [-2^low, 2^high) after rounding, else the slow way. */
function toInteger<F>(semantics: Semantics, format: Format<F>, target: IntegerType): void {
  const operand = format.keep(semantics, format.first(semantics));
  const whole = integral(semantics, format, operand);
  const lowest = (): F => (target.low === 0 ? format.zero(semantics)
    : format.sub(semantics, format.zero(semantics), format.power(semantics, -target.low)));
  semantics.slowIf(semantics.eqz32(semantics.and32(
    format.le(semantics, lowest(), whole()), format.lt(semantics, whole(), format.power(semantics, target.high)))));
  semantics.raiseInexact(format.ne(semantics, whole(), operand()));
  if (target.name === 'w') semantics.rdw(format.toW(semantics, whole()));
  else if (target.name === 'wu') semantics.rdw(format.toWu(semantics, whole()));
  else semantics.rd(target.name === 'l' ? format.toL(semantics, whole()) : format.toLu(semantics, whole()));
}

/** Integer to float. Exact for doubles of 32-bit integers; otherwise checked by converting back. */
function fromInteger<F>(semantics: Semantics, format: Format<F>, integerType: IntegerType): void {
  if (format.suffix === 'd' && integerType.name.startsWith('w')) {
    needsLegalRounding(semantics);
    return format.result(semantics,
      integerType.name === 'w' ? format.fromW(semantics, semantics.w1()) : format.fromWu(semantics, semantics.w1()));
  }
  needsNearest(semantics);
  const x = semantics.keep(integerType.name === 'w' ? semantics.sext(semantics.w1())
    : integerType.name === 'wu' ? semantics.zext(semantics.w1())
    : semantics.x1());
  const unsigned = integerType.name === 'lu';
  const value = format.keep(semantics, unsigned ? format.fromLu(semantics, x()) : format.fromL(semantics, x()));
  // The largest integers round up to 2^63 or 2^64, which saturates on the way back and would look exact.
  const limit = (): I32 => format.eq(semantics, value(), format.power(semantics, unsigned ? 64 : 63));
  semantics.when(semantics.eqz32(semantics.inexactSet()), () => semantics.raiseInexact(semantics.or32(
    limit(), semantics.ne(unsigned ? format.toLu(semantics, value()) : format.toL(semantics, value()), x()))));
  format.result(semantics, value());
}

/** One-hot class of a number from its bits. @spec unpriv 20.9 */
function classify(semantics: Semantics, bits: () => I64, fraction: bigint, exponentBits: number): void {
  const fractionBits = BigInt(fraction.toString(2).length);
  const top = (1 << exponentBits) - 1;
  const sign = semantics.keep32(semantics.wrap(semantics.and(
    semantics.shrU(bits(), semantics.long(fractionBits + BigInt(exponentBits))), semantics.long(1))));
  const exponent = semantics.keep32(semantics.and32(
    semantics.wrap(semantics.shrU(bits(), semantics.long(fractionBits))), semantics.word(top)));
  const rest = semantics.keep(semantics.and(bits(), semantics.long(fraction)));
  const quiet = (): I32 => semantics.wrap(semantics.and(semantics.shrU(rest(), semantics.long(fractionBits - 1n)), semantics.long(1)));
  /** Negative classes count 0 … 3 from infinity to zero, positive ones 7 … 4. */
  const signed = (n: number): I32 => semantics.select32(semantics.word(1 << n), semantics.word(1 << (7 - n)), sign());
  const extreme = (): I32 => semantics.choose32(semantics.eqz(rest()), () => signed(0),
    () => semantics.shl32(semantics.word(1 << 8), quiet()));
  const small = (): I32 => semantics.choose32(semantics.eqz(rest()), () => signed(3), () => signed(2));
  semantics.rd(semantics.zext(semantics.choose32(semantics.eq32(exponent(), semantics.word(top)), extreme,
    () => semantics.choose32(semantics.eqz32(exponent()), small, () => signed(1)))));
}

type SignRule = 'copy' | 'negate' | 'xor';
const SIGN = 1n << 63n;
function signDouble(semantics: Semantics, how: SignRule): void {
  if (how === 'xor') return semantics.fd(semantics.xor(semantics.f1(), semantics.and(semantics.f2(), semantics.long(SIGN))));
  const sign = (): I64 => (how === 'copy' ? semantics.f2() : semantics.xor(semantics.f2(), semantics.long(-1)));
  semantics.fd(semantics.or(semantics.and(semantics.f1(), semantics.long(~SIGN)), semantics.and(sign(), semantics.long(SIGN))));
}
function signSingle(semantics: Semantics, how: SignRule): void {
  const signBit = 0x8000_0000 | 0;
  const left = semantics.keep32(semantics.b1());
  const right = semantics.keep32(semantics.b2());
  if (how === 'xor') return semantics.fdB(semantics.xor32(left(), semantics.and32(right(), semantics.word(signBit))));
  const from = (): I32 => (how === 'copy' ? right() : semantics.xor32(right(), semantics.word(-1)));
  semantics.fdB(semantics.or32(semantics.and32(left(), semantics.word(0x7fff_ffff)), semantics.and32(from(), semantics.word(signBit))));
}

/** Instructions of both formats; the names are those of the table without the format. */
const arithmetic = <F>(format: Format<F>) => ({
  fadd: fp((s) => sum(s, format, false)),
  fsub: fp((s) => sum(s, format, true)),
  fmul: fp((s) => scaled(s, format, (a, b) => format.mul(s, a, b), 'both', (a, b) => format.exactProduct(s, a, b))),
  fdiv: fp((s) => scaled(s, format, (a, b) => format.div(s, a, b), 'first', (a, b, r) => reproduces(s, format, r, b, a))),
  fsqrt: fp((s) => squareRoot(s, format)),
  fmin: fp((s) => pick(s, format, false)),
  fmax: fp((s) => pick(s, format, true)),
  fle: fp((s) => compare(s, format, 'le')),
  flt: fp((s) => compare(s, format, 'lt')),
  feq: fp((s) => compare(s, format, 'eq')),
  'fcvt.w': fp((s) => toInteger(s, format, W)), 'fcvt.wu': fp((s) => toInteger(s, format, WU)),
  'fcvt.l': fp((s) => toInteger(s, format, L)), 'fcvt.lu': fp((s) => toInteger(s, format, LU)),
});
const fromIntegers = <F>(format: Format<F>) => ({
  w: fp((s) => fromInteger(s, format, W)), wu: fp((s) => fromInteger(s, format, WU)),
  l: fp((s) => fromInteger(s, format, L)), lu: fp((s) => fromInteger(s, format, LU)),
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
  'fcvt.s.d': fp((semantics) => {
    needsNearest(semantics);
    const operand = semantics.keepD(semantics.d1());
    const result = semantics.keepS(semantics.demote(operand()));
    semantics.when(notNormal(semantics, SINGLE, result()), () => semantics.slowIf(semantics.neD(operand(), DOUBLE.zero(semantics))));
    semantics.raiseInexact(semantics.neD(semantics.promote(result()), operand()));
    semantics.fdS(result());
  }),
  'fcvt.d.s': fp((semantics) => {
    needsLegalRounding(semantics);
    const operand = semantics.keepS(semantics.s1());
    semantics.slowIf(semantics.neS(operand(), operand()));
    semantics.fdD(semantics.promote(operand()));
  }),
  ...fusedFloat,
} satisfies Meanings<typeof rows>;
