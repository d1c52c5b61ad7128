/**
 * Physical memory protection: 16 entries with a grain of one page (so the TLB can hold the verdict). An entry that does
 * not match whole pages cannot be written: NA4 is not selectable.
 * @spec priv 3.7
 */
import { C, PMP_ENTRIES } from './slots.ts';

/** Verdict bits. */
export const PmpPerm = { R: 1, W: 2, X: 4 } as const;
const ALL = 7;
const LOCK = 0x80;
const GRAIN_PAGES = 1024; // words of pmpaddr per page

interface Range { first: number; end: number; perm: number; locked: boolean; }

export class Pmp {
  readonly #c: Int32Array;
  #ranges: Range[] = [];

  constructor(csrs: Int32Array) { this.#c = csrs; }

  config(i: number): number {
    const word = this.#c[(i < 8 ? C.pmpcfg0 : C.pmpcfg2) + ((i & 4) >> 2)];
    return (word >>> ((i & 3) * 8)) & 0xff;
  }

  /** Entries have changed: the ranges are worked out anew. The caller flushes the TLBs. */
  update(): void {
    this.#ranges = [];
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
      if (ppn >= r.first && ppn < r.end) return priv === 3 && !r.locked ? ALL : r.perm;
    }
    return priv === 3 ? ALL : 0;
  }

  /** Is entry `i` locked, or (its address) by a locked top-of-range entry after it? */
  addressLocked(i: number): boolean {
    if ((this.config(i) & LOCK) !== 0) return true;
    return i + 1 < PMP_ENTRIES && (this.config(i + 1) & LOCK) !== 0 && ((this.config(i + 1) >> 3) & 3) === 1;
  }

  #add(first: number, end: number, cfg: number): void {
    if (first < end) this.#ranges.push({ first, end, perm: cfg & ALL, locked: (cfg & LOCK) !== 0 });
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
