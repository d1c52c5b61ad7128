/**
 * Gives a region's graph a shape that WebAssembly can say: a sequence of items, each a block or a loop with a sequence inside. Jumps go
 * forward in a sequence, to the head of a loop around them, or, where neither fits, back through the dispatcher at the region's start.
 */
import type { Region } from './discover.ts';

export interface Item {
  readonly head: number;
  /** Items inside, the first begins with the head; absent for a plain block. */
  readonly inside?: readonly Item[];
}

export interface Shape {
  readonly items: readonly Item[];
  /** All blocks, each behind those that lead to it but for back edges. */
  readonly order: readonly number[];
  /** Blocks that the dispatcher can go to. */
  readonly entries: readonly number[];
  /** Instructions at most from a block's start to where the budget is looked at next. */
  readonly need: ReadonlyMap<number, number>;
}

export function shapeOf(region: Region): Shape {
  const graph = new Graph(region);
  const loops = graph.loops();
  const items = nest(graph.order, loops, undefined);
  const dispatched = new Set(region.roots);
  for (const [from, to] of graph.backEdges) if (!inLoop(loops, to, from)) dispatched.add(to);
  return { items, order: graph.order, entries: graph.order.filter((b) => dispatched.has(b)), need: graph.needs(loops) };
}

interface Loop { readonly head: number; readonly body: ReadonlySet<number> }

const inLoop = (loops: readonly Loop[], head: number, member: number): boolean => loops.some((l) => l.head === head && l.body.has(member));

class Graph {
  /** Reverse postorder: what is not a back edge goes forward. */
  readonly order: number[] = [];
  readonly backEdges: [number, number][] = [];
  private readonly region: Region;
  private readonly rank = new Map<number, number>();
  private readonly predecessors = new Map<number, number[]>();

  constructor(region: Region) {
    this.region = region;
    this.postorder();
    this.order.reverse();
    this.order.forEach((b, i) => this.rank.set(b, i));
    for (const b of this.order) this.predecessors.set(b, []);
    for (const b of this.order) for (const s of this.edges(b)) {
      this.predecessors.get(s)!.push(b);
      if (this.rank.get(s)! <= this.rank.get(b)!) this.backEdges.push([b, s]);
    }
  }

  private direct(b: number): readonly number[] { return this.region.blocks.get(b)!.successors; }
  /** Where a call comes back to counts as following it. */
  private edges(b: number): readonly number[] {
    const { comeback } = this.region.blocks.get(b)!;
    return comeback >= 0 ? [...this.direct(b), comeback] : this.direct(b);
  }

  private postorder(): void {
    const seen = new Set<number>();
    const visit = (start: number): void => {
      seen.add(start);
      const stack: { b: number; next: number; edges: readonly number[] }[] = [{ b: start, next: 0, edges: this.edges(start) }];
      while (stack.length > 0) {
        const top = stack[stack.length - 1]!;
        const s = top.edges[top.next++];
        if (s === undefined) {
          this.order.push(top.b);
          stack.pop();
        } else if (!seen.has(s)) {
          seen.add(s);
          stack.push({ b: s, next: 0, edges: this.edges(s) });
        }
      }
    };
    for (const root of [this.region.head, ...this.region.blocks.keys()]) if (!seen.has(root)) visit(root);
  }

  /** Natural loops that are entered at their head alone, and whose inner back edges all belong to such loops. */
  loops(): Loop[] {
    const bodies = new Map<number, Set<number>>();
    for (const [from, head] of this.backEdges) bodies.set(head, this.body(from, bodies.get(head) ?? new Set([head])));
    const found: Loop[] = [];
    for (const [head, body] of [...bodies].sort((a, b) => a[1].size - b[1].size)) {
      if (this.enteredOnlyAt(head, body) && this.innerLoopsValid(head, body, found)) found.push({ head, body });
    }
    return found;
  }

  private body(from: number, body: Set<number>): Set<number> {
    const work = [from];
    for (let b = work.pop(); b !== undefined; b = work.pop()) {
      if (body.has(b)) continue;
      body.add(b);
      work.push(...this.predecessors.get(b)!);
    }
    return body;
  }

  private enteredOnlyAt(head: number, body: ReadonlySet<number>): boolean {
    for (const b of body) {
      if (b === head) continue;
      if (this.region.roots.has(b) || this.rank.get(b)! < this.rank.get(head)!) return false;
      if (this.predecessors.get(b)!.some((p) => !body.has(p))) return false;
    }
    return true;
  }

  private innerLoopsValid(head: number, body: ReadonlySet<number>, found: readonly Loop[]): boolean {
    return this.backEdges.every(([from, to]) => to === head || !body.has(from) || !body.has(to) || inLoop(found, to, from));
  }

  needs(loops: readonly Loop[]): Map<number, number> {
    const need = new Map<number, number>();
    const isHead = new Set(loops.map((l) => l.head));
    for (let i = this.order.length - 1; i >= 0; i--) {
      const b = this.order[i]!;
      let most = 0;
      for (const s of this.direct(b)) if (this.rank.get(s)! > i && !isHead.has(s)) most = Math.max(most, need.get(s)!);
      need.set(b, most + this.region.blocks.get(b)!.instructions.length);
    }
    return need;
  }
}

/** The blocks of `order`, with each outermost loop among them gathered at its head's place. */
function nest(order: readonly number[], loops: readonly Loop[], around: Loop | undefined): Item[] {
  const items: Item[] = [];
  const placed = new Set<number>();
  for (const b of order) {
    if (placed.has(b)) continue;
    const loop = outermost(loops, b, around);
    if (!loop) items.push({ head: b });
    else {
      const inside = order.filter((x) => loop.body.has(x));
      inside.forEach((x) => placed.add(x));
      items.push({ head: b, inside: nest(inside, loops, loop) });
    }
  }
  return items;
}

/** The largest loop that begins at this block, inside `around`. */
function outermost(loops: readonly Loop[], head: number, around: Loop | undefined): Loop | undefined {
  return loops.find((l) => l.head === head && l !== around);
}
