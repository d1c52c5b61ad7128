/**
 * The mapping tree: one node per leaf entry of a page table, with the leaf it was derived from. A node covers a page (level 0),
 * 2 MiB (1) or 1 GiB (2). Mappings of the same size derived from it hang in its `children`; smaller pieces hang below `parts`,
 * sorted by which part of it they cover, so that unmapping one page of a superpage looks at that page's nodes only.
 *
 *   node 2 MiB ── children → node 2 MiB → …
 *        └ parts.heads[17] → node 4 KiB → node 4 KiB
 */
import { Right } from '../abi/index.ts';
import type { Space } from './space.ts';
import type { Table } from './table.ts';

/** Leaves stand at levels 0, 1 and 2; Sv48 and Sv57 have one and two levels of pointers above. */
export const LEVEL_BITS = [12, 21, 30, 39, 48] as const;
export const LEVEL_SIZE = [2 ** 12, 2 ** 21, 2 ** 30, 2 ** 39, 2 ** 48] as const;
/** How far an address lies in its aligned range of `size` bytes; addresses of the upper half are negative. */
export const within = (at: number, size: number): number => at - Math.floor(at / size) * size;
/** Bytes from `at` to the end of the aligned range of `size` that it lies in. */
export const restOf = (at: number, size: number): number => size - within(at, size);
const PART = 512;

/** Rights as page tables can say them: writing needs reading. */
export const legalRights = (rights: number): number => (rights & Right.R) !== 0 ? rights & Right.RWX : rights & Right.X;

/** The pieces of a superpage. `level` is the level of the nodes in `heads`. */
export class Parts {
  readonly level: number;
  readonly heads: (MapNode | undefined)[] = new Array<MapNode | undefined>(PART).fill(undefined);
  /** For parts of 1 GiB: the parts of the parts. */
  readonly parts: (Parts | undefined)[] | undefined;
  /** Entries in use. */
  count = 0;

  constructor(level: number) {
    this.level = level;
    this.parts = level > 0 ? new Array<Parts | undefined>(PART).fill(undefined) : undefined;
  }
}

export class MapNode {
  readonly space: Space;
  readonly va: number;
  readonly pa: number;
  readonly level: number;
  rights: number;
  /** The kernel's own (a UTCB, the boot information): user level can neither map it on nor unmap it. */
  readonly pinned: boolean;
  alive = true;
  /** The place of its entry. */
  table: Table;
  index: number;
  parent: MapNode | undefined = undefined;
  children: MapNode | undefined = undefined;
  parts: Parts | undefined = undefined;
  next: MapNode | undefined = undefined;
  prev: MapNode | undefined = undefined;

  constructor(space: Space, va: number, pa: number, level: number, rights: number, pinned: boolean, table: Table, index: number) {
    this.space = space;
    this.va = va;
    this.pa = pa;
    this.level = level;
    this.rights = rights;
    this.pinned = pinned;
    this.table = table;
    this.index = index;
  }
}

const partIndex = (parent: MapNode, level: number, pa: number): number => Math.floor((pa - parent.pa) / LEVEL_SIZE[level]) % PART;

/** The directory of `parent`'s parts of this level at `pa`, if there is one. */
function partsAt(parent: MapNode, level: number, pa: number): Parts | undefined {
  const top = parent.parts;
  return !top || top.level === level ? top : top.parts![partIndex(parent, top.level, pa)];
}

/** Bytes of directories that a child of this level needs. */
export function partsNeeded(parent: MapNode, level: number, pa: number): number {
  if (level === parent.level) return 0;
  const top = parent.parts;
  if (!top) return parent.level - level;
  return top.level === level || top.parts![partIndex(parent, top.level, pa)] ? 0 : 1;
}

function makeParts(parent: MapNode, level: number, pa: number): Parts {
  const top = (parent.parts ??= new Parts(parent.level - 1));
  if (top.level === level) return top;
  const i = partIndex(parent, top.level, pa), found = top.parts![i];
  if (found) return found;
  top.count++;
  return (top.parts![i] = new Parts(level));
}

/** Hangs a node below its parent. Directories (`partsNeeded`) have been charged. */
export function linkNode(node: MapNode, parent: MapNode): void {
  node.parent = parent;
  node.prev = undefined;
  let head: MapNode | undefined;
  if (node.level === parent.level) {
    head = parent.children;
    parent.children = node;
  } else {
    const parts = makeParts(parent, node.level, node.pa), i = partIndex(parent, node.level, node.pa);
    head = parts.heads[i];
    if (!head) parts.count++;
    parts.heads[i] = node;
  }
  node.next = head;
  if (head) head.prev = node;
}

/** Removes a node from its parent; returns the number of freed directories. */
export function unlinkNode(node: MapNode): number {
  const parent = node.parent;
  if (!parent) return 0;
  if (node.next) node.next.prev = node.prev;
  const only = !node.prev && !node.next;
  if (node.prev) node.prev.next = node.next;
  else if (node.level === parent.level) parent.children = node.next;
  else partsAt(parent, node.level, node.pa)!.heads[partIndex(parent, node.level, node.pa)] = node.next;
  node.parent = node.next = node.prev = undefined;
  return only && node.level !== parent.level ? emptied(parent, node.level, node.pa) : 0;
}

/** A part has lost its last node: directories without entries go. */
function emptied(parent: MapNode, level: number, pa: number): number {
  const top = parent.parts!;
  let gone = 0;
  if (top.level !== level) {
    const i = partIndex(parent, top.level, pa);
    if (--top.parts![i]!.count > 0) return 0;
    top.parts![i] = undefined;
    gone = 1;
  }
  if (--top.count > 0) return gone;
  parent.parts = undefined;
  return gone + 1;
}

/** Appends the children of `node` that overlap [pa, pa + size) to `out`. */
export function overlapping(node: MapNode, pa: number, size: number, out: MapNode[]): void {
  for (let child = node.children; child; child = child.next) out.push(child);
  if (node.parts) collect(node, node.parts, pa, size, out);
}

/** `parts` covers 512 steps: all of `node`, or the part of it that [pa, pa + size) lies in. */
function collect(node: MapNode, parts: Parts, pa: number, size: number, out: MapNode[]): void {
  const step = LEVEL_SIZE[parts.level], span = step * PART;
  const base = Math.max(node.pa, Math.floor(pa / span) * span), end = Math.min(pa + size, base + span);
  for (let at = Math.max(pa, base), i = Math.floor((at - base) / step); at < end; i++) {
    const stop = Math.min(end, base + (i + 1) * step), below = parts.parts?.[i];
    for (let child = parts.heads[i]; child; child = child.next) out.push(child);
    if (below) collect(node, below, at, stop - at, out);
    at = stop;
  }
}

/**
 * Visits the leaves of [base, end) in order, each as it is found then; `visit` returns the bytes it has handled (0: look there again;
 * Infinity: stop). A look-up costs `cycles`.
 */
export function eachLeaf(space: Space, base: number, end: number, cycles: number, visit: (node: MapNode, at: number) => number): void {
  for (let at = base; at < end; ) {
    const node = space.find(at);
    space.k.work(cycles);
    at += node ? visit(node, at) : restOf(at, space.hole);
  }
}

/** `node` and everything derived from it, each before what was derived from it. */
export function descendants(node: MapNode): MapNode[] {
  const all = [node];
  for (let i = 0; i < all.length; i++) overlapping(all[i], all[i].pa, LEVEL_SIZE[all[i].level], all);
  return all;
}
