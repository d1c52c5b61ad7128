/** Folders so deep that no path leads to their ends. */
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { NodeFolder } from './folder.ts';

const NAME = 'a-folder-whose-name-is-thirty-byte'.slice(0, 30), LEVELS = 300;
const linux = describe.runIf(process.platform === 'linux');
let base: string, folder: NodeFolder;
beforeEach(() => {
  base = fs.mkdtempSync(join(tmpdir(), 'tessera-deep-'));
  fs.mkdirSync(join(base, 'shared'));
  folder = new NodeFolder(join(base, 'shared'));
});
afterEach(() => {
  vi.restoreAllMocks();
  syncBuiltinESMExports();
  folder.close();
  spawnSync('rm', ['-rf', base]);
});
const way = (n: number, top = NAME): string[] => [top, ...Array.from({ length: n - 1 }, () => NAME)];
const errorOf = (act: () => unknown): string => { try { act(); return 'none'; } catch (error) { return (error as Error).message; } };
const make = (levels: number): void => { for (let n = 1; n <= levels; n++) folder.mkdir(way(n), 0o755); };
const WRITE = { read: true, write: true } as const;

linux('a folder of the host with a path of 9,000 bytes', () => {
  it('is made, looked at and removed with a few opened directories a level', () => {
    const opened = vi.spyOn(fs, 'openSync');
    syncBuiltinESMExports();
    make(LEVELS);
    for (let n = 1; n <= LEVELS; n++) folder.stat(way(n));
    const file = folder.create([...way(LEVELS), 'file'], WRITE, 0o644) as { write(bytes: Uint8Array, at: number): number; close(): void };
    expect(file.write(Uint8Array.of(1, 2, 3), 0)).toBe(3);
    file.close();
    expect(folder.stat([...way(LEVELS), 'file'])).toMatchObject({ size: 3n });
    folder.unlink([...way(LEVELS), 'file']);
    for (let n = LEVELS; n > 1; n--) folder.rmdir(way(n));
    const each = opened.mock.calls.length / LEVELS;
    expect(each).toBeGreaterThan(1);
    expect(each).toBeLessThan(40);
  });
  it('is not there any more when the host gives one of the first directories another name, or moves it out', () => {
    make(160);
    folder.stat(way(160));
    fs.renameSync(join(base, 'shared', NAME), join(base, 'shared/other'));
    expect(errorOf(() => folder.stat(way(160)))).toBe('ENOENT');
    expect(folder.stat(way(160, 'other'))).toMatchObject({ nlink: 2n });
    fs.renameSync(join(base, 'shared/other'), join(base, 'outside'));
    expect(errorOf(() => folder.mkdir([...way(160, 'other'), 'new'], 0o755))).toBe('ENOENT');
  });
  it('is not entered where a directory below was moved out of the shared folder', () => {
    make(180);
    folder.stat(way(180));
    const parts = (n: number): string => Array.from({ length: n }, () => NAME).join('/');
    fs.renameSync(join(base, 'shared', parts(60)), join(base, 'outside'));
    fs.symlinkSync(join(base, 'outside'), join(base, 'shared', parts(60)));
    expect(['ENOENT', 'ENOTDIR', 'ELOOP']).toContain(errorOf(() => folder.mkdir([...way(179), 'new'], 0o755)));
  });
  it('has an end for us: more than 2,048 within each other are ENAMETOOLONG', () => {
    const names = (n: number): string[] => Array.from({ length: n }, () => 'd');
    expect(errorOf(() => folder.mkdir(names(2049), 0o755))).toBe('ENOENT');
    expect(errorOf(() => folder.mkdir(names(2050), 0o755))).toBe('ENAMETOOLONG');
  });
});
