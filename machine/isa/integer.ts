/** RV64I: the base integer instructions. @spec unpriv 2, 4 */
import { row, type Row } from './row.ts';
import type { I32, I64 } from './operators.ts';
import type { LoadKind, Semantics, StoreKind } from './semantics.ts';

export const R = 'rd, rs1, rs2';
export const I = 'rd, rs1, imm';

const op = (name: string, f7: string, f3: string, f: (s: Semantics, a: I64, b: I64) => I64): Row =>
  row(name, `${f7} rs2 rs1 ${f3} rd 0110011`, R, 'i', (s) => s.rd(f(s, s.x1(), s.x2())));
const opW = (name: string, f7: string, f3: string, f: (s: Semantics, a: I32, b: I32) => I32): Row =>
  row(name, `${f7} rs2 rs1 ${f3} rd 0111011`, R, 'i', (s) => s.rdw(f(s, s.w1(), s.w2())));
const opImm = (name: string, f3: string, f: (s: Semantics, a: I64, b: I64) => I64): Row =>
  row(name, `imm[11:0] rs1 ${f3} rd 0010011`, I, 'i', (s) => s.rd(f(s, s.x1(), s.imm())));
const shift = (name: string, f6: string, f3: string, f: (s: Semantics, a: I64, b: I64) => I64): Row =>
  row(name, `${f6} shamt[5:0] rs1 ${f3} rd 0010011`, I, 'i', (s) => s.rd(f(s, s.x1(), s.imm())));
const shiftW = (name: string, f7: string, f3: string, f: (s: Semantics, a: I32, b: I32) => I32): Row =>
  row(name, `${f7} shamt[4:0] rs1 ${f3} rd 0011011`, I, 'i', (s) => s.rdw(f(s, s.w1(), s.imm32())));
const load = (kind: LoadKind, f3: string): Row =>
  row(`l${kind}`, `imm[11:0] rs1 ${f3} rd 0000011`, 'rd, imm(rs1)', 'i', (s) => s.rd(s.load(kind, s.add(s.x1(), s.imm()))));
const store = (kind: StoreKind, f3: string): Row =>
  row(`s${kind}`, `imm[11:5] rs2 rs1 ${f3} imm[4:0] 0100011`, 'rs2, imm(rs1)', 'i', (s) => s.store(kind, s.add(s.x1(), s.imm()), s.x2()));
const branch = (name: string, f3: string, f: (s: Semantics, a: I64, b: I64) => I32): Row =>
  row(name, `imm[12|10:5] rs2 rs1 ${f3} imm[4:1|11] 1100011`, 'rs1, rs2, target', 'i', (s) => s.branch(f(s, s.x1(), s.x2())));

export const integerRows: readonly Row[] = [
  row('lui', 'imm[31:12] rd 0110111', 'rd, upper', 'i', (s) => s.rd(s.imm())),
  row('auipc', 'imm[31:12] rd 0010111', 'rd, upper', 'i', (s) => s.rd(s.add(s.pc(), s.imm()))),
  row('jal', 'imm[20|10:1|11|19:12] rd 1101111', 'rd, target', 'i', (s) => { s.rd(s.nextPc()); s.jump(); }),
  row('jalr', 'imm[11:0] rs1 000 rd 1100111', 'rd, imm(rs1)', 'i', (s) => {
    const target = s.keep(s.and(s.add(s.x1(), s.imm()), s.long(-2)));
    s.rd(s.nextPc());
    s.jumpTo(target());
  }),
  branch('beq', '000', (s, a, b) => s.eq(a, b)),
  branch('bne', '001', (s, a, b) => s.ne(a, b)),
  branch('blt', '100', (s, a, b) => s.ltS(a, b)),
  branch('bge', '101', (s, a, b) => s.geS(a, b)),
  branch('bltu', '110', (s, a, b) => s.ltU(a, b)),
  branch('bgeu', '111', (s, a, b) => s.geU(a, b)),
  load('b', '000'), load('h', '001'), load('w', '010'), load('d', '011'), load('bu', '100'), load('hu', '101'), load('wu', '110'),
  store('b', '000'), store('h', '001'), store('w', '010'), store('d', '011'),
  opImm('addi', '000', (s, a, b) => s.add(a, b)),
  opImm('slti', '010', (s, a, b) => s.zext(s.ltS(a, b))),
  opImm('sltiu', '011', (s, a, b) => s.zext(s.ltU(a, b))),
  opImm('xori', '100', (s, a, b) => s.xor(a, b)),
  opImm('ori', '110', (s, a, b) => s.or(a, b)),
  opImm('andi', '111', (s, a, b) => s.and(a, b)),
  shift('slli', '000000', '001', (s, a, b) => s.shl(a, b)),
  shift('srli', '000000', '101', (s, a, b) => s.shrU(a, b)),
  shift('srai', '010000', '101', (s, a, b) => s.shrS(a, b)),
  op('add', '0000000', '000', (s, a, b) => s.add(a, b)),
  op('sub', '0100000', '000', (s, a, b) => s.sub(a, b)),
  op('sll', '0000000', '001', (s, a, b) => s.shl(a, b)),
  op('slt', '0000000', '010', (s, a, b) => s.zext(s.ltS(a, b))),
  op('sltu', '0000000', '011', (s, a, b) => s.zext(s.ltU(a, b))),
  op('xor', '0000000', '100', (s, a, b) => s.xor(a, b)),
  op('srl', '0000000', '101', (s, a, b) => s.shrU(a, b)),
  op('sra', '0100000', '101', (s, a, b) => s.shrS(a, b)),
  op('or', '0000000', '110', (s, a, b) => s.or(a, b)),
  op('and', '0000000', '111', (s, a, b) => s.and(a, b)),
  row('addiw', 'imm[11:0] rs1 000 rd 0011011', I, 'i', (s) => s.rdw(s.add32(s.w1(), s.imm32()))),
  shiftW('slliw', '0000000', '001', (s, a, b) => s.shl32(a, b)),
  shiftW('srliw', '0000000', '101', (s, a, b) => s.shrU32(a, b)),
  shiftW('sraiw', '0100000', '101', (s, a, b) => s.shrS32(a, b)),
  opW('addw', '0000000', '000', (s, a, b) => s.add32(a, b)),
  opW('subw', '0100000', '000', (s, a, b) => s.sub32(a, b)),
  opW('sllw', '0000000', '001', (s, a, b) => s.shl32(a, b)),
  opW('srlw', '0000000', '101', (s, a, b) => s.shrU32(a, b)),
  opW('sraw', '0100000', '101', (s, a, b) => s.shrS32(a, b)),
  // In program order there is nothing to do: harts are interleaved, never concurrent. The hint rows are in hints.ts.
  row('fence', 'fm pred succ rs1 000 rd 0001111', 'pred, succ', 'i', () => {}),
];
