import { transformSync } from 'esbuild';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { projectRoot } from '../../cli/images/where.ts';
import { withAddresses, withoutTypes, withYields } from './typeless.ts';

const minified = (source: string, loader: 'ts' | 'js'): string =>
  transformSync(source, {
    loader, minifyWhitespace: true, minifySyntax: true, format: 'esm', target: 'es2022',
    tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true, useDefineForClassFields: true, target: 'es2022' } }
  }).code;
const sources = ['labs', 'roottask', 'microkernel', 'vmm', 'network'].flatMap((folder) =>
  readdirSync(join(projectRoot(), folder), { recursive: true, withFileTypes: true }).filter((e) =>
    e.name.endsWith('.ts') && !/\.(d|spec)\.ts$/.test(e.name)).map((e) =>
    join(e.parentPath, e.name)));

describe('TypeScript without its types', () => {
  it('is what esbuild makes of it, for every source of labs, servers and kernel', () => {
    expect(sources.length).toBeGreaterThan(200);
    const differ = sources.flatMap((path) => {
      const source = readFileSync(path, 'utf8');
      try {
        return minified(withoutTypes(path, source), 'js') === minified(source, 'ts') ? [] : [path];
      } catch (error) { return [`${path}: ${(error as Error).message}`]; }
    });
    expect(differ).toEqual([]);
  });

  it('keeps every character on its line and column', () => {
    const source = 'type A = {\n  x: number;\n};\nfunction f<T>(a?: T, ...b: A[]): asserts a is T { return g(a!) as unknown; }\n',
      js = withoutTypes('a.ts', source);
    expect(js.split('\n').map((l) => l.length)).toEqual(source.split('\n').map((l) => l.length));
    expect(js.indexOf('return')).toBe(source.indexOf('return'));
  });

  it.each<[string, RegExp]>([
    ['enum E { A }', /an enum is more than a type.*a\.ts:1/], ['let x = 1;\nnamespace N { export const a = 1; }', /a namespace.*a\.ts:2/],
    ['class C { constructor(private x: number) {} }', /a parameter property/], ['const a = ;', /\(a\.ts:1\)$/],
  ])('is refused with its line: %j', (source, why) => {
    expect(() => withoutTypes('a.ts', source)).toThrow(why);
  });

  it('takes names from modules that may not have them, as names of types are not there', async () => {
    const code = withAddresses("import d, { a, b as c } from './m.ts';\nimport * as all from './m.ts';\n"
      + "export default [d, a, c, Object.keys(all).length];",
      () => `data:text/javascript,${encodeURIComponent('export default 1; export const a = 2;')}`);
    const { default: values } = await import(`data:text/javascript,${encodeURIComponent(code)}`) as { default: unknown[] };
    expect(values).toEqual([1, 2, undefined, 2]);
  });

  it('tells of each turn elsewhere, and gives what it brought', () => {
    const code = withYields('function* f() { yield 1; const x = (yield 2) + 1; return yield* g(x); } function* g(x) { return x; }');
    let turned = 0;
    const run = (new Function('turned$',
      `${code}; return f();`) as (turn: (value: unknown) => unknown) => Generator<number, number, number>)((value) => {
      turned++;
      return value;
    });
    run.next(); run.next();
    expect(run.next(5)).toEqual({ value: 6, done: true });
    expect(turned).toBe(3);
  });
});
