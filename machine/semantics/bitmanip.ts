/** Zba, Zbb, Zbs, Zbc, Zbkb, Zbkc, Zbkx, Zicond: bit manipulation and conditional operations. @spec unpriv 29, 11 */
import type { bitmanip as rows } from '../../hardware/isa/bitmanip.ts';
import { op, opImm, opW, type Binary } from './integer.ts';
import type { I64 } from './operators.ts';
import type { Meaning, Meanings, Semantics } from './semantics.ts';

const invert = (s: Semantics, a: I64): I64 => s.xor(a, s.long(-1));

/** rd = (rs1 << n, perhaps zero-extended from 32 bits first) + rs2. */
const shiftAdd = (n: number): Meaning => (s) => s.rd(s.add(s.shl(s.x1(), s.long(n)), s.x2()));
const shiftAddUw = (n: number): Meaning => (s) => s.rd(s.add(s.shl(s.zext(s.w1()), s.long(n)), s.x2()));

const pick = (compare: 'ltS' | 'ltU' | 'gtS' | 'gtU'): Meaning => (semantics) => {
  const left = semantics.keep(semantics.x1());
  const right = semantics.keep(semantics.x2());
  semantics.rd(semantics.select(left(), right(), semantics[compare](left(), right())));
};

/** Each byte becomes 0xff where it was not zero. */
function orCombine(semantics: Semantics): void {
  const low7 = 0x7f7f_7f7f_7f7f_7f7fn;
  const x = semantics.keep(semantics.x1());
  const carried = semantics.or(semantics.add(semantics.and(x(), semantics.long(low7)), semantics.long(low7)), x());
  const top = semantics.keep(semantics.and(semantics.shrU(carried, semantics.long(7)), semantics.long(0x0101_0101_0101_0101n)));
  semantics.rd(semantics.sub(semantics.shl(top(), semantics.long(8)), top()));
}

/** Swaps neighbouring groups of bits: `mask` selects the lower group of each pair. */
function swapGroups(semantics: Semantics, value: I64, mask: bigint, by: number): I64 {
  const x = semantics.keep(value);
  return semantics.or(semantics.shl(semantics.and(x(), semantics.long(mask)), semantics.long(by)),
    semantics.and(semantics.shrU(x(), semantics.long(by)), semantics.long(mask)));
}
const reverseBitsInBytes = (s: Semantics, x: I64): I64 =>
  swapGroups(s, swapGroups(s, swapGroups(s, x, 0x5555_5555_5555_5555n, 1), 0x3333_3333_3333_3333n, 2), 0x0f0f_0f0f_0f0f_0f0fn, 4);
const reverseBytes = (s: Semantics, x: I64): I64 =>
  s.rotl(swapGroups(s, swapGroups(s, x, 0x00ff_00ff_00ff_00ffn, 8), 0x0000_ffff_0000_ffffn, 16), s.long(32));

/** Carry-less product: `part` says what the partial product of bit i contributes. */
function carryless(semantics: Semantics, part: (a: () => I64, i: () => I64) => I64, from: number): void {
  const left = semantics.keep(semantics.x1());
  const right = semantics.keep(semantics.x2());
  semantics.rd(semantics.fold(64 - from, semantics.long(0), (sum, n) => {
    const i = semantics.keep(semantics.add(n(), semantics.long(from)));
    const set = semantics.keep(semantics.sub(semantics.long(0), semantics.and(semantics.shrU(right(), i()), semantics.long(1))));
    return semantics.xor(sum(), semantics.and(part(left, i), set()));
  }));
}

/** Looks every nibble or byte of rs2 up in rs1. */
function permute(semantics: Semantics, width: number): void {
  const table = semantics.keep(semantics.x1());
  const index = semantics.keep(semantics.x2());
  const count = 64 / width;
  const mask = semantics.keep(semantics.long((1n << BigInt(width)) - 1n));
  semantics.rd(semantics.fold(count, semantics.long(0), (sum, n) => {
    const at = semantics.keep(semantics.mul(n(), semantics.long(width)));
    const which = semantics.keep(semantics.and(semantics.shrU(index(), at()), mask()));
    const found = semantics.keep(semantics.select(
      semantics.and(semantics.shrU(table(), semantics.mul(which(), semantics.long(width))), mask()),
      semantics.long(0), semantics.ltU(which(), semantics.long(count))));
    return semantics.or(sum(), semantics.shl(found(), at()));
  }));
}

