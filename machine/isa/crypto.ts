/**
 * Scalar cryptography: the hash functions are written with rotations; AES and SM4, which look bytes up in tables, are executed by
 * TypeScript (machine/hart/crypto.ts). packu and packuw are of a draft and were never ratified: `xdraftk` names them for the conformance
 * tests of that draft.
 * @spec unpriv 31
 */
import { R } from './integer.ts';
import type { I32, I64 } from './operators.ts';
import { row, type Row } from './row.ts';
import type { Semantics } from './semantics.ts';

/** One bitwise term: the kind of movement and the distance. */
type Term = readonly ['ror' | 'rol' | 'shr', number];

/** The exclusive or of one value rotated or shifted in several ways. */
function mix64(s: Semantics, terms: readonly Term[]): I64 {
  const x = s.keep(s.x1());
  const move = ([kind, by]: Term): I64 => (kind === 'shr' ? s.shrU(x(), s.long(by)) : s.rotr(x(), s.long(by)));
  let sum = move(terms[0]!);
  for (const term of terms.slice(1)) sum = s.xor(sum, move(term));
  return sum;
}

/** The same in 32 bits; `itself` adds the value as it is. */
function mix32(s: Semantics, terms: readonly Term[], itself: boolean): I32 {
  const x = s.keep32(s.w1());
  const move = ([kind, by]: Term): I32 => (kind === 'shr' ? s.shrU32(x(), s.word(by)) : kind === 'ror' ? s.rotr32(x(), s.word(by)) : s.rotl32(x(), s.word(by)));
  let sum = itself ? x() : move(terms[0]!);
  for (const term of itself ? terms : terms.slice(1)) sum = s.xor32(sum, move(term));
  return sum;
}

const hash = (name: string, code: string, extension: string, meaning: (s: Semantics) => void): Row =>
  row(name, `0001000 ${code} rs1 001 rd 0010011`, 'rd, rs1', extension, meaning);
const hash32 = (name: string, code: string, extension: string, terms: readonly Term[], itself = false): Row => hash(name, code, extension, (s) => s.rdw(mix32(s, terms, itself)));
const hash64 = (name: string, code: string, terms: readonly Term[]): Row => hash(name, code, 'zknh', (s) => s.rd(mix64(s, terms)));

const aes = (name: string, f7: string, extension: string): Row => row(name, `${f7} rs2 rs1 000 rd 0110011`, R, extension);
/** `bs` (the byte that is meant) stands in the two upper bits. */
const sm4 = (name: string, f5: string): Row[] =>
  ['00', '01', '10', '11'].map((bs, n) => row(`${name}.${n}`, `${bs}${f5} rs2 rs1 000 rd 0110011`, R, 'zksed'));

export const cryptoRows: readonly Row[] = [
  hash32('sha256sum0', '00000', 'zknh', [['ror', 2], ['ror', 13], ['ror', 22]]),
  hash32('sha256sum1', '00001', 'zknh', [['ror', 6], ['ror', 11], ['ror', 25]]),
  hash32('sha256sig0', '00010', 'zknh', [['ror', 7], ['ror', 18], ['shr', 3]]),
  hash32('sha256sig1', '00011', 'zknh', [['ror', 17], ['ror', 19], ['shr', 10]]),
  hash64('sha512sum0', '00100', [['ror', 28], ['ror', 34], ['ror', 39]]),
  hash64('sha512sum1', '00101', [['ror', 14], ['ror', 18], ['ror', 41]]),
  hash64('sha512sig0', '00110', [['ror', 1], ['ror', 8], ['shr', 7]]),
  hash64('sha512sig1', '00111', [['ror', 19], ['ror', 61], ['shr', 6]]),
  hash32('sm3p0', '01000', 'zksh', [['rol', 9], ['rol', 17]], true),
  hash32('sm3p1', '01001', 'zksh', [['rol', 15], ['rol', 23]], true),
  aes('aes64es', '0011001', 'zkne'), aes('aes64esm', '0011011', 'zkne'), aes('aes64ds', '0011101', 'zknd'), aes('aes64dsm', '0011111', 'zknd'),
  aes('aes64ks2', '0111111', 'zkne zknd'),
  row('aes64im', '001100000000 rs1 001 rd 0010011', 'rd, rs1', 'zknd'),
  row('aes64ks1i', '00110001 shamt[3:0] rs1 001 rd 0010011', 'rd, rs1, imm', 'zkne zknd'),
  ...sm4('sm4ed', '11000'), ...sm4('sm4ks', '11010'),
  row('packu', '0100100 rs2 rs1 100 rd 0110011', R, 'xdraftk', (s) => s.rd(s.or(s.shrU(s.x1(), s.long(32)), s.shl(s.shrU(s.x2(), s.long(32)), s.long(32))))),
  row('packuw', '0100100 rs2 rs1 100 rd 0111011', R, 'xdraftk', (s) => s.rdw(s.or32(s.shrU32(s.w1(), s.word(16)), s.shl32(s.shrU32(s.w2(), s.word(16)), s.word(16))))),
];
