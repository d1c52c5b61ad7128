/**
 * Scalar cryptography; the `bs` field of SM4 (which byte to use) is part of the name. packu and packuw come from a draft and were never
 * ratified; `xdraftk` enables them for the conformance tests of that draft.
 * @spec unpriv 31
 */
import { table } from './row.ts';

export const crypto = table({
  sha256sum0: ['0001000       00000 rs1 001 rd 0010011', 'rd, rs1',      'zknh'],
  sha256sum1: ['0001000       00001 rs1 001 rd 0010011', 'rd, rs1',      'zknh'],
  sha256sig0: ['0001000       00010 rs1 001 rd 0010011', 'rd, rs1',      'zknh'],
  sha256sig1: ['0001000       00011 rs1 001 rd 0010011', 'rd, rs1',      'zknh'],
  sha512sum0: ['0001000       00100 rs1 001 rd 0010011', 'rd, rs1',      'zknh'],
  sha512sum1: ['0001000       00101 rs1 001 rd 0010011', 'rd, rs1',      'zknh'],
  sha512sig0: ['0001000       00110 rs1 001 rd 0010011', 'rd, rs1',      'zknh'],
  sha512sig1: ['0001000       00111 rs1 001 rd 0010011', 'rd, rs1',      'zknh'],
  sm3p0:      ['0001000       01000 rs1 001 rd 0010011', 'rd, rs1',      'zksh'],
  sm3p1:      ['0001000       01001 rs1 001 rd 0010011', 'rd, rs1',      'zksh'],
  aes64es:    ['0011001       rs2   rs1 000 rd 0110011', 'rd, rs1, rs2', 'zkne'],
  aes64esm:   ['0011011       rs2   rs1 000 rd 0110011', 'rd, rs1, rs2', 'zkne'],
  aes64ds:    ['0011101       rs2   rs1 000 rd 0110011', 'rd, rs1, rs2', 'zknd'],
  aes64dsm:   ['0011111       rs2   rs1 000 rd 0110011', 'rd, rs1, rs2', 'zknd'],
  aes64ks2:   ['0111111       rs2   rs1 000 rd 0110011', 'rd, rs1, rs2', 'zkne zknd'],
  aes64im:    ['001100000000        rs1 001 rd 0010011', 'rd, rs1',      'zknd'],
  aes64ks1i:  ['00110001 shamt[3:0] rs1 001 rd 0010011', 'rd, rs1, imm', 'zkne zknd'],
  'sm4ed.0':  ['0011000       rs2   rs1 000 rd 0110011', 'rd, rs1, rs2', 'zksed'],
  'sm4ed.1':  ['0111000       rs2   rs1 000 rd 0110011', 'rd, rs1, rs2', 'zksed'],
  'sm4ed.2':  ['1011000       rs2   rs1 000 rd 0110011', 'rd, rs1, rs2', 'zksed'],
  'sm4ed.3':  ['1111000       rs2   rs1 000 rd 0110011', 'rd, rs1, rs2', 'zksed'],
  'sm4ks.0':  ['0011010       rs2   rs1 000 rd 0110011', 'rd, rs1, rs2', 'zksed'],
  'sm4ks.1':  ['0111010       rs2   rs1 000 rd 0110011', 'rd, rs1, rs2', 'zksed'],
  'sm4ks.2':  ['1011010       rs2   rs1 000 rd 0110011', 'rd, rs1, rs2', 'zksed'],
  'sm4ks.3':  ['1111010       rs2   rs1 000 rd 0110011', 'rd, rs1, rs2', 'zksed'],
  packu:      ['0100100       rs2   rs1 100 rd 0110011', 'rd, rs1, rs2', 'xdraftk'],
  packuw:     ['0100100       rs2   rs1 100 rd 0111011', 'rd, rs1, rs2', 'xdraftk'],
});
