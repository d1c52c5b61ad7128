/**
 * Instructions of control flow: branches, jumps, and fences that order only one processor's accesses.
 * @spec unpriv 2.5, 2.7
 */
import type { Decoded } from '../../hardware/isa/decode.ts';
import type { XRegisters } from './store.ts';

const unsigned = (v: bigint): bigint => BigInt.asUintN(64, v);

const CONDITIONS: Readonly<Partial<Record<string, (a: bigint, b: bigint) => boolean>>> = {
  beq: (a, b) => a === b, bne: (a, b) => a !== b, blt: (a, b) => a < b, bge: (a, b) => a >= b,
  bltu: (a, b) => unsigned(a) < unsigned(b), bgeu: (a, b) => unsigned(a) >= unsigned(b),
};
/** While the monitor works for a processor, no other processor can observe the order of its accesses. */
const ORDERED: ReadonlySet<string> = new Set(['fence', 'fence.tso', 'pause']);

/** Where the guest continues; undefined for any other instruction, without effect. */
export function flow({ row: { name }, operands: { rd = 0, rs1 = 0, rs2 = 0, imm = 0 }, length }: Decoded, x: XRegisters,
  pc: bigint): bigint | undefined {
  const next = pc + BigInt(length), condition = CONDITIONS[name];
  if (condition) return condition(x.get(rs1), x.get(rs2)) ? pc + BigInt(imm) : next;
  if (ORDERED.has(name)) return next;
  if (name !== 'jal' && name !== 'jalr') return undefined;
  const target = name === 'jal' ? pc + BigInt(imm) : (x.get(rs1) + BigInt(imm)) & ~1n;
  if (rd !== 0) x.set(rd, next);
  return target;
}
