import { describe, expect, it } from 'vitest';
import { E } from '../abi/errno.ts';
import { Map_, O, Prot, S } from '../abi/linux.ts';
import { WaitQueue, type Co, type Sleeper } from '../kernel/wait.ts';
import { bytesOf } from '../mm/uaccess.ts';
import { Unix } from '../testing/unix.ts';
import type { DirEntry, Inode } from './inode.ts';
import type { DirOrigin, FileOrigin } from './origin.ts';
import { LinkInode, TmpDir, type TmpFs } from './tmpfs.ts';

type Tree = { readonly [name: string]: string | Tree };

/** An origin that answers when the test says so; `asked` lists its requests. */
class SlowOrigin implements DirOrigin {
  readonly tree: Tree; readonly fs: TmpFs; readonly world: World; readonly path: string;
  constructor(world: World, fs: TmpFs, tree: Tree, path: string) { this.world = world; this.fs = fs; this.tree = tree; this.path = path; }
  *find(sleeper: Sleeper, name: string): Co<Inode | undefined | number> {
    yield* this.world.wait(sleeper, `find ${this.path}${name}`);
    const found = this.tree[name];
    if (found === undefined) return undefined;
    if (typeof found !== 'string') {
      const tmpDir = this.fs.root.create(S.IFDIR | 0o755) as TmpDir;
      tmpDir.origin = new SlowOrigin(this.world, this.fs, found, `${this.path}${name}/`);
      return tmpDir;
    }
    if (found.startsWith('→')) return new LinkInode(this.fs, found.slice(1));
    return this.fs.root.create(S.IFREG | 0o755, 0, undefined, this.file(name, bytesOf(found)));
  }
  private file(name: string, bytes: Uint8Array): FileOrigin {
    const { world, path } = this;
    return {
      size: bytes.length,
      *read(t, pos, length) { yield* world.wait(t, `read ${path}${name} ${pos}`); return bytes.slice(pos, pos + length); }
    };
  }
  *list(sleeper: Sleeper): Co<readonly DirEntry[] | number> {
    yield* this.world.wait(sleeper, `list ${this.path}`);
    return Object.entries(this.tree).map(([name, x], i) => ({ name, ino: i + 1, type: typeof x === 'string' ? S.IFREG : S.IFDIR }));
  }
}
class World extends Unix {
  readonly asked: string[] = [];
  private readonly wq = new WaitQueue();
  constructor(tree: Tree, pages = 1024) {
    super({ pages });
    const top = this.k.newTmpFs('lazy');
    top.root.origin = new SlowOrigin(this, top, tree, '');
    // Below /tmp: what an archive or a host folder would be at the root.
    (this.k.root.lookup('tmp') as TmpDir).add('r', top.root);
  }
  *wait(t: Sleeper, what: string): Co<void> { this.asked.push(what); yield* t.nap(this.wq); }
  /** Runs a call to its end, however often it sleeps. */
  end(name: string, ...args: (number | string | Uint8Array)[]): number {
    const result = this.call(name, ...args);
    if (result !== undefined) return result;
    for (let n = 0; this.main.co; n++) { if (n > 100) throw new Error(`${name} does not end`); this.wq.wakeAll(); this.settle(); }
    return this.main.regs.x(10);
  }
  at(path: string, flags: number = O.RDONLY): number { return this.end('openat', -100, path, flags, 0o644); }
  text_(path: string): string | number {
    const fd = this.at(path), va = this.space(256), n = fd < 0 ? fd : this.end('read', fd, va, 256);
    return n < 0 ? n : this.text(va, n);
  }
  names(path: string): string[] {
    const fd = this.at(path, O.DIRECTORY), va = this.space(1024), n = this.end('getdents64', fd, va, 1024), bytes = this.bytes(va, n),
      view = new DataView(bytes.buffer), out: string[] = [];
    for (let at = 0; at < n; at += view.getUint16(at + 16, true))
      out.push(new TextDecoder().decode(bytes.subarray(at + 19, bytes.indexOf(0, at + 19))));
    return out.filter((x) => !x.startsWith('.')).sort();
  }
}
const TREE: Tree = { bin: { prog: 'program', other: 'x' }, etc: { conf: 'one', link: '→conf' }, big: 'b'.repeat(10_000) };

