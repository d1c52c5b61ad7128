// The documents of the tree as pages of the site: every Markdown file keeps its place; README.md of a folder is the folder's page.
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';

const LEFT_OUT = new Set(['node_modules', 'dist', 'images', '.git', '.tsbuild', 'solution', 'starter']);

/** Markdown files and pictures below a folder, by their path from the root. */
export function documents(root, folder = root) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((e) => {
    const path = join(folder, e.name);
    if (e.isDirectory()) return LEFT_OUT.has(e.name) || e.name.startsWith('.') ? [] : documents(root, path);
    return /\.(md|svg)$/.test(e.name) ? [relative(root, path)] : [];
  });
}

/** The address of a document in the site. */
export const placeOf = (path) => path.replace(/(^|\/)README\.md$/, '$1index.md');

/** The part of the page that shows a document's subject: a scenario, a lab, or the tour. */
export function trial(root, path) {
  const scenario = /^docs\/scenarios\/([\w-]+)\.md$/.exec(path)?.[1], lab = /^labs\/(\d\d-[\w-]+)\/README\.md$/.exec(path)?.[1];
  if (scenario && existsSync(join(root, 'scenarios', `${scenario}.ts`))) return `#/run/${scenario}`;
  if (lab) return `#/lab/${lab}`;
  const named = /scenarios\/([\w-]+)\.md/.exec(readFileSync(join(root, path), 'utf8'))?.[1];
  return named && existsSync(join(root, 'scenarios', `${named}.ts`)) ? `#/run/${named}` : '#/run/getpid?tour=0';
}

/** A document's text for the site. */
export function pageText(root, path, base) {
  const text = readFileSync(join(root, path), 'utf8'), LINK = /(!?)\[((?:[^\]`]|`[^`]*`)*)\]\(([^)\s]+)\)/g;
  const box = `<p class="try"><a href="${base}try/${trial(root, path)}" target="_self">Try it here</a></p>`;
  const change = (part) => part.replace(LINK, (all, picture, words, to) => link(root, path, { all, picture, words, to }));
  const linked = outside(/(^```[^]*?^```)/m, variants(text), (part) => outside(/(`[^`\n]+`)/, change(part), untagged));
  return linked.replace(/^(# .*\n)/m, (head) => `${head}\n${box}\n`);
}

/** A lab's numbers differ for each student; the site shows none. */
const variants = (text) => text.replace(/\{\{(\w+)\}\}/g, '‹$1›');

function link(root, path, { all, picture, words, to }) {
  if (/^(https?:|mailto:|#)/.test(to)) return all;
  const [file, anchor = ''] = to.split('#'), target = normalize(join(dirname(path), file));
  if (picture) return all;
  const folder = existsSync(join(root, target)) && statSync(join(root, target)).isDirectory();
  const page = folder ? join(target, 'README.md') : target;
  if (page.startsWith('..') || !page.endsWith('.md') || !existsSync(join(root, page))) return words;
  const there = relative(dirname(path), placeOf(page));
  return `[${words}](${there.startsWith('.') ? there : `./${there}`}${anchor ? `#${anchor}` : ''})`;
}

/** Changes the pieces of a text that are not `code`. */
const outside = (code, text, change) => text.split(code).map((part, i) => (i % 2 === 1 ? part : change(part))).join('');
/** Escapes text that looks like a tag. */
const untagged = (part) => part.replace(/<(?!\/?(details|summary|p|a|br|img|sub|sup)\b|https?:|!--)/g, '&lt;');
