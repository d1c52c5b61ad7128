/**
 * Scalar cryptography: the hash functions are written with rotations. AES and SM4, which look bytes up in tables, are the hart's
 * (machine/hart/crypto.ts).
 * @spec unpriv 31
 */
import type { crypto as rows } from '../../hardware/isa/crypto.ts';
import type { I32, I64 } from './operators.ts';
import type { Meaning, Meanings, Semantics } from './semantics.ts';

/** One bitwise term: the kind of movement and the distance. */
type Term = readonly ['ror' | 'rol' | 'shr', number];

/** The exclusive or of one value rotated or shifted in several ways. */
function mix64(semantics: Semantics, terms: readonly Term[]): I64 {
  const x = semantics.keep(semantics.x1());
  const move = ([kind, by]: Term): I64 =>
    (kind === 'shr' ? semantics.shrU(x(), semantics.long(by)) : semantics.rotr(x(), semantics.long(by)));
  let sum = move(terms[0]!);
  for (const term of terms.slice(1)) sum = semantics.xor(sum, move(term));
  return sum;
}

/** The same in 32 bits; `itself` adds the value as it is. */
function mix32(semantics: Semantics, terms: readonly Term[], itself: boolean): I32 {
  const x = semantics.keep32(semantics.w1());
  const move = ([kind, by]: Term): I32 =>
    (kind === 'shr' ? semantics.shrU32(x(), semantics.word(by))
      : kind === 'ror' ? semantics.rotr32(x(), semantics.word(by))
      : semantics.rotl32(x(), semantics.word(by)));
  let sum = itself ? x() : move(terms[0]!);
  for (const term of itself ? terms : terms.slice(1)) sum = semantics.xor32(sum, move(term));
  return sum;
}

const hash32 = (terms: readonly Term[], itself = false): Meaning => (s) => s.rdw(mix32(s, terms, itself));
const hash64 = (terms: readonly Term[]): Meaning => (s) => s.rd(mix64(s, terms));

export const crypto = {
  sha256sum0: hash32([['ror', 2], ['ror', 13], ['ror', 22]]),
  sha256sum1: hash32([['ror', 6], ['ror', 11], ['ror', 25]]),
  sha256sig0: hash32([['ror', 7], ['ror', 18], ['shr', 3]]),
  sha256sig1: hash32([['ror', 17], ['ror', 19], ['shr', 10]]),
  sha512sum0: hash64([['ror', 28], ['ror', 34], ['ror', 39]]),
  sha512sum1: hash64([['ror', 14], ['ror', 18], ['ror', 41]]),
  sha512sig0: hash64([['ror', 1], ['ror', 8], ['shr', 7]]),
  sha512sig1: hash64([['ror', 19], ['ror', 61], ['shr', 6]]),
  sm3p0: hash32([['rol', 9], ['rol', 17]], true),
  sm3p1: hash32([['rol', 15], ['rol', 23]], true),
  packu: (s) => s.rd(s.or(s.shrU(s.x1(), s.long(32)), s.shl(s.shrU(s.x2(), s.long(32)), s.long(32)))),
  packuw: (s) => s.rdw(s.or32(s.shrU32(s.w1(), s.word(16)), s.shl32(s.shrU32(s.w2(), s.word(16)), s.word(16)))),
} satisfies Partial<Meanings<typeof rows>>;
