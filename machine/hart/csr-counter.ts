/**
 * Counters and comparators. A counter is the hart's own count plus an offset that a write sets; while inhibited, the slot holds the frozen
 * value itself.
 * @spec priv 3.1.10 @spec priv 3.1.11 @spec priv 19
 */
import { HS } from '../engine/layout.ts';
import { ENVCFG } from './bits.ts';
import type { CsrRow, Deny } from './csr.ts';
import type { Hart } from './hart.ts';
import { C, HPM_COUNTERS } from './slots.ts';

type Rules = Pick<CsrRow, 'read' | 'write' | 'guard'>;

const WORD = 0x1_0000_0000;
const TIME = 1;

/** May counter `bit` be read in this mode? Every higher level must permit it. @spec priv 3.1.11, 12.1.5, 21.2.6 */
export function allowed(bit: number): NonNullable<CsrRow['guard']> {
  const mask = 1 << bit;
  return (hart: Hart): Deny => {
    const priv = hart.w[HS.PRIV >> 2];
    const words = hart.c;
    if (priv === 3) return 0;
    if ((words[C.mcounteren] & mask) === 0) return 1;
    const virt = hart.w[HS.VIRT >> 2] !== 0;
    if (virt && (words[C.hcounteren] & mask) === 0) return 2;
    if (priv === 0 && (words[C.scounteren] & mask) === 0) return virt ? 2 : 1;
    return 0;
  };
}

/** Leaves count + (hi:lo at `slot`) in h.lo, h.hi. */
function plus(hart: Hart, count: number, slot: number): void {
  const lo = (count % WORD) + (hart.c[slot] >>> 0);
  hart.lo = lo | 0;
  hart.hi = (Math.floor(count / WORD) + hart.c[slot + 1] + (lo >= WORD ? 1 : 0)) | 0;
}

/** A counter with an offset at `slot`, inhibited by `bit`; `skew`: how much it advances while the writing instruction completes. */
function counter(slot: number, bit: number, skew: (h: Hart) => number,
    count: (h: Hart) => number): Required<Pick<Rules, 'read' | 'write'>> {
  return {
    read: (hart) => {
      if ((hart.c[C.mcountinhibit] & (1 << bit)) === 0) return plus(hart, count(hart), slot);
      hart.lo = hart.c[slot];
      hart.hi = hart.c[slot + 1];
    },
    write: (hart, lo, hi) => {
      hart.c[slot] = lo;
      hart.c[slot + 1] = hi;
      if ((hart.c[C.mcountinhibit] & (1 << bit)) === 0) subtract(hart, slot, count(hart) + skew(hart));
    },
  };
}

function subtract(hart: Hart, slot: number, count: number): void {
  const lo = (hart.c[slot] >>> 0) - (count % WORD);
  hart.c[slot] = lo | 0;
  hart.c[slot + 1] -= Math.floor(count / WORD) + (lo < 0 ? 1 : 0);
}

const one = (): number => 1;
export const mcycle = counter(C.cycleOffset, 0, one, (h) => h.cycles);
export const minstret = counter(C.instretOffset, 2, one, (h) => h.instret);

const number = (lo: number, hi: number): bigint => (BigInt(hi >>> 0) << 32n) | BigInt(lo >>> 0);

/** mhpmcounter3 … and mhpmevent3 …: what they do is in hpm.ts. */
export const hpm = Array.from({ length: HPM_COUNTERS }, (_, i) => ({
  value: {
    read: (hart: Hart): void => {
      const value = hart.hpm.value(i);
      hart.lo = Number(value & 0xffff_ffffn) | 0;
      hart.hi = Number(value >> 32n) | 0;
    },
    write: (h: Hart, lo: number, hi: number): void => h.hpm.setValue(i, number(lo, hi)),
  },
  event: {
    read: (hart: Hart): void => {
      hart.lo = hart.hpm.event(i);
      hart.hi = hart.hpm.flags(i);
    },
    write: (h: Hart, lo: number, hi: number): void => h.hpm.setEvent(i, lo >>> 0, hi),
  },
}));

/** The counters that have overflowed, of those that this mode may read. @spec priv 20.1 */
export const scountovf: Rules = {
  read: (hart) => {
    const words = hart.c;
    const own = hart.w[HS.PRIV >> 2] === 3 ? -1 : words[C.mcounteren];
    hart.lo = hart.hpm.overflows() & own & (hart.w[HS.VIRT >> 2] !== 0 ? words[C.hcounteren] : -1);
    hart.hi = 0;
  },
};

export const cycle: Rules = { read: mcycle.read, guard: allowed(0) };
export const instret: Rules = { read: minstret.read, guard: allowed(2) };

export const time: Rules = {
  guard: allowed(TIME),
  read: (hart) => {
    const ticks = hart.host.ticks();
    if (hart.w[HS.VIRT >> 2] !== 0) return plus(hart, ticks, C.htimedelta);
    hart.lo = ticks | 0;
    hart.hi = Math.floor(ticks / WORD);
  },
};

const counters = [[mcycle, 0, C.cycleOffset], [minstret, 2, C.instretOffset]] as const;
const INHIBITABLE = 0b101 | (((1 << HPM_COUNTERS) - 1) << 3);

/** An inhibited counter keeps its value, and resumes from it later. @spec priv 3.1.12 */
export function writeInhibit(hart: Hart, lo: number): void {
  hart.hpm.settle();
  const next = lo & INHIBITABLE;
  for (const [rules, bit, slot] of counters) {
    const mask = 1 << bit;
    rules.read(hart);
    const [valueLo, valueHi] = [hart.lo, hart.hi];
    hart.c[C.mcountinhibit] = (hart.c[C.mcountinhibit] & ~mask) | (next & mask);
    if ((next & mask) !== 0) {
      hart.c[slot] = valueLo;
      hart.c[slot + 1] = valueHi;
    } else rules.write(hart, valueLo, valueHi);
  }
  hart.c[C.mcountinhibit] = next;
  hart.hpm.go();
}

export const stimecmp: Rules = {
  guard: (hart) => {
    const words = hart.c;
    if (hart.w[HS.PRIV >> 2] === 3) return 0;
    if ((words[C.mcounteren] & (1 << TIME)) === 0 || (words[C.menvcfg + 1] & ENVCFG.STCE_HI) === 0) return 1;
    if (hart.w[HS.VIRT >> 2] === 0) return 0;
    return (words[C.hcounteren] & (1 << TIME)) === 0 || (words[C.henvcfg + 1] & ENVCFG.STCE_HI) === 0 ? 2 : 0;
  },
  write: (hart, lo, hi) => {
    hart.c[C.stimecmp] = lo;
    hart.c[C.stimecmp + 1] = hi;
    hart.timers.supervisorChanged();
    hart.interruptsChanged();
  },
};

export const vstimecmp: Rules = {
  guard: (hart) => {
    if (hart.w[HS.PRIV >> 2] === 3) return 0;
    return (hart.c[C.mcounteren] & (1 << TIME)) === 0 || (hart.c[C.menvcfg + 1] & ENVCFG.STCE_HI) === 0 ? 1 : 0;
  },
  write: (hart, lo, hi) => {
    hart.c[C.vstimecmp] = lo;
    hart.c[C.vstimecmp + 1] = hi;
    hart.timers.guestChanged();
    hart.interruptsChanged();
  },
};

/** @spec priv 21.2.7 */
export function writeTimeDelta(hart: Hart, lo: number, hi: number): void {
  hart.c[C.htimedelta] = lo;
  hart.c[C.htimedelta + 1] = hi;
  hart.timers.guestChanged();
  hart.interruptsChanged();
}
