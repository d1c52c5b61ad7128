import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { completion, shells } from './completion.ts';
import { labNames } from '../labs/catalogue.ts';
import { tessera } from '../test/tessera.ts';
import { scenarioList } from './boot.ts';
import { buildProgram } from './main.ts';

const program = buildProgram(() => {}), names = { boot: ['two-worlds', 'getpid'] };
const has = (shell: string): boolean => spawnSync(shell, ['-c', 'true']).status === 0;

/** What bash offers for these words; the last is the one that is being typed. */
function offered(...words: string[]): string[] {
  const list = ['tessera', ...words].map((w) => `'${w}'`).join(' ');
  const { stdout, stderr } = spawnSync('bash', ['--norc'], {
    input: `${completion('bash', program, names)}COMP_WORDS=(${list}); COMP_CWORD=${words.length}; _tessera; printf '%s\\n' `
      + `"\${COMPREPLY[@]}"`,
    encoding: 'utf8'
  });
  expect(stderr).toBe('');
  return stdout.split('\n').filter(Boolean);
}

describe('completion', () => {
  it.skipIf(!has('bash'))('offers what a command may be followed by, in bash', () => {
    expect(offered('bo')).toEqual(['boot']);
    expect(offered('boot', 'two')).toEqual(['two-worlds']);
    expect(offered('trace', 'st')).toEqual(['stats']);
    expect(offered('trace', 'stats', '--js')).toEqual(['--json']);
    expect(offered('run', '--root')).toEqual(['--rootfs']);
  });
  it.skipIf(!has('bash'))('is of all commands, as the command prints it', async () => {
    const { stdout, status } = await tessera(['completion', 'bash']);
    const all = { boot: scenarioList(), 'lab start': labNames(), completion: [...shells] };
    expect([status, stdout]).toEqual([0, completion('bash', program, all)]);
  });
  it.skipIf(!has('bash'))('offers files where nothing fits', () => {
    expect(offered('bare', 'package.js')).toEqual(['package.json']);
  });
  it.each(shells)('is a script that %s understands, where it is installed', (shell) => {
    const script = completion(shell, program, names);
    expect(script).toContain('two-worlds');
    if (!has(shell)) return;
    const folder = mkdtempSync(join(tmpdir(), 'tessera-completion-')), file = join(folder, 'script'); // fish reads no script from a pipe
    writeFileSync(file, script);
    const checked = spawnSync(shell, ['-n', file], { encoding: 'utf8' });
    rmSync(folder, { recursive: true });
    expect(checked).toMatchObject({ status: 0, stderr: '' });
  });
});
