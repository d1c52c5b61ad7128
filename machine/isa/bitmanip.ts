/** Zba, Zbb, Zbs, Zbc, Zbkb, Zbkc, Zbkx, Zicond: bit manipulation and conditional operations. @spec unpriv 29, 11 */
import { row, type Row } from './row.ts';
import type { I32, I64 } from './operators.ts';
import type { Semantics } from './semantics.ts';
import { I, R } from './integer.ts';

type Binary = (s: Semantics, a: I64, b: I64) => I64;
type BinaryW = (s: Semantics, a: I32, b: I32) => I32;
const op = (name: string, f7: string, f3: string, ext: string, f: Binary): Row =>
  row(name, `${f7} rs2 rs1 ${f3} rd 0110011`, R, ext, (s) => s.rd(f(s, s.x1(), s.x2())));
const opW = (name: string, f7: string, f3: string, ext: string, f: BinaryW): Row =>
  row(name, `${f7} rs2 rs1 ${f3} rd 0111011`, R, ext, (s) => s.rdw(f(s, s.w1(), s.w2())));
const unary = (name: string, f12: string, f3: string, opcode: string, ext: string, f: (s: Semantics) => void): Row =>
  row(name, `${f12} rs1 ${f3} rd ${opcode}`, 'rd, rs1', ext, f);
const bitOp = (name: string, f6: string, f3: string, f: Binary): Row[] => [
  op(name, `${f6}0`, f3, 'zbs', f),
  row(`${name}i`, `${f6} shamt[5:0] rs1 ${f3} rd 0010011`, I, 'zbs', (s) => s.rd(f(s, s.x1(), s.imm()))),
];

const invert = (s: Semantics, a: I64): I64 => s.xor(a, s.long(-1));

/** rd = (rs1 << n, perhaps zero-extended from 32 bits first) + rs2. */
function shiftAdds(): Row[] {
  const f3 = ['', '010', '100', '110'];
  return [1, 2, 3].flatMap((n) => [
    row(`sh${n}add`, `0010000 rs2 rs1 ${f3[n]} rd 0110011`, R, 'zba', (s) => s.rd(s.add(s.shl(s.x1(), s.long(n)), s.x2()))),
    row(`sh${n}add.uw`, `0010000 rs2 rs1 ${f3[n]} rd 0111011`, R, 'zba', (s) => s.rd(s.add(s.shl(s.zext(s.w1()), s.long(n)), s.x2()))),
  ]);
}

const minmax = (name: string, f3: string, compare: 'ltS' | 'ltU' | 'gtS' | 'gtU'): Row =>
  row(name, `0000101 rs2 rs1 ${f3} rd 0110011`, R, 'zbb', (s) => {
    const a = s.keep(s.x1());
    const b = s.keep(s.x2());
    s.rd(s.select(a(), b(), s[compare](a(), b())));
  });

/** Each byte becomes 0xff where it was not zero. */
function orCombine(s: Semantics): void {
  const low7 = 0x7f7f_7f7f_7f7f_7f7fn;
  const x = s.keep(s.x1());
  const carried = s.or(s.add(s.and(x(), s.long(low7)), s.long(low7)), x());
  const top = s.keep(s.and(s.shrU(carried, s.long(7)), s.long(0x0101_0101_0101_0101n)));
  s.rd(s.sub(s.shl(top(), s.long(8)), top()));
}

/** Swaps neighbouring groups of bits: `mask` selects the lower group of each pair. */
function swapGroups(s: Semantics, value: I64, mask: bigint, by: number): I64 {
  const x = s.keep(value);
  return s.or(s.shl(s.and(x(), s.long(mask)), s.long(by)), s.and(s.shrU(x(), s.long(by)), s.long(mask)));
}
const reverseBitsInBytes = (s: Semantics, x: I64): I64 =>
  swapGroups(s, swapGroups(s, swapGroups(s, x, 0x5555_5555_5555_5555n, 1), 0x3333_3333_3333_3333n, 2), 0x0f0f_0f0f_0f0f_0f0fn, 4);
