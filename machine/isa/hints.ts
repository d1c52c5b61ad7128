/** Instructions that do nothing here, or only ask permission: hints, may-be-operations, cache-block operations. @spec unpriv 8, 9, 10, 19 */
import { row, type Meaning, type Row } from './row.ts';
import type { Semantics } from './semantics.ts';

const nothing = (): void => {};
const zero = (s: Semantics): void => s.rd(s.long(0));
const bit = (n: number, at: number): string => `${(n >> at) & 1}`;

const cacheBlock = (name: string, code: string, extension: string, meaning?: Meaning): Row => row(name, `${code} rs1 010 00000 0001111`, '(rs1)', extension, meaning);
const prefetch = (name: string, code: string): Row => row(name, `imm[11:5] ${code} rs1 110 00000 0010011`, 'imm(rs1)', 'zicbop', nothing);

/** mop.r.n: one source; mop.rr.n: two. Both write zero unless another extension gives them a meaning. */
const mayBe = (): Row[] => [
  ...Array.from({ length: 32 }, (_, n) => row(`mop.r.${n}`, `1${bit(n, 4)}00${bit(n, 3)}${bit(n, 2)}0111${bit(n, 1)}${bit(n, 0)} rs1 100 rd 1110011`, 'rd, rs1', 'zimop', zero)),
  ...Array.from({ length: 8 }, (_, n) => row(`mop.rr.${n}`, `1${bit(n, 2)}00${bit(n, 1)}${bit(n, 0)}1 rs2 rs1 100 rd 1110011`, 'rd, rs1, rs2', 'zimop', zero)),
];

export const hintRows: readonly Row[] = [
  row('pause', '0000 0001 0000 00000 000 00000 0001111', '', 'zihintpause', nothing),
  ...(['p1', 'pall', 's1', 'all'] as const).map((name, i) => row(`ntl.${name}`, `0000000 ${(i + 2).toString(2).padStart(5, '0')} 00000 000 00000 0110011`, '', 'zihintntl', nothing)),
  cacheBlock('cbo.inval', '000000000000', 'zicbom'), cacheBlock('cbo.clean', '000000000001', 'zicbom'), cacheBlock('cbo.flush', '000000000010', 'zicbom'),
  cacheBlock('cbo.zero', '000000000100', 'zicboz', (s) => s.zeroBlock(s.x1())),
  prefetch('prefetch.i', '00000'), prefetch('prefetch.r', '00001'), prefetch('prefetch.w', '00011'),
  ...mayBe(),
];
