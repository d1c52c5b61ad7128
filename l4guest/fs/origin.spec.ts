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

/** An origin that answers when the test says so; `asked` notes what it was asked. */
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
    // Beneath /tmp: what an archive or a folder of the host would be at the root.
    (this.k.root.lookup('tmp') as TmpDir).add('r', top.root);
  }
  *wait(t: Sleeper, what: string): Co<void> { this.asked.push(what); yield* t.nap(this.wq); }
  /** A call to its end, however often it sleeps. */
  end(name: string, ...args: (number | string | Uint8Array)[]): number {
    const r = this.call(name, ...args);
    if (r !== undefined) return r;
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
    for (let o = 0; o < n; o += view.getUint16(o + 16, true))
      out.push(new TextDecoder().decode(bytes.subarray(o + 19, bytes.indexOf(0, o + 19))));
    return out.filter((x) => !x.startsWith('.')).sort();
  }
}
const TREE: Tree = { bin: { prog: 'program', other: 'x' }, etc: { conf: 'one', link: '→conf' }, big: 'b'.repeat(10_000) };

describe('files that come from an origin', () => {
  it('are asked for once, name by name and piece by piece', () => {
    const world = new World(TREE);
    expect([
      world.text_('/tmp/r/etc/link'), world.text_('/tmp/r/etc/conf'), world.text_('/tmp/r/none'), world.text_('/tmp/r/none')
    ]).toEqual(['one', 'one', -E.NOENT, -E.NOENT]);
    expect(world.asked).toEqual(['find etc', 'find etc/link', 'find etc/conf', 'read etc/conf 0', 'find none']);
  });
  it('are the guest\'s own: changed, removed and made anew without the origin', () => {
    const u = new World(TREE), fd = u.at('/tmp/r/etc/conf', O.RDWR);
    expect([u.end('pwrite64', fd, 'N', 1, 1), u.text_('/tmp/r/etc/conf')]).toEqual([1, 'oNe']);
    expect([
      u.end('unlinkat', -100, '/tmp/r/bin/prog', 0), u.text_('/tmp/r/bin/prog'), u.names('/tmp/r/bin')
    ]).toEqual([0, -E.NOENT, ['other']]);
    expect([
      u.end('renameat', -100, '/tmp/r/bin', -100, '/tmp/r/sbin'), u.names('/tmp/r'), u.text_('/tmp/r/sbin/other'),
      u.at('/tmp/r/bin', O.DIRECTORY)
    ]).toEqual([0, ['big', 'etc', 'sbin'], 'x', -E.NOENT]);
    expect([
      u.end('unlinkat', -100, '/tmp/r/sbin', 0x200), u.end('unlinkat', -100, '/tmp/r/sbin/other', 0),
      u.end('unlinkat', -100, '/tmp/r/sbin', 0x200)
    ]).toEqual([-E.NOTEMPTY, 0, 0]);
    const again = u.at('/tmp/r/sbin', O.CREAT | O.WRONLY);
    expect([u.write(again, 'file'), u.text_('/tmp/r/sbin')]).toEqual([4, 'file']);
  });
  it('reads from a file, and writes of what lies in mapped pages that are not here, are whole', () => {
    const u = new World(TREE), fd = u.at('/tmp/r/big', O.RDWR), map = u.end('mmap', 0, 12_288, Prot.READ | Prot.WRITE, Map_.PRIVATE, fd, 0),
      out = u.at('/tmp/out', O.CREAT | O.RDWR);
    expect(u.end('write', out, map + 4000, 5000)).toBe(5000);
    expect(u.end('copy_file_range', fd, 0, out, 0, 9000, 0)).toBe(-E.XDEV);
    expect(u.end('sendfile', out, fd, 0, 9000)).toBe(9000);
    expect(u.end('pread64', out, u.space(10), 10, 13_990)).toBe(10);
  });
  it('data that was taken for a page that is not here is not lost', () => {
    const u = new World(TREE), fd = u.at('/tmp/r/big', O.RDWR), map = u.end('mmap', 0, 12_288, Prot.READ | Prot.WRITE, Map_.PRIVATE, fd, 0),
      [r, w] = u.pipe();
    u.write(w, 'through');
    expect([u.end('read', r, map + 8192, 100), u.text(map + 8192, 8)]).toEqual([7, 'throughb']);
    expect(u.end('fstat', fd, map + 4096)).toBe(0);
  });
  it('truncating and extending shows no old bytes', () => {
    const u = new World(TREE), fd = u.at('/tmp/r/big', O.RDWR), va = u.space(8);
    expect([u.end('ftruncate', fd, 10), u.end('ftruncate', fd, 20), u.end('pread64', fd, va, 8, 6)]).toEqual([0, 0, 8]);
    expect([...u.bytes(va, 8)]).toEqual([98, 98, 98, 98, 0, 0, 0, 0]);
  });
  it('give memory back when it is short, and come again', () => {
    const u = new World({ ...Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`f${i}`, String(i % 10).repeat(20_000)])) }, 128);
    for (let round = 0; round < 2; round++) for (let i = 0; i < 40; i++) expect(u.text_(`/tmp/r/f${i}`)).toBe(String(i % 10).repeat(256));
    const own = u.at('/tmp/r/f0', O.RDWR);
    u.end('pwrite64', own, 'mine', 4, 0);
    for (let i = 1; i < 40; i++) u.text_(`/tmp/r/f${i}`);
    expect((u.text_('/tmp/r/f0') as string).slice(0, 5)).toBe('mine0');
  });
});
