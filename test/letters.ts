/**
 * Names of one letter in functions of more than three lines, except indexes and counts (i, j, k, n) and coordinates (x, y).
 * `npx tsx test/letters.ts [FOLDER]` prints how many there are, folder by folder.
 */
import { readFileSync, realpathSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { tsPlugin } from '@sveltejs/acorn-typescript';
import { Parser } from 'acorn';
import { ROOT, sources } from './shape.ts';
import { answerHelp } from './tool.ts';

interface Node {
  readonly type: string;
  readonly loc: { readonly start: { readonly line: number }; readonly end: { readonly line: number } };
  readonly [key: string]: unknown;
}
export interface Letter { readonly file: string; readonly line: number; readonly name: string }

const parser = Parser.extend(tsPlugin() as unknown as (base: typeof Parser) => typeof Parser);
const FUNCTIONS = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression']);
const ALLOWED = new Set(['i', 'j', 'k', 'n', 'x', 'y', '_']), SHORT = 3;
const isNode = (value: unknown): value is Node => typeof value === 'object' && value !== null && 'type' in value;
const childrenOf = (node: Node): Node[] => Object.values(node).flat().filter(isNode);

/** The names that a pattern declares: of a variable, a parameter, or a part of one. */
function declared(pattern: Node): string[] {
  if (pattern.type === 'Identifier') return [pattern['name'] as string];
  if (pattern.type === 'AssignmentPattern') return declared(pattern['left'] as Node);
  if (pattern.type === 'Property') return declared(pattern['value'] as Node);
  return [pattern['properties'], pattern['elements'], pattern['argument'], pattern['parameter']].flat().filter(isNode).flatMap(declared);
}

/** Names of one letter in the text of a module. */
export function lettersIn(text: string): { readonly name: string; readonly line: number }[] {
  const found: { name: string; line: number }[] = [], lines = ({ loc }: Node): [number, number] => [loc.start.line, loc.end.line];
  const visit = (node: Node, long: boolean): void => {
    const isFunction = FUNCTIONS.has(node.type), [first, last] = lines(node), inside = isFunction ? last - first >= SHORT : long;
    const patterns = isFunction ? node['params'] as Node[] : node.type === 'VariableDeclarator' ? [node['id'] as Node] : [];
    for (const name of inside ? patterns.flatMap(declared) : [])
      if (name.length === 1 && !ALLOWED.has(name)) found.push({ name, line: first });
    for (const child of childrenOf(node)) visit(child, inside);
  };
  visit(parser.parse(text, { ecmaVersion: 'latest', sourceType: 'module', locations: true }) as unknown as Node, false);
  return found;
}

/** Those of all sources but the pages (.tsx). */
export const letters = (folder: string = ROOT): Letter[] => sources(folder).filter(file => file.endsWith('.ts')).flatMap(file =>
  lettersIn(readFileSync(file, 'utf8')).map(found => ({ file: relative(ROOT, file), ...found })));

if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  answerHelp(import.meta.filename);
  const all = letters(join(ROOT, process.argv[2] ?? '')), byFolder = new Map<string, number>();
  for (const { file } of all) byFolder.set(file.split('/')[0]!, (byFolder.get(file.split('/')[0]!) ?? 0) + 1);
  for (const [folder, count] of byFolder) console.log(`${String(count).padStart(6)}  ${folder}`);
  console.log(`${String(all.length).padStart(6)}  in all`);
}
