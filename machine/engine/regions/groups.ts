/**
 * Accesses that share one TLB check: loads (or stores) of a block with the same base register, unchanged between them, a few bytes apart.
 * The first one looks at the whole range; the others then go straight to memory, as nothing inside a region changes a TLB.
 */
import type { Decoded } from '../../isa/decode.ts';
import { rows } from '../../isa/table.ts';
import { writesX } from '../records.ts';

/** Bytes that a group may span: it must lie in one page to be of use. */
const MAX_SPAN = 256;

export interface Group {
  /** Instruction of the block that checks for all. */
  readonly leader: number;
  /** The range relative to the base register: [low, high). */
  low: number;
  high: number;
  count: number;
}

const SIZES: Record<string, number> = { b: 1, bu: 1, h: 2, hu: 2, w: 4, wu: 4, d: 8 };
interface Access { readonly store: boolean; readonly size: number }
const accesses: readonly (Access | undefined)[] = rows.map((r) => {
  const [, what, size] = /^f?([ls])(b|bu|h|hu|w|wu|d)$/.exec(r.name) ?? [];
  return what !== undefined && r.meaning && r.operands.endsWith('imm(rs1)') ? { store: what === 's', size: SIZES[size!]! } : undefined;
});

/** For each instruction the group it belongs to; undefined where it checks for itself. */
export function groupsOf(instructions: readonly Decoded[]): (Group | undefined)[] {
  const out: (Group | undefined)[] = [];
  const open = [new Map<number, Group>(), new Map<number, Group>()] as const; // loads, stores, by base register
  instructions.forEach((d, i) => {
    const access = accesses[d.index];
    out.push(access && join(open[access.store ? 1 : 0], d, access.size, i));
    if (writesX[d.index]!) for (const groups of open) groups.delete(d.operands.rd ?? 0);
  });
  return out.map((g) => (g && g.count > 1 ? g : undefined));
}

function join(groups: Map<number, Group>, d: Decoded, size: number, i: number): Group {
  const base = d.operands.rs1 ?? 0;
  const from = d.operands.imm ?? 0;
  const known = groups.get(base);
  if (known) {
    const low = Math.min(known.low, from);
    const high = Math.max(known.high, from + size);
    if (high - low <= MAX_SPAN) {
      Object.assign(known, { low, high, count: known.count + 1 });
      return known;
    }
  }
  const group = { leader: i, low: from, high: from + size, count: 1 };
  groups.set(base, group);
  return group;
}
