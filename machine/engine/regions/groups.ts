/**
 * Accesses that share one TLB check: loads (or stores) with the same base register, unchanged between them, a few bytes apart, in a block
 * or in one that follows it alone. The first one checks the whole range; the others then access memory directly, because nothing inside a
 * region changes a TLB.
 */
import type { Decoded } from '../../../hardware/isa/decode.ts';
import { accesses as tableAccesses, type Access } from '../../../hardware/isa/access.ts';
import { meanings } from '../../semantics/table.ts';
import { writesX } from '../records.ts';
import { successorsOf, type Region } from './discover.ts';

/** Bytes that a group may span: it must lie in one page to be useful. */
const MAX_SPAN = 256;

export interface Group {
  /** Instruction `i` of this block checks for the whole group. */
  readonly leader: { readonly block: number; readonly i: number };
  /** The range relative to the base register: [low, high). */
  low: number;
  high: number;
  count: number;
}

/** Loads and stores that generated code performs itself. */
const accesses: readonly (Access | undefined)[] = tableAccesses.map((access, i) =>
  (access?.kind !== 'atomic' && meanings[i] ? access : undefined));

/** Open groups by base register: loads, stores. */
type Open = readonly [Map<number, Group>, Map<number, Group>];
export type BlockGroups = readonly (Group | undefined)[];

/**
 * For each block of the region (by its number), for each instruction, the group it belongs to; undefined where it checks for itself. A
 * block with a single predecessor continues that block's groups. `order` lists each block after its predecessors, except for back edges.
 */
export function groupsOf(region: Region, order: readonly number[], entries: ReadonlySet<number>): ReadonlyMap<number, BlockGroups> {
  const out = new Map<number, BlockGroups>();
  const ends = new Map<number, Open>();
  const predecessors = countPredecessors(region);
  for (const id of order) {
    const block = region.blocks.get(id)!;
    const [count, from] = predecessors.get(id) ?? [0, -1];
    const before = count === 1 && !entries.has(id) ? ends.get(from) : undefined;
    const open: Open = before ? [new Map(before[0]), new Map(before[1])] : [new Map(), new Map()];
    out.set(id, block.instructions.map((d, i) => groupOf(d, open, { block: id, i })));
    ends.set(id, open);
  }
  for (const [id, groups] of out) out.set(id, groups.map((g) => (g && g.count > 1 ? g : undefined)));
  return out;
}

/** The number of predecessors of a block, and one of them. */
function countPredecessors(region: Region): Map<number, [number, number]> {
  const out = new Map<number, [number, number]>();
  for (const block of region.blocks.values())
    for (const successor of new Set(successorsOf(block))) out.set(successor, [(out.get(successor)?.[0] ?? 0) + 1, block.id]);
  return out;
}

function groupOf(decoded: Decoded, open: Open, leader: Group['leader']): Group | undefined {
  const access = accesses[decoded.index];
  const group = access && join(open[access.kind === 'store' ? 1 : 0], decoded, access.size, leader);
  if (writesX[decoded.index]!) for (const groups of open) groups.delete(decoded.operands.rd ?? 0);
  return group;
}

function join(groups: Map<number, Group>, decoded: Decoded, size: number, leader: Group['leader']): Group {
  const base = decoded.operands.rs1 ?? 0;
  const from = decoded.operands.imm ?? 0;
  const known = groups.get(base);
  if (known) {
    const low = Math.min(known.low, from);
    const high = Math.max(known.high, from + size);
    if (high - low <= MAX_SPAN) {
      known.low = low;
      known.high = high;
      known.count++;
      return known;
    }
  }
  const group = { leader, low: from, high: from + size, count: 1 };
  groups.set(base, group);
  return group;
}
