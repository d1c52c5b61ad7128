/**
 * Zicsr, Zifencei, privileged and hypervisor instructions; fences take an address and an address-space identifier, both optional.
 * @spec priv 3.3, 21.3; unpriv 5, 6
 */
import { table } from './row.ts';

export const privileged = table({
  csrrw:             ['csr           rs1   001 rd    1110011', 'rd, csr, rs1',  'zicsr'],
  csrrs:             ['csr           rs1   010 rd    1110011', 'rd, csr, rs1',  'zicsr'],
  csrrc:             ['csr           rs1   011 rd    1110011', 'rd, csr, rs1',  'zicsr'],
  csrrwi:            ['csr           zimm  101 rd    1110011', 'rd, csr, zimm', 'zicsr'],
  csrrsi:            ['csr           zimm  110 rd    1110011', 'rd, csr, zimm', 'zicsr'],
  csrrci:            ['csr           zimm  111 rd    1110011', 'rd, csr, zimm', 'zicsr'],
  'fence.i':         ['imm[11:0]     rs1   001 rd    0001111', '',              'zifencei'],
  ecall:             ['0000000 00000 00000 000 00000 1110011', '',              'i'],
  ebreak:            ['0000000 00001 00000 000 00000 1110011', '',              'i'],
  sret:              ['0001000 00010 00000 000 00000 1110011', '',              's'],
  mret:              ['0011000 00010 00000 000 00000 1110011', '',              'i'],
  wfi:               ['0001000 00101 00000 000 00000 1110011', '',              'i'],
  'sfence.vma':      ['0001001 rs2   rs1   000 00000 1110011', 'rs1, rs2',      's'],
  'sinval.vma':      ['0001011 rs2   rs1   000 00000 1110011', 'rs1, rs2',      'svinval'],
  'sfence.w.inval':  ['0001100 00000 00000 000 00000 1110011', '',              'svinval'],
  'sfence.inval.ir': ['0001100 00001 00000 000 00000 1110011', '',              'svinval'],
  'hfence.vvma':     ['0010001 rs2   rs1   000 00000 1110011', 'rs1, rs2',      'h'],
  'hfence.gvma':     ['0110001 rs2   rs1   000 00000 1110011', 'rs1, rs2',      'h'],
  'hinval.vvma':     ['0010011 rs2   rs1   000 00000 1110011', 'rs1, rs2',      'h+svinval'],
  'hinval.gvma':     ['0110011 rs2   rs1   000 00000 1110011', 'rs1, rs2',      'h+svinval'],
  'hlv.b':           ['0110000 00000 rs1   100 rd    1110011', 'rd, (rs1)',     'h'],
  'hlv.bu':          ['0110000 00001 rs1   100 rd    1110011', 'rd, (rs1)',     'h'],
  'hlv.h':           ['0110010 00000 rs1   100 rd    1110011', 'rd, (rs1)',     'h'],
  'hlv.hu':          ['0110010 00001 rs1   100 rd    1110011', 'rd, (rs1)',     'h'],
  'hlvx.hu':         ['0110010 00011 rs1   100 rd    1110011', 'rd, (rs1)',     'h'],
  'hlv.w':           ['0110100 00000 rs1   100 rd    1110011', 'rd, (rs1)',     'h'],
  'hlv.wu':          ['0110100 00001 rs1   100 rd    1110011', 'rd, (rs1)',     'h'],
  'hlvx.wu':         ['0110100 00011 rs1   100 rd    1110011', 'rd, (rs1)',     'h'],
  'hlv.d':           ['0110110 00000 rs1   100 rd    1110011', 'rd, (rs1)',     'h'],
  'hsv.b':           ['0110001 rs2   rs1   100 00000 1110011', 'rs2, (rs1)',    'h'],
  'hsv.h':           ['0110011 rs2   rs1   100 00000 1110011', 'rs2, (rs1)',    'h'],
  'hsv.w':           ['0110101 rs2   rs1   100 00000 1110011', 'rs2, (rs1)',    'h'],
  'hsv.d':           ['0110111 rs2   rs1   100 00000 1110011', 'rs2, (rs1)',    'h'],
});
