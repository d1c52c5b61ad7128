/** M: multiplication and division. @spec unpriv 12 */
import { row, type Row } from './row.ts';
import type { I64 } from './operators.ts';
import type { Semantics } from './semantics.ts';
import { R } from './integer.ts';

const LOW = 0xffff_ffffn;

/** The high 64 bits of the unsigned product, from four 32-bit products. */
function highUnsigned(s: Semantics, a: () => I64, b: () => I64): I64 {
  const low = (v: I64): I64 => s.and(v, s.long(LOW));
  const high = (v: I64): I64 => s.shrU(v, s.long(32));
  const ah = s.keep(high(a()));
  const al = s.keep(low(a()));
  const bh = s.keep(high(b()));
  const bl = s.keep(low(b()));
  const middle = s.keep(s.add(s.mul(ah(), bl()), high(s.mul(al(), bl()))));
  const other = s.add(s.mul(al(), bh()), low(middle()));
  return s.add(s.add(high(other), high(middle())), s.mul(ah(), bh()));
}

/** What a signed operand takes off the unsigned high product: the other operand where this one is negative. */
const correction = (s: Semantics, sign: () => I64, other: () => I64): I64 => s.and(s.shrS(sign(), s.long(63)), other());

const mul = (name: string, f3: string, meaning: (s: Semantics) => void): Row =>
  row(name, `0000001 rs2 rs1 ${f3} rd 0110011`, R, f3.startsWith('0') ? 'm zmmul' : 'm', meaning);
const mulW = (name: string, f3: string, meaning: (s: Semantics) => void): Row =>
  row(name, `0000001 rs2 rs1 ${f3} rd 0111011`, R, f3 === '000' ? 'm zmmul' : 'm', meaning);

/** Signed division where the quotient overflows: the most negative number by -1. */
const MIN = -(1n << 63n);

function divide(s: Semantics, f: (a: I64, b: I64) => I64, onZero: (a: () => I64) => I64, onOverflow?: (a: () => I64) => I64): void {
  const a = s.keep(s.x1());
  const b = s.keep(s.x2());
  const safe = (): I64 => onOverflow
    ? s.choose(s.and32(s.eq(a(), s.long(MIN)), s.eq(b(), s.long(-1))), () => onOverflow(a), () => f(a(), b()))
    : f(a(), b());
  s.rd(s.choose(s.eqz(b()), () => onZero(a), safe));
}

/** 32-bit operands are extended to 64 bits first, where nothing overflows. */
function divideW(s: Semantics, signed: boolean, f: (a: I64, b: I64) => I64, zeroGivesMinusOne: boolean): void {
  const a = s.keep(signed ? s.sext(s.w1()) : s.zext(s.w1()));
  const b = s.keep(signed ? s.sext(s.w2()) : s.zext(s.w2()));
  s.rd(s.choose(s.eqz(b()), () => (zeroGivesMinusOne ? s.long(-1) : s.sext32(a())), () => s.sext32(f(a(), b()))));
}

export const multiplyRows: readonly Row[] = [
  mul('mul', '000', (s) => s.rd(s.mul(s.x1(), s.x2()))),
  mul('mulh', '001', (s) => {
    const a = s.keep(s.x1());
    const b = s.keep(s.x2());
    s.rd(s.sub(s.sub(highUnsigned(s, a, b), correction(s, a, b)), correction(s, b, a)));
  }),
  mul('mulhsu', '010', (s) => {
    const a = s.keep(s.x1());
    const b = s.keep(s.x2());
    s.rd(s.sub(highUnsigned(s, a, b), correction(s, a, b)));
  }),
  mul('mulhu', '011', (s) => s.rd(highUnsigned(s, s.keep(s.x1()), s.keep(s.x2())))),
  mul('div', '100', (s) => divide(s, (a, b) => s.divS(a, b), () => s.long(-1), (a) => a())),
  mul('divu', '101', (s) => divide(s, (a, b) => s.divU(a, b), () => s.long(-1))),
  mul('rem', '110', (s) => divide(s, (a, b) => s.remS(a, b), (a) => a(), () => s.long(0))),
  mul('remu', '111', (s) => divide(s, (a, b) => s.remU(a, b), (a) => a())),
  mulW('mulw', '000', (s) => s.rdw(s.mul32(s.w1(), s.w2()))),
  mulW('divw', '100', (s) => divideW(s, true, (a, b) => s.divS(a, b), true)),
  mulW('divuw', '101', (s) => divideW(s, false, (a, b) => s.divU(a, b), true)),
  mulW('remw', '110', (s) => divideW(s, true, (a, b) => s.remS(a, b), false)),
  mulW('remuw', '111', (s) => divideW(s, false, (a, b) => s.remU(a, b), false)),
];
