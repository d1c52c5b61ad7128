/**
 * The glossary and its links: a page links a term at its first use. `npx tsx test/glossary.ts` sets the links of all pages again.
 * Text in code, headings, links and tables of contents is left alone.
 */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { answerHelp } from './tool.ts';

const docs = join(import.meta.dirname, '../docs');

export interface Term { readonly id: string; readonly names: readonly string[] }

/** The rows of the glossary: anchor, and the names in the first column. */
export function termsOf(glossary: string): Term[] {
  return [...glossary.matchAll(/^\| <a id="([^"]+)"><\/a>([^|]+) \|/gm)].map(([, id, names]) => ({
    id: id!, names: names!.split(',').map((name) => name.trim())
  }));
}

/** Pages that people write: generated ones and the glossary itself are not linked. */
export const pages = (): string[] => readdirSync(docs).filter((name) =>
  name.endsWith('.md') && !['glossary.md', 'README.md', 'rows.md', 'status.md', 'decisions.md'].includes(name));

/** The text between code, links and headings, in pieces: even pieces are prose. */
const pieces = (page: string): string[] => page.split(/(```[\s\S]*?```|`[^`\n]*`|\[[^\]]*\]\([^)]*\)|^#.*$|^\|.*$|<[^>\n]+>)/m);

/** The page with each term linked at its first use, and no term linked twice. */
export function linked(page: string, terms: readonly Term[]): string {
  let text = page.replace(/\[([^\]]+)\]\(glossary\.md#[^)]+\)/g, '$1');
  for (const term of terms) text = linkTerm(text, term);
  return text;
}

function linkTerm(page: string, { id, names }: Term): string {
  const parts = pieces(page), word = new RegExp(`(^|[^\\w-])(${names.map((name) => name.replace(/[-.]/g, '\\$&')).join('|')})(?![\\w-])`);
  const at = parts.findIndex((part, i) => i % 2 === 0 && word.test(part));
  if (at < 0) return page;
  parts[at] = parts[at]!.replace(word, `$1[$2](glossary.md#${id})`);
  return parts.join('');
}

export const read = (name: string): string => readFileSync(join(docs, name), 'utf8');

if (process.argv[1] === import.meta.filename) {
  answerHelp(import.meta.filename);
  const terms = termsOf(read('glossary.md'));
  for (const name of pages()) writeFileSync(join(docs, name), linked(read(name), terms));
}
