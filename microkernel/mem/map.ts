/**
 * Mapping a flexpage of memory from one space into another: each leaf of the source becomes leaves of the destination, as large as
 * the source's leaf, the flexpage and both alignments allow, with rights that are never more than the source's.
 */
import { Status, flexBase, flexOrder, flexRights, flexSize } from '../abi/index.ts';
import { BYTES, COSTS } from '../costs.ts';
import { LEVEL_SIZE, eachLeaf, legalRights, linkNode, overlapping, partsNeeded, restOf, unlinkNode, type MapNode } from './node.ts';
import type { Space } from './space.ts';
import { removeSubtree, split } from './unmap.ts';

/** Leaves that the last `mapMemory` created or found. */
export let mapped = 0;
/** Bytes of a quota that making room must leave: enough for everything `mapMemory` will map. */
let keep = 0;

/** Is this a flexpage of `from`, with rights, that may go to `dest` of `to`, and is anything mapped there with these rights? */
export function checkMemory(from: Space, page: number, to: Space, dest: number): Status {
  const base = flexBase(page), order = flexOrder(page), rights = legalRights(flexRights(page)), size = flexSize(page);
  if (order < 12 || base % size !== 0 || !from.holds(base, size)) return Status.badArgument;
  if (rights === 0 || dest % 4096 !== 0 || !to.holds(dest, size)) return Status.badArgument;
  let status: Status = Status.fault;
  eachLeaf(from, base, base + size, COSTS.node, (node, at) => {
    if (node.pinned || legalRights(node.rights & rights) === 0) return restOf(at, LEVEL_SIZE[node.level]);
    status = Status.ok;
    return Infinity;
  });
  return status;
}

/** Would the flexpage fit both quotas, with `before` bytes already used? Exact only where they are nearly used up. */
export function fits(from: Space, page: number, to: Space, dest: number, before: number): boolean {
  const size = flexSize(page);
  return Math.min(from.factory.free, to.factory.free) >= crudeCost(size) + before
    || affordable(from, flexBase(page), size, to, dest, legalRights(flexRights(page)), before);
}

/** badArgument: order, alignment or range; fault: nothing is mapped there with these rights; noQuota. Unless ok, nothing has changed. */
export function mapMemory(from: Space, page: number, to: Space, dest: number, grant: boolean): Status {
  const base = flexBase(page), rights = legalRights(flexRights(page)), size = flexSize(page), status = checkMemory(from, page, to, dest);
  mapped = 0;
  keep = crudeCost(size);
  if (status !== Status.ok) return status;
  if (!fits(from, page, to, dest, 0)) return Status.noQuota;
  eachLeaf(from, base, base + size, COSTS.node, (node, at) => {
    const there = dest + at - base, level = levelFor(node, at, there, base + size - at);
    return node.pinned || mapLeaf(node, at, to, there, level, rights, grant) ? LEVEL_SIZE[level] : 0;
  });
  return Status.ok;
}

/** Upper bound of the cost of mapping this many bytes. */
export const crudeCost = (size: number): number => (size / 4096) * (BYTES.node + 16) + 8 * BYTES.frame;

/** The largest level at which `left` bytes of `node` from `va` on fit at `dest`. */
function levelFor(node: MapNode, va: number, dest: number, left: number): number {
  const pa = node.pa + va - node.va;
  for (let level = node.level; level > 0; level--) {
    const size = LEVEL_SIZE[level];
    if (left >= size && pa % size === 0 && dest % size === 0) return level;
  }
  return 0;
}

/** Exact check that the whole flexpage fits both quotas, used only when they are nearly used up. */
function affordable(from: Space, base: number, size: number, to: Space, dest: number, rights: number, before: number): boolean {
  const tables: number[] = [];
  let cost = before, parts = 0, partsOf = '';
  eachLeaf(from, base, base + size, 0, (node, at) => {
    const va = dest + at - base, level = levelFor(node, at, va, base + size - at), pa = node.pa + at - node.va;
    if ((node.rights & rights) === 0 || node.pinned) return LEVEL_SIZE[level];
    cost += BYTES.node;
    for (let above = to.tableFor(va, level).level - 1; above >= level; above--) {
      const table = Math.floor(va / LEVEL_SIZE[above + 1]);
      if (tables[above] !== table) cost += BYTES.frame;
      tables[above] = table;
    }
    const directory = `${node.va} ${Math.floor(pa / LEVEL_SIZE[1])}`;
    if (partsOf !== directory) parts += partsNeeded(node, level, pa);
    partsOf = directory;
    return LEVEL_SIZE[level];
  });
  return from.factory === to.factory
    ? from.factory.free >= cost + parts * BYTES.parts
    : to.factory.free >= cost && from.factory.free >= parts * BYTES.parts;
}

