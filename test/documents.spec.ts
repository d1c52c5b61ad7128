import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { COMPONENT, SCENARIO } from '../scenarios/shape.ts';
import { linked, pages, read, termsOf } from './glossary.ts';

const root = join(import.meta.dirname, '..'), docs = join(root, 'docs');
const terms = termsOf(read('glossary.md'));
const markdown = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true }).filter((e) => e.isFile() && e.name.endsWith('.md')).map((e) =>
    join(e.parentPath, e.name));

describe('documents', () => {
  it('the index names every page', () => {
    const index = read('README.md');
    expect(readdirSync(docs).filter((name) => name.endsWith('.md') && name !== 'README.md' && !index.includes(`(${name})`))).toEqual([]);
    for (const folder of ['reference', 'how-to'])
      expect(readdirSync(join(docs, folder)).filter((name) => !index.includes(`(${folder}/${name})`))).toEqual([]);
  });

  it('no page links to a file that is not there', () => {
    const broken = [...markdown(docs), join(root, 'README.md'), join(root, 'CONTRIBUTING.md')].flatMap((page) =>
      [...readFileSync(page, 'utf8').matchAll(/\]\((?!https?:|#)([^)#\s]+)(#[^)]*)?\)/g)].map((found) => found[1]!)
        .filter((target) => !existsSync(join(dirname(page), target))).map((target) => `${page.slice(root.length + 1)}: ${target}`));
    expect(broken).toEqual([]);
  });

  it('the glossary is in the order of the alphabet', () => {
    const names = terms.map((term) => term.names[0]!.toLowerCase()), words = names.filter((name) => /^[a-z]/.test(name));
    expect(words.slice(0, words.indexOf('task') + 1)).toEqual([...words.slice(0, words.indexOf('task') + 1)].sort());
  });

  it.each(pages())('%s links each term of the glossary where it uses it first (npx tsx test/glossary.ts)', (name) => {
    expect(read(name)).toBe(linked(read(name), terms));
  });

  it('the page of the scenario language has every field', () => {
    const page = read('reference/scenario.md');
    expect([...Object.keys(SCENARIO), ...Object.keys(COMPONENT)].filter((field) => !page.includes(`| \`${field}\` |`))).toEqual([]);
  });

  it('every folder of sources has a README, or its parent says what is in it', () => {
    const skip = /(^|\/)(node_modules|dist|images|\.git|\.tsbuild|starter|solution|testing)(\/|$)/;
    const folders = readdirSync(root, { recursive: true, withFileTypes: true }).filter((e) =>
      e.isFile() && e.name.endsWith('.ts')).map((e) =>
      e.parentPath.slice(root.length + 1));
    const bare = [...new Set(folders)].filter((folder) => folder && !skip.test(folder) && !existsSync(join(root, folder, 'README.md')));
    const named = (folder: string): boolean => {
      const readme = join(root, dirname(folder), 'README.md');
      return existsSync(readme) && readFileSync(readme, 'utf8').includes(`${folder.split('/').at(-1)}/`);
    };
    expect(bare.filter((folder) => !named(folder))).toEqual([]);
  });
});
