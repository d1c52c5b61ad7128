/** Finds the cycles of a graph, and an order in which every other edge leads forward. */

export type Edges = (id: number) => readonly number[];

/**
 * The strongly connected components among `ids`, each before those that it leads to (Tarjan's algorithm, in reverse). Among components in
 * no such relation, those that hold earlier members of `ids` come first.
 */
export function componentsOf(ids: readonly number[], edges: Edges): number[][] {
  const work = new Tarjan(new Set(ids), edges);
  for (let i = ids.length - 1; i >= 0; i--) work.start(ids[i]!);
  return work.found.reverse();
}

interface Frame { readonly id: number; readonly edges: readonly number[]; next: number }

class Tarjan {
  readonly found: number[][] = [];
  private readonly inside: ReadonlySet<number>;
  private readonly edges: Edges;
  private readonly index = new Map<number, number>();
  private readonly low = new Map<number, number>();
  private readonly stack: number[] = [];
  private readonly open = new Set<number>();

  constructor(inside: ReadonlySet<number>, edges: Edges) {
    this.inside = inside;
    this.edges = edges;
  }

  start(id: number): void {
    if (this.index.has(id)) return;
    const frames: Frame[] = [this.enter(id)];
    while (frames.length > 0) {
      const top = frames[frames.length - 1]!;
      const to = top.edges[top.next++];
      if (to === undefined) {
        frames.pop();
        this.leave(top.id);
        const before = frames[frames.length - 1];
        if (before) this.lower(before.id, this.low.get(top.id)!);
      } else if (!this.index.has(to)) frames.push(this.enter(to));
      else if (this.open.has(to)) this.lower(top.id, this.index.get(to)!);
    }
  }

  private lower(id: number, to: number): void { this.low.set(id, Math.min(this.low.get(id)!, to)); }

  private enter(id: number): Frame {
    this.low.set(id, this.index.size);
    this.index.set(id, this.index.size);
    this.stack.push(id);
    this.open.add(id);
    return { id, edges: this.edges(id).filter((to) => this.inside.has(to)).reverse(), next: 0 };
  }

  private leave(id: number): void {
    if (this.low.get(id) !== this.index.get(id)) return;
    const component: number[] = [];
    for (let member = -1; member !== id;) {
      member = this.stack.pop()!;
      this.open.delete(member);
      component.push(member);
    }
    this.found.push(component);
  }
}
