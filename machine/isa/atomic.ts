/** A: load-reserved, store-conditional, read-modify-write; Zacas, Zawrs. @spec unpriv 13, 14, 15 */
import { row, type Row } from './row.ts';
import type { I64 } from './operators.ts';
import type { Semantics } from './semantics.ts';

type Change = (s: Semantics, old: () => I64, by: () => I64) => I64;
const SIZES = [['w', '010'], ['d', '011']] as const;

/** The second operand as the operation sees it: a word operation compares sign-extended (or unsigned) words. */
const operand = (s: Semantics, size: 'w' | 'd'): (() => I64) => s.keep(size === 'w' ? s.sext(s.w2()) : s.x2());

const amo = (name: string, f5: string, change: Change): Row[] =>
  SIZES.map(([size, f3]) => row(`${name}.${size}`, `${f5} aq rl rs2 rs1 ${f3} rd 0101111`, 'rd, rs2, (rs1)', 'a zaamo', (s) => {
    const by = operand(s, size);
    s.rd(s.modify(size, s.x1(), (old) => change(s, old, by)));
  }));

/** Unsigned comparison of sign-extended words orders them as unsigned words. */
const pick = (s: Semantics, old: () => I64, by: () => I64, compare: 'ltS' | 'gtS' | 'ltU' | 'gtU'): I64 =>
  s.select(old(), by(), s[compare](old(), by()));

export const atomicRows: readonly Row[] = [
  ...SIZES.map(([size, f3]) => row(`lr.${size}`, `00010 aq rl 00000 rs1 ${f3} rd 0101111`, 'rd, (rs1)', 'a zalrsc', (s) => s.rd(s.loadReserved(size, s.x1())))),
  ...SIZES.map(([size, f3]) => row(`sc.${size}`, `00011 aq rl rs2 rs1 ${f3} rd 0101111`, 'rd, rs2, (rs1)', 'a zalrsc', (s) => s.rd(s.storeConditional(size, s.x1(), s.x2())))),
  ...amo('amoswap', '00001', (_s, _old, by) => by()),
  ...amo('amoadd', '00000', (s, old, by) => s.add(old(), by())),
  ...amo('amoxor', '00100', (s, old, by) => s.xor(old(), by())),
  ...amo('amoand', '01100', (s, old, by) => s.and(old(), by())),
  ...amo('amoor', '01000', (s, old, by) => s.or(old(), by())),
  ...amo('amomin', '10000', (s, old, by) => pick(s, old, by, 'ltS')),
  ...amo('amomax', '10100', (s, old, by) => pick(s, old, by, 'gtS')),
  ...amo('amominu', '11000', (s, old, by) => pick(s, old, by, 'ltU')),
  ...amo('amomaxu', '11100', (s, old, by) => pick(s, old, by, 'gtU')),
  ...(['010', '011', '100'] as const).map((f3, i) => row(`amocas.${'wdq'[i]}`, `00101 aq rl rs2 rs1 ${f3} rd 0101111`, 'rd, rs2, (rs1)', 'zacas', (s) => s.compareAndSwap(s.x1()))),
  row('wrs.nto', '00000000110100000000000001110011', '', 'zawrs'),
  row('wrs.sto', '00000001110100000000000001110011', '', 'zawrs'),
];
