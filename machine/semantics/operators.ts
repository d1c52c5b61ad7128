/**
 * The operators that instruction semantics are written with: WebAssembly's own, under short names.
 * Plain names work on 64-bit integers, `…32` on 32-bit ones, `…D` and `…S` on double and single precision floats.
 *
 * The arguments are tokens, not trees: calling an operator appends its opcode, so arguments must be written in evaluation order
 * (which is how JavaScript evaluates them) and each token is used exactly once. A value needed twice goes through `keep`.
 */
declare const type: unique symbol;
export interface I64 { [type]: 'i64' }
export interface I32 { [type]: 'i32' }
export interface F64 { [type]: 'f64' }
export interface F32 { [type]: 'f32' }
export type Value = I64 | I32 | F64 | F32;

interface Operator<A extends Value[], R extends Value> { opcode: number; prefixed: boolean; args?: A; result?: R }
const op = <A extends Value[], R extends Value>(opcode: number): Operator<A, R> => ({ opcode, prefixed: false });
/** Opcodes after the 0xfc prefix. */
const fc = <A extends Value[], R extends Value>(opcode: number): Operator<A, R> => ({ opcode, prefixed: true });

type L2 = [I64, I64];
type W2 = [I32, I32];
type D2 = [F64, F64];
type S2 = [F32, F32];

export const OPERATORS = {
  eqz: op<[I64], I32>(0x50), eq: op<L2, I32>(0x51), ne: op<L2, I32>(0x52),
  ltS: op<L2, I32>(0x53), ltU: op<L2, I32>(0x54), gtS: op<L2, I32>(0x55), gtU: op<L2, I32>(0x56),
  leS: op<L2, I32>(0x57), leU: op<L2, I32>(0x58), geS: op<L2, I32>(0x59), geU: op<L2, I32>(0x5a),
  clz: op<[I64], I64>(0x79), ctz: op<[I64], I64>(0x7a), popcnt: op<[I64], I64>(0x7b),
  add: op<L2, I64>(0x7c), sub: op<L2, I64>(0x7d), mul: op<L2, I64>(0x7e),
  divS: op<L2, I64>(0x7f), divU: op<L2, I64>(0x80), remS: op<L2, I64>(0x81), remU: op<L2, I64>(0x82),
  and: op<L2, I64>(0x83), or: op<L2, I64>(0x84), xor: op<L2, I64>(0x85),
  shl: op<L2, I64>(0x86), shrS: op<L2, I64>(0x87), shrU: op<L2, I64>(0x88), rotl: op<L2, I64>(0x89), rotr: op<L2, I64>(0x8a),

  eqz32: op<[I32], I32>(0x45), eq32: op<W2, I32>(0x46), ne32: op<W2, I32>(0x47),
  ltS32: op<W2, I32>(0x48), ltU32: op<W2, I32>(0x49), gtS32: op<W2, I32>(0x4a), gtU32: op<W2, I32>(0x4b),
  leS32: op<W2, I32>(0x4c), leU32: op<W2, I32>(0x4d), geS32: op<W2, I32>(0x4e), geU32: op<W2, I32>(0x4f),
  clz32: op<[I32], I32>(0x67), ctz32: op<[I32], I32>(0x68), popcnt32: op<[I32], I32>(0x69),
  add32: op<W2, I32>(0x6a), sub32: op<W2, I32>(0x6b), mul32: op<W2, I32>(0x6c),
  divS32: op<W2, I32>(0x6d), divU32: op<W2, I32>(0x6e), remS32: op<W2, I32>(0x6f), remU32: op<W2, I32>(0x70),
  and32: op<W2, I32>(0x71), or32: op<W2, I32>(0x72), xor32: op<W2, I32>(0x73),
  shl32: op<W2, I32>(0x74), shrS32: op<W2, I32>(0x75), shrU32: op<W2, I32>(0x76), rotl32: op<W2, I32>(0x77), rotr32: op<W2, I32>(0x78),

  /** Low 32 bits; sign and zero extension of 32 bits; sign extension of 8 and 16 bits. */
  wrap: op<[I64], I32>(0xa7), sext: op<[I32], I64>(0xac), zext: op<[I32], I64>(0xad),
  sext8: op<[I64], I64>(0xc2), sext16: op<[I64], I64>(0xc3), sext32: op<[I64], I64>(0xc4),

  eqD: op<D2, I32>(0x61), neD: op<D2, I32>(0x62), ltD: op<D2, I32>(0x63), gtD: op<D2, I32>(0x64), leD: op<D2, I32>(0x65),
  geD: op<D2, I32>(0x66),
  absD: op<[F64], F64>(0x99), negD: op<[F64], F64>(0x9a), ceilD: op<[F64], F64>(0x9b), floorD: op<[F64], F64>(0x9c),
  truncD: op<[F64], F64>(0x9d), nearestD: op<[F64], F64>(0x9e), sqrtD: op<[F64], F64>(0x9f),
  addD: op<D2, F64>(0xa0), subD: op<D2, F64>(0xa1), mulD: op<D2, F64>(0xa2), divD: op<D2, F64>(0xa3), minD: op<D2, F64>(0xa4),
  maxD: op<D2, F64>(0xa5),
  eqS: op<S2, I32>(0x5b), neS: op<S2, I32>(0x5c), ltS_: op<S2, I32>(0x5d), gtS_: op<S2, I32>(0x5e), leS_: op<S2, I32>(0x5f),
  geS_: op<S2, I32>(0x60),
  absS: op<[F32], F32>(0x8b), negS: op<[F32], F32>(0x8c), ceilS: op<[F32], F32>(0x8d), floorS: op<[F32], F32>(0x8e),
  truncS: op<[F32], F32>(0x8f), nearestS: op<[F32], F32>(0x90), sqrtS: op<[F32], F32>(0x91),
  addS: op<S2, F32>(0x92), subS: op<S2, F32>(0x93), mulS: op<S2, F32>(0x94), divS_: op<S2, F32>(0x95), minS: op<S2, F32>(0x96),
  maxS: op<S2, F32>(0x97),

  /** Reinterpretation of bits. */
  bitsD: op<[F64], I64>(0xbd), fromBitsD: op<[I64], F64>(0xbf), bitsS: op<[F32], I32>(0xbc), fromBitsS: op<[I32], F32>(0xbe),
  promote: op<[F32], F64>(0xbb), demote: op<[F64], F32>(0xb6),
  /** Integer to float (round to nearest even). */
  dFromW: op<[I32], F64>(0xb7), dFromWu: op<[I32], F64>(0xb8), dFromL: op<[I64], F64>(0xb9), dFromLu: op<[I64], F64>(0xba),
  sFromW: op<[I32], F32>(0xb2), sFromWu: op<[I32], F32>(0xb3), sFromL: op<[I64], F32>(0xb4), sFromLu: op<[I64], F32>(0xb5),
  /** Float to integer: truncating, saturating, NaN gives 0. */
  wFromD: fc<[F64], I32>(2), wuFromD: fc<[F64], I32>(3), lFromD: fc<[F64], I64>(6), luFromD: fc<[F64], I64>(7),
  wFromS: fc<[F32], I32>(0), wuFromS: fc<[F32], I32>(1), lFromS: fc<[F32], I64>(4), luFromS: fc<[F32], I64>(5),
} as const;

export type OperatorName = keyof typeof OPERATORS;
export type OperatorMethods = {
  [K in OperatorName]: (typeof OPERATORS)[K] extends Operator<infer A, infer R> ? (...args: A) => R : never;
};
