/** Every lab: its reference solution gets all points, its starter does not, twice the same; its page and table are whole. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { hintsOf } from '../cli/lab/commands.ts';
import { filesOfLab, labFolder, pageOf } from '../cli/lab/folder.ts';
import { grade, variantOf } from '../cli/lab/grade.ts';
import { projectRoot } from '../cli/images/where.ts';
import { findLab, labNames } from './catalogue.ts';
import type { Lab } from './grading/lab.ts';

describe.each(labNames())('%s', (name) => {
  const load = async (): Promise<Lab> => (await findLab(name))!;

  it('has a page with hints and questions, and points that add up', async () => {
    const lab = await load(), page = pageOf(lab, variantOf(lab, 'anna'));
    expect(lab.checks.reduce((n, c) => n + c.points, 0)).toBe(100);
    expect(hintsOf(page).length).toBeGreaterThanOrEqual(3);
    expect(page).toContain('## Questions');
    expect(page).not.toMatch(/\{\{/);
    for (const [, path] of readFileSync(join(labFolder(lab), 'README.md'), 'utf8').matchAll(/\]\((\.\.[^)#]+)/g)) expect(existsSync(join(projectRoot(), 'labs', name, path!)), path).toBe(true);
  });
  it('gives its solution all points, of whatever variant, twice the same', async () => {
    const lab = await load(), of = (seed: string): Map<string, string> => filesOfLab(lab, 'solution', variantOf(lab, seed));
    for (const seed of ['anna', 'bert']) {
      const solution = of(seed);
      const { verdict } = await grade(lab, solution, { seed, secret: 'exam' });
      expect(verdict.checks.filter((c) => !c.passed)).toEqual([]);
      expect(verdict.notes).toEqual([]);
      if (seed === 'anna') expect((await grade(lab, solution, { seed, secret: 'exam' })).verdict).toEqual(verdict);
    }
  });
  it('gives its starter few, and says what was expected and seen', async () => {
    const lab = await load(), { verdict } = await grade(lab, filesOfLab(lab, 'starter', variantOf(lab, 'anna')), { seed: 'anna' });
    expect(verdict.points).toBeLessThanOrEqual(40);
    for (const c of verdict.checks.filter((x) => !x.passed)) expect(c.findings.every((f) => f.expected !== '' && f.seen !== ''), c.id).toBe(true);
  });
});
