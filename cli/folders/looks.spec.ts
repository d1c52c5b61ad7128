/** What many names are and contain, in one message: nothing outside is looked at, and nothing but files is opened. */
import { renameSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { decodeContents, decodeLooks, type Reply } from '../../roottask/client/ninep/index.ts';
import { Errno, type HostFolder } from '../../system/folders/folder.ts';
import { LentFolder, MSIZE } from './testing.ts';

let lent: LentFolder, base: string;
const ask: LentFolder['ask'] = (name, fields) => lent.ask(name, fields);
const begin = (...without: (keyof HostFolder)[]): void => lent.lend(lent.host(without), false);
const look = (...names: string[]) => decodeLooks((ask('look', { fid: 0, names }) as Reply<'look'>).looks);
function fetch(most: number, ...names: string[]): (string | number)[] | number {
  const reply = ask('fetch', { fid: 0, most, names });
  return typeof reply === 'number' ? reply
    : decodeContents(reply.contents).map((c) => c.errno || new TextDecoder().decode(c.data));
}
beforeEach(() => {
  lent = new LentFolder('text');
  ({ base } = lent);
  begin();
});
afterEach(() => lent.remove());

it('names are what they are, links with their target, times before 1970 too, and none leads elsewhere', () => {
  utimesSync(join(base, 'a'), new Date(-1500), new Date(1500));
  expect(look('a', 'link', 'folder', 'none', '..', 'folder/..', '').map((l) => [l.errno, l.mode & 0o170000, l.size, l.target])).toEqual([
    [0, 0o100000, 4, ''], [0, 0o120000, 9, '../secret'], [0, 0o040000, expect.any(Number), ''],
    [Errno.ENOENT, 0, 0, ''], [Errno.ENOENT, 0, 0, ''], [Errno.EINVAL, 0, 0, ''], [Errno.ENOENT, 0, 0, '']
  ]);
  expect(look('a').map((l) => [l.atimeSec, l.atimeNsec, l.mtimeSec, l.mtimeNsec])).toEqual([[-2, 5e8, 1, 5e8]]);
});
const ways = [['together', () => begin()], ['one by one', () => begin('stats', 'contents')]] as const;
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
  renameSync(join(base, 'folder'), join(lent.outer, 'folder'));
  expect([ask('look', { fid: 1, names: ['x'] }), ask('fetch', { fid: 1, most: 10, names: ['x'] })]).toEqual([Errno.ENOENT, Errno.ENOENT]);
});
