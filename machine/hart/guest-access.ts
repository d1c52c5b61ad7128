/** hlv, hlvx, hsv: loads and stores as the virtual machine would do them. @spec priv 21.3.1 */
import { rd, rs1, rs2 } from '../../hardware/isa/row.ts';
import { HS, SLOW } from '../engine/layout.ts';
import { read, write } from './access.ts';
import { Access, Cause, HSTATUS } from './bits.ts';
import type { Hart } from './hart.ts';
import { C } from './slots.ts';
import type { Handler } from './system.ts';
import { illegalInstruction, raise, virtualInstruction } from './trap.ts';

const VALUE = HS.VALUE >> 2;

/** 0, or the answer after an exception: not inside a virtual machine, and in U mode only with hstatus.HU. */
function refused(hart: Hart): number {
  if (!hart.features.h || !hart.host.model.hlv) return illegalInstruction(hart);
  if (hart.w[HS.VIRT >> 2] !== 0) return virtualInstruction(hart);
  return hart.w[HS.PRIV >> 2] === 0 && (hart.c[C.hstatus] & HSTATUS.HU) === 0 ? illegalInstruction(hart) : 0;
}

const guestPriv = (h: Hart): number => ((h.c[C.hstatus] & HSTATUS.SPVP) !== 0 ? 1 : 0);

export function hlv(size: number, signed: boolean, executable = false): Handler {
  return (hart, insn) => {
    const stop = refused(hart);
    if (stop !== 0) return stop;
    const base = 2 * rs1(insn);
    if ((hart.x32[base] & (size - 1)) !== 0 && hart.features.strictAlignment)
      return raise(hart, Cause.loadMisaligned, hart.x32[base], hart.x32[base + 1], true);
    const answer = read(hart, hart.x32[base], hart.x32[base + 1], size, guestPriv(hart), true, executable);
    if (answer !== SLOW.NEXT) return answer;
    const bits = 32 - 8 * size;
    let lo = hart.w[VALUE];
    let hi = hart.w[VALUE + 1];
    if (signed && size < 8) {
      lo = size < 4 ? (lo << bits) >> bits : lo;
      hi = lo >> 31;
    }
    hart.setX(rd(insn), lo, hi);
    return SLOW.NEXT;
  };
}

export function hsv(size: number): Handler {
  return (hart, insn) => {
    const stop = refused(hart);
    if (stop !== 0) return stop;
    const base = 2 * rs1(insn);
    const source = 2 * rs2(insn);
    if ((hart.x32[base] & (size - 1)) !== 0 && hart.features.strictAlignment)
      return raise(hart, Cause.storeMisaligned, hart.x32[base], hart.x32[base + 1], true);
    hart.w[VALUE] = hart.x32[source];
    hart.w[VALUE + 1] = hart.x32[source + 1];
    return write(hart, hart.x32[base], hart.x32[base + 1], size, guestPriv(hart), true);
  };
}

/**
 * The instruction at the pc of a hart that has left a virtual machine, as a supervisor reads it: `hlvx.hu`, and another one for a longer
 * instruction. undefined: the processor has no such loads, or they fault.
 */
export function readGuestCode(hart: Hart): number | undefined {
  if (!hart.host.model.hlv) return undefined;
  const [lo, hi] = [hart.w[HS.PC >> 2], hart.w[(HS.PC >> 2) + 1]], low = readHalf(hart, lo, hi);
  if (low === undefined || (low & 3) !== 3) return low;
  const high = readHalf(hart, (lo + 2) | 0, lo === -2 ? hi + 1 : hi);
  return high === undefined ? undefined : (low | (high << 16)) >>> 0;
}
function readHalf(hart: Hart, lo: number, hi: number): number | undefined {
  if (!hart.mmu.translate(lo, hi, Access.load, hart.priv, true, true, 2)) return undefined;
  const { linear } = hart.host, page = linear.page(hart.mmu.ppn);
  return page === 0 ? undefined : linear.data.getUint16(page + (lo & 0xfff), true);
}