const zeroIf = (compare: 'eq' | 'ne'): Meaning => (s) => s.rd(s.select(s.long(0), s.x1(), s[compare](s.x2(), s.long(0))));

/** Both operands are on the stack already: the value, and the single bit that the second one names. */
function bitAfter(semantics: Semantics, i64: I64, n: I64): { value: () => I64; bit: () => I64 } {
  const index = semantics.keep(n);
  const value = semantics.keep(i64);
  return { value, bit: () => semantics.shl(semantics.long(1), index()) };
}
const bclrBit: Binary = (s, a, b) => { const m = bitAfter(s, a, b); return s.and(m.value(), invert(s, m.bit())); };
const bextBit: Binary = (s, a, b) => s.and(s.shrU(a, b), s.long(1));
const binvBit: Binary = (s, a, b) => { const m = bitAfter(s, a, b); return s.xor(m.value(), m.bit()); };
const bsetBit: Binary = (s, a, b) => { const m = bitAfter(s, a, b); return s.or(m.value(), m.bit()); };

export const bitmanip = {
  sh1add: shiftAdd(1), 'sh1add.uw': shiftAddUw(1),
  sh2add: shiftAdd(2), 'sh2add.uw': shiftAddUw(2),
  sh3add: shiftAdd(3), 'sh3add.uw': shiftAddUw(3),
  'add.uw': (s) => s.rd(s.add(s.zext(s.w1()), s.x2())),
  'slli.uw': (s) => s.rd(s.shl(s.zext(s.w1()), s.imm())),
  andn: (s) => s.rd(s.and(s.x1(), invert(s, s.x2()))),
  orn: (s) => s.rd(s.or(s.x1(), invert(s, s.x2()))),
  xnor: op((s, a, b) => invert(s, s.xor(a, b))),
  clz: (s) => s.rd(s.clz(s.x1())),
  ctz: (s) => s.rd(s.ctz(s.x1())),
  cpop: (s) => s.rd(s.popcnt(s.x1())),
  clzw: (s) => s.rdw(s.clz32(s.w1())),
  ctzw: (s) => s.rdw(s.ctz32(s.w1())),
  cpopw: (s) => s.rdw(s.popcnt32(s.w1())),
  'sext.b': (s) => s.rd(s.sext8(s.x1())),
  'sext.h': (s) => s.rd(s.sext16(s.x1())),
  'zext.h': (s) => s.rd(s.and(s.x1(), s.long(0xffff))),
  min: pick('ltS'), minu: pick('ltU'), max: pick('gtS'), maxu: pick('gtU'),
  rol: op((s, a, b) => s.rotl(a, b)),
  ror: op((s, a, b) => s.rotr(a, b)),
  rori: (s) => s.rd(s.rotr(s.x1(), s.imm())),
  rolw: opW((s, a, b) => s.rotl32(a, b)),
  rorw: opW((s, a, b) => s.rotr32(a, b)),
  roriw: (s) => s.rdw(s.rotr32(s.w1(), s.imm32())),
  'orc.b': orCombine,
  rev8: (s) => s.rd(reverseBytes(s, s.x1())),
  brev8: (s) => s.rd(reverseBitsInBytes(s, s.x1())),
  pack: (s) => s.rd(s.or(s.zext(s.w1()), s.shl(s.x2(), s.long(32)))),
  packh: (s) => s.rd(s.or(s.and(s.x1(), s.long(255)), s.shl(s.and(s.x2(), s.long(255)), s.long(8)))),
  packw: (s) => s.rdw(s.or32(s.and32(s.w1(), s.word(0xffff)), s.shl32(s.w2(), s.word(16)))),
  bclr: op(bclrBit), bclri: opImm(bclrBit),
  bext: op(bextBit), bexti: opImm(bextBit),
  binv: op(binvBit), binvi: opImm(binvBit),
  bset: op(bsetBit), bseti: opImm(bsetBit),
  clmul: (s) => carryless(s, (a, i) => s.shl(a(), i()), 0),
  clmulh: (s) => carryless(s, (a, i) => s.shrU(a(), s.sub(s.long(64), i())), 1),
  clmulr: (s) => carryless(s, (a, i) => s.shrU(a(), s.sub(s.long(63), i())), 0),
  xperm4: (s) => permute(s, 4),
  xperm8: (s) => permute(s, 8),
  'czero.eqz': zeroIf('eq'), 'czero.nez': zeroIf('ne'),
} satisfies Meanings<typeof rows>;
