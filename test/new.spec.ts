/** `tessera new`: its output works unchanged. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { tessera } from './tessera.ts';

const work = mkdtempSync(join(tmpdir(), 'tessera-new-'));
afterAll(() => rmSync(work, { recursive: true, force: true }));
const hasCompiler = ['/usr/bin', '/usr/local/bin'].some((d) => existsSync(join(d, 'riscv64-linux-gnu-gcc')));

it('makes a scenario that boots, with types that hold', async () => {
  expect((await tessera(['new', 'scenario', join(work, 'hello')])).status).toBe(0);
  const run = await tessera(['boot', join(work, 'hello/hello.ts'), '--types']);
  expect(run.stderr).toBe('');
  expect(run.stdout).toContain('[client] the sum is 6');
  expect(run.status).toBe(0);
});
it.skipIf(!hasCompiler)('makes a native program that builds and boots', async () => {
  expect((await tessera(['new', 'native', join(work, 'counter')])).status).toBe(0);
  execFileSync('make', ['-s', '-C', join(work, 'counter')]);
  const run = await tessera(['boot', join(work, 'counter/counter.ts')]);
  expect(run.stderr).toBe('');
  expect(run.stdout).toContain('[counter] the sum is 6');
});
it('makes a lab: its solution has all points, its starter none, and students can begin it', async () => {
  const lab = join(work, 'locks'), mine = join(work, 'mine');
  expect((await tessera(['new', 'lab', lab])).status).toBe(0);
  const solved = await tessera(['lab', 'check', join(lab, 'solution'), '--lab', lab, '--student', 'anna']);
  expect(solved.stdout).toContain('100 of 100 points');
  expect(solved.stdout).not.toContain('!');
  expect((await tessera(['lab', 'start', lab, mine])).status).toBe(0);
  const run = await tessera(['lab', 'check', mine]);
  expect(run.stdout).toMatch(/expected {2}the sums of[^]*0 of 100 points/);
  expect(run.status).toBe(1);
});
it('says what it cannot make', async () => {
  expect((await tessera(['new', 'scenrio', 'x'])).stderr).toContain("did you mean 'scenario'?");
  expect((await tessera(['new', 'lab', join(work, 'X')])).stderr).toContain("'X' is no name");
  expect((await tessera(['new', 'lab', work])).status).toBe(2);
});
