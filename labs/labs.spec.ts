/** Every lab: its reference solution gets all points, its starter does not, repeatably; its page and table are complete. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hintsOf } from '../cli/lab/commands.ts';
import { gccRoot } from '../cli/lab/cc.ts';
import { filesOfLab, labFolder, pageOf } from '../cli/lab/folder.ts';
import { grade, variantOf } from '../cli/lab/grade.ts';
import { projectRoot } from '../cli/images/where.ts';
import { findLab, labNames } from './catalogue.ts';
import type { Lab } from './grading/lab.ts';
import type { Verdict } from './grading/verdict.ts';

// Compilers of this computer are faster than Debian's in `run`, and the sources here are trusted.
const cross = spawnSync('riscv64-linux-gnu-gcc', ['--version']).status === 0;
if (cross) process.env['TESSERA_LAB_CC'] ??= 'riscv64-linux-gnu-gcc';
const inC = async (name: string): Promise<boolean> => (await findLab(name))!.language === 'c';

describe.each(labNames())('%s', (name) => {
  const load = async (): Promise<Lab> => (await findLab(name))!;

  it('has a page with hints and questions, and points that add up', async () => {
    const lab = await load(), page = pageOf(lab, variantOf(lab, 'anna'));
    expect(lab.checks.reduce((n, c) => n + c.points, 0)).toBe(100);
    expect(hintsOf(page).length).toBeGreaterThanOrEqual(3);
    expect(page).toContain('## Questions');
    expect(page).not.toMatch(/\{\{/);
    // The four parts, in the order in which a student meets them, and a picture of success.
    const parts = ['## Read first', '## The task', '## Check it', '## Hints', '## Questions'].map((title) => page.indexOf(`\n${title}`));
    expect(parts.every((at, i) => at > (parts[i - 1] ?? 0)), parts.join()).toBe(true);
    const [reading, , checking, hints, questions] = parts.map((at, i) => page.slice(at, parts[i + 1]));
    expect(reading!.match(/^- /gm)!.length).toBeGreaterThanOrEqual(2);
    expect(hints!.match(/<details><summary>/g)).toHaveLength(hintsOf(page).length);
    expect(questions!.match(/^\d+\. /gm)!.length).toBeGreaterThanOrEqual(3);
    expect(checking).toMatch(/!\[[^\]]+\]\(success\.svg\)/);
    expect(existsSync(join(labFolder(lab), 'success.svg'))).toBe(true);
    for (const folder of ['starter', 'solution']) for (const file of lab.files)
      expect(existsSync(join(labFolder(lab), folder, file)), `${folder}/${file}`).toBe(true);
    for (const [, path] of readFileSync(join(labFolder(lab), 'README.md'),
      'utf8').matchAll(/\]\((\.\.[^)#]+)/g)) expect(existsSync(join(projectRoot(), 'labs', name, path!)), path).toBe(true);
  });
  it('gives its solution all points, of whatever variant, twice the same', async ({ skip }) => {
    if (!cross && await inC(name)) return skip('no riscv64-linux-gnu-gcc here');
    const lab = await load(), of = (seed: string): Map<string, string> => filesOfLab(lab, 'solution', variantOf(lab, seed));
    // (the second ones once lost points for it in labs 10 and 8; many more: test/labs/variants.ts)
    for (const [seed, secret] of [['anna', 'exam'], name === '08-interrupts' ? ['student-4', 'exam-4'] : ['solution', 'exam']] as const) {
      const solution = of(seed), { verdict } = await grade(lab, solution, { seed, secret });
      expect(verdict.checks.filter((c) => !c.passed)).toEqual([]);
      expect(verdict.notes).toEqual([]);
      if (seed === 'anna') expect((await grade(lab, solution, { seed, secret })).verdict).toEqual(verdict);
    }
  });
  it('gives its starter few, and says what was expected and seen', async ({ skip }) => {
    if (!cross && await inC(name)) return skip('no riscv64-linux-gnu-gcc here');
    const lab = await load(), { verdict } = await grade(lab, filesOfLab(lab, 'starter', variantOf(lab, 'anna')), { seed: 'anna' });
    expect(verdict.points).toBeLessThanOrEqual(40);
    for (const check of verdict.checks.filter((x) => !x.passed)) expect(check.findings.every((f) => f.expected !== '' && f.seen !== ''),
      check.id).toBe(true);
  });
});

describe.skipIf(!existsSync(join(gccRoot(), 'usr/bin/gcc')))("a lab in C, with Debian's compiler under the Unix server", () => {
  it('is compiled and gets all points, and finds no file of this computer', async () => {
    const lab = (await findLab('16'))!, own = process.env['TESSERA_LAB_CC'], solution = filesOfLab(lab, 'solution', variantOf(lab, 'anna'));
    const source = solution.get('ring.c')!, peeping = `${source}\n__asm__(".incbin \\"${projectRoot()}/package.json\\"");\n`;
    const verdict = async (text: string): Promise<Verdict> => (await grade(lab, new Map([['ring.c', text]]), { seed: 'anna' })).verdict;
    delete process.env['TESSERA_LAB_CC'];
    try {
      expect((await verdict(source)).points).toBe(100);
      expect(await verdict(peeping)).toMatchObject({ points: 0, notes: [expect.stringMatching(/in assembly: Error: file not found/)] });
    } finally {
      if (own !== undefined) process.env['TESSERA_LAB_CC'] = own;
    }
  }, 600_000);
});
