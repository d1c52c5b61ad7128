/** M: multiplication and division. @spec unpriv 12 */
import type { multiply as rows } from '../../hardware/isa/multiply.ts';
import type { I64 } from './operators.ts';
import type { Meanings, Semantics } from './semantics.ts';

const LOW = 0xffff_ffffn;

/** The high 64 bits of the unsigned product, from four 32-bit products. */
function highUnsigned(semantics: Semantics, left: () => I64, right: () => I64): I64 {
  const low = (v: I64): I64 => semantics.and(v, semantics.long(LOW));
  const high = (v: I64): I64 => semantics.shrU(v, semantics.long(32));
  const ah = semantics.keep(high(left()));
  const al = semantics.keep(low(left()));
  const bh = semantics.keep(high(right()));
  const bl = semantics.keep(low(right()));
  const middle = semantics.keep(semantics.add(semantics.mul(ah(), bl()), high(semantics.mul(al(), bl()))));
  const other = semantics.add(semantics.mul(al(), bh()), low(middle()));
  return semantics.add(semantics.add(high(other), high(middle())), semantics.mul(ah(), bh()));
}

/** The correction of the unsigned high product for a signed operand: the other operand where this one is negative. */
const correction = (s: Semantics, sign: () => I64, other: () => I64): I64 => s.and(s.shrS(sign(), s.long(63)), other());

/** Signed division where the quotient overflows: the most negative number by -1. */
const MIN = -(1n << 63n);

function divide(semantics: Semantics, quotient: (a: I64, b: I64) => I64, onZero: (a: () => I64) => I64,
    onOverflow?: (a: () => I64) => I64): void {
  const left = semantics.keep(semantics.x1());
  const right = semantics.keep(semantics.x2());
  const safe = (): I64 => onOverflow
    ? semantics.choose(semantics.and32(semantics.eq(left(), semantics.long(MIN)), semantics.eq(right(), semantics.long(-1))),
      () => onOverflow(left), () => quotient(left(), right()))
    : quotient(left(), right());
  semantics.rd(semantics.choose(semantics.eqz(right()), () => onZero(left), safe));
}

/** 32-bit operands are extended to 64 bits first, where nothing overflows. */
function divideW(semantics: Semantics, signed: boolean, quotient: (a: I64, b: I64) => I64, zeroGivesMinusOne: boolean): void {
  const left = semantics.keep(signed ? semantics.sext(semantics.w1()) : semantics.zext(semantics.w1()));
  const right = semantics.keep(signed ? semantics.sext(semantics.w2()) : semantics.zext(semantics.w2()));
  semantics.rd(semantics.choose(semantics.eqz(right()), () => (zeroGivesMinusOne ? semantics.long(-1) : semantics.sext32(left())),
    () => semantics.sext32(quotient(left(), right()))));
}

export const multiply = {
  mul: (s) => s.rd(s.mul(s.x1(), s.x2())),
  mulh: (semantics) => {
    const left = semantics.keep(semantics.x1());
    const right = semantics.keep(semantics.x2());
    const corrected = semantics.sub(highUnsigned(semantics, left, right), correction(semantics, left, right));
    semantics.rd(semantics.sub(corrected, correction(semantics, right, left)));
  },
  mulhsu: (semantics) => {
    const left = semantics.keep(semantics.x1());
    const right = semantics.keep(semantics.x2());
    semantics.rd(semantics.sub(highUnsigned(semantics, left, right), correction(semantics, left, right)));
  },
  mulhu: (s) => s.rd(highUnsigned(s, s.keep(s.x1()), s.keep(s.x2()))),
  div: (s) => divide(s, (a, b) => s.divS(a, b), () => s.long(-1), (a) => a()),
  divu: (s) => divide(s, (a, b) => s.divU(a, b), () => s.long(-1)),
  rem: (s) => divide(s, (a, b) => s.remS(a, b), (a) => a(), () => s.long(0)),
  remu: (s) => divide(s, (a, b) => s.remU(a, b), (a) => a()),
  mulw: (s) => s.rdw(s.mul32(s.w1(), s.w2())),
  divw: (s) => divideW(s, true, (a, b) => s.divS(a, b), true),
  divuw: (s) => divideW(s, false, (a, b) => s.divU(a, b), true),
  remw: (s) => divideW(s, true, (a, b) => s.remS(a, b), false),
  remuw: (s) => divideW(s, false, (a, b) => s.remU(a, b), false),
} satisfies Meanings<typeof rows>;