const reverseBytes = (s: Semantics, x: I64): I64 =>
  s.rotl(swapGroups(s, swapGroups(s, x, 0x00ff_00ff_00ff_00ffn, 8), 0x0000_ffff_0000_ffffn, 16), s.long(32));

/** Carry-less product: `part` says what the partial product of bit i contributes. */
function carryless(s: Semantics, part: (a: () => I64, i: () => I64) => I64, from: number): void {
  const a = s.keep(s.x1());
  const b = s.keep(s.x2());
  s.rd(s.fold(64 - from, s.long(0), (sum, n) => {
    const i = s.keep(s.add(n(), s.long(from)));
    const set = s.keep(s.sub(s.long(0), s.and(s.shrU(b(), i()), s.long(1))));
    return s.xor(sum(), s.and(part(a, i), set()));
  }));
}

/** Looks every nibble or byte of rs2 up in rs1. */
function permute(s: Semantics, width: number): void {
  const table = s.keep(s.x1());
  const index = s.keep(s.x2());
  const count = 64 / width;
  const mask = s.keep(s.long((1n << BigInt(width)) - 1n));
  s.rd(s.fold(count, s.long(0), (sum, n) => {
    const at = s.keep(s.mul(n(), s.long(width)));
    const which = s.keep(s.and(s.shrU(index(), at()), mask()));
    const found = s.keep(s.select(s.and(s.shrU(table(), s.mul(which(), s.long(width))), mask()), s.long(0), s.ltU(which(), s.long(count))));
    return s.or(sum(), s.shl(found(), at()));
  }));
}

const conditional = (name: string, f3: string, compare: 'eq' | 'ne'): Row =>
  row(name, `0000111 rs2 rs1 ${f3} rd 0110011`, R, 'zicond', (s) => s.rd(s.select(s.long(0), s.x1(), s[compare](s.x2(), s.long(0)))));

