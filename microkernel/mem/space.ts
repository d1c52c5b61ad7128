/**
 * A memory space: page tables of a task (Sv39, Sv48 or Sv57, both halves), or of a guest's physical memory (Sv39x4, root of 16 KiB), and
 * the mapping nodes of their leaves. Addresses are numbers as the processor extends their sign: the upper half of a task's space is
 * negative. This file finds and changes single leaves; map.ts and unmap.ts are the operations on flexpages.
 *
 * Everything is charged to the task's factory: 4096 bytes a table, BYTES.node a leaf.
 * @spec priv 12.4, 12.5, 12.6 @spec priv 21.5.1
 */
import { BYTES, COSTS } from '../costs.ts';
import type { Factory } from '../objects/factory.ts';
import type { Ground } from '../core.ts';
import { LEVEL_SIZE, MapNode, linkNode, partsNeeded, unlinkNode } from './node.ts';
import { Table, clearEntry, writeLeaf, writePointer } from './table.ts';

/** Kinds of spaces by the number in `createTask`: levels, half of the address space (or all guest-physical addresses), satp.MODE. */
export interface Shape {
  readonly levels: number;
  readonly guest: boolean;
  readonly low: number;
  readonly limit: number;
  readonly mode: number
}
const host = (levels: number): Shape => ({
  levels, guest: false, low: -(2 ** (9 * levels + 11)), limit: 2 ** (9 * levels + 11), mode: levels + 5
});
export const SHAPES: readonly Shape[] = [host(3), { levels: 3, guest: true, low: 0, limit: 2 ** 41, mode: 8 }, host(4), host(5)];
const CACHE = 256, FENCES = 8;

export class Space {
  readonly k: Ground;
  readonly factory: Factory;
  readonly guest: boolean;
  /** satp.MODE, where it is a host space. */
  readonly mode: number;
  /** Addresses are from `low` on and below `limit`. */
  readonly low: number;
  readonly limit: number;
  readonly root: Table;
  /** ASID, or VMID. */
  readonly asid: number;
  /** Harts whose TLBs may know this space, as bits. */
  harts = 0;
  /** Increases whenever a leaf is removed or loses a right. */
  changes = 0;
  /** Being taken down: TLBs are flushed once, at the end. */
  dying = false;
  leaves = 0;
  /** Cache of `leaf`, by the last bits of the page; dead leaves are looked up again. */
  readonly #known: (MapNode | undefined)[] = [];
  /** Index of the last entry in a table of level 2; the root of a guest-physical space has two bits more. */
  readonly #lastGiga: number;
  /** Pages to be fenced at the end of this kernel entry; more than FENCES: all. */
  readonly #fences = new Float64Array(FENCES);
  #fenceCount = 0;

  /** The root's frames have been charged. */
  constructor(k: Ground, factory: Factory, shape: Shape, root: number, asid: number) {
    const { guest } = shape;
    this.k = k;
    this.factory = factory;
    this.guest = guest;
    this.mode = shape.mode;
    this.low = shape.low;
    this.limit = shape.limit;
    this.#lastGiga = guest ? 2047 : 511;
    this.root = new Table(root, shape.levels - 1, guest ? 2048 : 512, undefined, 0);
    this.asid = asid;
  }

