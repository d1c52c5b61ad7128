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
function sum<F>(semantics: Semantics, f: Format<F>, subtract: boolean): void {
  needsNearest(semantics);
  const a = f.keep(semantics, f.first(semantics));
  const b = f.keep(semantics, f.second(semantics));
  const r = f.keep(semantics, subtract ? f.sub(semantics, a(), b()) : f.add(semantics, a(), b()));
  semantics.slowIf(tooLarge(semantics, f, r()));
  semantics.when(semantics.eqz32(semantics.inexactSet()), () => {
    const t = f.keep(semantics, f.sub(semantics, r(), a()));
    const ea = f.sub(semantics, a(), f.sub(semantics, r(), t()));
    const e = f.keep(semantics, f.add(semantics, ea, subtract ? negativeDifference(semantics, f, b, t) : f.sub(semantics, b(), t())));
    semantics.raiseInexact(f.ne(semantics, e(), f.zero(semantics)));
  });
  f.result(semantics, r());
}

/** -b - t, where t is the part of the difference that came from -b. */
const negativeDifference = <F>(s: Semantics, f: Format<F>, b: () => F, t: () => F): F => f.sub(s, f.sub(s, f.zero(s), b()), t());

/** Products and quotients: `exact` decides where it can; an operand of zero makes a zero that is exact. */
function scaled<F>(s: Semantics, format: Format<F>, compute: (a: F, b: F) => F, zeroable: 'both' | 'first',
    exact: (a: () => F, b: () => F, r: () => F) => I32): void {
  needsNearest(s);
  const a = format.keep(s, format.first(s));
  const b = format.keep(s, format.second(s));
  const r = format.keep(s, compute(a(), b()));
  const zero = (): I32 => {
    const first = format.eq(s, a(), format.zero(s));
    const any = zeroable === 'both' ? s.or32(first, format.eq(s, b(), format.zero(s))) : first;
    return s.and32(any, format.eq(s, r(), format.zero(s)));
  };
  s.when(notNormal(s, format, r()), () => s.slowIf(s.eqz32(zero())));
  s.when(s.eqz32(s.inexactSet()), () => s.slowIf(s.eqz32(s.choose32(zero(), () => s.word(1), () => exact(a, b, r)))));
  format.result(s, r());
}

function squareRoot<F>(s: Semantics, format: Format<F>): void {
  needsNearest(s);
  const a = format.keep(s, format.first(s));
  const r = format.keep(s, format.sqrt(s, a()));
  s.slowIf(notNormal(s, format, r()));
  s.when(s.eqz32(s.inexactSet()), () =>
    s.slowIf(s.eqz32(s.choose32(format.exactProduct(s, r, r), () => format.eq(s, format.mul(s, r(), r()), a()), () => s.word(0)))));
  format.result(s, r());
}

/** r * b = a, decided where that product is exact. */
const reproduces = <F>(s: Semantics, f: Format<F>, r: () => F, b: () => F, a: () => F): I32 =>
  s.choose32(f.exactProduct(s, r, b), () => f.eq(s, f.mul(s, r(), b()), a()), () => s.word(0));

const unordered = <F>(s: Semantics, f: Format<F>, a: () => F, b: () => F): I32 => s.or32(f.ne(s, a(), a()), f.ne(s, b(), b()));

function pick<F>(semantics: Semantics, format: Format<F>, larger: boolean): void {
  const a = format.keep(semantics, format.first(semantics));
  const b = format.keep(semantics, format.second(semantics));
  semantics.slowIf(unordered(semantics, format, a, b));
  format.result(semantics, larger ? format.max(semantics, a(), b()) : format.min(semantics, a(), b()));
}

function compare<F>(semantics: Semantics, format: Format<F>, how: 'eq' | 'lt' | 'le'): void {
  const a = format.keep(semantics, format.first(semantics));
  const b = format.keep(semantics, format.second(semantics));
  semantics.slowIf(unordered(semantics, format, a, b));
  semantics.rd(semantics.zext(format[how](semantics, a(), b())));
}

/** The value rounded to an integral one in the mode in force; nearest-away goes the slow way. */
function integral<F>(semantics: Semantics, format: Format<F>, a: () => F): () => F {
  const rm = semantics.keep32(semantics.rm());
  semantics.slowIf(semantics.gtU32(rm(), semantics.word(3)));
  const out = format.keep(semantics, format.trunc(semantics, a()));
  const modes = [[0, format.nearest], [2, format.floor], [3, format.ceil]] as const;
  let value = out;
  for (const [mode, round] of modes) value = chooseF(semantics, format, semantics.eq32(rm(), semantics.word(mode)), round, a, value);
  return value;
}

