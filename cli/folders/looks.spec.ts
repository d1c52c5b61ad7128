/** What many names are and contain, in one message: nothing outside is looked at, and nothing but files is opened. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import {
  COMPOUND, NO_FID, decodeContents, decodeLooks, decodeReply, encodeRequest, type MessageName, type Reply, type Request
} from '../../roottask/client/ninep/index.ts';
import { Errno, type HostFolder } from '../../system/folders/folder.ts';
import { NineServer } from '../../system/folders/server.ts';
import { SharedFolder } from '../../system/folders/shared.ts';
import { finderFor } from './find.ts';
import { NodeFolder } from './folder.ts';

const MSIZE = 8192;
let outer: string, base: string, server: NineServer;
function ask<N extends MessageName>(name: N, fields: Request<N>): Reply<N> | number {
  let reply = new Uint8Array(0);
  server.request(encodeRequest(name, 1, fields), (bytes) => { reply = bytes.slice(); });
  expect(reply.length).toBeLessThanOrEqual(MSIZE);
  const answer = decodeReply(name, reply);
  return answer.ok ? answer.value : answer.error;
}
function begin(host: HostFolder = new NodeFolder(base, finderFor(base))): void {
  server = new NineServer(new SharedFolder(host, false, () => 0n));
  ask('version', { msize: MSIZE, version: COMPOUND });
  ask('attach', { fid: 0, afid: NO_FID, user: '', tree: '', uid: 0 });
}
const look = (...names: string[]) => decodeLooks((ask('look', { fid: 0, names }) as Reply<'look'>).looks);
function fetch(most: number, ...names: string[]): (string | number)[] | number {
  const reply = ask('fetch', { fid: 0, most, names });
  return typeof reply === 'number' ? reply
    : decodeContents(reply.contents).map((c) => c.errno || new TextDecoder().decode(c.data));
}
beforeEach(() => {
  outer = mkdtempSync(join(tmpdir(), 'tessera-looks-'));
  base = join(outer, 'base');
  mkdirSync(join(base, 'folder'), { recursive: true });
  writeFileSync(join(outer, 'secret'), 'secret');
  writeFileSync(join(base, 'a'), 'text');
  symlinkSync('../secret', join(base, 'link'));
  spawnSync('mkfifo', [join(base, 'fifo')]);
  begin();
});
afterEach(() => { server.close(); rmSync(outer, { recursive: true, force: true }); });

it('names are what they are, links with their target, times before 1970 too, and none leads elsewhere', () => {
  utimesSync(join(base, 'a'), new Date(-1500), new Date(1500));
  expect(look('a', 'link', 'folder', 'none', '..', 'folder/..', '').map((l) => [l.errno, l.mode & 0o170000, l.size, l.target])).toEqual([
    [0, 0o100000, 4, ''], [0, 0o120000, 9, '../secret'], [0, 0o040000, expect.any(Number), ''],
    [Errno.ENOENT, 0, 0, ''], [Errno.ENOENT, 0, 0, ''], [Errno.EINVAL, 0, 0, ''], [Errno.ENOENT, 0, 0, '']
  ]);
  expect(look('a').map((l) => [l.atimeSec, l.atimeNsec, l.mtimeSec, l.mtimeNsec])).toEqual([[-2, 5e8, 1, 5e8]]);
});
const own = (): HostFolder => {
  const folder = new NodeFolder(base, finderFor(base));
  return Object.assign(Object.create(folder) as HostFolder, { stats: undefined, contents: undefined });
};
const ways = [['together', () => begin()], ['one by one', () => begin(own())]] as const;
it.each(ways)('only regular files are read, %s, as far as there is room', (_, make) => {
  make();
  writeFileSync(join(base, 'big'), 'b'.repeat(5000));
  expect(fetch(100, 'a', 'link', 'folder', 'fifo', 'none', 'big'))
    .toEqual(['text', Errno.ELOOP, Errno.EISDIR, Errno.ENXIO, Errno.ENOENT, Errno.EFBIG]);
  expect(fetch(6000, 'big', 'big', 'a')).toEqual(['b'.repeat(5000), Errno.EFBIG, 'text']);
  expect([fetch(100, 'a', '../secret'), fetch(100, '..')]).toEqual([Errno.EINVAL, Errno.ENOENT]);
  truncateSync(join(base, 'a'), 0);
  expect(fetch(100, 'a')).toEqual(['']);
});
it('a folder is read to its end, each name once, in as many messages as it takes', () => {
  const names = Array.from({ length: 300 }, (_, i) => `${i}-${'n'.repeat(i % 200)}`);
  for (const name of names) writeFileSync(join(base, 'folder', name), name);
  ask('walk', { fid: 0, newfid: 1, names: ['folder'] });
  ask('lopen', { fid: 1, flags: 0 });
  const found: string[] = [];
  let messages = 0;
  for (let offset = 0n, last = 0; last === 0; messages++) {
    const reply = ask('readlook', { fid: 1, offset, count: MSIZE }) as Reply<'readlook'>;
    for (const look of decodeLooks(reply.looks)) { expect(look.size).toBe(look.name.length); found.push(look.name); }
    ({ at: offset, last } = reply);
  }
  expect([found.sort(), messages > 5]).toEqual([names.sort(), true]);
  expect([ask('readlook', { fid: 1, offset: 0n, count: 10 }), ask('readlook', { fid: 0, offset: 0n, count: MSIZE })])
    .toEqual([Errno.EINVAL, Errno.EBADF]);
});
it('a folder that was moved away is in it no more, between two requests', () => {
  ask('walk', { fid: 0, newfid: 1, names: ['folder'] });
  const there = () => decodeLooks((ask('look', { fid: 1, names: ['x'] }) as Reply<'look'>).looks)[0]!.errno;
  writeFileSync(join(base, 'folder/x'), '');
  expect(there()).toBe(0);
  renameSync(join(base, 'folder'), join(outer, 'folder'));
  expect([ask('look', { fid: 1, names: ['x'] }), ask('fetch', { fid: 1, most: 10, names: ['x'] })]).toEqual([Errno.ENOENT, Errno.ENOENT]);
});
