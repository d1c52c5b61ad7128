/**
 * The server's own page tables, one per address space: the process's pages, whether or not the layer below has mapped them yet.
 * An entry is frame × 8 + flags, 0 = nothing. Leaves of 512 entries hang in a map by virtual page number / 512.
 */
import type { Work } from '../kernel/work.ts';

export const Pte = {
  /** Writable without a fault (copy-on-write is resolved). */
  W: 1,
  /** Mirrored below: the arch layer has mapped it (with at most these rights). */
  MAPPED: 2,
  /** Present but currently forbidden (PROT_NONE). */
  NONE: 4,
} as const;

export const pteFrame = (pte: number): number => pte >>> 3;
export const makePte = (pfn: number, flags: number): number => pfn * 8 + flags;

/** 512 entries; those outside [low, high) are 0, so that visitors pass over them. */
interface Leaf { readonly entries: Int32Array; low: number; high: number }

/** Server memory of a leaf, bytes. */
const LEAF_COST = 2176;
/** Leaves without entries, for the next tables: a process has a few, and the host allocates such arrays slowly. */
const spare: Leaf[] = [];
const MOST_SPARE = 64;
const newLeaf = (): Leaf => spare.pop() ?? { entries: new Int32Array(512), low: 512, high: 0 };
function giveBack(leaf: Leaf): void {
  if (spare.length >= MOST_SPARE) return;
  leaf.entries.fill(0);
  leaf.low = 512;
  leaf.high = 0;
  spare.push(leaf);
}
/** The account for the leaves. */
export interface Purse {
  charge(bytes: number): boolean; uncharge(bytes: number): void;
  /** Whether `charge` would succeed. */
  affords(bytes: number): boolean;
  readonly work: Work
}

export class PageTable {
  private readonly purse: Purse | undefined;
  private readonly leaves = new Map<number, Leaf>();
  private lastKey = -1;
  private last: Leaf | undefined;
  /** Present entries. */
  count = 0;

  constructor(purse?: Purse) { this.purse = purse; }

  /** Ensures room for an entry at `vpn`. False: no memory for it. */
  reserve(vpn: number): boolean {
    const key = vpn >>> 9;
    if (this.leaf(key) !== undefined) return true;
    if (this.purse && !this.purse.charge(LEAF_COST)) return false;
    this.leaves.set(key, newLeaf());
    return true;
  }
  /** Ensures memory for a copy of all leaves. */
  canCopy(): boolean {
    return this.purse?.affords(this.leaves.size * LEAF_COST) ?? true;
  }
  private leaf(key: number): Leaf | undefined {
    if (key === this.lastKey) return this.last;
    const leaf = this.leaves.get(key);
    if (leaf) { this.lastKey = key; this.last = leaf; }
    return leaf;
  }
  get(vpn: number): number {
    const leaf = this.leaf(vpn >>> 9);
    return leaf === undefined ? 0 : leaf.entries[vpn & 511]!;
  }
  set(vpn: number, pte: number): void {
    const key = vpn >>> 9;
    let leaf = this.leaf(key);
    if (!leaf) {
      if (pte === 0) return;
      this.purse?.charge(LEAF_COST);
      leaf = newLeaf();
      this.leaves.set(key, leaf);
      this.lastKey = key;
      this.last = leaf;
    }
    const i = vpn & 511, old = leaf.entries[i]!;
    if (old === 0) { if (pte !== 0) this.count++; } else if (pte === 0) this.count--;
    leaf.entries[i] = pte;
    if (i < leaf.low) leaf.low = i;
    if (i >= leaf.high) leaf.high = i + 1;
  }
  /** Calls `visit` for each present entry of [from, to); its answer replaces the entry. Visits only leaves that exist. */
  update(from: number, to: number, visit: (vpn: number, pte: number) => number): void {
    const first = from >>> 9, end = (to + 511) >>> 9;
    if (end - first > this.leaves.size) {
      for (const key of this.leaves.keys()) if (key >= first && key < end) this.updateLeaf(key, from, to, visit);
    } else for (let key = first; key < end; key++) this.updateLeaf(key, from, to, visit);
  }
  private updateLeaf(key: number, from: number, to: number, visit: (vpn: number, pte: number) => number): void {
    const leaf = this.leaves.get(key);
    if (!leaf) return;
    const { entries } = leaf, start = Math.max(leaf.low, from - key * 512), end = Math.min(leaf.high, to - key * 512);
    let visited = 0;
    for (let i = start; i < end; i++) {
      const pte = entries[i]!;
      if (pte === 0) continue;
      visited++;
      const next = visit(key * 512 + i, pte);
      if (next === 0) this.count--;
      entries[i] = next;
    }
    this.purse?.work.entered(visited);
  }
  clear(): void {
    this.purse?.uncharge(this.leaves.size * LEAF_COST);
    for (const leaf of this.leaves.values()) giveBack(leaf);
    this.leaves.clear();
    this.lastKey = -1;
    this.last = undefined;
    this.count = 0;
  }
}
