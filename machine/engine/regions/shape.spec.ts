/**
 * The shape of any graph decides for every jump: forward, to the head of a loop around it, or through the doors of the loops around its
 * target.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { successorsOf, type Block, type Region } from './discover.ts';
import { shapeOf, type Item } from './shape.ts';

/** A region of blocks with one instruction each; -1 = control leaves. */
function region(edges: readonly (readonly [number, number])[], roots: readonly number[]): Region {
  const blocks = edges.map(([taken, falls], id): Block => ({
    id, start: id, instructions: [{} as never], ending: 'branch', end: id + 1, target: taken, taken, falls, comeback: -1
  }));
  return { head: 0, blocks: new Map(blocks.map((b) => [b.id, b])), roots: new Set([0, ...roots]), instructions: blocks.length, pages: [] };
}

const graphs = fc.integer({ min: 1, max: 14 }).chain((n) => fc.tuple(
  fc.array(fc.tuple(fc.integer({ min: -1, max: n - 1 }), fc.integer({ min: -1, max: n - 1 })), { minLength: n, maxLength: n }),
  fc.array(fc.integer({ min: 0, max: n - 1 }), { maxLength: 3 }),
));
const loopsIn = (items: readonly Item[]): Item[] => items.flatMap((i) => (i.inside ? [i, ...loopsIn(i.inside)] : []));

describe('the shape of a region', () => {
  it('has every block once, and a way for every jump', () => {
    fc.assert(fc.property(graphs, ([edges, roots]) => {
      const graph = region(edges, roots);
      const shape = shapeOf(graph);
      expect([...shape.order].sort((a, b) => a - b)).toEqual([...graph.blocks.keys()]);
      const rank = new Map(shape.order.map((id, i) => [id, i]));
      const loops = new Map(loopsIn(shape.items).map((l) => [l.head, l]));
      for (const block of graph.blocks.values()) for (const successor of successorsOf(block)) {
        const around = shape.loopsAround.get(block.id)!;
        if (around.includes(successor)) continue;
        expect(rank.get(successor)!).toBeGreaterThan(rank.get(block.id)!);
        for (const head of shape.loopsAround.get(successor)!)
          if (head !== successor && !around.includes(head)) expect(loops.get(head)!.doors).toContain(successor);
      }
      for (const root of graph.roots) expect(shape.entries).toContain(root);
    }));
  });

  it('looks at the budget before it can be overdrawn', () => {
    fc.assert(fc.property(graphs, ([edges, roots]) => {
      const graph = region(edges, roots);
      const { need, loopsAround } = shapeOf(graph);
      for (const block of graph.blocks.values()) for (const successor of successorsOf(block)) {
        const checked = loopsAround.get(successor)!.at(-1) === successor;
        if (!checked) expect(need.get(block.id)!).toBeGreaterThanOrEqual(need.get(successor)! + 1);
      }
    }));
  });

  it('takes a loop that is entered at its test for what it is', () => {
    // 0: j 2;  1: body;  2: test, back to 1
    const shape = shapeOf(region([[2, -1], [-1, 2], [1, 3], [-1, -1]], []));
    expect(shape.items.map((i) => [i.head, i.inside?.map((x) => x.head)])).toEqual([[0, undefined], [2, [2, 1]], [3, undefined]]);
  });

  it('gives a loop with two ways in a door', () => {
    const shape = shapeOf(region([[2, 1], [-1, 2], [1, 3], [-1, -1]], []));
    expect(loopsIn(shape.items).map((l) => [l.head, l.doors])).toEqual([[1, [2]]]);
  });
});
