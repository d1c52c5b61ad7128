/** Counts lines of code of our sources: neither blank nor comment, without specs and their helpers. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** Lines that are neither blank nor only comment. */
export function codeLines(text: string): number {
  const bare = text.replace(/\/\*[\s\S]*?\*\//g, (comment) => '\n'.repeat(comment.split('\n').length - 1)).replace(/^\s*\/\/.*$/gm, '');
  return bare.split('\n').filter((line) => line.trim() !== '').length;
}

const isSource = (name: string): boolean =>
  name.endsWith('.ts') && !name.endsWith('.spec.ts') && !name.endsWith('.d.ts') && name !== 'testing.ts';

/** Sources below a folder. */
export function sourcesOf(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return entry.name === 'testing' ? [] : sourcesOf(path);
    return isSource(entry.name) ? [path] : [];
  });
}

export const linesOf = (paths: Iterable<string>): number => [...paths].reduce((n, path) => n + codeLines(readFileSync(path, 'utf8')), 0);

/** A module and all its imports by value, limited by `within`. */
export function closureOf(entry: string, within: (path: string) => boolean): Set<string> {
  const found = new Set<string>(), waiting = [entry];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (found.has(path) || !existsSync(path) || !within(path)) continue;
    found.add(path);
    waiting.push(...importsByValue(readFileSync(path, 'utf8')).map((from) => resolve(dirname(path!), from)));
  }
  return found;
}

function importsByValue(text: string): string[] {
  const code = text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
  const named = [...code.matchAll(/(?:^|[\n;])\s*(?:import|export)\s+(?!type\s)([^'";]*?)\s*from\s*'(\.[^']*)'/g)].filter(([, what]) =>
    !isTypesOnly(what!)).map(([, , from]) =>
    from!);
  return [...named, ...[...code.matchAll(/(?:^|[\n;])\s*import\s+'(\.[^']*)'/g)].map(([, from]) => from!)];
}
function isTypesOnly(what: string): boolean {
  const names = /^\{([^}]*)\}$/.exec(what.trim())?.[1]?.split(',').map((name) => name.trim()).filter(Boolean) ?? [];
  return names.length > 0 && names.every((name) => name.startsWith('type '));
}
