/**
 * Instructions that only compute on integer registers, without memory or supervisor state. The monitor performs them where they lie between
 * two instructions that exit (cpu/look-ahead.ts).
 * @spec unpriv 2.4, 4.2, 12.1
 */
import type { Decoded } from '../../hardware/isa/decode.ts';
import type { XRegisters } from './store.ts';

type Compute = (a: bigint, b: bigint, pc: bigint) => bigint;
const word = (v: bigint): bigint => BigInt.asIntN(32, v);
const unsigned = (v: bigint): bigint => BigInt.asUintN(64, v);
const flag = (yes: boolean): bigint => (yes ? 1n : 0n);

/** By name: the result for rs1 and rs2, or rs1 and the immediate. */
const OPERATIONS: Readonly<Partial<Record<string, Compute>>> = {
  add: (a, b) => a + b, sub: (a, b) => a - b, and: (a, b) => a & b, or: (a, b) => a | b, xor: (a, b) => a ^ b,
  addw: (a, b) => word(a + b), subw: (a, b) => word(a - b),
  addi: (a, b) => a + b, andi: (a, b) => a & b, ori: (a, b) => a | b, xori: (a, b) => a ^ b, addiw: (a, b) => word(a + b),
  slli: (a, b) => a << b, srli: (a, b) => unsigned(a) >> b, srai: (a, b) => a >> b,
  slliw: (a, b) => word(a << b), srliw: (a, b) => word(BigInt.asUintN(32, a) >> b), sraiw: (a, b) => word(a) >> b,
  sll: (a, b) => a << (b & 63n), srl: (a, b) => unsigned(a) >> (b & 63n), sra: (a, b) => a >> (b & 63n),
  sllw: (a, b) => word(a << (b & 31n)), srlw: (a, b) => word(BigInt.asUintN(32, a) >> (b & 31n)), sraw: (a, b) => word(a) >> (b & 31n),
  slt: (a, b) => flag(a < b), sltu: (a, b) => flag(unsigned(a) < unsigned(b)),
  slti: (a, b) => flag(a < b), sltiu: (a, b) => flag(unsigned(a) < unsigned(b)),
  mul: (a, b) => a * b, mulw: (a, b) => word(a * b),
  lui: (_, b) => word(b), auipc: (_, b, pc) => pc + word(b),
};

export const isPlain = ({ row }: Decoded): boolean => OPERATIONS[row.name] !== undefined;

/** Performs it; the caller has checked `isPlain`. */
export function compute({ row, operands: { rd, rs1, rs2, imm } }: Decoded, x: XRegisters, pc: bigint): void {
  if (!rd) return;
  const right = rs2 === undefined ? BigInt(imm ?? 0) : x.get(rs2);
  x.set(rd, BigInt.asIntN(64, OPERATIONS[row.name]!(rs1 === undefined ? 0n : x.get(rs1), right, pc)));
}
