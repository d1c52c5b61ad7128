/** Rules of the translation roots, of the environment configuration, and of state enables (Smstateen). */
import { HS } from '../engine/layout.ts';
import { ENVCFG, HSTATUS, IP, MSTATUS } from './bits.ts';
import type { CsrRow, Deny } from './csr.ts';
import type { Hart } from './hart.ts';
import { C } from './slots.ts';

type Rules = Pick<CsrRow, 'read' | 'write' | 'guard' | 'refetch'>;

/** Bare, Sv39, Sv48, Sv57. */
const legalMode = (h: Hart, hi: number): boolean => hi >>> 28 === 0 || (hi >>> 28 >= 8 && hi >>> 28 <= 10 && h.host.model.translation);
/** Upper word of a root: the mode and the upper bits of the page number, with the identifier between them. */
const ROOT_HI = 0xf000_0fff | 0, ID_SHIFT = 12;

function spaceChanged(hart: Hart): void {
  hart.contexts.spaceChanged();
  hart.refresh();
}

/** A write with a mode that does not exist changes nothing. @spec priv 12.1.11 */
function writeRoot(slot: number): NonNullable<CsrRow['write']> {
  return (hart, lo, hi) => {
    if (!legalMode(hart, hi)) return;
    hart.c[slot] = lo;
    hart.c[slot + 1] = hi & (ROOT_HI | (hart.asidMask << ID_SHIFT));
    spaceChanged(hart);
  };
}

export const satp: Rules = {
  refetch: true,
  guard: (hart): Deny => {
    if (hart.w[HS.PRIV >> 2] !== 1) return 0;
    if (hart.w[HS.VIRT >> 2] !== 0) return (hart.c[C.hstatus] & HSTATUS.VTVM) !== 0 ? 2 : 0;
    return (hart.c[C.mstatus] & MSTATUS.TVM) !== 0 ? 1 : 0;
  },
  write: writeRoot(C.satp),
};

/** @spec priv 21.2.18 */
export const vsatp: Rules = { refetch: true, write: writeRoot(C.vsatp) };

/** @spec priv 21.2.10 */
export const hgatp: Rules = {
  refetch: true,
  guard: (h): Deny => (h.w[HS.PRIV >> 2] === 1 && h.w[HS.VIRT >> 2] === 0 && (h.c[C.mstatus] & MSTATUS.TVM) !== 0 ? 1 : 0),
  write: (hart, lo, hi) => {
    const mode = legalMode(hart, hi) ? hi & ~0x0fff_ffff : hart.c[C.hgatp + 1] & ~0x0fff_ffff;
    hart.mmu.forgetGuest();
    hart.c[C.hgatp] = lo & ~3;
    hart.c[C.hgatp + 1] = mode | (hi & (0xfff | (hart.vmidMask << ID_SHIFT)));
    spaceChanged(hart);
  },
};

const TRANSLATION = ENVCFG.ADUE_HI | ENVCFG.PBMTE_HI;
const GUEST_HI = TRANSLATION | ENVCFG.STCE_HI;

/** The enables of the existing extensions. */
const enableBits = ({ features: f }: Hart): number =>
  (f.svadu ? ENVCFG.ADUE_HI : 0) | (f.svpbmt ? ENVCFG.PBMTE_HI : 0) | (f.sstc ? ENVCFG.STCE_HI : 0);

/** CBIE = 2 is reserved: the old value stays. Fields for absent cache-block instructions do not exist. */
function legalLow({ features }: Hart, old: number, lo: number): number {
  const there = ENVCFG.FIOM | (features.zicbom ? ENVCFG.CBIE | ENVCFG.CBCFE : 0) | (features.zicboz ? ENVCFG.CBZE : 0);
  return ((lo & ~ENVCFG.CBIE) | ((lo & ENVCFG.CBIE) === 0x20 ? old : lo) & ENVCFG.CBIE) & there;
}