/** condition ? round(a) : other, on floats. */
function chooseF<F>(s: Semantics, f: Format<F>, condition: I32, round: (s: Semantics, a: F) => F, a: () => F, other: () => F): () => F {
  const c = s.keep32(condition);
  const rounded = f.keep(s, round(s, a()));
  return f.keep(s, selectF(s, f, rounded, other, c));
}
const selectF = <F>(semantics: Semantics, format: Format<F>, a: () => F, b: () => F, c: () => I32): F => {
  const bits = (v: () => F): I64 => (format.suffix === 'd' ? semantics.bitsD(v() as never) : semantics.zext(semantics.bitsS(v() as never)));
  const chosen = semantics.select(bits(a), bits(b), c());
  return (format.suffix === 'd' ? semantics.fromBitsD(chosen) : semantics.fromBitsS(semantics.wrap(chosen))) as F;
};

interface IntegerType { name: 'w' | 'wu' | 'l' | 'lu'; low: number; high: number }
const W: IntegerType = { name: 'w', low: -31, high: 31 }, WU: IntegerType = { name: 'wu', low: 0, high: 32 };
const L: IntegerType = { name: 'l', low: -63, high: 63 }, LU: IntegerType = { name: 'lu', low: 0, high: 64 };

/** Float to integer: in range [-2^low, 2^high) after rounding, else the slow way. */
function toInteger<F>(semantics: Semantics, f: Format<F>, t: IntegerType): void {
  const a = f.keep(semantics, f.first(semantics));
  const v = integral(semantics, f, a);
  const lowest = (): F => (t.low === 0 ? f.zero(semantics) : f.sub(semantics, f.zero(semantics), f.power(semantics, -t.low)));
  semantics.slowIf(semantics.eqz32(semantics.and32(f.le(semantics, lowest(), v()), f.lt(semantics, v(), f.power(semantics, t.high)))));
  semantics.raiseInexact(f.ne(semantics, v(), a()));
  if (t.name === 'w') semantics.rdw(f.toW(semantics, v()));
  else if (t.name === 'wu') semantics.rdw(f.toWu(semantics, v()));
  else semantics.rd(t.name === 'l' ? f.toL(semantics, v()) : f.toLu(semantics, v()));
}

/** Integer to float. Exact for doubles of 32-bit integers; otherwise checked by converting back. */
function fromInteger<F>(s: Semantics, format: Format<F>, integerType: IntegerType): void {
  if (format.suffix === 'd' && integerType.name.startsWith('w')) {
    needsLegalRounding(s);
    return format.result(s, integerType.name === 'w' ? format.fromW(s, s.w1()) : format.fromWu(s, s.w1()));
  }
  needsNearest(s);
  const x = s.keep(integerType.name === 'w' ? s.sext(s.w1()) : integerType.name === 'wu' ? s.zext(s.w1()) : s.x1());
  const unsigned = integerType.name === 'lu';
  const r = format.keep(s, unsigned ? format.fromLu(s, x()) : format.fromL(s, x()));
  // The largest integers round up to 2^63 or 2^64, which saturates on the way back and would look exact.
  const limit = (): I32 => format.eq(s, r(), format.power(s, unsigned ? 64 : 63));
  s.when(s.eqz32(s.inexactSet()), () => s.raiseInexact(s.or32(limit(), s.ne(unsigned ? format.toLu(s, r()) : format.toL(s, r()), x()))));
  format.result(s, r());
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
function signDouble(semantics: Semantics, how: SignRule): void {
  if (how === 'xor') return semantics.fd(semantics.xor(semantics.f1(), semantics.and(semantics.f2(), semantics.long(SIGN))));
  const sign = (): I64 => (how === 'copy' ? semantics.f2() : semantics.xor(semantics.f2(), semantics.long(-1)));
  semantics.fd(semantics.or(semantics.and(semantics.f1(), semantics.long(~SIGN)), semantics.and(sign(), semantics.long(SIGN))));
}
function signSingle(semantics: Semantics, how: SignRule): void {
  const signBit = 0x8000_0000 | 0;
  const a = semantics.keep32(semantics.b1());
  const b = semantics.keep32(semantics.b2());
  if (how === 'xor') return semantics.fdB(semantics.xor32(a(), semantics.and32(b(), semantics.word(signBit))));
  const from = (): I32 => (how === 'copy' ? b() : semantics.xor32(b(), semantics.word(-1)));
  semantics.fdB(semantics.or32(semantics.and32(a(), semantics.word(0x7fff_ffff)), semantics.and32(from(), semantics.word(signBit))));
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
    const a = semantics.keepD(semantics.d1());
    const r = semantics.keepS(semantics.demote(a()));
    semantics.when(notNormal(semantics, SINGLE, r()), () => semantics.slowIf(semantics.neD(a(), DOUBLE.zero(semantics))));
    semantics.raiseInexact(semantics.neD(semantics.promote(r()), a()));
    semantics.fdS(r());
  }),
  'fcvt.d.s': fp((semantics) => {
    needsLegalRounding(semantics);
    const a = semantics.keepS(semantics.s1());
    semantics.slowIf(semantics.neS(a(), a()));
    semantics.fdD(semantics.promote(a()));
  }),
  ...fusedFloat,
} satisfies Meanings<typeof rows>;
