/**
 * Unmapping: removes rights from all mappings derived from a range, at once and everywhere. Partly affected superpages are split first,
 * which costs quota. Revoking derived mappings cannot fail: a space without quota for a split loses the whole superpage. Removing rights
 * from the range itself can: noQuota, and nothing has changed.
 */
import { EVERYTHING, Right, Status } from '../abi/index.ts';
import { BYTES, COSTS } from '../costs.ts';
import {
  LEVEL_SIZE, MapNode, descendants, eachLeaf, legalRights, overlapping, partsNeeded, linkNode, unlinkNode, type Parts
} from './node.ts';
import type { Space } from './space.ts';
import { Table, writeLeaf, writePointer } from './table.ts';

/** Leaves that the last `unmapMemory` removed or reduced. */
export let unmapped = 0;

/** Removes rights (0 = all) from all mappings derived from the range of 2^order bytes; with `self` from the range too. ok, noQuota. */
export function unmapMemory(space: Space, start: number, order: number, taken: number, self: boolean): Status {
  const all = order === EVERYTHING, base = all ? space.low : start, size = all ? space.limit - space.low : 2 ** order,
    rights = taken || Right.RWX;
  const first = all || !space.holds(base, 1) ? undefined : space.find(base);
  unmapped = 0;
  if (self && first && LEVEL_SIZE[first.level] > size && !first.pinned && (first.rights & rights) !== 0
      && !affordsSplit(first, splitsAgain(first, size)))
    return Status.noQuota;
  eachLeaf(space, Math.max(base, space.low), Math.min(base + size, space.limit), COSTS.node, (node, at) => {
    const length = Math.min(base + size, node.va + LEVEL_SIZE[node.level]) - at;
    revokeRange(node, node.pa + at - node.va, length, rights, self);
    return length;
  });
  return Status.ok;
}

/** The same for [pa, pa + size) within one leaf. */
function revokeRange(node: MapNode, pa: number, size: number, rights: number, self: boolean): void {
  if (node.pinned || (self && (node.rights & rights) === 0)) return;
  if (self) return takeRange(node, pa, size, rights);
  const below: MapNode[] = [];
  overlapping(node, pa, size, below);
  for (const child of below) takeRange(child, pa, size, rights);
}

/** Takes rights from the part [pa, pa + size) of a leaf and from all that was derived from that part. */
function takeRange(node: MapNode, pa: number, size: number, rights: number): void {
  node.space.k.work(COSTS.node);
  if (!node.alive || (node.rights & rights) === 0 || node.pa >= pa + size || node.pa + LEVEL_SIZE[node.level] <= pa) return;
  if (node.pa >= pa && node.pa + LEVEL_SIZE[node.level] <= pa + size) return take(node, rights);
  const pieces = split(node, splitsAgain(node, size));
  if (!pieces) return removeSubtree(node); // (a space that cannot pay)
  const step = LEVEL_SIZE[node.level - 1];
  for (let i = Math.max(0, Math.floor((pa - node.pa) / step)); i < 512 && node.pa + i * step < pa + size; i++)
    takeRange(pieces[i], pa, size, rights);
}

/** Takes rights from a leaf and its descendants, which have no others; leaves without rights are removed. */
function take(node: MapNode, rights: number): void {
  const all = node.children || node.parts ? descendants(node) : [node];
  for (let i = all.length - 1; i >= 0; i--) {
    const n = all[i], left = legalRights(n.rights & ~rights);
    if (left === n.rights) continue;
    unmapped++;
    n.space.k.work(left === 0 ? 0 : COSTS.node);
    if (left === 0) n.space.remove(n);
    else n.space.setRights(n, left);
  }
}

/** Removes a leaf and everything derived from it. */
export function removeSubtree(node: MapNode): void { take(node, Right.RWX); }

/** Bytes of the leaves that replace one superpage. */
const SPLIT = BYTES.frame + 511 * BYTES.node;

/**
 * Replaces a superpage by 512 leaves of the next size, in the page table and in the tree; equal superpages derived from it are split
 * too, or lost where their spaces cannot pay. Returns the new leaves; or undefined, and changes nothing, when the quota does not allow it
 * (`keep` bytes of it must remain).
 */
export function split(node: MapNode, keep = 0): MapNode[] | undefined {
  if (!paySplit(node, keep)) return undefined;
  const chain = [node];
  for (let i = 0; i < chain.length; i++) for (let child = chain[i].children; child; child = child.next) chain.push(child);
  for (let i = chain.length - 1; i > 0; i--) if (paySplit(chain[i], keep)) replace(chain[i]); else removeSubtree(chain[i]);
  return replace(node);
}

/** Bytes of quota that splitting a leaf for `size` of its bytes must leave, because one of its parts may be split as well. */
const splitsAgain = (node: MapNode, size: number): number => LEVEL_SIZE[node.level - 1] > size ? SPLIT : 0;

/** Bytes of the directories for its parts in their parent's space. */
const partsOf = ({ parent, level, pa }: MapNode): number => parent ? partsNeeded(parent, level - 1, pa) * BYTES.parts : 0;

function affordsSplit(node: MapNode, keep: number): boolean {
  const own = node.space.factory, above = node.parent?.space.factory;
  return own.free >= SPLIT + keep && (!above || above.free >= partsOf(node) + keep + (above === own ? SPLIT : 0));
}
function paySplit(node: MapNode, keep: number): boolean {
  if (!affordsSplit(node, keep)) return false;
  node.space.factory.charge(SPLIT);
  node.parent?.space.factory.charge(partsOf(node));
  return true;
}

/** `node` has no children of its own size, and the cost is paid. */
function replace(node: MapNode): MapNode[] {
  const { space, parent } = node, level = node.level - 1;
  if (node.parts) space.factory.refund(BYTES.parts);
  space.k.work(COSTS.frame + 512 * COSTS.node);
  const table = new Table(space.k.frames.take(), level, 512, node.table, node.index), pieces: MapNode[] = [], step = LEVEL_SIZE[level];
  for (let i = 0; i < 512; i++) {
    const piece = table.nodes.set(i, new MapNode(space, node.va + i * step, node.pa + i * step, level, node.rights, node.pinned, table, i));
    writeLeaf(space.k.frames, table, i, piece.pa, piece.rights);
    if (parent) linkNode(piece, parent);
    if (node.parts) inherit(piece, node.parts, i);
    pieces.push(piece);
  }
  const gone = unlinkNode(node); // after its pieces are in: their directories stay
  if (gone > 0) parent!.space.factory.refund(gone * BYTES.parts);
  table.used = 512;
  node.table.nodes.set(node.index, undefined);
  node.table.tables!.set(node.index, table);
  writePointer(space.k.frames, node.table, node.index, table.pa);
  node.alive = false;
  node.parts = undefined;
  space.leaves += 511;
  space.invalidate(node.va, node.level);
  return pieces;
}

/** Moves the children of part `i` of a superpage to the leaf that replaces the part. */
function inherit(piece: MapNode, parts: Parts, i: number): void {
  piece.children = parts.heads[i];
  for (let child = piece.children; child; child = child.next) child.parent = piece;
  piece.parts = parts.parts?.[i];
  for (const head of piece.parts?.heads ?? []) for (let child = head; child; child = child.next) child.parent = piece;
}
