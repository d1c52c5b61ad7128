/** `tessera lab` as a student uses it, from the first command to full points. */
import { copyFileSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { root, tessera } from './tessera.ts';

const work = mkdtempSync(join(tmpdir(), 'tessera-labs-')), mine = join(work, 'mine'), solution = join(root, 'labs/01-hello-ipc/solution');
afterAll(() => rmSync(work, { recursive: true, force: true }));

describe('tessera lab', () => {
  it('leads from start to full points', async () => {
    const begun = await tessera(['lab', 'start', '1', mine, '--student', 'anna']);
    expect(begun.stderr).toBe('');
    expect(begun.status).toBe(0);
    for (const [, to] of readFileSync(join(mine, 'README.md'), 'utf8').matchAll(/\]\((?!#)([^)#]+)/g))
      expect(existsSync(join(mine, to!)), to).toBe(true);
    const first = await tessera(['lab', 'check', mine]);
    expect(first.status).toBe(1);
    expect(first.stdout)
      .toMatch(/✘ {3}0\/15 {2}GREET answers[^]*expected {2}anna: GREET[^]*look at {3}tessera trace view .*seq:\d+[^]*0 of 100 points/);
    const trace = /view (\S+) --filter '(seq:\d+)/.exec(first.stdout)!;
    expect((await tessera(['trace', 'stats', trace[1]!])).status).toBe(0);
    for (const file of readdirSync(solution)) copyFileSync(join(solution, file), join(mine, file));
    const done = await tessera(['lab', 'check', mine]);
    expect(done.stdout).toContain('100 of 100 points');
    expect(done.stdout).not.toContain('!  ');
    expect(done.status).toBe(0);
  });
  it('tells a type error with its line, and grades all the same', async () => {
    const typed = join(work, 'typed');
    await tessera(['lab', 'start', '1', typed, '--student', 'anna']);
    for (const file of readdirSync(solution)) copyFileSync(join(solution, file), join(typed, file));
    writeFileSync(join(typed, 'visitor.ts'),
      readFileSync(join(solution, 'visitor.ts'), 'utf8').replace('let refused = 0;', 'let refused = 0; const x: string = 5; void x;'));
    const run = await tessera(['lab', 'check', typed]);
    expect(run.stdout).toMatch(/! Type 'number' is not assignable to type 'string' \(visitor.ts:10\)/);
    expect(run.status).toBe(0);
  });
  it('reports in the formats of others', async () => {
    const json = JSON.parse((await tessera(['lab', 'report', mine, '--format', 'gradescope'])).stdout) as
      { score: number; tests: unknown[] };
    expect(json.score).toBe(100);
    expect(json.tests.length).toBe(11);
    expect((await tessera(['lab', 'report', mine, '--format', 'csv'])).stdout)
      .toMatch(/^student,lab,points,of,greets.*\nanna,01-hello-ipc,100,100,15,/);
    expect((await tessera(['lab', 'report', mine])).stdout).toContain('100 of 100 points');
  });
  it('gives one hint after the other', async () => {
    const [first, second] = [await tessera(['lab', 'hint', mine]), await tessera(['lab', 'hint', mine])];
    expect(first.stdout).toMatch(/^Hint 1 of \d/);
    expect(second.stdout).toMatch(/^Hint 2 of \d/);
  });
  it('grades a class, each in its own process, and reads nothing outside of a folder', async () => {
    const all = join(work, 'all');
    for (const name of ['anna', 'bert', 'carl', 'dora']) await tessera(['lab', 'start', '1', join(all, name), '--student', name]);
    for (const file of readdirSync(solution)) copyFileSync(join(solution, file), join(all, 'anna', file));
    rmSync(join(all, 'bert/greeter.ts'));
    symlinkSync(join(solution, 'greeter.ts'), join(all, 'bert/greeter.ts'));
    rmSync(join(all, 'carl/lab.json'));
    const run = await tessera(['lab', 'grade', '--all', all, '--lab', '1', '--reports', join(work, 'reports')]);
    const lines = run.stdout.split('\n');
    expect(lines[1]).toMatch(/^anna,01-hello-ipc,100,100/);
    expect(lines[2]).toMatch(/^bert,01-hello-ipc,0,100.*not handed in: greeter.ts/);
    expect(lines[3]).toMatch(/^carl,01-hello-ipc,0,100/);
    expect(existsSync(join(work, 'reports/dora/results.json'))).toBe(true);
    const part = await tessera(['lab', 'grade', '--all', all, '--lab', '1', '--index', '1', '--of', '4']);
    expect(part.stdout.split('\n').map((l) => l.split(',')[0])).toEqual(['student', 'bert', '']);
  });
  it('exports what students get, without solutions and graders', async () => {
    const out = join(work, 'course'), run = await tessera(['lab', 'export', '--students', out]);
    expect(run.status).toBe(0);
    const names = readdirSync(out, { recursive: true }).map(String);
    expect(names.filter((n) => /solution|grader/.test(n))).toEqual([]);
    expect(names).toContain('types/labs/api.d.ts');
    expect(names).toContain('.github/workflows/classroom.yml');
  });
  it.each([
    [['start', 'helo-ipc'], /E_NO_LAB: there is no lab 'helo-ipc'; did you mean 'hello-ipc'\?/],
    [['start', '99'], /E_NO_LAB: there is no lab '99'; list them with: tessera lab list/],
    [['check', work], /E_NO_LAB: folder '.*' has no lab.json; begin a lab with/],
    [['check', join(work, 'nowhere')], /E_NO_FILE: folder '.*nowhere' does not exist/],
    [['hint', mine, '99'], /there is no hint 99/],
  ])('says what is wrong with %j', async (words, line) => {
    const run = await tessera(['lab', ...words]);
    expect(run.stderr).toMatch(line);
    expect(run.stderr.trim().split('\n').length).toBe(1);
    expect(run.status).toBe(2);
  });
});
