/** C, Zcb, Zcmop: 16-bit instructions, each a short form of a base instruction. @spec unpriv 27, 28.8; unpriv 10 */
import { compressed, row, type Operands, type Row } from './row.ts';

const c = <const N extends string>(name: N, text: string, operands: string, base: string, fixed?: Operands, extensions = 'c zca'): Row<N> =>
  compressed(name, text, operands, extensions, base, fixed);
const D = 'c+d zcd+d';
const arithmetic = <const N extends string>(name: N, f6: string, f2: string, base: string): Row<N> =>
  c(name, `${f6} rd'/rs1' ${f2} rs2' 01`, "rd, rs2", base);

export const short = [
  c('c.addi4spn', "000 nzuimm[5:4|9:6|2|3] rd' 00", 'rd, imm', 'addi', { rs1: 2 }),
  c('c.fld', "001 uimm[5:3] rs1' uimm[7:6] rd' 00", 'fd, imm(rs1)', 'fld', {}, D),
  c('c.lw', "010 uimm[5:3] rs1' uimm[2|6] rd' 00", 'rd, imm(rs1)', 'lw'),
  c('c.ld', "011 uimm[5:3] rs1' uimm[7:6] rd' 00", 'rd, imm(rs1)', 'ld'),
  c('c.fsd', "101 uimm[5:3] rs1' uimm[7:6] rs2' 00", 'fs2, imm(rs1)', 'fsd', {}, D),
  c('c.sw', "110 uimm[5:3] rs1' uimm[2|6] rs2' 00", 'rs2, imm(rs1)', 'sw'),
  c('c.sd', "111 uimm[5:3] rs1' uimm[7:6] rs2' 00", 'rs2, imm(rs1)', 'sd'),
  c('c.nop', '000 imm[5] 00000 imm[4:0] 01', 'imm', 'addi'),
  c('c.addi', '000 imm[5] rd/rs1!=0 imm[4:0] 01', 'rd, imm', 'addi'),
  c('c.addiw', '001 imm[5] rd/rs1!=0 imm[4:0] 01', 'rd, imm', 'addiw'),
  c('c.li', '010 imm[5] rd imm[4:0] 01', 'rd, imm', 'addi', { rs1: 0 }),
  c('c.addi16sp', '011 nzimm[9] 00010 nzimm[4|6|8:7|5] 01', 'imm', 'addi', { rd: 2, rs1: 2 }),
  c('c.lui', '011 nzimm[17] rd!=2 nzimm[16:12] 01', 'rd, upper', 'lui'),
  c('c.srli', "100 shamt[5] 00 rd'/rs1' shamt[4:0] 01", 'rd, imm', 'srli'),
  c('c.srai', "100 shamt[5] 01 rd'/rs1' shamt[4:0] 01", 'rd, imm', 'srai'),
  c('c.andi', "100 imm[5] 10 rd'/rs1' imm[4:0] 01", 'rd, imm', 'andi'),
  arithmetic('c.sub', '100011', '00', 'sub'), arithmetic('c.xor', '100011', '01', 'xor'),
  arithmetic('c.or', '100011', '10', 'or'), arithmetic('c.and', '100011', '11', 'and'),
  arithmetic('c.subw', '100111', '00', 'subw'), arithmetic('c.addw', '100111', '01', 'addw'),
  c('c.j', '101 imm[11|4|9:8|10|6|7|3:1|5] 01', 'target', 'jal', { rd: 0 }),
  c('c.beqz', "110 imm[8|4:3] rs1' imm[7:6|2:1|5] 01", 'rs1, target', 'beq', { rs2: 0 }),
  c('c.bnez', "111 imm[8|4:3] rs1' imm[7:6|2:1|5] 01", 'rs1, target', 'bne', { rs2: 0 }),
  c('c.slli', '000 shamt[5] rd/rs1 shamt[4:0] 10', 'rd, imm', 'slli'),
  c('c.fldsp', '001 uimm[5] rd uimm[4:3|8:6] 10', 'fd, imm(sp)', 'fld', { rs1: 2 }, D),
  c('c.lwsp', '010 uimm[5] rd!=0 uimm[4:2|7:6] 10', 'rd, imm(sp)', 'lw', { rs1: 2 }),
  c('c.ldsp', '011 uimm[5] rd!=0 uimm[4:3|8:6] 10', 'rd, imm(sp)', 'ld', { rs1: 2 }),
  c('c.jr', '1000 rs1!=0 00000 10', 'rs1', 'jalr', { rd: 0 }),
  c('c.mv', '1000 rd rs2!=0 10', 'rd, rs2', 'add', { rs1: 0 }),
  c('c.ebreak', '1001 00000 00000 10', '', 'ebreak'),
  c('c.jalr', '1001 rs1!=0 00000 10', 'rs1', 'jalr', { rd: 1 }),
  c('c.add', '1001 rd/rs1 rs2!=0 10', 'rd, rs2', 'add'),
  c('c.fsdsp', '101 uimm[5:3|8:6] rs2 10', 'fs2, imm(sp)', 'fsd', { rs1: 2 }, D),
  c('c.swsp', '110 uimm[5:2|7:6] rs2 10', 'rs2, imm(sp)', 'sw', { rs1: 2 }),
  c('c.sdsp', '111 uimm[5:3|8:6] rs2 10', 'rs2, imm(sp)', 'sd', { rs1: 2 }),

  c('c.lbu', "100000 rs1' uimm[0|1] rd' 00", 'rd, imm(rs1)', 'lbu', {}, 'zcb'),
  c('c.lhu', "100001 rs1' 0 uimm[1] rd' 00", 'rd, imm(rs1)', 'lhu', {}, 'zcb'),
  c('c.lh', "100001 rs1' 1 uimm[1] rd' 00", 'rd, imm(rs1)', 'lh', {}, 'zcb'),
  c('c.sb', "100010 rs1' uimm[0|1] rs2' 00", 'rs2, imm(rs1)', 'sb', {}, 'zcb'),
  c('c.sh', "100011 rs1' 0 uimm[1] rs2' 00", 'rs2, imm(rs1)', 'sh', {}, 'zcb'),
  c('c.zext.b', "100111 rd'/rs1' 11 000 01", 'rd', 'andi', { imm: 255 }, 'zcb'),
  c('c.sext.b', "100111 rd'/rs1' 11 001 01", 'rd', 'sext.b', {}, 'zcb+zbb'),
  c('c.zext.h', "100111 rd'/rs1' 11 010 01", 'rd', 'zext.h', {}, 'zcb+zbb'),
  c('c.sext.h', "100111 rd'/rs1' 11 011 01", 'rd', 'sext.h', {}, 'zcb+zbb'),
  c('c.zext.w', "100111 rd'/rs1' 11 100 01", 'rd', 'add.uw', { rs2: 0 }, 'zcb+zba'),
  c('c.not', "100111 rd'/rs1' 11 101 01", 'rd', 'xori', { imm: -1 }, 'zcb'),
  c('c.mul', "100111 rd'/rs1' 10 rs2' 01", 'rd, rs2', 'mul', {}, 'zcb+m zcb+zmmul'),
];

/** Zcmop: reserved encodings of c.lui rd odd, imm = 0, defined to do nothing. They have no base instruction. */
export const shortMayBe = ([1, 3, 5, 7, 9, 11, 13, 15] as const).map((n) =>
  row(`c.mop.${n}`, `011 0 ${n.toString(2).padStart(5, '0')} 00000 01`, '', 'zcmop'));