export const bitmanipRows: readonly Row[] = [
  ...shiftAdds(),
  row('add.uw', '0000100 rs2 rs1 000 rd 0111011', R, 'zba', (s) => s.rd(s.add(s.zext(s.w1()), s.x2()))),
  row('slli.uw', '000010 shamt[5:0] rs1 001 rd 0011011', I, 'zba', (s) => s.rd(s.shl(s.zext(s.w1()), s.imm()))),
  row('andn', '0100000 rs2 rs1 111 rd 0110011', R, 'zbb zbkb', (s) => s.rd(s.and(s.x1(), invert(s, s.x2())))),
  row('orn', '0100000 rs2 rs1 110 rd 0110011', R, 'zbb zbkb', (s) => s.rd(s.or(s.x1(), invert(s, s.x2())))),
  op('xnor', '0100000', '100', 'zbb zbkb', (s, a, b) => invert(s, s.xor(a, b))),
  unary('clz', '011000000000', '001', '0010011', 'zbb', (s) => s.rd(s.clz(s.x1()))),
  unary('ctz', '011000000001', '001', '0010011', 'zbb', (s) => s.rd(s.ctz(s.x1()))),
  unary('cpop', '011000000010', '001', '0010011', 'zbb', (s) => s.rd(s.popcnt(s.x1()))),
  unary('clzw', '011000000000', '001', '0011011', 'zbb', (s) => s.rdw(s.clz32(s.w1()))),
  unary('ctzw', '011000000001', '001', '0011011', 'zbb', (s) => s.rdw(s.ctz32(s.w1()))),
  unary('cpopw', '011000000010', '001', '0011011', 'zbb', (s) => s.rdw(s.popcnt32(s.w1()))),
  unary('sext.b', '011000000100', '001', '0010011', 'zbb', (s) => s.rd(s.sext8(s.x1()))),
  unary('sext.h', '011000000101', '001', '0010011', 'zbb', (s) => s.rd(s.sext16(s.x1()))),
  unary('zext.h', '000010000000', '100', '0111011', 'zbb', (s) => s.rd(s.and(s.x1(), s.long(0xffff)))),
  minmax('min', '100', 'ltS'), minmax('minu', '101', 'ltU'), minmax('max', '110', 'gtS'), minmax('maxu', '111', 'gtU'),
  op('rol', '0110000', '001', 'zbb zbkb', (s, a, b) => s.rotl(a, b)),
  op('ror', '0110000', '101', 'zbb zbkb', (s, a, b) => s.rotr(a, b)),
  row('rori', '011000 shamt[5:0] rs1 101 rd 0010011', I, 'zbb zbkb', (s) => s.rd(s.rotr(s.x1(), s.imm()))),
  opW('rolw', '0110000', '001', 'zbb zbkb', (s, a, b) => s.rotl32(a, b)),
  opW('rorw', '0110000', '101', 'zbb zbkb', (s, a, b) => s.rotr32(a, b)),
  row('roriw', '0110000 shamt[4:0] rs1 101 rd 0011011', I, 'zbb zbkb', (s) => s.rdw(s.rotr32(s.w1(), s.imm32()))),
  unary('orc.b', '001010000111', '101', '0010011', 'zbb', orCombine),
  unary('rev8', '011010111000', '101', '0010011', 'zbb zbkb', (s) => s.rd(reverseBytes(s, s.x1()))),
  unary('brev8', '011010000111', '101', '0010011', 'zbkb', (s) => s.rd(reverseBitsInBytes(s, s.x1()))),
  row('pack', '0000100 rs2 rs1 100 rd 0110011', R, 'zbkb', (s) => s.rd(s.or(s.zext(s.w1()), s.shl(s.x2(), s.long(32))))),
  row('packh', '0000100 rs2 rs1 111 rd 0110011', R, 'zbkb', (s) => s.rd(s.or(s.and(s.x1(), s.long(255)), s.shl(s.and(s.x2(), s.long(255)), s.long(8))))),
  row('packw', '0000100 rs2 rs1 100 rd 0111011', R, 'zbkb', (s) => s.rdw(s.or32(s.and32(s.w1(), s.word(0xffff)), s.shl32(s.w2(), s.word(16))))),
  ...bitOp('bclr', '010010', '001', (s, a, b) => { const m = bitAfter(s, a, b); return s.and(m.value(), invert(s, m.bit())); }),
  ...bitOp('bext', '010010', '101', (s, a, b) => s.and(s.shrU(a, b), s.long(1))),
  ...bitOp('binv', '011010', '001', (s, a, b) => { const m = bitAfter(s, a, b); return s.xor(m.value(), m.bit()); }),
  ...bitOp('bset', '001010', '001', (s, a, b) => { const m = bitAfter(s, a, b); return s.or(m.value(), m.bit()); }),
  row('clmul', '0000101 rs2 rs1 001 rd 0110011', R, 'zbc zbkc', (s) => carryless(s, (a, i) => s.shl(a(), i()), 0)),
  row('clmulh', '0000101 rs2 rs1 011 rd 0110011', R, 'zbc zbkc', (s) => carryless(s, (a, i) => s.shrU(a(), s.sub(s.long(64), i())), 1)),
  row('clmulr', '0000101 rs2 rs1 010 rd 0110011', R, 'zbc', (s) => carryless(s, (a, i) => s.shrU(a(), s.sub(s.long(63), i())), 0)),
  row('xperm4', '0010100 rs2 rs1 010 rd 0110011', R, 'zbkx', (s) => permute(s, 4)),
  row('xperm8', '0010100 rs2 rs1 100 rd 0110011', R, 'zbkx', (s) => permute(s, 8)),
  conditional('czero.eqz', '101', 'eq'), conditional('czero.nez', '111', 'ne'),
];

/** Both operands are on the stack already: the value, and the single bit that the second one names. */
function bitAfter(s: Semantics, a: I64, n: I64): { value: () => I64; bit: () => I64 } {
  const index = s.keep(n);
  const value = s.keep(a);
  return { value, bit: () => s.shl(s.long(1), index()) };
}
