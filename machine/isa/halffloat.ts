/** Zfhmin, Zfh (half precision) and Zfa (additional operations): all arithmetic is done in software. @spec unpriv 23, 25 */
import { row, type Row } from './row.ts';

const FORMATS = [['s', '00', 'f'], ['d', '01', 'd'], ['h', '10', 'zfh']] as const;
const INTEGERS = [['w', '00000'], ['wu', '00001'], ['l', '00010'], ['lu', '00011']] as const;

const h2 = (name: string, f5: string, f3: string, operands: string): Row => row(`${name}.h`, `${f5}10 rs2 rs1 ${f3} rd 1010011`, operands, 'zfh');
const fused = (name: string, opcode: string): Row => row(`${name}.h`, `rs3 10 rs2 rs1 rm rd ${opcode}`, 'fd, fs1, fs2, fs3, rm', 'zfh');
const convert = (to: string, toBits: string, from: string, code: string, extension: string): Row =>
  row(`fcvt.${to}.${from}`, `01000${toBits} ${code} rs1 rm rd 1010011`, 'fd, fs1, rm', extension);
const BINARY = 'fd, fs1, fs2, rm';
const BOX = ~0xffffn;

const half: readonly Row[] = [
  row('flh', 'imm[11:0] rs1 001 rd 0000111', 'fd, imm(rs1)', 'zfh zfhmin', (s) => { s.needsFp(); s.fd(s.load('fh', s.add(s.x1(), s.imm()))); }),
  row('fsh', 'imm[11:5] rs2 rs1 001 imm[4:0] 0100111', 'fs2, imm(rs1)', 'zfh zfhmin', (s) => { s.needsFp(); s.store('h', s.add(s.x1(), s.imm()), s.f2()); }),
  row('fmv.x.h', '1110010 00000 rs1 000 rd 1010011', 'rd, fs1', 'zfh zfhmin', (s) => { s.needsFp(); s.rd(s.sext16(s.f1())); }),
  row('fmv.h.x', '1111010 00000 rs1 000 rd 1010011', 'fd, rs1', 'zfh zfhmin', (s) => { s.needsFp(); s.fd(s.or(s.and(s.x1(), s.long(0xffff)), s.long(BOX))); }),
  convert('s', '00', 'h', '00010', 'zfh zfhmin'), convert('h', '10', 's', '00000', 'zfh zfhmin'),
  convert('d', '01', 'h', '00010', 'd+zfh d+zfhmin'), convert('h', '10', 'd', '00001', 'd+zfh d+zfhmin'),
  fused('fmadd', '1000011'), fused('fmsub', '1000111'), fused('fnmsub', '1001011'), fused('fnmadd', '1001111'),
  h2('fadd', '00000', 'rm', BINARY), h2('fsub', '00001', 'rm', BINARY), h2('fmul', '00010', 'rm', BINARY), h2('fdiv', '00011', 'rm', BINARY),
  row('fsqrt.h', '0101110 00000 rs1 rm rd 1010011', 'fd, fs1, rm', 'zfh'),
  h2('fsgnj', '00100', '000', 'fd, fs1, fs2'), h2('fsgnjn', '00100', '001', 'fd, fs1, fs2'), h2('fsgnjx', '00100', '010', 'fd, fs1, fs2'),
  h2('fmin', '00101', '000', 'fd, fs1, fs2'), h2('fmax', '00101', '001', 'fd, fs1, fs2'),
  h2('fle', '10100', '000', 'rd, fs1, fs2'), h2('flt', '10100', '001', 'rd, fs1, fs2'), h2('feq', '10100', '010', 'rd, fs1, fs2'),
  row('fclass.h', '1110010 00000 rs1 001 rd 1010011', 'rd, fs1', 'zfh'),
  ...INTEGERS.flatMap(([t, code]) => [
    row(`fcvt.${t}.h`, `1100010 ${code} rs1 rm rd 1010011`, 'rd, fs1, rm', 'zfh'),
    row(`fcvt.h.${t}`, `1101010 ${code} rs1 rm rd 1010011`, 'fd, rs1, rm', 'zfh'),
  ]),
];

/** fli: the 32 constants of the manual's table; the row number is the rs1 field. */
const needs = (extension: string): string => `zfa+${extension}`;
const additional: readonly Row[] = FORMATS.flatMap(([suffix, bits, extension]) => [
  row(`fli.${suffix}`, `11110${bits} 00001 rs1 000 rd 1010011`, 'fd, constant', needs(extension)),
  row(`fminm.${suffix}`, `00101${bits} rs2 rs1 010 rd 1010011`, 'fd, fs1, fs2', needs(extension)),
  row(`fmaxm.${suffix}`, `00101${bits} rs2 rs1 011 rd 1010011`, 'fd, fs1, fs2', needs(extension)),
  row(`fround.${suffix}`, `01000${bits} 00100 rs1 rm rd 1010011`, 'fd, fs1, rm', needs(extension)),
  row(`froundnx.${suffix}`, `01000${bits} 00101 rs1 rm rd 1010011`, 'fd, fs1, rm', needs(extension)),
  row(`fleq.${suffix}`, `10100${bits} rs2 rs1 100 rd 1010011`, 'rd, fs1, fs2', needs(extension)),
  row(`fltq.${suffix}`, `10100${bits} rs2 rs1 101 rd 1010011`, 'rd, fs1, fs2', needs(extension)),
]);

export const halfFloatRows: readonly Row[] = [
  ...half, ...additional,
  row('fcvtmod.w.d', '1100001 01000 rs1 001 rd 1010011', 'rd, fs1', 'zfa+d'),
];
