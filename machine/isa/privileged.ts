/** Zicsr, Zifencei, privileged and hypervisor instructions: all are TypeScript's (machine/hart). @spec priv 3.3, 21.3; unpriv 5, 6 */
import { row, type Row } from './row.ts';

const csr = (name: string, f3: string, immediate: boolean): Row =>
  row(name, `csr ${immediate ? 'zimm' : 'rs1'} ${f3} rd 1110011`, `rd, csr, ${immediate ? 'zimm' : 'rs1'}`, 'zicsr');
const plain = (name: string, bits: string, extensions = 'i'): Row => row(name, bits, '', extensions);
/** Fences with two register operands, both optional: address and address-space identifier. */
const fence = (name: string, f7: string, extensions: string): Row => row(name, `${f7} rs2 rs1 000 00000 1110011`, 'rs1, rs2', extensions);
const guestLoad = (name: string, f7: string, f5: string): Row => row(name, `${f7} ${f5} rs1 100 rd 1110011`, 'rd, (rs1)', 'h');
const guestStore = (name: string, f7: string): Row => row(name, `${f7} rs2 rs1 100 00000 1110011`, 'rs2, (rs1)', 'h');

export const privilegedRows: readonly Row[] = [
  csr('csrrw', '001', false), csr('csrrs', '010', false), csr('csrrc', '011', false),
  csr('csrrwi', '101', true), csr('csrrsi', '110', true), csr('csrrci', '111', true),
  row('fence.i', 'imm[11:0] rs1 001 rd 0001111', '', 'zifencei'),
  plain('ecall', '00000000000000000000000001110011'),
  plain('ebreak', '00000000000100000000000001110011'),
  plain('sret', '00010000001000000000000001110011', 's'),
  plain('mret', '00110000001000000000000001110011'),
  plain('wfi', '00010000010100000000000001110011'),
  fence('sfence.vma', '0001001', 's'),
  fence('sinval.vma', '0001011', 'svinval'),
  plain('sfence.w.inval', '00011000000000000000000001110011', 'svinval'),
  plain('sfence.inval.ir', '00011000000100000000000001110011', 'svinval'),
  fence('hfence.vvma', '0010001', 'h'),
  fence('hfence.gvma', '0110001', 'h'),
  fence('hinval.vvma', '0010011', 'h+svinval'),
  fence('hinval.gvma', '0110011', 'h+svinval'),
  guestLoad('hlv.b', '0110000', '00000'), guestLoad('hlv.bu', '0110000', '00001'),
  guestLoad('hlv.h', '0110010', '00000'), guestLoad('hlv.hu', '0110010', '00001'), guestLoad('hlvx.hu', '0110010', '00011'),
  guestLoad('hlv.w', '0110100', '00000'), guestLoad('hlv.wu', '0110100', '00001'), guestLoad('hlvx.wu', '0110100', '00011'),
  guestLoad('hlv.d', '0110110', '00000'),
  guestStore('hsv.b', '0110001'), guestStore('hsv.h', '0110011'), guestStore('hsv.w', '0110101'), guestStore('hsv.d', '0110111'),
];
