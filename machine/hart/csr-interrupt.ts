/**
 * Interrupt registers. There is one set of pending bits (wires, what software set, hvip) and one set of enables (mie);
 * sip, sie, hip, hie, vsip, vsie are windows on them.
 * @spec priv 3.1.9 @spec priv 12.1.3 @spec priv 21.2.3
 */
import { ENVCFG, IP, IP_S, IP_VS } from './bits.ts';
import type { CsrRow } from './csr.ts';
import type { Hart } from './hart.ts';
import { C } from './slots.ts';

type Rules = Pick<CsrRow, 'read' | 'write' | 'modify'>;

/** The bits of hip and hie. */
const guests = (h: Hart): number => IP_VS | h.guestLines.bit;

function give(hart: Hart, lo: number): void {
  hart.lo = lo;
  hart.hi = 0;
}

/** Stores `value` in the bits `mask` of a slot. */
function merge(hart: Hart, slot: number, mask: number, value: number): void {
  hart.c[slot] = (hart.c[slot] & ~mask) | (value & mask);
  hart.interruptsChanged();
}

/** Writes bits of hvip through another register. */
const mergeHvip = (h: Hart, mask: number, value: number): void => merge(h, C.hvip, mask, value);

/** Counter overflow, where there is such an interrupt. */
const overflow = (h: Hart): number => (h.features.sscofpmf ? IP.LCOFI : 0);

/** STIP can be written only while no comparator drives it. */
function softBits(h: Hart): number {
  return ((h.c[C.menvcfg + 1] & ENVCFG.STCE_HI) !== 0 ? IP.SSI | IP.SEI : IP_S) | overflow(h);
}

/** The value of sip and sie. */
const delegated = (h: Hart): number => h.c[C.mideleg] & (IP_S | IP.LCOFI);

/** The SSI wire is edge-like (inter-processor interrupts): clearing the bit clears it too. */
function writeSoft(hart: Hart, mask: number, value: number): void {
  if ((mask & IP.SSI) !== 0 && (value & IP.SSI) === 0) hart.drive(IP.SSI, false);
  merge(hart, C.softPending, mask, value);
}

export const mip: Rules = {
  read: (h) => give(h, h.pending),
  modify: (h) => give(h, (h.pending & ~IP.SEI) | (h.c[C.softPending] & IP.SEI)),
  write: (hart, lo) => {
    writeSoft(hart, softBits(hart), lo);
    mergeHvip(hart, IP.VSSI, lo);
  },
};

export const sip: Rules = {
  read: (h) => give(h, h.pending & delegated(h)),
  write: (h, lo) => writeSoft(h, (IP.SSI | IP.LCOFI) & h.c[C.mideleg], lo),
};

export const sie: Rules = {
  read: (h) => give(h, h.c[C.mie] & delegated(h)),
  write: (h, lo) => merge(h, C.mie, delegated(h), lo),
};

export const hip: Rules = {
  read: (h) => give(h, h.pending & guests(h)),
  write: (h, lo) => mergeHvip(h, IP.VSSI, lo),
};

export const hie: Rules = {
  read: (h) => give(h, h.c[C.mie] & guests(h)),
  write: (h, lo) => merge(h, C.mie, guests(h), lo),
};

/** The guest's registers show the VS bits one place lower, as its own S bits. @spec priv 21.2.12 */
export const vsip: Rules = {
  read: (h) => give(h, (h.pending & h.c[C.hideleg] & IP_VS) >> 1),
  write: (h, lo) => mergeHvip(h, IP.VSSI & h.c[C.hideleg], lo << 1),
};

export const vsie: Rules = {
  read: (h) => give(h, (h.c[C.mie] & h.c[C.hideleg] & IP_VS) >> 1),
  write: (h, lo) => merge(h, C.mie, h.c[C.hideleg] & IP_VS, lo << 1),
};

export const writeHvip = (h: Hart, lo: number): void => merge(h, C.hvip, IP_VS, lo);
export const writeHideleg = (h: Hart, lo: number): void => merge(h, C.hideleg, IP_VS, lo);
export const writeMideleg = (h: Hart, lo: number): void => merge(h, C.mideleg, IP_S | overflow(h), lo);
/** Without the hypervisor extension its interrupts cannot be delegated. */
export function writeMedeleg(h: Hart, lo: number): void {
  h.c[C.medeleg] = lo & (h.features.h ? 0xfc_b7ff : 0xc_b3ff);
}

export const writeMie = (h: Hart, lo: number): void => merge(h, C.mie, (h.features.h ? 0xeee | h.guestLines.bit : 0xaaa) | overflow(h), lo);

/** @spec priv 21.2.4 */
export const hgeip: Rules = { read: (h) => give(h, h.guestLines.levels) };
export const hgeie: Rules = {
  read: (h) => give(h, h.guestLines.enabled),
  write: (h, lo) => { h.guestLines.enable(lo); },
};
