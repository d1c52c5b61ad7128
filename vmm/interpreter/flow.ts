/**
 * Instructions that only say where the guest goes on: branches, jumps, and fences that order what one processor does alone.
 * @spec unpriv 2.5, 2.7
 */
import type { Decoded } from '../../hardware/isa/decode.ts';
import type { XRegisters } from './store.ts';

const unsigned = (v: bigint): bigint => BigInt.asUintN(64, v);

const CONDITIONS: Readonly<Partial<Record<string, (a: bigint, b: bigint) => boolean>>> = {
  beq: (a, b) => a === b, bne: (a, b) => a !== b, blt: (a, b) => a < b, bge: (a, b) => a >= b,
  bltu: (a, b) => unsigned(a) < unsigned(b), bgeu: (a, b) => unsigned(a) >= unsigned(b),
};
/** While the monitor works for it, nobody sees in which order a processor's accesses were done. */
const ORDERED: ReadonlySet<string> = new Set(['fence', 'fence.tso', 'pause']);

/** Where it goes on; undefined: it is none of these, and nothing has happened. */
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
