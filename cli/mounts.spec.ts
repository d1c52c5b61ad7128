import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Folders, parseMount } from './mounts.ts';

const place = mkdtempSync(join(tmpdir(), 'tessera-mounts-'));
mkdirSync(join(place, 'a/b'), { recursive: true });
writeFileSync(join(place, 'a/b/prog'), '');
symlinkSync('b/prog', join(place, 'a/link'));
symlinkSync('../outside', join(place, 'a/up'));
symlinkSync('/bin/sh', join(place, 'a/absolute'));
afterAll(() => rmSync(place, { recursive: true }));

describe('--mount', () => {
  it('reads HOST:GUEST with or without a mode', () => {
    expect(parseMount(`${place}:/data`)).toEqual({ host: place, guest: '/data', writable: true });
    expect(parseMount(`${place}:/data:ro`).writable).toBe(false);
    expect(() => parseMount('nowhere:/x')).toThrow("option --mount: 'nowhere' does not exist");
    expect(() => parseMount('data')).toThrow('is no HOST:GUEST[:ro]');
  });
  it('knows which file of the host a path in the guest is, through links that stay in the folder', () => {
    const folders = new Folders([parseMount(`${join(place, 'a')}:/data`)], true);
    expect(folders.hostPath('/data/b/prog')).toBe(join(place, 'a/b/prog'));
    expect(folders.hostPath('/data/x/../link')).toBe(join(place, 'a/b/prog'));
    expect(['/data/up', '/data/absolute', '/database', '/etc'].map((p) =>
      folders.hostPath(p))).toEqual([undefined, undefined, undefined, undefined]);
  });
  it.runIf(process.platform === 'linux')('lends no folder of the kernel: files of /proc reach into processes', () => {
    for (const host of ['/proc', '/proc/self', '/sys/kernel'])
      expect(() => new Folders([parseMount(`${host}:/p`)], false)).toThrow(/is a folder of the kernel/);
  });
});
