/**
 * Physical memory protection: 16 entries with a grain of four bytes. A TLB holds verdicts about pages; a page that an entry matches only in
 * part is *split*: no TLB caches it, and every access to it calls `checkBytes`.
 *
 * Smepmp: under mseccfg.MML the four bits L R W X make a rule apply to machine mode, to the other modes, or to all; under MMWP machine mode
 * too needs a rule for each access.
 * @spec priv 3.7 @spec priv 6.2
 */
import { C, PMP_ENTRIES } from './slots.ts';

/** Verdict bits. */
export const PmpPerm = { R: 1, W: 2, X: 4 } as const;
const ALL = 7;
/** In place of a verdict: the verdict differs within the page. */
export const SPLIT = 8;
const LOCK = 0x80;
/** pmpaddr counts words of four bytes. */
const PAGE_WORDS = 1024;

/** Bits of mseccfg: machine-mode lockdown, machine-mode whitelist policy, rule locking bypass. */
export const MSECCFG = { MML: 1, MMWP: 2, RLB: 4 } as const;

/** Rights under MML of machine mode and of the other modes, by configuration bits: L = 8, X = 4, W = 2, R = 1. @spec priv 6.2.1 */
const MACHINE = [0, 0, 3, 0, 0, 0, 3, 0, 0, 1, 4, 3, 4, 5, 5, 1] as const;
const OTHERS = [0, 1, 1, 3, 4, 5, 3, 7, 0, 0, 4, 0, 0, 0, 4, 1] as const;
const ruleOf = (cfg: number): number => (cfg & ALL) | ((cfg & LOCK) >> 4);

/** Does this configuration let machine mode execute, under MML? */
export const executableForMachine = (cfg: number): boolean => (MACHINE[ruleOf(cfg)] & PmpPerm.X) !== 0;

/** Words [first, end), and the rights there of machine mode and of the other modes. */
interface Range { readonly first: number; readonly end: number; readonly machine: number; readonly others: number }

export class Pmp {
  readonly #c: Int32Array;
  #ranges: Range[] = [];
  /** Rights of machine mode where no rule matches. */
  #unmatched: number = ALL;

  constructor(csrs: Int32Array) { this.#c = csrs; }

  config(i: number): number {
    const word = this.#c[(i < 8 ? C.pmpcfg0 : C.pmpcfg2) + ((i & 4) >> 2)];
    return (word >>> ((i & 3) * 8)) & 0xff;
  }

  /** Entries have changed: recomputes the ranges. The caller flushes the TLBs. */
  update(): void {
    this.#ranges = [];
    const security = this.#c[C.mseccfg];
    this.#unmatched = (security & MSECCFG.MMWP) !== 0 ? 0 : (security & MSECCFG.MML) !== 0 ? PmpPerm.R | PmpPerm.W : ALL;
    let previousTop = 0;
    for (let i = 0; i < PMP_ENTRIES; i++) {
      const cfg = this.config(i);
      const top = (this.#c[C.pmpaddr + 2 * i] >>> 0) + (this.#c[C.pmpaddr + 2 * i + 1] >>> 0) * 0x1_0000_0000;
      const mode = (cfg >> 3) & 3;
      if (mode === 1) this.#add(previousTop, top, cfg);
      if (mode === 2) this.#add(top, top + 1, cfg);
      if (mode === 3) this.#addPower(i, cfg);
      previousTop = top;
    }
  }

  /** Rights on the page in this mode; the lowest matching entry decides. SPLIT when that depends on the bytes. */
  check(ppn: number, priv: number): number {
    const first = ppn * PAGE_WORDS;
    const end = first + PAGE_WORDS;
    for (const range of this.#ranges) {
      if (range.end <= first || range.first >= end) continue;
      if (range.first > first || range.end < end) return SPLIT;
      return priv === 3 ? range.machine : range.others;
    }
    return priv === 3 ? this.#unmatched : 0;
  }

  /** The same for `size` bytes at a physical address. An entry that matches only some of them allows nothing. */
  checkBytes(pa: number, size: number, priv: number): number {
    const first = Math.floor(pa / 4);
    const end = Math.floor((pa + size - 1) / 4) + 1;
    for (const range of this.#ranges) {
      if (range.end <= first || range.first >= end) continue;
      if (range.first > first || range.end < end) return 0;
      return priv === 3 ? range.machine : range.others;
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

  /** NAPOT: the trailing ones of the address give the size. */
  #addPower(i: number, cfg: number): void {
    const address = (BigInt(this.#c[C.pmpaddr + 2 * i + 1] >>> 0) << 32n) | BigInt(this.#c[C.pmpaddr + 2 * i] >>> 0);
    let ones = 0n;
    while ((address >> ones) & 1n) ones++;
    const base = address & ~((1n << ones) - 1n);
    this.#add(Number(base), Number(base + (2n << ones)), cfg);
  }
}
