/**
 * The documents as pages of the site: each has an address, valid links, and a part of the page to try. The build itself is `npm run docs`.
 */
import { existsSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { projectRoot } from '../cli/images/where.ts';

interface Pages {
  documents(root: string): string[];
  placeOf(path: string): string;
  pageText(root: string, path: string, base: string): string;
}
const root = projectRoot(), pages = await import(join(root, 'docs/site/pages.mjs')) as Pages;
const documents = pages.documents(root).filter((p) => p.endsWith('.md')), places = new Set(documents.map(pages.placeOf));

describe('the site of the documents', () => {
  it('has every document once', () => {
    expect(places.size).toBe(documents.length);
    for (const path of ['index.md', 'docs/status.md', 'docs/scenarios/getpid.md', 'labs/01-hello-ipc/index.md',
      'web/index.md']) expect(places).toContain(path);
  });
  it.each(documents)('shows %s with links that lead to pages, and something to try', (path) => {
    const text = pages.pageText(root, path, '/x/'), prose = text.replace(/^```[^]*?^```/gm, '').replace(/`[^`\n]*`/g, '');
    for (const [, picture, to] of prose.matchAll(/(!?)\[[^\]]*\]\((\.[^)#]*)(?:#[^)]*)?\)/g)) {
      const target = normalize(join(dirname(path), to!));
      expect(picture ? existsSync(join(root, target)) : places.has(target), to).toBe(true);
    }
    if (/^# /m.test(text)) expect(text).toMatch(/href="\/x\/try\/#\/(run|lab)\//);
    expect(prose).not.toMatch(/\{\{/);
  });
});
