/**
 * One page table: a frame in simulated RAM that the MMU walks, and the kernel's record of each entry: the mapping node
 * of a leaf, or the next table. The two always agree (audit.ts checks it).
 *
 * Level 2 is the root of Sv39 (512 entries of 1 GiB; 2048 in guest-physical spaces), 3 that of Sv48, 4 that of Sv57; level 1 has entries
 * of 2 MiB, level 0 of 4 KiB.
 * @spec priv 12.4
 */
import { Right } from '../abi/index.ts';
import type { Frames } from '../frames.ts';
import type { MapNode } from './node.ts';

/** @spec priv 12.3.1 */
export const PTE = { V: 1, R: 2, W: 4, X: 8, U: 16, A: 64, D: 128 } as const;
const LEAF = PTE.V | PTE.U | PTE.A | PTE.D;

/** What the kernel knows about entries of a table: sixteen places at a time, because most tables have few entries in use. */
class Places<T> {
  readonly length: number;
  readonly #parts: (T | undefined)[][] = [];
  constructor(length: number) { this.length = length; }
  get(i: number): T | undefined { return this.#parts[i >> 4]?.[i & 15]; }
  /** Was any of the sixteen places around `i` ever in use? */
  near(i: number): boolean { return this.#parts[i >> 4] !== undefined; }
  set<X extends T | undefined>(i: number, x: X): X { return (this.#parts[i >> 4] ??= new Array(16).fill(undefined))[i & 15] = x; }
}

export class Table {
  readonly pa: number;
  readonly level: number;
  readonly up: Table | undefined;
  readonly upIndex: number;
  readonly nodes: Places<MapNode>;
  readonly tables: Places<Table> | undefined;
  used = 0;

  constructor(pa: number, level: number, entries: number, up: Table | undefined, upIndex: number) {
    this.pa = pa;
    this.level = level;
    this.up = up;
    this.upIndex = upIndex;
    this.nodes = new Places(entries);
    this.tables = level > 0 ? new Places(entries) : undefined;
  }
}

/** PTE permission bits (R, W, X in bits 1 … 3) are the rights shifted by one. */
export function writeLeaf(frames: Frames, table: Table, index: number, pa: number, rights: number): void {
  writeEntry(frames, table, index, pa, LEAF | (rights & Right.RWX) << 1);
}
export function writePointer(frames: Frames, table: Table, index: number, pa: number): void { writeEntry(frames, table, index, pa, PTE.V); }

function writeEntry(frames: Frames, table: Table, index: number, pa: number, flags: number): void {
  const at = (table.pa - frames.base) / 4 + index * 2, ppn = pa / 4096;
  frames.words[at] = (ppn << 10) | flags;
  frames.words[at + 1] = Math.floor(ppn / 2 ** 22);
}
export function clearEntry(frames: Frames, table: Table, index: number): void { writeEntry(frames, table, index, 0, 0); }
