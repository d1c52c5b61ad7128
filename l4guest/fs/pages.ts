/** The frames of a file in memory, by page: a map of leaves, so that a file with holes uses memory only for written pages. */
import type { Purse } from '../mm/pagetable.ts';

const LEAF = 512, LEAF_COST = 2176;

export class PageMap {
  private readonly leaves = new Map<number, Int32Array>();
  private readonly purse: Purse;
  /** Pages that have a frame. */
  count = 0;
  private lastKey = -1;
  private last: Int32Array | undefined;
  constructor(purse: Purse) { this.purse = purse; }

  private leaf(key: number): Int32Array | undefined {
    if (key === this.lastKey) return this.last;
    const leaf = this.leaves.get(key);
    if (leaf) { this.lastKey = key; this.last = leaf; }
    return leaf;
  }
  /** Frame of a page, 0 = none. */
  get(index: number): number { return this.leaf(Math.floor(index / LEAF))?.[index % LEAF] ?? 0; }
  /** Ensures room for a page's frame. False: no memory. */
  reserve(index: number): boolean {
    const key = Math.floor(index / LEAF);
    if (this.leaf(key)) return true;
    if (!this.purse.charge(LEAF_COST)) return false;
    this.leaves.set(key, new Int32Array(LEAF));
    return true;
  }
  /** Sets the frame of a page for which room is reserved. */
  set(index: number, pfn: number): void {
    const leaf = this.leaf(Math.floor(index / LEAF))!, i = index % LEAF;
    if (leaf[i] === 0) this.count++;
    leaf[i] = pfn;
  }
  /** Drops pages [from, to); `gone` gets their frames. */
  cut(from: number, to: number, gone: (pfn: number) => void): void {
    for (const [key, leaf] of this.leaves) {
      const start = Math.max(0, from - key * LEAF), end = Math.min(LEAF, to - key * LEAF);
      if (start >= LEAF || end <= 0) continue;
      for (let i = start; i < end; i++) if (leaf[i] !== 0) { gone(leaf[i]!); leaf[i] = 0; this.count--; }
      if (!leaf.some((x) => x !== 0)) this.drop(key);
    }
  }
  private drop(key: number): void {
    this.leaves.delete(key);
    if (key === this.lastKey) { this.lastKey = -1; this.last = undefined; }
    this.purse.uncharge(LEAF_COST);
  }
  /** The first page with a frame from `from` on, below `to`; `to` if there is none. */
  next(from: number, to: number): number {
    const first = Math.floor(from / LEAF), keys = [...this.leaves.keys()].filter((k) => k >= first && k * LEAF < to).sort((a, b) => a - b);
    for (const key of keys) {
      const leaf = this.leaves.get(key)!;
      for (let i = Math.max(0, from - key * LEAF); i < LEAF; i++) if (leaf[i] !== 0) return Math.min(to, key * LEAF + i);
    }
    return to;
  }
  /** The number of pages in [from, to) that have a frame. */
  countIn(from: number, to: number): number {
    let n = 0;
    for (const [key, leaf] of this.leaves)
      for (let i = Math.max(0, from - key * LEAF), end = Math.min(LEAF, to - key * LEAF); i < end; i++) if (leaf[i] !== 0) n++;
    return n;
  }
}
