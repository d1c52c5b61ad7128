/**
 * Instructions that do nothing here, or only check permissions: hints, may-be-operations, cache-block operations.
 * @spec unpriv 8, 9, 10, 19
 */
import { row, table, type Row } from './row.ts';

export const hints = table({
  pause:        ['0000 0001 0000  00000 000 00000 0001111', '',         'zihintpause'],
  'ntl.p1':     ['0000000   00010 00000 000 00000 0110011', '',         'zihintntl'],
  'ntl.pall':   ['0000000   00011 00000 000 00000 0110011', '',         'zihintntl'],
  'ntl.s1':     ['0000000   00100 00000 000 00000 0110011', '',         'zihintntl'],
  'ntl.all':    ['0000000   00101 00000 000 00000 0110011', '',         'zihintntl'],
  'cbo.inval':  ['000000000000    rs1   010 00000 0001111', '(rs1)',    'zicbom'],
  'cbo.clean':  ['000000000001    rs1   010 00000 0001111', '(rs1)',    'zicbom'],
  'cbo.flush':  ['000000000010    rs1   010 00000 0001111', '(rs1)',    'zicbom'],
  'cbo.zero':   ['000000000100    rs1   010 00000 0001111', '(rs1)',    'zicboz'],
  'prefetch.i': ['imm[11:5] 00000 rs1   110 00000 0010011', 'imm(rs1)', 'zicbop'],
  'prefetch.r': ['imm[11:5] 00001 rs1   110 00000 0010011', 'imm(rs1)', 'zicbop'],
  'prefetch.w': ['imm[11:5] 00011 rs1   110 00000 0010011', 'imm(rs1)', 'zicbop'],
});

const bit = (n: number, at: number): string => `${(n >> at) & 1}`;

/** mop.r.n: one source; mop.rr.n: two. The bits of n are spread over the word. */
export const mayBe: readonly Row<`mop.${'r' | 'rr'}.${number}`>[] = [
  ...Array.from({ length: 32 }, (_, n) =>
    row(`mop.r.${n}`, `1${bit(n, 4)}00${bit(n, 3)}${bit(n, 2)}0111${bit(n, 1)}${bit(n, 0)} rs1 100 rd 1110011`, 'rd, rs1', 'zimop')),
  ...Array.from({ length: 8 },
    (_, n) => row(`mop.rr.${n}`, `1${bit(n, 2)}00${bit(n, 1)}${bit(n, 0)}1 rs2 rs1 100 rd 1110011`, 'rd, rs1, rs2', 'zimop')),
];
