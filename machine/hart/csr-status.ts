/** Rules of the status registers and of the floating-point registers (whose legality mstatus.FS decides). */
import { HS } from '../engine/layout.ts';
import { HSTATUS, MSTATUS } from './bits.ts';
import type { CsrRow } from './csr.ts';
import type { Features } from './features.ts';
import type { Hart } from './hart.ts';
import { C } from './slots.ts';

type Rules = Pick<CsrRow, 'read' | 'write' | 'guard' | 'refetch'>;

const COMPRESSED = 1 << 2;
/** Two low bits are zero where instructions are aligned to four bytes. @spec priv 3.1.14 */
export const epcMask = ({ letters }: Features): number => ((letters & COMPRESSED) !== 0 ? ~1 : ~3);
export const exceptionPc = (slot: number): Rules => ({
  write: (hart, lo, hi) => {
    hart.c[slot] = lo & hart.w[HS.EPC_MASK >> 2];
    hart.c[slot + 1] = hi;
  },
});

const S_BITS = MSTATUS.SIE | MSTATUS.SPIE | MSTATUS.SPP | MSTATUS.FS | MSTATUS.SUM | MSTATUS.MXR;
const M_BITS = S_BITS | MSTATUS.MIE | MSTATUS.MPIE | MSTATUS.MPP | MSTATUS.MPRV | MSTATUS.TVM | MSTATUS.TW | MSTATUS.TSR;
const M_BITS_HI = MSTATUS.GVA_HI | MSTATUS.MPV_HI;
const dirty = (lo: number): number => ((lo & MSTATUS.FS) === MSTATUS.FS ? MSTATUS.SD_HI : 0);

/** Bits that affect translation and floating point. */
const MODE_BITS = MSTATUS.SUM | MSTATUS.MXR | MSTATUS.FS | MSTATUS.MPRV | MSTATUS.MPP;

/** After a write that changed these bits of the lower word. */
function statusChanged(hart: Hart, changed: number): void {
  if ((changed & MODE_BITS) !== 0) hart.refresh();
  hart.interruptsChanged();
}

/** @spec priv 3.1.6.1, 3.1.6.4, 3.1.6.6, 3.1.6.7, 21.4.1 */
export const mstatus: Rules = {
  read: (hart) => {
    hart.foldFs();
    hart.lo = hart.c[C.mstatus];
    hart.hi = hart.c[C.mstatus + 1] | dirty(hart.lo);
  },
  write: (hart, lo, hi) => {
    hart.foldFs();
    const words = hart.c;
    let next = (words[C.mstatus] & ~M_BITS) | (lo & M_BITS);
    if ((next & MSTATUS.MPP) === 2 << MSTATUS.MPP_SHIFT) next = (next & ~MSTATUS.MPP) | (words[C.mstatus] & MSTATUS.MPP);
    const changed = words[C.mstatus] ^ next | ((words[C.mstatus + 1] ^ hi) & MSTATUS.MPV_HI ? MSTATUS.MPRV : 0);
    words[C.mstatus] = next;
    if (hart.features.h) words[C.mstatus + 1] = (words[C.mstatus + 1] & ~M_BITS_HI) | (hi & M_BITS_HI);
    statusChanged(hart, changed);
  },
};

/** @spec priv 12.1.1 */
export const sstatus: Rules = {
  read: (hart) => {
    hart.foldFs();
    hart.lo = hart.c[C.mstatus] & S_BITS;
    hart.hi = (hart.c[C.mstatus + 1] & MSTATUS.UXL_HI) | dirty(hart.lo);
  },
  write: (hart, lo) => {
    hart.foldFs();
    const changed = (hart.c[C.mstatus] ^ lo) & S_BITS;
    hart.c[C.mstatus] ^= changed;
    statusChanged(hart, changed);
  },
};

/** @spec priv 21.2.11 */
export const vsstatus: Rules = {
  read: (hart) => {
    hart.foldFs();
    hart.lo = hart.c[C.vsstatus];
    hart.hi = hart.c[C.vsstatus + 1] | dirty(hart.lo);
  },
  write: (hart, lo) => {
    hart.foldFs();
    const changed = (hart.c[C.vsstatus] ^ lo) & S_BITS;
    hart.c[C.vsstatus] ^= changed;
    statusChanged(hart, changed);
  },
};

const H_BITS = HSTATUS.GVA | HSTATUS.SPV | HSTATUS.SPVP | HSTATUS.HU | HSTATUS.VTVM | HSTATUS.VTW | HSTATUS.VTSR;

/** @spec priv 21.2.1 */
export function writeHstatus(hart: Hart, lo: number): void {
  hart.c[C.hstatus] = lo & H_BITS | hart.guestLines.legal(lo);
  hart.guestLines.update();
}

/** Floating-point registers exist only while FS allows them. */
const guard = (h: Hart) => (h.w[HS.FS_ON >> 2] !== 0 ? 0 : 1) as 0 | 1;

function touchFp(h: Hart): void { h.w[HS.FS_DIRTY >> 2] = 1; }

export const fflags: Rules = {
  guard,
  read: (h) => { h.lo = h.w[HS.FFLAGS >> 2]; h.hi = 0; },
  write: (h, lo) => { h.w[HS.FFLAGS >> 2] = lo & 31; touchFp(h); },
};

export const frm: Rules = {
  guard,
  read: (h) => { h.lo = h.w[HS.FRM >> 2]; h.hi = 0; },
  write: (h, lo) => { h.w[HS.FRM >> 2] = lo & 7; touchFp(h); },
};

export const fcsr: Rules = {
  guard,
  read: (h) => { h.lo = h.fcsr; h.hi = 0; },
  write: (h, lo) => { h.fcsr = lo; touchFp(h); },
};
