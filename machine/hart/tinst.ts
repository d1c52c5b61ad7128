/**
 * The transformed instruction that htinst and mtinst show for a guest page fault of a load or store: the instruction
 * with its immediate cleared and its base register replaced by the offset of the fault within the access.
 * @spec priv 21.6.3
 */
import { HS } from '../engine/layout.ts';
import { Cause } from './bits.ts';
import type { Hart } from './hart.ts';
import { expandMemory } from './tinst-compressed.ts';

const PC = HS.PC >> 2, PRIV = HS.PRIV >> 2, VIRT = HS.VIRT >> 2;
const RD = 0xf80;
const FUNCT3 = 0x7000;
const RS2 = 0x1f0_0000;

/** 0 where there is no standard transformation. Saves and restores what looking at memory changes in the walker. */
export function transformedInstruction(h: Hart, cause: number, tvalLo: number): number {
  if (cause === Cause.guestFetchPage) return 0;
  const { gpaLo, gpaHi, implicit } = h.mmu;
  const raw = rawInstruction(h);
  h.mmu.gpaLo = gpaLo;
  h.mmu.gpaHi = gpaHi;
  h.mmu.implicit = implicit;
  const compressed = (raw & 3) !== 3;
  const insn = compressed ? expandMemory(raw) : raw;
  if (insn === 0) return 0;
  const result = transform(insn, offset(h, insn, tvalLo));
  return compressed ? result & ~2 : result;
}

/** How far into the access the fault lies: nonzero only for the second part of a misaligned access. */
function offset(h: Hart, insn: number, tvalLo: number): number {
  const opcode = insn & 0x7f;
  if (opcode === 0x73) return (tvalLo - h.w[HS.X / 4 + 2 * ((insn >> 15) & 31)]) & 31; // hlv, hlvx, hsv have no immediate
  if (opcode !== 0x03 && opcode !== 0x07 && opcode !== 0x23 && opcode !== 0x27) return 0;
  const isStore = (opcode & 0x20) !== 0;
  const imm = isStore ? ((insn >> 25) << 5) | ((insn >> 7) & 31) : insn >> 20;
  return (tvalLo - (h.w[HS.X / 4 + 2 * ((insn >> 15) & 31)] + imm)) & 31;
}

function transform(insn: number, at: number): number {
  const place = at << 15;
  switch (insn & 0x7f) {
    case 0x03: case 0x07: return (insn & (FUNCT3 | RD | 0x7f)) | place;
    case 0x23: case 0x27: return (insn & (RS2 | FUNCT3 | 0x7f)) | place;
    case 0x2f: return (insn & ~(31 << 15)) | place;
    case 0x73: return (insn & ~(31 << 15)) | place; // hlv, hlvx, hsv
    default: return 0;
  }
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
