/**
 * Draws sentences and function names from the tree at random, for a reader who judges the English as a stranger would.
 *
 *   npx tsx test/sample.ts [SEED [FOLDER]]      twenty sentences of comments and Markdown, ten names of functions (seed 1, this tree)
 *
 * The same seed draws by the same rule from any tree, so that two commits can be compared.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { numberOf, readOptions } from './tool.ts';

const SENTENCES = 20, NAMES = 10, SKIP = new Set(['node_modules', '.git', 'images', 'dist', '.tsbuild']);
const { positionals: [word = '1', folder = '.'] } = readOptions(import.meta.filename, { allowPositionals: true, options: {} });
const seed = numberOf(import.meta.filename, 'SEED', word), root = resolve(folder);

interface Found { readonly text: string; readonly place: string }

function files(at: string): string[] {
  return readdirSync(at, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1)).flatMap((entry) => {
    if (SKIP.has(entry.name)) return [];
    return entry.isDirectory() ? files(join(at, entry.name)) : [join(at, entry.name)];
  });
}

/** Sentences of running text: drawings, tables, code and lists of names are left out. */
function sentences(text: string, place: string): Found[] {
  const prose = text.split('\n').filter((line) => !/^\s*[|>#]|[│┌└├─►]|\S {2,}\S|^\s*@/.test(line)).join(' ').replace(/\s+/g, ' ');
  return prose.split(/(?<=[.!?])\s+(?=[A-Z`*])/).map((sentence) => sentence.trim())
    .filter((sentence) => sentence.length >= 30 && sentence.length <= 260 && /[.!?]$/.test(sentence) && sentence.split(' ').length >= 6)
    .map((sentence) => ({ text: sentence, place }));
}

/** The comments of a source, each without its marks. */
function comments(source: string): string[] {
  const blocks = [...source.matchAll(/\/\*\*([^]*?)\*\//g)].map(([, text]) => text!.replace(/\n\s*\* ?/g, '\n'));
  const lines = [...source.matchAll(/(?:^|\s)\/\/ (?!oxlint|eslint)(.*)$/gm)].map(([, text]) => text!);
  return [...blocks, ...lines];
}

function functions(source: string, place: string): Found[] {
  const kinds = [
    /(?:^|\s)function\*? ([A-Za-z_$][\w$]*)/, /^ {2}(?:async )?\*?([#A-Za-z_$][\w$]*)\([^()]*\)(?:: [^={}]+)? \{$/,
    /const ([A-Za-z_$][\w$]*) = (?:async )?\([^()]*\)(?:: [^=]+)? =>/,
  ];
  const declared = new RegExp(kinds.map((kind) => kind.source).join('|'), 'gm');
  const keyword = /^(if|for|while|switch|catch|constructor|get|set|return)$/;
  return [...source.matchAll(declared)].map((match) => match[1] ?? match[2] ?? match[3]!).filter((name) => !keyword.test(name))
    .map((text) => ({ text, place }));
}

/** `count` different elements, by mulberry32. */
function draw<T>(all: readonly T[], count: number, state: number): T[] {
  const rest = [...all], drawn: T[] = [];
  while (drawn.length < count && rest.length > 0) {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    drawn.push(...rest.splice(((mixed ^ (mixed >>> 14)) >>> 0) % rest.length, 1));
  }
  return drawn;
}

const spoken: Found[] = [], named: Found[] = [];
for (const file of files(root)) {
  const place = relative(root, file);
  if (file.endsWith('.md')) {
    const paragraphs = readFileSync(file, 'utf8').replace(/```[^]*?```/g, '').split(/\n\s*\n|\n(?=\s*(?:[-*] |\d+\. ))/);
    spoken.push(...paragraphs.flatMap((text) => sentences(text.replace(/^\s*(?:[-*] |\d+\. )/, ''), place)));
  }
  if (!/\.(tsx?|mjs)$/.test(file) || file.endsWith('.d.ts')) continue;
  const source = readFileSync(file, 'utf8');
  spoken.push(...comments(source).flatMap((text) => sentences(text, place)));
  named.push(...functions(source, place));
}
for (const { text, place } of draw(spoken, SENTENCES, seed)) console.log(`${text}  [${place}]`);
console.log('');
for (const { text, place } of draw(named, NAMES, seed)) console.log(`${text}  [${place}]`);