/** The quota suffices. False: making room has split the source, so find it again. */
function mapLeaf(source: MapNode, va: number, to: Space, dest: number, level: number, wanted: number, grant: boolean): boolean {
  const rights = legalRights(source.rights & wanted), pa = source.pa + va - source.va;
  if (rights === 0) return true;
  const room = clearWay(source, to, dest, level, pa, rights);
  if (room === 'again') return false;
  if (room === 'skip') return true;
  mapped++;
  const node = room === 'same' ? to.find(dest)! : to.install(dest, level, pa, rights, source)!;
  if (grant) handOver(source, node);
  return true;
}

/**
 * Granting: the new leaf takes the source's place in the tree, the source's leaf goes. Where the giver's quota does not allow splitting a
 * superpage for a partial grant, the part is mapped, not moved.
 */
function handOver(source: MapNode, node: MapNode): void {
  let from = source;
  while (from.level > node.level) {
    const part = split(from)?.find(p => p.pa <= node.pa && node.pa < p.pa + LEVEL_SIZE[p.level]);
    if (!part) return;
    from = part;
  }
  reparent(from);
  from.space.remove(from);
}

/** Moves the mappings derived from `node` to its parent. */
function reparent(node: MapNode): void {
  const parent = node.parent, orphans: MapNode[] = [];
  overlapping(node, node.pa, LEVEL_SIZE[node.level], orphans);
  for (const child of orphans) {
    const gone = unlinkNode(child);
    node.space.factory.refund(gone * BYTES.parts);
    if (!parent) continue;
    const need = partsNeeded(parent, child.level, child.pa) * BYTES.parts;
    if (need > 0 && !parent.space.factory.charge(need)) removeSubtree(child);
    else linkNode(child, parent);
  }
}

type Room = 'free' | 'same' | 'skip' | 'again';

/**
 * Makes room at the destination: a mapping replaces what was there, and what was derived from that. 'same': this frame is there already
 * from the same source, and has the new rights now. 'skip': the source was itself derived from what is there, or the kernel's own page
 * is there; then it stays.
 */
function clearWay(source: MapNode, to: Space, dest: number, level: number, pa: number, rights: number): Room {
  const table = to.tableFor(dest, level), there = table.level === level ? table.nodes.get(to.indexAt(dest, level)) : undefined;
  if (there) {
    if (there === source || there.pinned || isAncestor(there, source)) return 'skip';
    if (there.pa === pa && there.parent === source && !there.children && !there.parts) {
      if (there.rights !== rights) to.setRights(there, rights);
      return 'same';
    }
    removeSubtree(there);
    return 'free';
  }
  if (table.level > level) return clearLarger(source, to, dest, level, pa);
  return table.tables?.get(to.indexAt(dest, level)) ? clearSmaller(source, to, dest, level) : 'free';
}

/** Makes room for a superpage where smaller leaves are mapped. */
function clearSmaller(source: MapNode, to: Space, dest: number, level: number): 'free' | 'skip' {
  const leaves: MapNode[] = [];
  eachLeaf(to, dest, dest + LEVEL_SIZE[level], 0, node => {
    leaves.push(node);
    return LEVEL_SIZE[node.level];
  });
  if (leaves.some(node => node.pinned || node === source || isAncestor(node, source))) return 'skip';
  for (const node of leaves) if (node.alive) removeSubtree(node);
  return 'free';
}

/**
 * Makes room for a smaller leaf where a superpage is mapped: splits the superpage (and the source, if that is derived from it). Where the
 * quota does not pay for the split, the whole superpage goes, unless the source was derived from it.
 */
function clearLarger(source: MapNode, to: Space, dest: number, level: number, pa: number): Room {
  for (let node = to.find(dest); node; node = to.find(dest)) {
    const origin = node === source || isAncestor(node, source);
    if (node.pinned || (origin && node.pa + dest - node.va === pa)) return 'skip';
    if (node.level === level || (!split(node, keep) && !origin)) removeSubtree(node);
    else if (origin && node.alive) return 'skip';
    if (!source.alive) return 'again';
  }
  return 'free';
}

function isAncestor(node: MapNode, of: MapNode): boolean {
  for (let n = of.parent; n; n = n.parent) if (n === node) return true;
  return false;
}