  /** Index of `va` in a table of this level. */
  indexAt(va: number, level: number): number { return Math.floor(va / LEVEL_SIZE[level]) & (level === 2 ? this.#lastGiga : 511); }

  /** Does [va, va + size) lie in this space? */
  holds(va: number, size: number): boolean { return va >= this.low && va + size <= this.limit; }

  /** The leaf that covers `va`. If there is none, `hole` is the size of the aligned hole that `va` lies in. */
  find(va: number): MapNode | undefined {
    let table: Table | undefined = this.root;
    for (let { level } = table; table; level--) {
      const i: number = this.indexAt(va, level), node: MapNode | undefined = table.nodes.get(i);
      if (node) return node;
      this.hole = LEVEL_SIZE[level];
      table = table.tables?.get(i);
    }
    return undefined;
  }
  hole = 0;

  /** The same for any address, of this space or not, with a cache for repeated look-ups. */
  leaf(va: number): MapNode | undefined {
    const slot = Math.floor(va / 4096) & (CACHE - 1), known = this.#known[slot];
    if (known !== undefined && known.alive && va >= known.va && va < known.va + LEVEL_SIZE[known.level]) return known;
    return this.#known[slot] = this.holds(va, 1) ? this.find(va) : undefined;
  }

  /** The table of this level for `va`; or the one where it is missing, of a higher level. */
  tableFor(va: number, level: number): Table {
    let table = this.root;
    for (let below: Table | undefined = table; below && table.level > level; ) {
      below = table.tables!.get(this.indexAt(va, table.level));
      if (below) table = below;
    }
    return table;
  }

  /**
   * A new leaf; nothing is mapped there. False (and nothing changed) when a quota does not allow it: its own for node and tables, the
   * parent's for the directories of its parts.
   */
  install(va: number, level: number, pa: number, rights: number, parent: MapNode | undefined, pinned = false): MapNode | undefined {
    let table = this.tableFor(va, level);
    const cost = BYTES.node + (table.level - level) * BYTES.frame, parts = parent ? partsNeeded(parent, level, pa) * BYTES.parts : 0;
    if (!this.factory.charge(cost)) return undefined;
    if (parts > 0 && !parent!.space.factory.charge(parts)) {
      this.factory.refund(cost);
      return undefined;
    }
    while (table.level > level) table = this.#addTable(table, this.indexAt(va, table.level));
    const index = this.indexAt(va, level), node = table.nodes.set(index, new MapNode(this, va, pa, level, rights, pinned, table, index));
    table.used++;
    this.leaves++;
    if (parent) linkNode(node, parent);
    writeLeaf(this.k.frames, table, index, pa, rights);
    return node;
  }

  #addTable(up: Table, index: number): Table {
    const frame = this.k.frames.take(), table = up.tables!.set(index, new Table(frame, up.level - 1, 512, up, index));
    up.used++;
    this.k.work(COSTS.frame);
    writePointer(this.k.frames, up, index, frame);
    return table;
  }

  /** Removes a leaf without children. */
  remove(node: MapNode): void {
    const { table } = node, parent = node.parent;
    clearEntry(this.k.frames, table, node.index);
    table.nodes.set(node.index, undefined);
    this.leaves--;
    node.alive = false;
    this.factory.refund(BYTES.node);
    this.k.work(COSTS.unmap);
    const parts = unlinkNode(node);
    if (parts > 0) parent!.space.factory.refund(parts * BYTES.parts);
    this.invalidate(node.va, node.level);
    this.release(table);
  }

  /** Releases an entry: frees a table without entries, and so on up to the root. */
  release(from: Table): void {
    let table = from;
    while (--table.used === 0 && table.up) {
      clearEntry(this.k.frames, table.up, table.upIndex);
      table.up.tables!.set(table.upIndex, undefined);
      this.k.frames.give(table.pa);
      this.factory.refund(BYTES.frame);
      this.k.work(COSTS.node);
      table = table.up;
    }
  }

  /** Gives a leaf other rights; nothing was derived from it that would have more. */
  setRights(node: MapNode, rights: number): void {
    const fewer = (node.rights & ~rights) !== 0;
    node.rights = rights;
    writeLeaf(this.k.frames, node.table, node.index, node.pa, rights);
    if (!fewer) return;
    this.k.work(COSTS.unmap);
    this.invalidate(node.va, node.level);
  }

  /** Removes this leaf from all TLBs. */
  invalidate(va: number, level: number): void {
    this.changes++;
    if (this.harts === 0 || this.dying) return;
    if (this.#fenceCount === 0) this.k.fences.push(this);
    if (level > 0 || this.#fenceCount >= FENCES) this.#fenceCount = FENCES + 1;
    else this.#fences[this.#fenceCount++] = va;
  }

  /** Sends the fences that have gathered to all harts that know the space. */
  fence(): void {
    const pages = this.#fenceCount;
    this.#fenceCount = 0;
    for (const cpu of this.k.cpus) {
      if ((this.harts & (1 << cpu.id)) === 0) continue;
      if (this.guest) cpu.hart.hfenceGvma(undefined, this.asid);
      else if (pages > FENCES) cpu.hart.sfenceVma(undefined, this.asid);
      else for (let i = 0; i < pages; i++) cpu.hart.sfenceVma(this.#fences[i], this.asid);
    }
  }

  /** The whole space ends: one flush instead of one per page. */
  flushAll(): void {
    this.#fenceCount = FENCES + 1;
    this.fence();
  }
}
