/**
 * AES and SM4 instructions. The substitution tables are computed from their definitions: inversion in a field of 256 elements
 * between affine maps. A state is 16 bytes in two registers, column by column; byte 0 is the lowest.
 * @spec unpriv 31.4
 */
import { rd, rs1, rs2 } from '../../hardware/isa/row.ts';
import { SLOW } from '../engine/layout.ts';
import type { Hart } from './hart.ts';
import type { Handler } from './system.ts';
import { illegalInstruction } from './trap.ts';

const AES_FIELD = 0x11b;
const SM4_FIELD = 0x1f5;

function multiply(left: number, right: number, field: number): number {
  let product = 0;
  for (; right !== 0; right >>= 1) {
    if ((right & 1) !== 0) product ^= left;
    left <<= 1;
    if ((left & 0x100) !== 0) left ^= field;
  }
  return product;
}

/** a to the power of 254 = 2 + 4 + … + 128: the inverse, and 0 for 0. */
function inverse(element: number, field: number): number {
  let result = 1;
  for (let power = 2, square = element; power <= 128; power *= 2) {
    square = multiply(square, square, field);
    result = multiply(result, square, field);
  }
  return result;
}

const rotate8 = (x: number, by: number): number => ((x << by) | (x >> (8 - by))) & 0xff;
const rotate32 = (x: number, by: number): number => (x << by) | (x >>> (32 - by));

const aesForward = Uint8Array.from({ length: 256 }, (_, x) => {
  const y = inverse(x, AES_FIELD);
  return y ^ rotate8(y, 1) ^ rotate8(y, 2) ^ rotate8(y, 3) ^ rotate8(y, 4) ^ 0x63;
});
const aesBackward = new Uint8Array(256);
aesForward.forEach((y, x) => { aesBackward[y] = x; });

/** The affine map of SM4: a circulant matrix, then a constant. */
const sm4Affine = (x: number): number => {
  let y = 0;
  for (const by of [0, 1, 3, 6, 7]) y ^= rotate8(x, by);
  return y ^ 0xd3;
};
const sm4Table = Uint8Array.from({ length: 256 }, (_, x) => sm4Affine(inverse(sm4Affine(x), SM4_FIELD)));

type Bytes = number[];
const bytesOf = (x: bigint): Bytes => Array.from({ length: 8 }, (_, i) => Number((x >> BigInt(8 * i)) & 0xffn));
const fromBytes = (b: Bytes): bigint => BigInt.asIntN(64, b.reduce((sum, byte, i) => sum | (BigInt(byte) << BigInt(8 * i)), 0n));

/** Multiplies a column by the circulant matrix with these coefficients. */
const mixColumn = (column: Bytes, by: readonly number[]): Bytes =>
  column.map((_, row) => column.reduce((sum, byte, i) => sum ^ multiply(byte, by[(i - row + 4) & 3], AES_FIELD), 0));
const MIX = [2, 3, 1, 1] as const;
const UNMIX = [14, 11, 13, 9] as const;
const mixed = (b: Bytes, by: readonly number[]): Bytes => [...mixColumn(b.slice(0, 4), by), ...mixColumn(b.slice(4), by)];

/** Which bytes of the 16 the lower half of the state takes after its rows have been shifted. */
const SHIFTED = [0, 5, 10, 15, 4, 9, 14, 3];
const UNSHIFTED = [0, 13, 10, 7, 4, 1, 14, 11];

type Body = (a: bigint, b: bigint, insn: number) => bigint;

const round = (order: readonly number[], table: Uint8Array, mix?: readonly number[]): Body => (first, second) => {
  const state = [...bytesOf(first), ...bytesOf(second)];
  const half = order.map((at) => table[state[at]]);
  return fromBytes(mix === undefined ? half : mixed(half, mix));
};

/** One step of the key schedule on the upper word; step 10 neither rotates nor adds a constant. */
function keyStep(first: bigint, insn: number): bigint {
  const step = (insn >>> 20) & 15;
  let word = Number((first >> 32n) & 0xffff_ffffn) | 0;
  if (step !== 10) word = rotate32(word, 24);
  let out = 0;
  for (let shift = 0; shift < 32; shift += 8) out |= aesForward[(word >>> shift) & 0xff] << shift;
  let constant = 1;
  for (let i = 0; i < step; i++) constant = multiply(constant, 2, AES_FIELD);
  const value = BigInt((out ^ (step === 10 ? 0 : constant)) >>> 0);
  return BigInt.asIntN(64, (value << 32n) | value);
}

function keyMix(first: bigint, second: bigint): bigint {
  const low = (first >> 32n) ^ second;
  const high = low ^ (second >> 32n);
  return BigInt.asIntN(64, ((high & 0xffff_ffffn) << 32n) | (low & 0xffff_ffffn));
}

/** `linear` spreads the substituted byte over the word. */
const sm4 = (linear: (x: number) => number): Body => (first, second, insn) => {
  const shift = (insn >>> 30) * 8;
  const byte = sm4Table[Number((second >> BigInt(shift)) & 0xffn)];
  const word = linear(byte);
  return BigInt(Number(first & 0xffff_ffffn) ^ (shift === 0 ? word : rotate32(word, shift)) | 0);
};
// The standard's words are big-endian: its byte 0 is the register's highest, and the terms are those of the standard with bytes reversed.
const sm4Encrypt = sm4((x) => x ^ (x << 8) ^ (x << 2) ^ (x << 18) ^ ((x & 0x3f) << 26) ^ ((x & 0xc0) << 10));
const sm4Key = sm4((x) => x ^ ((x & 0x07) << 29) ^ ((x & 0xfe) << 7) ^ ((x & 1) << 23) ^ ((x & 0xf8) << 13));

const bodies: readonly (readonly [string, Body])[] = [
  ['aes64es', round(SHIFTED, aesForward)],
  ['aes64esm', round(SHIFTED, aesForward, MIX)],
  ['aes64ds', round(UNSHIFTED, aesBackward)],
  ['aes64dsm', round(UNSHIFTED, aesBackward, UNMIX)],
  ['aes64im', (a) => fromBytes(mixed(bytesOf(a), UNMIX))],
  ['aes64ks1i', (a, _b, insn) => keyStep(a, insn)],
  ['aes64ks2', keyMix],
  ...[0, 1, 2, 3].flatMap((n) => [[`sm4ed.${n}`, sm4Encrypt], [`sm4ks.${n}`, sm4Key]] as const),
];

const LAST_KEY_STEP = 10;

/** Handlers by mnemonic. */
export const cryptoHandlers: ReadonlyMap<string, Handler> =
  new Map(bodies.map(([name, body]) => [name, (hart: Hart, insn: number): number => {
    if (name === 'aes64ks1i' && ((insn >>> 20) & 15) > LAST_KEY_STEP) return illegalInstruction(hart);
    const to = rd(insn);
    if (to !== 0) hart.x[to] = body(hart.x[rs1(insn)], hart.x[rs2(insn)], insn);
    return SLOW.NEXT;
  }]));
