import { execFileSync } from 'node:child_process';
import {
  chmodSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, readlinkSync, renameSync, rmSync, statSync, symlinkSync,
  writeFileSync
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Set as Valid } from '../../roottask/client/ninep/index.ts';
import { Errno } from '../../system/folders/folder.ts';
import { NineServer } from '../../system/folders/server.ts';
import { SharedFolder } from '../../system/folders/shared.ts';
import { Refused, TestClient } from '../../system/folders/testing.ts';
import { finderFor } from './find.ts';
import { NodeFolder } from './folder.ts';

const errnoOf = (act: () => unknown): number => {
  try {
    act();
  } catch (error) {
    if (error instanceof Refused) return error.errno;
    throw error;
  }
  return 0;
};
const O = { write: 1, both: 2, create: 0o100, exclusive: 0o200, truncate: 0o1000, append: 0o2000 } as const;
const nothing = { mode: 0, uid: 0, gid: 0, size: 0n, atimeSec: 0, atimeNsec: 0, mtimeSec: 0, mtimeNsec: 0 };

describe.each([['through descriptors', true], ['by names', false]])('a folder of the host, found %s', (_, linux) => {
  let base: string, host: string, client: TestClient, server: NineServer, folder: NodeFolder, shared: SharedFolder;
  beforeEach(() => {
    base = mkdtempSync(join(tmpdir(), 'tessera-folder-'));
    host = join(base, 'shared');
    mkdirSync(host);
    mkdirSync(join(base, 'outside'));
    writeFileSync(join(base, 'outside', 'victim'), 'secret');
    folder = new NodeFolder(host, finderFor(host, linux));
    shared = new SharedFolder(folder, true, () => 1_700_000_000_000_000_000n);
    server = new NineServer(shared);
    client = new TestClient(server);
  });
  afterEach(() => {
    server.close();
    folder.close();
    rmSync(base, { recursive: true, force: true });
  });

  it('makes files with their exact mode, writes and reads them', () => {
    const fid = client.create('/', 'a', 'hello', 0o666);
    expect(readFileSync(join(host, 'a'), 'utf8')).toBe('hello');
    expect(statSync(join(host, 'a')).mode & 0o7777).toBe(0o666);
    expect(client.read(fid, 3, 1)).toBe('ell');
    expect(client.stat('/a')).toMatchObject({ size: 5n, uid: 0, gid: 0, mode: 0o100666 });
    writeFileSync(join(host, 'a'), 'changed by the host');
    expect(client.read(fid)).toBe('changed by the host');
  });
  it('keeps permission bits and drops set-ID bits', () => {
    client.call('mkdir', { fid: 0, name: 'd', mode: 0o1777, gid: 0 });
    client.create('/d', 'x', '', 0o6755);
    client.call('setattr', { ...nothing, fid: client.at('/d/x'), valid: Valid.mode, mode: 0o4711 });
    expect(statSync(join(host, 'd')).mode & 0o7777).toBe(0o1777);
    expect(statSync(join(host, 'd/x')).mode & 0o7777).toBe(0o711);
  });
  it('changes size and times, also before 1970 and of links', () => {
    client.create('/', 'a', 'hello');
    client.call('symlink', { fid: 0, name: 'l', target: '/nowhere', gid: 0 });
    const old = { valid: Valid.mtime | Valid.mtimeGiven, mtimeSec: -315_619_200, mtimeNsec: 500_000_000 };
    for (const name of ['/a', '/l']) client.call('setattr', { ...nothing, ...old, fid: client.at(name) });
    expect(lstatSync(join(host, 'a')).mtimeMs).toBe(-315_619_199_500);
    expect(lstatSync(join(host, 'l')).mtimeMs).toBe(-315_619_199_500);
    expect(client.stat('/a')).toMatchObject({ mtimeSec: -315_619_200, mtimeNsec: 500_000_000 });
    client.call('setattr', { ...nothing, fid: client.at('/a'), valid: Valid.size, size: 2n });
    expect(client.contents('/a')).toBe('he');
  });
  it('gives a file to nobody else', () => {
    client.create('/', 'a');
    expect(errnoOf(() => client.call('setattr', { ...nothing, fid: client.at('/a'), valid: Valid.uid, uid: 1000 }))).toBe(Errno.EPERM);
    expect(errnoOf(() => client.call('setattr', { ...nothing, fid: client.at('/a'), valid: Valid.uid | Valid.gid }))).toBe(0);
  });
  it('takes names as bytes', () => {
    const names = ['short\nnl', 'bad\xffutf', '\x1b[31mred', ' lead', 'trail ', 'x'.repeat(255), '-rf', '\xc3\xa4'];
    for (const name of names) client.create('/', name, name);
    const find = execFileSync('find', ['-printf', '%P\\0'], { cwd: host, encoding: 'latin1' }).split('\0').filter(Boolean);
    expect(find.sort()).toEqual([...names].sort());
    expect(client.list('/').map((e) => e.name).sort()).toEqual(['.', '..', ...names].sort());
    for (const name of names) expect(client.contents(`/${name}`)).toBe(name);
    expect(errnoOf(() => client.create('/', 'y'.repeat(256)))).toBe(Errno.ENAMETOOLONG);
    for (const name of ['a/b', 'a\0b']) expect(errnoOf(() => client.create('/', name))).toBe(Errno.EINVAL);
    for (const name of ['', '.', '..']) expect(errnoOf(() => client.create('/', name))).toBe(Errno.ENOENT);
  });
  it('reads a large directory in pieces, from any offset', () => {
    for (let i = 0; i < 1000; i++) writeFileSync(join(host, `file${i}`), '');
    const all = client.list('/', 1000);
    expect(new Set(all.map((e) => e.name)).size).toBe(1002);
    expect(client.list('/').length).toBe(1002);
  });
  it('follows no link that the guest or the host has made', () => {
    client.call('symlink', { fid: 0, name: 'out', target: '../outside', gid: 0 });
    client.call('symlink', { fid: 0, name: 'file', target: join(base, 'outside/victim'), gid: 0 });
    symlinkSync('/', join(host, 'root'));
    expect(readlinkSync(join(host, 'out'))).toBe('../outside');
    expect(errnoOf(() => client.at('/out/victim'))).not.toBe(0);
    for (const flags of [0, O.both, O.write | O.truncate]) expect(errnoOf(() => client.open('/file', flags))).toBe(Errno.ELOOP);
    expect(errnoOf(() => client.create('/', 'file', 'owned', 0o644, O.both | O.create | O.truncate))).toBe(Errno.ELOOP);
    expect(errnoOf(() => client.create('/', 'out', 'owned', 0o644, O.both | O.create | O.exclusive))).toBe(Errno.EEXIST);
    expect(errnoOf(() => client.create('/out', 'new', 'owned'))).not.toBe(0);
    expect(errnoOf(() => client.call('renameat', { from: 0, oldName: 'file', to: client.at('/out'), newName: 'x' }))).not.toBe(0);
    expect(errnoOf(() => client.call('unlinkat', { fid: client.at('/out'), name: 'victim', flags: 0 }))).not.toBe(0);
    expect(errnoOf(() => client.call('mkdir', { fid: client.at('/root'), name: 'pwn', mode: 0o777, gid: 0 }))).not.toBe(0);
    expect(errnoOf(() => client.call('setattr', {
      ...nothing, fid: client.at('/file'), valid: Valid.mode, mode: 0
    }))).toBe(Errno.EOPNOTSUPP);
    client.call('link', { folder: 0, fid: client.at('/file'), name: 'hard' });
    expect(lstatSync(join(host, 'hard')).isSymbolicLink()).toBe(true);
    expect(client.call('walk', { fid: 0, newfid: 77, names: ['..', '..'] }).qids[1]).toEqual(client.call('getattr',
      { fid: 0, mask: 0 }).qid);
    expect(readFileSync(join(base, 'outside/victim'), 'utf8')).toBe('secret');
    expect(existsSync(join(base, 'outside/x'))).toBe(false);
  });
  it('does not go along when a directory is moved out of the folder', () => {
    client.call('mkdir', { fid: 0, name: 'd', mode: 0o755, gid: 0 });
    client.create('/d', 'x', 'inside');
    const fid = client.at('/d');
    renameSync(join(host, 'd'), join(base, 'outside/d'));
    symlinkSync('../outside/d', join(host, 'd'));
    expect(errnoOf(() => client.call('walk', { fid, newfid: 500, names: ['x'] }))).not.toBe(0);
    expect(errnoOf(() => client.call('lcreate', { fid, name: 'new', flags: 2, mode: 0o644, gid: 0 }))).not.toBe(0);
    expect(existsSync(join(base, 'outside/d/new'))).toBe(false);
  });
  it('keeps devices, FIFOs and sockets of the guest to itself, and leaves those of the host alone', () => {
    execFileSync('mkfifo', [join(host, 'hosts')]);
    const mknod = (name: string, mode: number) => client.call('mknod', { fid: 0, name, mode, major: 1, minor: 3, gid: 0 });
    mknod('null', 0o020666);
    mknod('fifo', 0o010644);
    mknod('sock', 0o140755);
    expect(execFileSync('ls', [host], { encoding: 'utf8' })).toBe('hosts\n');
    expect(client.list('/').map((e) => [e.name, e.kind])).toEqual(expect.arrayContaining([
      ['null', 2], ['fifo', 1], ['sock', 12], ['hosts', 1]
    ]));
    expect(client.stat('/null')).toMatchObject({ mode: 0o020666, rdev: 0x103 });
    expect(errnoOf(() => mknod('fifo', 0o010644))).toBe(Errno.EEXIST);
    expect(errnoOf(() => client.create('/', 'fifo'))).toBe(Errno.EEXIST);
    expect(errnoOf(() => client.open('/hosts'))).toBe(Errno.ENXIO);
    client.call('mkdir', { fid: 0, name: 'd', mode: 0o755, gid: 0 });
    client.call('renameat', { from: 0, oldName: 'sock', to: client.at('/d'), newName: 'moved' });
    expect(errnoOf(() => client.call('unlinkat', { fid: 0, name: 'd', flags: 0x200 }))).toBe(Errno.ENOTEMPTY);
    client.call('renameat', { from: 0, oldName: 'd', to: 0, newName: 'e' });
    expect(client.stat('/e/moved').mode).toBe(0o140755);
    client.call('unlinkat', { fid: client.at('/e'), name: 'moved', flags: 0 });
    client.call('unlinkat', { fid: 0, name: 'e', flags: 0x200 });
    expect(errnoOf(() => client.call('unlinkat', { fid: 0, name: 'hosts', flags: 0 }))).toBe(Errno.EPERM);
    expect(errnoOf(() => client.call('renameat', { from: 0, oldName: 'hosts', to: 0, newName: 'mine' }))).toBe(Errno.EPERM);
    client.create('/', 'file');
    expect(errnoOf(() => client.call('renameat', { from: 0, oldName: 'file', to: 0, newName: 'hosts' }))).toBe(Errno.EPERM);
    client.call('renameat', { from: 0, oldName: 'file', to: 0, newName: 'fifo' });
    expect(client.stat('/fifo').mode).toBe(0o100644);
    expect(lstatSync(join(host, 'hosts')).isFIFO()).toBe(true);
  });
  it('moves fids along with a rename, and keeps an open file that lost its name', () => {
    client.call('mkdir', { fid: 0, name: 'd', mode: 0o755, gid: 0 });
    const open = client.create('/d', 'x', 'inside'), deep = client.at('/d/x');
    client.call('renameat', { from: 0, oldName: 'd', to: 0, newName: 'e' });
    expect(client.call('getattr', { fid: deep, mask: 0 }).size).toBe(6n);
    client.call('remove', { fid: client.at('/e/x') });
    expect(errnoOf(() => client.call('getattr', { fid: deep, mask: 0 }))).toBe(Errno.ENOENT);
    expect(client.read(open)).toBe('inside');
    expect(client.call('getattr', { fid: open, mask: 0 }).nlink).toBe(0);
    client.call('setattr', { ...nothing, fid: open, valid: Valid.size, size: 3n });
    expect(client.read(open)).toBe('ins');
    expect(errnoOf(() => client.call('renameat', { from: 0, oldName: 'e', to: client.at('/e'), newName: 'in-itself' }))).toBe(Errno.EINVAL);
  });
  it('says what the host says', () => {
    writeFileSync(join(host, 'f'), '');
    mkdirSync(join(host, 'd/full'), { recursive: true });
    expect(errnoOf(() => client.at('/none'))).toBe(Errno.ENOENT);
    expect(errnoOf(() => client.call('walk', { fid: client.at('/f'), newfid: 900, names: ['x'] }))).toBe(Errno.ENOTDIR);
    expect(errnoOf(() => client.call('unlinkat', { fid: 0, name: 'd', flags: 0x200 }))).toBe(Errno.ENOTEMPTY);
    expect(errnoOf(() => client.call('unlinkat', { fid: 0, name: 'd', flags: 0 }))).toBe(Errno.EISDIR);
    expect(errnoOf(() => client.call('renameat', { from: 0, oldName: 'f', to: 0, newName: 'd' }))).toBe(Errno.EISDIR);
    expect(errnoOf(() => client.call('renameat', { from: 0, oldName: 'd', to: 0, newName: 'f' }))).toBe(Errno.ENOTDIR);
    expect(errnoOf(() => client.open('/d', O.both))).toBe(Errno.EISDIR);
    expect(client.call('statfs', { fid: 0 }).bsize).toBeGreaterThan(0);
  });
  it('appends behind what the host has appended', () => {
    const fid = client.create('/', 'log', 'one\n');
    client.clunk(fid);
    const log = client.open('/log', O.write | O.append);
    writeFileSync(join(host, 'log'), 'two\n', { flag: 'a' });
    client.write(log, 'three\n', 4);
    expect(readFileSync(join(host, 'log'), 'utf8')).toBe('one\ntwo\nthree\n');
    client.call('fsync', { fid: log, dataOnly: 0 });
    client.call('fsync', { fid: client.open('/'), dataOnly: 0 });
  });
  it('changes nothing in a folder that is read-only', () => {
    writeFileSync(join(host, 'f'), 'x');
    chmodSync(join(host, 'f'), 0o600);
    client = new TestClient(new NineServer(new SharedFolder(folder, false, () => 0n)));
    const tries: (() => unknown)[] = [
      () => client.create('/', 'n'), () => client.open('/f', O.both), () => client.open('/f', O.truncate),
      () => client.call('mkdir', { fid: 0, name: 'n', mode: 0o755, gid: 0 }),
      () => client.call('unlinkat', { fid: 0, name: 'f', flags: 0 }), () => client.call('remove', { fid: client.at('/f') }),
      () => client.call('mknod', { fid: 0, name: 'p', mode: 0o010600, major: 0, minor: 0, gid: 0 }),
      () => client.call('renameat', { from: 0, oldName: 'f', to: 0, newName: 'g' }),
      () => client.call('link', { folder: 0, fid: client.at('/f'), name: 'g' }),
      () => client.call('setattr', { ...nothing, fid: client.at('/f'), valid: Valid.mode, mode: 0o777 }),
      () => client.call('symlink', { fid: 0, name: 's', target: 'f', gid: 0 }),
    ];
    for (const attempt of tries) expect(errnoOf(attempt), String(attempt)).toBe(Errno.EROFS);
    expect(client.contents('/f')).toBe('x');
  });
});
