/** Circles of imports, the size of the kernel and long lines only fall: shape.json has the allowed numbers. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT, circles, importsOf, shape, type Shape } from './shape.ts';

const file = join(ROOT, 'test/shape.json');

describe('the shape of the tree', () => {
  it('has no circle of values, and nothing that has grown', () => {
    const { named, ...now } = shape(), allowed = JSON.parse(readFileSync(file, 'utf8')) as Shape;
    const keys = Object.keys(allowed) as (keyof Shape)[];
    if (process.env['UPDATE']) for (const key of keys) allowed[key] = Math.min(allowed[key], now[key]);
    if (process.env['UPDATE']) writeFileSync(file, `${JSON.stringify(allowed, undefined, 2)}\n`);
    const grown = keys.filter(key => now[key] > allowed[key]).map(key => `${key}: ${now[key]}, allowed ${allowed[key]}`);
    expect(grown, `\n${named.join('\n')}`).toEqual([]);
  });

  it('finds circles, through types where they are asked for, and none where there is none', () => {
    const graph = (edges: Record<string, string[]>): Map<string, string[]> => new Map(Object.entries(edges));
    expect(circles(graph({ a: ['b'], b: ['c'], c: [] }))).toEqual([]);
    expect(circles(graph({ a: ['b'], b: ['c'], c: ['a'], d: ['a'] })).map(c => c.sort())).toEqual([['a', 'b', 'c']]);
    expect(circles(graph({ a: ['a'] }))).toEqual([['a']]);
    expect(circles(graph({ a: ['b'], b: ['a'], c: ['d'], d: ['c', 'a'] })).length).toBe(2);
  });

  it.each([
    ['import { a } from \'./a.ts\';', [['./a.ts', false]]],
    ['import type { A } from \'./a.ts\';', [['./a.ts', true]]],
    ['import { type A, type B } from \'./a.ts\';', [['./a.ts', true]]],
    ['import { type A, b } from \'./a.ts\';', [['./a.ts', false]]],
    ['import {\n  a,\n  type B,\n} from \'../a.ts\';', [['../a.ts', false]]],
    ['export * from \'./a.ts\';', [['./a.ts', false]]],
    ['export type { A } from \'./a.ts\';', [['./a.ts', true]]],
    ['import \'./a.ts\';', [['./a.ts', false]]],
    ['type A = import(\'./a.ts\').A;', [['./a.ts', true]]],
    ['import fs from \'node:fs\';', []],
    ['// import { a } from \'./a.ts\';\n/* import { b } from \'./b.ts\'; */', []],
  ] as [string, [string, boolean][]][])('reads %j', (text, imports) => {
    expect(importsOf(text).map(i => [i.from, i.typeOnly])).toEqual(imports);
  });
});
