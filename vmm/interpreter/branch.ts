/**
 * Jumps and branches that the monitor performs, where the end of a block is a breakpoint (translate/scanned.ts).
 * @spec unpriv 2.5
 */
import type { Decoded } from '../../hardware/isa/decode.ts';
import type { XRegisters } from './store.ts';

type Taken = (a: bigint, b: bigint) => boolean;
const unsigned = (v: bigint): bigint => BigInt.asUintN(64, v);
const CONDITIONS: Readonly<Partial<Record<string, Taken>>> = {
  beq: (a, b) => a === b, bne: (a, b) => a !== b, blt: (a, b) => a < b, bge: (a, b) => a >= b,
  bltu: (a, b) => unsigned(a) < unsigned(b), bgeu: (a, b) => unsigned(a) >= unsigned(b),
};

/** Does it end a block? */
export const isJump = ({ row: { name } }: Decoded): boolean => name === 'jal' || name === 'jalr' || CONDITIONS[name] !== undefined;
/** May it also fall through? */
export const isConditional = ({ row: { name } }: Decoded): boolean => CONDITIONS[name] !== undefined;

/** Performs it and returns the target. The caller has checked `isJump`. */
export function jump({ row: { name }, operands: { rd, rs1, rs2, imm }, length }: Decoded, x: XRegisters, pc: bigint): bigint {
  const condition = CONDITIONS[name], next = BigInt.asIntN(64, pc + BigInt(length)), offset = BigInt(imm ?? 0);
  if (condition) return condition(x.get(rs1!), x.get(rs2!)) ? pc + offset : next;
  const to = name === 'jalr' ? (x.get(rs1!) + offset) & ~1n : pc + offset;
  if (rd) x.set(rd, next);
  return to;
}

/** The target of a direct jump; undefined for a computed one, or no jump. */
export const directTarget = (d: Decoded, pc: number): number | undefined =>
  (d.row.name === 'jal' || isConditional(d) ? pc + (d.operands.imm ?? 0) : undefined);
