import { existsSync, mkdirSync, mkdtempSync, readFileSync, readlinkSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { applyChanges, parseMount } from './mounts.ts';
import { packTar } from './pack.ts';
import { readTar } from '../system/files/tar.ts';

const place = mkdtempSync(join(tmpdir(), 'tessera-mounts-'));
afterAll(() => rmSync(place, { recursive: true }));
const host = join(place, 'host'), guest = join(place, 'guest');
const tree = (folder: string) => readTar(packTar([{ host: folder, guest: '' }]))!;

beforeEach(() => {
  for (const folder of [host, guest]) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(join(folder, 'd'), { recursive: true });
    writeFileSync(join(folder, 'same'), 'same');
    writeFileSync(join(folder, 'd/old'), 'old');
  }
});

describe('a folder of the host that the guest may write', () => {
  it('gets new, changed and removed files, folders and links, and nothing else is touched', () => {
    const untouched = statSync(join(host, 'same')).mtimeMs;
    writeFileSync(join(guest, 'new'), 'new', { mode: 0o755 });
    writeFileSync(join(guest, 'd/changed'), 'x');
    rmSync(join(guest, 'd/old'));
    mkdirSync(join(guest, 'e/f'), { recursive: true });
    symlinkSync('../same', join(guest, 'e/link'));
    applyChanges(host, tree(host), tree(guest));
    expect(readFileSync(join(host, 'new'), 'utf8')).toBe('new');
    expect(statSync(join(host, 'new')).mode & 0o777).toBe(0o755);
    expect(existsSync(join(host, 'd/old'))).toBe(false);
    expect(readlinkSync(join(host, 'e/link'))).toBe('../same');
    expect(statSync(join(host, 'e/f')).isDirectory()).toBe(true);
    expect(statSync(join(host, 'same')).mtimeMs).toBe(untouched);
  });

  it('lets a file become a folder and the other way round', () => {
    rmSync(join(guest, 'd'), { recursive: true });
    writeFileSync(join(guest, 'd'), 'file now');
    rmSync(join(guest, 'same'));
    mkdirSync(join(guest, 'same'));
    applyChanges(host, tree(host), tree(guest));
    expect(readFileSync(join(host, 'd'), 'utf8')).toBe('file now');
    expect(statSync(join(host, 'same')).isDirectory()).toBe(true);
  });

  it('is never left through a link or a name with ..', () => {
    writeFileSync(join(place, 'outside'), 'safe');
    symlinkSync('..', join(host, 'up'));
    const evil = { type: '0', mode: 0o644, link: '', data: Buffer.from('evil') };
    applyChanges(host, tree(host), new Map([...tree(host), ['up/outside', evil], ['../outside', evil]]));
    expect(readFileSync(join(place, 'outside'), 'utf8')).toBe('safe');
  });
});

describe('--mount', () => {
  it('reads HOST:GUEST with or without a mode', () => {
    expect(parseMount(`${place}:/data`)).toEqual({ host: place, guest: '/data', writable: true });
    expect(parseMount(`${place}:/data:ro`).writable).toBe(false);
    expect(() => parseMount('nowhere:/x')).toThrow("option --mount: 'nowhere' does not exist");
    expect(() => parseMount('data')).toThrow('is no HOST:GUEST[:ro]');
  });
});
