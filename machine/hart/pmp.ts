/**
 * Physical memory protection: 16 entries with a grain of one page (so the TLB can hold the verdict). An entry that does
 * not match whole pages cannot be written: NA4 is not selectable.
 *
 * Smepmp: under mseccfg.MML a rule is for machine mode, or for the others, or shared, as its four bits L R W X say; under MMWP
 * machine mode too may do only what a rule allows.
 * @spec priv 3.7 @spec smepmp 2
 */
import { C, PMP_ENTRIES } from './slots.ts';

/** Verdict bits. */
export const PmpPerm = { R: 1, W: 2, X: 4 } as const;
const ALL = 7;
const LOCK = 0x80;
const GRAIN_PAGES = 1024; // words of pmpaddr per page

/** Bits of mseccfg: machine-mode lockdown, machine-mode whitelist policy, rule locking bypass. */
export const MSECCFG = { MML: 1, MMWP: 2, RLB: 4 } as const;

/** Under MML, what machine mode and the others may do, by configuration bits: L = 8, X = 4, W = 2, R = 1. @spec smepmp 2.1 */
const MACHINE = [0, 0, 3, 0, 0, 0, 3, 0, 0, 1, 4, 3, 4, 5, 5, 1] as const;
const OTHERS = [0, 1, 1, 3, 4, 5, 3, 7, 0, 0, 4, 0, 0, 0, 4, 1] as const;
const ruleOf = (cfg: number): number => (cfg & ALL) | ((cfg & LOCK) >> 4);

/** Does this configuration let machine mode execute, under MML? */
export const executableForMachine = (cfg: number): boolean => (MACHINE[ruleOf(cfg)] & PmpPerm.X) !== 0;

interface Range { first: number; end: number; machine: number; others: number; }

export class Pmp {
  readonly #c: Int32Array;
  #ranges: Range[] = [];
  /** What machine mode may do where no rule matches. */
  #unmatched: number = ALL;

  constructor(csrs: Int32Array) { this.#c = csrs; }

  config(i: number): number {
    const word = this.#c[(i < 8 ? C.pmpcfg0 : C.pmpcfg2) + ((i & 4) >> 2)];
    return (word >>> ((i & 3) * 8)) & 0xff;
  }

  /** Entries have changed: the ranges are worked out anew. The caller flushes the TLBs. */
  update(): void {
    this.#ranges = [];
    const security = this.#c[C.mseccfg];
    this.#unmatched = (security & MSECCFG.MMWP) !== 0 ? 0 : (security & MSECCFG.MML) !== 0 ? PmpPerm.R | PmpPerm.W : ALL;
    let previousTop = 0;
    for (let i = 0; i < PMP_ENTRIES; i++) {
      const cfg = this.config(i);
      const address = (this.#c[C.pmpaddr + 2 * i] >>> 0) + (this.#c[C.pmpaddr + 2 * i + 1] >>> 0) * 0x1_0000_0000;
      const top = Math.floor(address / GRAIN_PAGES);
      const mode = (cfg >> 3) & 3;
      if (mode === 1) this.#add(previousTop, top, cfg);
      if (mode === 3) this.#addPower(i, cfg);
      previousTop = top;
    }
  }

  /** What an access in this mode may do with the page; the lowest matching entry decides. */
  check(ppn: number, priv: number): number {
    for (const r of this.#ranges) {
      if (ppn >= r.first && ppn < r.end) return priv === 3 ? r.machine : r.others;
    }
    return priv === 3 ? this.#unmatched : 0;
  }

  /** Is entry `i` locked, or (its address) by a locked top-of-range entry after it? */
  addressLocked(i: number): boolean {
    if ((this.#c[C.mseccfg] & MSECCFG.RLB) !== 0) return false;
    if ((this.config(i) & LOCK) !== 0) return true;
    return i + 1 < PMP_ENTRIES && (this.config(i + 1) & LOCK) !== 0 && ((this.config(i + 1) >> 3) & 3) === 1;
  }

  #add(first: number, end: number, cfg: number): void {
    if (first >= end) return;
    const lockdown = (this.#c[C.mseccfg] & MSECCFG.MML) !== 0;
    const machine = lockdown ? MACHINE[ruleOf(cfg)] : (cfg & LOCK) !== 0 ? cfg & ALL : ALL;
    const others = lockdown ? OTHERS[ruleOf(cfg)] : cfg & ALL;
    this.#ranges.push({ first, end, machine, others });
  }

  /** NAPOT: the trailing ones of the address (those below the grain count as ones) give the size. */
  #addPower(i: number, cfg: number): void {
    const lo = this.#c[C.pmpaddr + 2 * i] | (GRAIN_PAGES / 2 - 1);
    const address = (BigInt(this.#c[C.pmpaddr + 2 * i + 1] >>> 0) << 32n) | BigInt(lo >>> 0);
    let ones = 0n;
    while ((address >> ones) & 1n) ones++;
    const size = 1n << (ones + 3n);
    const base = (address & ~((1n << ones) - 1n)) << 2n;
    this.#add(Number(base >> 12n), Number((base + size) >> 12n), cfg);
  }
}
