/** Small files made, found and read in one request: nothing outside is touched, nothing but files is opened, every fid is one or none. */
import { chmodSync, lstatSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { NO_FID, decodeContents, decodeLooks, type Reply } from '../../roottask/client/ninep/index.ts';
import { Errno } from '../../system/folders/folder.ts';
import { LentFolder, MSIZE } from './testing.ts';

const EXCLUSIVE = 0o202, BOTH = 2;
let lent: LentFolder, base: string;
const ask: LentFolder['ask'] = (name, fields) => lent.ask(name, fields);
function begin(writable = true, together = true): void {
  lent.lend(lent.host(together ? [] : ['take', 'together']), writable);
}
const make = (name: string, newfid: number, flags = EXCLUSIVE, mode = 0o640) => ask('make', { fid: 0, newfid, name, flags, mode });
const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
/** Of each name: its type, and what was read or why not. */
function take(newfids: number[], names: string[], most = 100) {
  const taken = ask('take', { fid: 0, most, newfids, names });
  if (typeof taken === 'number') return taken;
  const contents = decodeContents(taken.contents);
  return decodeLooks(taken.looks).map(({ name, errno, mode }, i) =>
    [name, errno || mode >> 12, contents[i]!.errno || text(contents[i]!.data)]);
}
const read = (fid: number) => { const r = ask('read', { fid, offset: 0n, count: 100 }); return typeof r === 'number' ? r : text(r.data); };
beforeEach(() => {
  lent = new LentFolder('text of a');
  ({ base } = lent);
  begin();
});
afterEach(() => lent.remove());

it('a file is made as it is asked for, once, and its fid writes it', () => {
  const made = make('new', 5) as Reply<'make'>;
  expect(decodeLooks(made.looks).map((l) => [l.name, l.mode, l.size])).toEqual([['new', 0o100640, 0]]);
  expect(ask('write', { fid: 5, offset: 0n, data: new TextEncoder().encode('bytes') })).toEqual({ count: 5 });
  expect(readFileSync(join(base, 'new'), 'utf8')).toBe('bytes');
  expect([make('new', 6), make('other', 5), make('link', 6, BOTH), make('..', 6), make('a/b', 6), make('folder', 6, BOTH)])
    .toEqual([Errno.EEXIST, Errno.EBADF, Errno.ELOOP, Errno.ENOENT, Errno.EINVAL, Errno.EISDIR]);
  expect(readFileSync(join(lent.outer, 'secret'), 'utf8')).toBe('secret');
  expect([typeof make('a', 6, BOTH), read(6)]).toEqual(['object', 'text of a']);
});
it('nothing is made in a folder that is lent to be read', () => {
  begin(false);
  expect(make('new', 5)).toBe(Errno.EROFS);
  expect(() => lstatSync(join(base, 'new'))).toThrow('ENOENT');
});
const ways = [['at once', true], ['one by one', false]] as const;
it.each(ways)('names are taken: files with what they begin with, open; others as they are (%s)', (_, together) => {
  begin(true, together);
  const names = ['a', 'link', 'fifo', 'folder', 'none', '..'], fids = names.map((_, i) => i + 1);
  expect(take(fids, names, 4)).toEqual([['a', 8, 'text'], ['link', 10, Errno.ENXIO], ['fifo', 1, Errno.ENXIO], ['folder', 4, Errno.ENXIO],
    ['none', Errno.ENOENT, Errno.ENOENT], ['..', Errno.ENOENT, Errno.ENOENT]]);
  expect(fids.map(read)).toEqual(['text of a', ...fids.slice(1).map(() => Errno.EBADF)]);
  ask('mknod', { fid: 0, name: 'own', mode: 0o010644, major: 0, minor: 0, gid: 0 });
  expect(take([8, 9], ['own', 'a'])).toEqual([['own', 1, Errno.ENXIO], ['a', 8, 'text of a']]);
});
it('a fid that is there already, or twice in one request, is refused and nothing stays open', () => {
  expect(take([1, 1], ['a', 'a'])).toEqual([['a', 8, 'text of a'], ['a', Errno.EBADF, Errno.EBADF]]);
  expect(take([0, NO_FID], ['a', 'a'])).toEqual([['a', Errno.EBADF, Errno.EBADF], ['a', Errno.EBADF, Errno.EBADF]]);
  expect([take([1], ['a', 'a']), take(Array.from({ length: 17 }, (_, i) => i + 9), Array<string>(17).fill('a'))])
    .toEqual([Errno.EINVAL, Errno.EINVAL]);
});
it('what fits into a reply is read, and no more', () => {
  writeFileSync(join(base, 'large'), 'l'.repeat(6000));
  const taken = take([1, 2, 3], ['large', 'large', 'a'], 6000) as string[][];
  expect(taken[0]![2]!.length).toBe(6000);
  expect(taken[1]![2]!.length).toBeLessThan(MSIZE - 6000);
  expect(taken[2]![2]).toBe('');
  expect([read(1), read(2), read(3)]).toEqual(['l'.repeat(100), 'l'.repeat(100), 'text of a']);
});
it('fids leave together; one that is not there does not keep the others', () => {
  take([1, 2], ['a', 'a']);
  expect([ask('leave', { fids: [1, 9, 2] }), read(1), read(2), ask('leave', { fids: [] })])
    .toEqual([Errno.EBADF, Errno.EBADF, Errno.EBADF, {}]);
  expect(ask('leave', { fids: Array.from({ length: 65 }, (_, i) => i) })).toBe(Errno.EINVAL);
});
it.skipIf(process.getuid?.() === 0)('a file that nobody may read is told as that', () => {
  chmodSync(join(base, 'a'), 0);
  expect(take([1], ['a'])).toEqual([['a', Errno.EACCES, Errno.EACCES]]);
});
