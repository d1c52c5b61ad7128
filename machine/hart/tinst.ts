/**
 * The transformed instruction that htinst and mtinst show for a guest page fault of a load or store: the instruction
 * with its immediate cleared and its base register replaced by the offset of the fault within the access.
 * @spec priv 21.6.3
 */
import { accesses } from '../../hardware/isa/access.ts';
import { createDecoder, type Decoded } from '../../hardware/isa/decode.ts';
import { FULL_ISA } from '../../hardware/isa/table.ts';
import { HS } from '../engine/layout.ts';
import { Cause } from './bits.ts';
import type { Hart } from './hart.ts';

/** The instruction has run up to its fault, so it is legal. */
const decode = createDecoder(FULL_ISA);

const PC = HS.PC >> 2, PRIV = HS.PRIV >> 2, VIRT = HS.VIRT >> 2;
const OPCODE = 0x7f;
const RD = 0xf80;
const FUNCT3 = 0x7000;
const RS1 = 0xf_8000;
const RS2 = 0x1f0_0000;
/** A compressed instruction shows with this bit clear. */
const LONG = 2;

/** 0 where there is no standard transformation. Saves and restores the walker's fields, which reading memory changes. */
export function transformedInstruction(hart: Hart, cause: number, tvalLo: number): number {
  if (cause === Cause.guestFetchPage) return 0;
  const { gpaLo, gpaHi, implicit } = hart.mmu;
  const decoded = decode(rawInstruction(hart));
  hart.mmu.gpaLo = gpaLo;
  hart.mmu.gpaHi = gpaHi;
  hart.mmu.implicit = implicit;
  const kept = keptBits(decoded);
  if (kept === 0) return 0;
  const result = (decoded.word & kept) | (offset(hart, decoded, tvalLo) << 15);
  return decoded.length === 2 ? result & ~LONG : result;
}

/** Bits of the instruction that its transformation keeps: all but the base register and the immediate. */
function keptBits(decoded: Decoded): number {
  const access = accesses[decoded.index];
  if (access === undefined) return 0;
  if (access.kind === 'atomic' || access.guest) return ~RS1;
  return access.kind === 'load' ? FUNCT3 | RD | OPCODE : RS2 | FUNCT3 | OPCODE;
}

/** How far into the access the fault lies: nonzero only for the second part of a misaligned access, which atomics do not have. */
function offset(hart: Hart, { index, operands }: Decoded, tvalLo: number): number {
  if (accesses[index]!.kind === 'atomic') return 0;
  return (tvalLo - (hart.x32[2 * operands.rs1!] + (operands.imm ?? 0))) & 31;
}

/** The instruction at the pc, 16 or 32 bits. The pc was fetched just now, so it can be translated. */
export function rawInstruction(hart: Hart): number {
  const first = halfword(hart, hart.w[PC], hart.w[PC + 1]);
  if ((first & 3) !== 3) return first;
  const lo = (hart.w[PC] + 2) | 0;
  return first | (halfword(hart, lo, hart.w[PC + 1] + (lo === 0 ? 1 : 0)) << 16);
}

function halfword(hart: Hart, lo: number, hi: number): number {
  if (!hart.mmu.translate(lo, hi, 2, hart.w[PRIV], hart.w[VIRT] !== 0)) return 0;
  const page = hart.host.linear.page(hart.mmu.ppn);
  return page === 0 ? 0 : hart.host.linear.u16[(page + (lo & 0xfff)) >>> 1];
}
