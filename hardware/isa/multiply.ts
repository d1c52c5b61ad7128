/** M: multiplication and division. @spec unpriv 12 */
import { table } from './row.ts';

export const multiply = table({
  mul:    ['0000001 rs2 rs1 000 rd 0110011', 'rd, rs1, rs2', 'm zmmul'],
  mulh:   ['0000001 rs2 rs1 001 rd 0110011', 'rd, rs1, rs2', 'm zmmul'],
  mulhsu: ['0000001 rs2 rs1 010 rd 0110011', 'rd, rs1, rs2', 'm zmmul'],
  mulhu:  ['0000001 rs2 rs1 011 rd 0110011', 'rd, rs1, rs2', 'm zmmul'],
  div:    ['0000001 rs2 rs1 100 rd 0110011', 'rd, rs1, rs2', 'm'],
  divu:   ['0000001 rs2 rs1 101 rd 0110011', 'rd, rs1, rs2', 'm'],
  rem:    ['0000001 rs2 rs1 110 rd 0110011', 'rd, rs1, rs2', 'm'],
  remu:   ['0000001 rs2 rs1 111 rd 0110011', 'rd, rs1, rs2', 'm'],
  mulw:   ['0000001 rs2 rs1 000 rd 0111011', 'rd, rs1, rs2', 'm zmmul'],
  divw:   ['0000001 rs2 rs1 100 rd 0111011', 'rd, rs1, rs2', 'm'],
  divuw:  ['0000001 rs2 rs1 101 rd 0111011', 'rd, rs1, rs2', 'm'],
  remw:   ['0000001 rs2 rs1 110 rd 0111011', 'rd, rs1, rs2', 'm'],
  remuw:  ['0000001 rs2 rs1 111 rd 0111011', 'rd, rs1, rs2', 'm'],
});
