/**
 * Gives a region's graph a shape that WebAssembly can express: a sequence of items, each a block or a loop with a sequence inside. Jumps go
 * forward in a sequence, or to the head of a loop around them.
 *
 * A loop that is entered elsewhere than at its head (compilers put the test at the end and jump to it; a region may begin anywhere) has
 * `doors`: a jump to such a block sets a variable and goes to the head, which dispatches on the variable.
 */
import { componentsOf } from './cycles.ts';
import { successorsOf, type Block, type Region } from './discover.ts';

export interface Item {
  readonly head: number;
  /** Of a loop: the items inside, the first is the head; absent for a plain block. */
  readonly inside?: readonly Item[];
  /** Blocks inside, but for the head, that are entered from outside; filled in when all is known. */
  readonly doors: number[];
}

export interface Shape {
  readonly items: readonly Item[];
  /** All blocks, each after its predecessors, except for jumps to the head of a loop around them. */
  readonly order: readonly number[];
  /** Blocks at which the region or a loop can be entered: first the heads of items, then blocks behind a door, from `firstDoor` on. */
  readonly entries: readonly number[];
  readonly firstDoor: number;
  /** The heads of the loops around a block, outermost first; its own if it is one. */
  readonly loopsAround: ReadonlyMap<number, readonly number[]>;
  /** Most instructions from a block's start to the next check of the budget. */
  readonly need: ReadonlyMap<number, number>;
}

export function shapeOf(region: Region): Shape {
  const graph = new Graph(region);
  const items = graph.sequence([...region.blocks.keys()].sort((a, b) => a - b), new Set(), []);
  const entries = new Set(region.roots);
  for (const id of graph.loops.keys()) entries.add(id);
  for (const id of graph.sideEntries()) entries.add(id);
  for (const id of entries) graph.open(id);
  const behind = (id: number): boolean => graph.loopsAround.get(id)!.some((head) => head !== id);
  const all = graph.order.filter((id) => entries.has(id));
  const direct = all.filter((id) => !behind(id));
  return {
    items, order: graph.order, entries: [...direct, ...all.filter(behind)], firstDoor: direct.length, loopsAround: graph.loopsAround,
    need: graph.needs()
  };
}

class Graph {
  readonly order: number[] = [];
  readonly loopsAround = new Map<number, readonly number[]>();
  readonly loops = new Map<number, Item>();
  private readonly region: Region;

  constructor(region: Region) { this.region = region; }

  private block(id: number): Block { return this.region.blocks.get(id)!; }

  /** Orders these blocks; ignores jumps to `heads`, the heads of the loops `around` them. */
  sequence(ids: readonly number[], heads: ReadonlySet<number>, around: readonly number[]): Item[] {
    const edges = (id: number): number[] => this.following(id).filter((to) => !heads.has(to));
    return componentsOf(ids, edges).map((component) => {
      const first = component[0]!;
      if (component.length === 1 && !edges(first).includes(first)) return this.plain(first, around);
      return this.loop(component.sort((a, b) => a - b), heads, around);
    });
  }

  /** A return place counts as a successor if that creates no cycle; this affects the order only. */
  private following(id: number): number[] {
    const { comeback } = this.block(id);
    return comeback > id ? [...successorsOf(this.block(id)), comeback] : successorsOf(this.block(id));
  }

  private plain(id: number, around: readonly number[]): Item {
    this.order.push(id);
    this.loopsAround.set(id, around);
    return { head: id, doors: [] };
  }

  private loop(members: readonly number[], heads: ReadonlySet<number>, around: readonly number[]): Item {
    const head = this.headOf(members);
    const inside = this.sequence([head, ...members.filter((id) => id !== head)], new Set([...heads, head]), [...around, head]);
    const item = { head, inside, doors: [] };
    this.loops.set(head, item);
    return item;
  }

  /** The only block that jumps from outside enter; if there is none, or several, the first in the page. */
  private headOf(members: readonly number[]): number {
    const inside = new Set(members);
    const entered = new Set<number>();
    for (const block of this.region.blocks.values())
      if (!inside.has(block.id)) for (const successor of successorsOf(block)) if (inside.has(successor)) entered.add(successor);
    return entered.size === 1 ? [...entered][0]! : members[0]!;
  }

  /** Blocks that a jump from outside a loop around them leads to. */
  *sideEntries(): Iterable<number> {
    for (const block of this.region.blocks.values()) for (const successor of successorsOf(block)) {
      const from = this.loopsAround.get(block.id)!;
      if (this.loopsAround.get(successor)!.some((head) => head !== successor && !from.includes(head))) yield successor;
    }
  }

  /** Doors in all loops around this block. */
  open(id: number): void {
    for (const head of this.loopsAround.get(id)!) if (head !== id) this.loops.get(head)!.doors.push(id);
  }

  needs(): Map<number, number> {
    const need = new Map<number, number>();
    for (let i = this.order.length - 1; i >= 0; i--) {
      const block = this.block(this.order[i]!);
      const around = this.loopsAround.get(block.id)!;
      let most = 0;
      for (const successor of successorsOf(block))
        if (!around.includes(successor) && !this.checked(successor, around)) most = Math.max(most, need.get(successor)!);
      need.set(block.id, most + block.instructions.length);
    }
    return need;
  }

  /** Is this the head of a loop that is entered there? Such a head checks the budget. */
  private checked(id: number, around: readonly number[]): boolean {
    const outer = this.loopsAround.get(id)!;
    return this.loops.has(id) && outer.every((head) => head === id || around.includes(head));
  }
}