export const senvcfg: Rules = {
  guard: (h) => stateenEnvcfg(h),
  write: (hart, lo) => {
    hart.c[C.senvcfg] = legalLow(hart, hart.c[C.senvcfg], lo);
    if (hart.priv === 0) hart.refresh(); // a hosted supervisor has no mode of its own to leave
  },
};

/** @spec priv 3.1.18, 19.1.1 */
export function writeMenvcfg(hart: Hart, lo: number, hi: number): void {
  const words = hart.c;
  const next = hi & enableBits(hart);
  const changed = words[C.menvcfg + 1] ^ next;
  words[C.menvcfg] = legalLow(hart, words[C.menvcfg], lo);
  words[C.menvcfg + 1] = next;
  if ((changed & TRANSLATION) !== 0) hart.flushTlbs();
  if ((changed & ENVCFG.STCE_HI) !== 0) {
    // From now on the comparator alone drives STIP; the value that software had written is lost.
    words[C.softPending] &= ~IP.STI;
    hart.timers.supervisorChanged();
    hart.timers.guestChanged();
    hart.interruptsChanged();
  }
}

/** Bits that menvcfg withholds read as zero. @spec priv 21.2.5 */
export const henvcfg: Rules = {
  guard: (h) => stateenEnvcfg(h),
  read: (hart) => {
    hart.lo = hart.c[C.henvcfg];
    hart.hi = hart.c[C.henvcfg + 1] & hart.c[C.menvcfg + 1];
  },
  write: (hart, lo, hi) => {
    const words = hart.c;
    const next = hi & GUEST_HI & words[C.menvcfg + 1];
    const changed = words[C.henvcfg + 1] ^ next;
    words[C.henvcfg] = legalLow(hart, words[C.henvcfg], lo);
    words[C.henvcfg + 1] = next;
    if ((changed & TRANSLATION) !== 0) hart.flushTlbs();
    if ((changed & ENVCFG.STCE_HI) !== 0) {
      hart.timers.guestChanged();
      hart.interruptsChanged();
    }
  },
};

// ---- Smstateen: mstateen<n>.SE (63) opens the lower stateen<n> registers, mstateen0.ENVCFG (62) the configuration registers

const SE = 1 << 31;
const ENV = 1 << 30;
/** Implemented bits in the upper word of register `n`. Only 0 has more than SE. */
export const stateenBits = (n: number): number => (n === 0 ? SE | ENV : SE);

export const mstateenSlot = (n: number): number => (n === 0 ? C.mstateen0 : C.mstateen1 + 2 * (n - 1));
export const hstateenSlot = (n: number): number => (n === 0 ? C.hstateen0 : C.hstateen1 + 2 * (n - 1));

/** Does `bit` of the registers `n` allow this access in this mode? @spec priv 4.1 */
function stateen(hart: Hart, n: number, bit: number): Deny {
  if (hart.w[HS.PRIV >> 2] === 3 || !hart.features.smstateen) return 0;
  const machine = hart.c[mstateenSlot(n) + 1];
  if ((machine & bit) === 0) return 1;
  return hart.w[HS.VIRT >> 2] !== 0 && (hart.c[hstateenSlot(n) + 1] & bit) === 0 ? 2 : 0;
}

const stateenEnvcfg = (h: Hart): Deny => stateen(h, 0, ENV);
/** sstateen<n>. */
export const stateenSe = (n: number) => (h: Hart): Deny => stateen(h, n, SE);

/** hstateen<n>: what mstateen<n> withholds reads as zero. */
export const hstateen = (n: number): Rules => ({
  guard: (h) => (h.w[HS.PRIV >> 2] !== 3 && (h.c[mstateenSlot(n) + 1] & SE) === 0 ? 1 : 0),
  read: (hart) => {
    hart.lo = 0;
    hart.hi = hart.c[hstateenSlot(n) + 1] & hart.c[mstateenSlot(n) + 1];
  },
  write: (hart, _lo, hi) => {
    const mask = stateenBits(n) & hart.c[mstateenSlot(n) + 1];
    const at = hstateenSlot(n) + 1;
    hart.c[at] = (hart.c[at] & ~mask) | (hi & mask);
  },
});
