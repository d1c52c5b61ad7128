/** Every scenario has a page whose command, figures and picture are correct. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { imagesFolder } from '../cli/images/where.ts';
import { commandOf, look, pagePath, pages, picturePath, table, told, toldSweep } from './scenario-pages.ts';
import { root, tessera } from './tessera.ts';

const images = ['vmlinuz', 'initramfs.cpio'].every((f) => existsSync(join(imagesFolder(), f)));
/** Part of a figure that depends on Debian's version. */
const MOST_OFF = 0.25;

/** The labels of a picture's arrows, in order. */
const words = (svg: string): string[] =>
  [...svg.matchAll(/<text x="\d+(?:\.\d+)?" y="\d+" text-anchor="[a-z]+">([^<]*)</g)].map((m) => m[1]!);
const numbers = (text: string): number[] => [...text.matchAll(/\| ([\d,]+) \|$/gm)].map((m) => Number(m[1]!.replaceAll(',', '')));

/** All numbers of a table's cells, its first column left out. */
const cells = (text: string): number[] => text.split('\n').flatMap((row) => [...row.matchAll(/\| ([\d,.]+) (?=\|)/g)].map((m) =>
  Number(m[1]!.replaceAll(',', ''))));

describe.each(Object.keys(pages))('%s', (name) => {
  const page = pages[name]!,
    why = page.elsewhere ? ` (booted in ${page.elsewhere})` : page.images && !images ? ' (skipped: no images)' : '';

  it('has a page with its command, its picture and questions', () => {
    const text = readFileSync(pagePath(name), 'utf8');
    expect(text).toContain(`\n${commandOf(name)}\n`);
    expect(text).toContain(`../pictures/scenario-${name}.svg`);
    expect(text.match(/\*Hint: /g)?.length).toBeGreaterThanOrEqual(3);
    expect(readFileSync(join(root, 'docs/scenarios.md'), 'utf8')).toContain(`scenarios/${name}.md`);
    for (const [, link] of text.matchAll(/\]\((\.\.[^)#]*)/g)) expect(existsSync(join(root, 'docs/scenarios', link!)), link).toBe(true);
  });

  it.skipIf(why)(`does what its page says; else: npx tsx test/scenario-pages.ts ${name}${why}`, async () => {
    const seen = await look(name);
    expect(seen).toMatchObject({ status: 0 });
    if (page.images) {
      const here = numbers(table(seen.figures)), there = numbers(told(name));
      expect(here.length).toBe(there.length);
      here.forEach((n, i) => expect(Math.abs(n - there[i]!)).toBeLessThanOrEqual(MOST_OFF * there[i]!));
      return;
    }
    if (page.wild) {
      for (const [here, there] of [[table(seen.figures), told(name)], [seen.sweep, toldSweep(name)]] as const) {
        const [now, then] = [here, there].map(cells);
        expect(now!.length).toBe(then!.length);
        now!.forEach((n, i) => expect(n / then![i]!, `${n} is not about ${then![i]}`).toSatisfy((q: number) => q >= 0.5 && q <= 2));
      }
      return;
    }
    expect(told(name)).toBe(table(seen.figures));
    expect(toldSweep(name)).toBe(seen.sweep);
    expect(words(seen.picture)).toEqual(words(readFileSync(picturePath(name), 'utf8')));
  });
});

const renderer = spawnSync('rsvg-convert', ['--version']).status === 0;
it.skipIf(!renderer)(`every picture of the documents renders${renderer ? '' : ' (skipped: rsvg-convert is not installed)'}`, () => {
  const folder = join(root, 'docs/pictures'), all = readdirSync(folder).filter((f) => f.endsWith('.svg'));
  expect(all.length).toBeGreaterThan(20);
  for (const file of all)
    expect(spawnSync('rsvg-convert', [join(folder, file)], { stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 2 ** 26 }).status, file).toBe(0);
});

it('boot --list tells what each scenario shows, and names all that have a page', async () => {
  const { status, stdout } = await tessera(['boot', '--list']);
  expect(status).toBe(0);
  for (const name of Object.keys(pages)) expect(stdout).toMatch(new RegExp(`^${name} +\\S.{20,}`, 'm'));
});
