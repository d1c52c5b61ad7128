import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Mode, packCpio, packInitramfs, unpackCpio } from './cpio.ts';

const folder = mkdtempSync(join(tmpdir(), 'tessera-cpio-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('cpio archives', () => {
  it('give back what was packed, in order', () => {
    const entries = [{ name: 'd', mode: Mode.dir | 0o755 }, { name: 'd/file', mode: Mode.file | 0o644, data: Buffer.from('abcde') }];
    const back = [...unpackCpio(packCpio(entries))];
    expect(back.map((e) => e.name)).toEqual(['d', 'd/file']);
    expect(Buffer.from(back[1].data!).toString()).toBe('abcde');
  });

  it('hold a folder with its links and the console node, each file once', () => {
    mkdirSync(join(folder, 'dev'));
    writeFileSync(join(folder, 'init'), '#!/bin/sh\n', { mode: 0o755 });
    symlinkSync('init', join(folder, 'start'));
    const names = [...unpackCpio(packInitramfs(folder))].map((e) => e.name);
    expect(names).toEqual(['dev', 'dev/console', 'dev/null', 'init', 'start']);
  });

  it('say where an archive is cut short', () => {
    const archive = packCpio([{ name: 'file', mode: Mode.file, data: Buffer.alloc(3000) }]);
    expect(() => [...unpackCpio(archive.subarray(0, 1000))]).toThrow("cpio entry 'file' is cut short");
  });

  it('are read by the cpio of this computer where there is one', ({ skip }) => {
    try {
      execFileSync('cpio', ['--version'], { stdio: 'ignore' });
    } catch {
      skip('no cpio here');
    }
    const listing = execFileSync('cpio', ['-t', '--quiet'], { input: packInitramfs(folder), encoding: 'utf8' });
    expect(listing).toContain('start');
  });
});
