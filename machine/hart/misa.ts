/**
 * misa, and the effect of switching an extension off in machine mode: the hypervisor extension (H), which the manual recommends to make
 * switchable, and floating point (F, and with it D). The other letters follow the ISA string: they decide how code is decoded, and all
 * harts share decoded code.
 *
 * An extension that is off has no registers and no instructions: HS.FS_ON tells generated code, `features` the rest (FS itself stays
 * writable, as it may be without F). When the hypervisor extension is switched on again, its registers have their reset values.
 * @spec priv 3.1.1, 3.1.6.7, 21
 */
import { HSTATUS, IP_VS, MSTATUS } from './bits.ts';
import type { CsrRow } from './csr.ts';
import type { Features } from './features.ts';
import type { Hart } from './hart.ts';
import { C } from './slots.ts';

const bit = (letter: string): number => 1 << (letter.charCodeAt(0) - 97);
const [D, F, H] = [bit('d'), bit('f'), bit('h')];

export const misa: Pick<CsrRow, 'read' | 'write' | 'refetch'> = {
  read: (h) => { h.lo = h.features.letters; h.hi = 1 << 31; },
  write: (hart, lo) => {
    const all = hart.host.features;
    const next = all.letters & ~((lo & F) === 0 ? F | D : 0) & ~(~lo & H);
    const changed = next ^ hart.features.letters;
    if (changed === 0) return;
    hart.features = withLetters(all, next);
    if ((changed & H) !== 0) clearHypervisor(hart);
    hart.flushTlbs();
    hart.interruptsChanged();
  },
  refetch: true,
};

const withLetters = (all: Features, letters: number): Features => {
  const guests = (letters & H) !== 0;
  return {
    ...all, letters, f: all.f && (letters & F) !== 0, h: all.h && guests, vsstc: all.vsstc && guests, hstateen: all.hstateen && guests
  };
};

const REGISTERS = [
  C.hstatus, C.hedeleg, C.hideleg, C.hcounteren, C.htimedelta, C.henvcfg, C.htval, C.htinst, C.hgatp, C.hvip, C.mtinst, C.mtval2,
  C.vsstatus, C.vstvec, C.vsscratch, C.vsepc, C.vscause, C.vstval, C.vsatp, C.hstateen0, C.hstateen1, C.hstateen1 + 2, C.hstateen1 + 4,
] as const;

/** As after a reset; the registers of machine mode keep no guest state. */
function clearHypervisor(hart: Hart): void {
  const words = hart.c, guests = IP_VS | hart.guestLines.bit;
  for (const slot of REGISTERS) words[slot] = words[slot + 1] = 0;
  words[C.hstatus + 1] = HSTATUS.VSXL_HI;
  words[C.vsstatus + 1] = MSTATUS.UXL_HI & 2;
  words[C.vstimecmp] = words[C.vstimecmp + 1] = -1;
  words[C.mstatus + 1] &= ~(MSTATUS.MPV_HI | MSTATUS.GVA_HI);
  words[C.mideleg] = hart.features.h ? words[C.mideleg] | guests : words[C.mideleg] & ~guests;
  words[C.mie] &= ~guests;
  words[C.medeleg] &= ~GUEST_CAUSES;
  hart.timers.guestChanged();
  hart.guestLines.reset();
}

/** Environment calls of VS mode, guest page faults, virtual instructions. */
const GUEST_CAUSES = 0xf0_0400;