describe('files that come from an origin', () => {
  it('are requested once, name by name and piece by piece', () => {
    const world = new World(TREE);
    expect([
      world.text_('/tmp/r/etc/link'), world.text_('/tmp/r/etc/conf'), world.text_('/tmp/r/none'), world.text_('/tmp/r/none')
    ]).toEqual(['one', 'one', -E.NOENT, -E.NOENT]);
    expect(world.asked).toEqual(['find etc', 'find etc/link', 'find etc/conf', 'read etc/conf 0', 'find none']);
  });
  it('belong to the guest: changed, removed and created without the origin', () => {
    const world = new World(TREE), fd = world.at('/tmp/r/etc/conf', O.RDWR);
    expect([world.end('pwrite64', fd, 'N', 1, 1), world.text_('/tmp/r/etc/conf')]).toEqual([1, 'oNe']);
    expect([
      world.end('unlinkat', -100, '/tmp/r/bin/prog', 0), world.text_('/tmp/r/bin/prog'), world.names('/tmp/r/bin')
    ]).toEqual([0, -E.NOENT, ['other']]);
    expect([
      world.end('renameat', -100, '/tmp/r/bin', -100, '/tmp/r/sbin'), world.names('/tmp/r'), world.text_('/tmp/r/sbin/other'),
      world.at('/tmp/r/bin', O.DIRECTORY)
    ]).toEqual([0, ['big', 'etc', 'sbin'], 'x', -E.NOENT]);
    expect([
      world.end('unlinkat', -100, '/tmp/r/sbin', 0x200), world.end('unlinkat', -100, '/tmp/r/sbin/other', 0),
      world.end('unlinkat', -100, '/tmp/r/sbin', 0x200)
    ]).toEqual([-E.NOTEMPTY, 0, 0]);
    const again = world.at('/tmp/r/sbin', O.CREAT | O.WRONLY);
    expect([world.write(again, 'file'), world.text_('/tmp/r/sbin')]).toEqual([4, 'file']);
  });
  it('reads and writes whose buffers are mapped pages not in memory are complete', () => {
    const world = new World(TREE), fd = world.at('/tmp/r/big', O.RDWR),
      map = world.end('mmap', 0, 12_288, Prot.READ | Prot.WRITE, Map_.PRIVATE, fd, 0),
      out = world.at('/tmp/out', O.CREAT | O.RDWR);
    expect(world.end('write', out, map + 4000, 5000)).toBe(5000);
    expect(world.end('copy_file_range', fd, 0, out, 0, 9000, 0)).toBe(-E.XDEV);
    expect(world.end('sendfile', out, fd, 0, 9000)).toBe(9000);
    expect(world.end('pread64', out, world.space(10), 10, 13_990)).toBe(10);
  });
  it('data read into a page that is not in memory is not lost', () => {
    const world = new World(TREE), fd = world.at('/tmp/r/big', O.RDWR),
      map = world.end('mmap', 0, 12_288, Prot.READ | Prot.WRITE, Map_.PRIVATE, fd, 0),
      [readEnd, writeEnd] = world.pipe();
    world.write(writeEnd, 'through');
    expect([world.end('read', readEnd, map + 8192, 100), world.text(map + 8192, 8)]).toEqual([7, 'throughb']);
    expect(world.end('fstat', fd, map + 4096)).toBe(0);
  });
  it('truncating and extending reveals no old bytes', () => {
    const world = new World(TREE), fd = world.at('/tmp/r/big', O.RDWR), va = world.space(8);
    expect([world.end('ftruncate', fd, 10), world.end('ftruncate', fd, 20), world.end('pread64', fd, va, 8, 6)]).toEqual([0, 0, 8]);
    expect([...world.bytes(va, 8)]).toEqual([98, 98, 98, 98, 0, 0, 0, 0]);
  });
  it('free their memory when it is short, and are fetched again', () => {
    const world = new World({ ...Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`f${i}`, String(i % 10).repeat(20_000)])) }, 128);
    for (let round = 0; round < 2; round++)
      for (let i = 0; i < 40; i++) expect(world.text_(`/tmp/r/f${i}`)).toBe(String(i % 10).repeat(256));
    const own = world.at('/tmp/r/f0', O.RDWR);
    world.end('pwrite64', own, 'mine', 4, 0);
    for (let i = 1; i < 40; i++) world.text_(`/tmp/r/f${i}`);
    expect((world.text_('/tmp/r/f0') as string).slice(0, 5)).toBe('mine0');
  });
});
