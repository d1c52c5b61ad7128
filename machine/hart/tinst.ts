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
export function transformedInstruction(h: Hart, cause: number, tvalLo: number): number {
  if (cause === Cause.guestFetchPage) return 0;
  const { gpaLo, gpaHi, implicit } = h.mmu;
  const d = decode(rawInstruction(h));
  h.mmu.gpaLo = gpaLo;
  h.mmu.gpaHi = gpaHi;
  h.mmu.implicit = implicit;
  const kept = keptBits(d);
  if (kept === 0) return 0;
  const result = (d.word & kept) | (offset(h, d, tvalLo) << 15);
  return d.length === 2 ? result & ~LONG : result;
}

/** Bits of the instruction that its transformation keeps: all but the base register and the immediate. */
function keptBits(d: Decoded): number {
  const access = accesses[d.index];
  if (access === undefined) return 0;
  if (access.kind === 'atomic' || access.guest) return ~RS1;
  return access.kind === 'load' ? FUNCT3 | RD | OPCODE : RS2 | FUNCT3 | OPCODE;
}

/** How far into the access the fault lies: nonzero only for the second part of a misaligned access, which atomics do not have. */
function offset(h: Hart, { index, operands }: Decoded, tvalLo: number): number {
  if (accesses[index]!.kind === 'atomic') return 0;
  return (tvalLo - (h.x32[2 * operands.rs1!] + (operands.imm ?? 0))) & 31;
}

/** The instruction at the pc, 16 or 32 bits. The pc was fetched just now, so it can be translated. */
export function rawInstruction(h: Hart): number {
  const first = halfword(h, h.w[PC], h.w[PC + 1]);
  if ((first & 3) !== 3) return first;
  const lo = (h.w[PC] + 2) | 0;
  return first | (halfword(h, lo, h.w[PC + 1] + (lo === 0 ? 1 : 0)) << 16);
}

function halfword(h: Hart, lo: number, hi: number): number {
  if (!h.mmu.translate(lo, hi, 2, h.w[PRIV], h.w[VIRT] !== 0)) return 0;
  const page = h.host.linear.page(h.mmu.ppn);
  return page === 0 ? 0 : h.host.linear.u16[(page + (lo & 0xfff)) >>> 1];
}
