import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '..');
const run = (...words: string[]) => spawnSync(process.execPath, ['--import', 'tsx', ...words], { cwd: root, encoding: 'utf8' });
const sources = (folder: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name));

describe('the tools of bench/ and test/', () => {
  it('tell their usage, which is the comment at their head, with --help', () => {
    const { status, stdout, stderr } = run('test/fuzz/main.ts', '--help');
    expect([status, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^`npm run fuzz -- --minutes N[\s\S]*\ntargets: tar, /);
  });
  it('say in one line what is wrong with their options', () => {
    const { status, stdout, stderr } = run('bench/small-files.ts', '--nothing');
    expect([status, stdout, stderr]).toEqual([2, '', "small-files.ts: Unknown option '--nothing' (--help shows the usage)\n"]);
  });
  it('read their words in one way', () => {
    const own = (file: string): boolean => {
      const text = readFileSync(join(root, file), 'utf8');
      return /process\.argv|\bparseArgs\(/.test(text) && !text.includes("/tool.ts'");
    };
    const tools = [...sources('bench'), ...sources('test')].filter((file) => file.endsWith('.ts') && !/\.spec\.ts$|tool\.ts$/.test(file));
    expect(tools.filter(own)).toEqual([]);
  });
});
