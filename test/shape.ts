/**
 * The shape of the tree in numbers: circles of imports, the size of the kernel, lines that are too long.
 * shape.json holds the numbers that are allowed; they only fall. `npx tsx test/shape.ts` prints the circles and the lines, with `lint`
 * only the lines. `UPDATE=1 npx vitest run test/shape.spec.ts` writes smaller numbers.
 */
import { readFileSync, readdirSync, realpathSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { answerHelp } from './tool.ts';

export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const SKIP = new Set(['node_modules', '.git', 'images', 'dist', '.tsbuild']);

export type Graph = ReadonlyMap<string, readonly string[]>;
interface Import { readonly from: string; readonly typeOnly: boolean }

/** TypeScript sources below a folder, without declarations. */
export function sources(folder: string): string[] {
  const found: string[] = [];
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (SKIP.has(entry.name)) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) found.push(...sources(path));
    else if (/\.tsx?$/.test(entry.name) && !entry.name.endsWith('.d.ts')) found.push(path);
  }
  return found;
}

/** The relative imports of a module; `typeOnly` ones are gone when it runs. */
export function importsOf(text: string): Import[] {
  const found: Import[] = [], code = text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
  for (const [, , type, what, from] of code.matchAll(/(^|[\n;])\s*(?:import|export)\s+(type\s+)?([^'";]*?)\s*from\s*'(\.[^']*)'/g)) {
    const braces = /^\{([^}]*)\}$/.exec(what!.trim()), names = braces?.[1]!.split(',').map(n => n.trim()).filter(n => n) ?? [];
    found.push({ from: from!, typeOnly: type !== undefined || (names.length > 0 && names.every(n => n.startsWith('type '))) });
  }
  for (const [, from] of code.matchAll(/(?:^|[\n;])\s*import\s+'(\.[^']*)'/g)) found.push({ from: from!, typeOnly: false });
  for (const [, from] of code.matchAll(/\bimport\('(\.[^']*)'\)/g)) found.push({ from: from!, typeOnly: true });
  return found;
}

/** Imports of each module: by value only, or types as well. */
export function graphOf(files: readonly string[], types: boolean): Graph {
  const known = new Set(files);
  return new Map(files.map(file => {
    const to = importsOf(readFileSync(file, 'utf8')).filter(i => types || !i.typeOnly).map(i => resolve(dirname(file), i.from));
    return [file, [...new Set(to)].filter(f => known.has(f))];
  }));
}

/** Sets of two or more modules that reach one another (strongly connected components, by Tarjan). */
export function circles(graph: Graph): string[][] {
  const index = new Map<string, number>(), low = new Map<string, number>(), stack: string[] = [], on = new Set<string>(),
    found: string[][] = [];
  const visit = (module: string): void => {
    index.set(module, index.size);
    low.set(module, index.get(module)!);
    stack.push(module);
    on.add(module);
    for (const imported of graph.get(module) ?? []) {
      if (!index.has(imported)) {
        visit(imported);
        low.set(module, Math.min(low.get(module)!, low.get(imported)!));
      } else if (on.has(imported)) low.set(module, Math.min(low.get(module)!, index.get(imported)!));
    }
    if (low.get(module) !== index.get(module)) return;
    const circle = stack.splice(stack.indexOf(module));
    for (const member of circle) on.delete(member);
    if (circle.length > 1 || graph.get(module)!.includes(module)) found.push(circle);
  };
  for (const module of graph.keys()) if (!index.has(module)) visit(module);
  return found.sort((a, b) => b.length - a.length);
}

/** Lines of the kernel without specs and testing/: all, and those that hold code. */
export function kernelSize(): { lines: number; code: number } {
  let lines = 0, code = 0;
  for (const file of sources(join(ROOT, 'microkernel'))) {
    if (file.endsWith('.spec.ts') || file.includes('/testing/')) continue;
    const text = readFileSync(file, 'utf8');
    lines += text.split('\n').length - 1;
    code += text.replace(/^\s*\/\*[\s\S]*?\*\/[ \t]*$/gm, '').split('\n').filter(l => l.trim() !== '' && !l.trim().startsWith('//')).length;
  }
  return { lines, code };
}

const COLUMNS = 140;
/** Scripts that Node runs as they are: what builds the command, the package, the page and the documents. */
export const scripts = (folder: string): string[] => readdirSync(folder, { withFileTypes: true }).flatMap(entry => {
  const path = join(folder, entry.name);
  if (SKIP.has(entry.name)) return [];
  return entry.isDirectory() ? scripts(path) : entry.name.endsWith('.mjs') ? [path] : [];
});

/** Lines of all sources that go beyond the last column where a line may end, as `file:line`. */
export const longLines = (files: readonly string[]): string[] => files.flatMap(file =>
  readFileSync(file, 'utf8').split('\n').flatMap((line, i) => (line.length > COLUMNS ? [`${relative(ROOT, file)}:${i + 1}`] : [])));

export interface Shape {
  circlesByValue: number;
  circlesByType: number;
  filesInCircles: number;
  kernelLines: number;
  kernelCode: number;
  longLines: number
}
export function shape(): Shape & { named: readonly string[] } {
  const files = sources(ROOT), value = circles(graphOf(files, false)), all = circles(graphOf(files, true)), size = kernelSize();
  const show = (kind: string, list: string[][]): string[] => list.map(c =>
    `${kind}, ${c.length} files: ${c.map(f => relative(ROOT, f)).sort().join(' ')}`);
  return {
    circlesByValue: value.length, circlesByType: all.length, filesInCircles: all.reduce((n, c) => n + c.length, 0),
    kernelLines: size.lines, kernelCode: size.code, longLines: longLines([...files, ...scripts(ROOT)]).length,
    named: [...show('by value', value), ...show('by type', all)],
  };
}

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  answerHelp(import.meta.filename);
  const { named, ...numbers } = shape(), long = longLines([...sources(ROOT), ...scripts(ROOT)]);
  if (process.argv[2] !== 'lint') console.log([...named, JSON.stringify(numbers)].join('\n'));
  if (long.length > 0) console.error(`These lines end beyond column ${COLUMNS}; wrap them:\n${long.join('\n')}`);
  if (long.length > 0) process.exitCode = 1;
}
