import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { packTar, Plan } from './pack.ts';
import { lookUp, readTar, type TarEntry } from '../system/files/tar.ts';

const folder = mkdtempSync(join(tmpdir(), 'tessera-tar-'));
afterAll(() => rmSync(folder, { recursive: true }));

const long = `${'deep-folder-name/'.repeat(12)}${'x'.repeat(120)}`;
mkdirSync(join(folder, 'bin'));
writeFileSync(join(folder, 'bin/a'), 'hello\n');
linkSync(join(folder, 'bin/a'), join(folder, 'bin/b'));
symlinkSync('a', join(folder, 'bin/c'));
mkdirSync(join(folder, long, '..'), { recursive: true });
writeFileSync(join(folder, long), 'far away');

describe('a host folder as a tar archive', () => {
  const archive = packTar([{ host: folder, guest: '' }, { host: join(folder, 'bin/a'), guest: '/opt/tools/prog' }]);

  it('is read by the tar of this computer, hard and symbolic links included', () => {
    const listing = execFileSync('tar', ['-tvf', '-'], { input: archive, encoding: 'utf8' });
    expect(listing).toMatch(/bin\/b link to bin\/a/);
    expect(listing).toMatch(/bin\/c -> a/);
    expect(listing).toContain(long);
    expect(execFileSync('tar', ['-xOf', '-', 'opt/tools/prog'], { input: archive, encoding: 'utf8' })).toBe('hello\n');
  });

  it('lists its own names, the long ones too, and folders that a placed file needs', () => {
    const names = readTar(archive)!;
    expect(names.has(Buffer.from(long).toString('latin1'))).toBe(true);
    expect(names.has('opt/tools')).toBe(true);
    expect(names.has('bin/c')).toBe(true);
  });

  it('is looked into like a file system: links are followed, also hard ones', () => {
    const entries = readTar(archive)!;
    expect(Buffer.from(lookUp(entries, '/bin/../bin/c')!.data).toString()).toBe('hello\n');
    expect(lookUp(entries, '/bin/b')?.type).toBe('0');
    expect(lookUp(entries, '/bin/none')).toBeUndefined();
  });

  it('has files of a page or more at pages of the archive, and tar does not mind', () => {
    writeFileSync(join(folder, 'bin/large'), Buffer.alloc(10_000, 7));
    const padded = packTar([{ host: folder, guest: '' }]);
    expect(padded.indexOf(Buffer.alloc(10_000, 7)) % 4096).toBe(0);
    expect(execFileSync('tar', ['-xOf', '-', 'bin/large'], { input: padded })).toEqual(Buffer.alloc(10_000, 7));
    expect(readTar(padded)!.get('bin/large')!.data.length).toBe(10_000);
  });

  it('keeps names that are no UTF-8', () => {
    const odd = Buffer.concat([Buffer.from(join(folder, 'bin/gr')), Buffer.of(0xfc), Buffer.from('n')]);
    writeFileSync(odd, 'odd');
    const entries = readTar(packTar([{ host: join(folder, 'bin'), guest: '' }]))!;
    expect(Buffer.from(entries.get('gr\xfcn')!.data).toString()).toBe('odd');
    rmSync(odd);
  });

  it('follows a link that is placed itself', () => {
    symlinkSync(join(folder, 'bin'), join(folder, 'link'));
    expect([...readTar(packTar([{ host: join(folder, 'link'), guest: '' }]))!.keys()]).toContain('a');
    rmSync(join(folder, 'link'));
  });

  it('is known before it is written: a plan has the same files', () => {
    const plan = new Plan([{ host: folder, guest: '' }], ['dev']), written = readTar(packTar([{ host: folder, guest: '' }], ['dev']))!;
    const listed = (files: Iterable<readonly [string, Pick<TarEntry, 'type' | 'mode' | 'link' | 'data'>]>): unknown[] =>
      [...files].map(([name, { type, mode, link, data }]) => [name, type, mode, link, Buffer.from(data)]);
    expect(listed(plan.files())).toEqual(listed(written));
  });

  it('is the same twice', () => {
    expect(packTar([{ host: folder, guest: '' }])).toEqual(packTar([{ host: folder, guest: '' }]));
  });

  it('knows what is no archive', () => {
    expect(readTar(Buffer.from('#!/bin/sh\n'))).toBeUndefined();
  });
});
