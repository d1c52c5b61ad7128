/** hlv, hlvx, hsv: loads and stores as the virtual machine would do them. @spec priv 21.3.1 */
import { rd, rs1, rs2 } from '../../hardware/isa/row.ts';
import { HS, SLOW } from '../engine/layout.ts';
import { read, write } from './access.ts';
import { Cause, HSTATUS } from './bits.ts';
import type { Hart } from './hart.ts';
import { C } from './slots.ts';
import type { Handler } from './system.ts';
import { illegalInstruction, raise, virtualInstruction } from './trap.ts';

const VALUE = HS.VALUE >> 2;

/** 0, or the answer after an exception: not inside a virtual machine, and in U mode only with hstatus.HU. */
function refused(hart: Hart): number {
  if (!hart.features.h) return illegalInstruction(hart);
  if (hart.w[HS.VIRT >> 2] !== 0) return virtualInstruction(hart);
  return hart.w[HS.PRIV >> 2] === 0 && (hart.c[C.hstatus] & HSTATUS.HU) === 0 ? illegalInstruction(hart) : 0;
}

const guestPriv = (h: Hart): number => ((h.c[C.hstatus] & HSTATUS.SPVP) !== 0 ? 1 : 0);

export function hlv(size: number, signed: boolean, executable = false): Handler {
  return (h, insn) => {
    const stop = refused(h);
    if (stop !== 0) return stop;
    const r = 2 * rs1(insn);
    if ((h.x32[r] & (size - 1)) !== 0 && h.features.strictAlignment) return raise(h, Cause.loadMisaligned, h.x32[r], h.x32[r + 1], true);
    const answer = read(h, h.x32[r], h.x32[r + 1], size, guestPriv(h), true, executable);
    if (answer !== SLOW.NEXT) return answer;
    const bits = 32 - 8 * size;
    let lo = h.w[VALUE];
    let hi = h.w[VALUE + 1];
    if (signed && size < 8) {
      lo = size < 4 ? (lo << bits) >> bits : lo;
      hi = lo >> 31;
    }
    h.setX(rd(insn), lo, hi);
    return SLOW.NEXT;
  };
}

export function hsv(size: number): Handler {
  return (h, insn) => {
    const stop = refused(h);
    if (stop !== 0) return stop;
    const r = 2 * rs1(insn);
    const source = 2 * rs2(insn);
    if ((h.x32[r] & (size - 1)) !== 0 && h.features.strictAlignment) return raise(h, Cause.storeMisaligned, h.x32[r], h.x32[r + 1], true);
    h.w[VALUE] = h.x32[source];
    h.w[VALUE + 1] = h.x32[source + 1];
    return write(h, h.x32[r], h.x32[r + 1], size, guestPriv(h), true);
  };
}
