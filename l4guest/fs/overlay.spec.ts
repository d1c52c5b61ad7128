import { describe, expect, it } from 'vitest';
import { E } from '../abi/errno.ts';
import { Ms, O } from '../abi/linux.ts';
import { Unix } from '../testing/unix.ts';

/** A world with lower trees l1 (uppermost) and l2, an upper one, and the merged view at /tmp/m. */
class World extends Unix {
  constructor(fill: (u: World) => void, options = 'lowerdir=/tmp/l1:/tmp/l2,upperdir=/tmp/up,workdir=/tmp/work') {
    super();
    for (const text of ['l1', 'l2', 'up', 'work', 'm']) this.dir(`/tmp/${text}`);
    fill(this);
    expect(this.call('mount', 'overlay', '/tmp/m', 'overlay', 0, options)).toBe(0);
  }
  dir(path: string): void { expect(this.end('mkdirat', -100, path, 0o755)).toBe(0); }
  save(path: string, text: string): number {
    const fd = this.end('openat', -100, path, O.CREAT | O.WRONLY | O.TRUNC, 0o644), n = fd < 0 ? fd : this.write(fd, text)!;
    this.call('close', fd);
    return n;
  }
  load(path: string): string | number {
    const fd = this.end('openat', -100, path, 0, 0), text = fd < 0 ? fd : this.read(fd)!;
    this.call('close', fd);
    return text;
  }
  names(path: string): string[] { return this.list(path).filter((n) => !n.startsWith('.')).sort(); }
  end(name: string, ...args: (number | string)[]): number { return this.call(name, ...args) ?? this.main.regs.x(10); }
}
const layered = (options?: string): World => new World((world) => {
  world.dir('/tmp/l1/d'); world.dir('/tmp/l2/d'); world.dir('/tmp/l2/only');
  world.save('/tmp/l1/a', 'a of l1'); world.save('/tmp/l2/a', 'a of l2'); world.save('/tmp/l2/b', 'b of l2');
  world.save('/tmp/l1/d/x', 'x'); world.save('/tmp/l2/d/y', 'y'); world.save('/tmp/l2/only/z', 'z');
}, options);

describe('overlay', () => {
  it('shows several trees as one, the upper ones first', () => {
    const world = layered();
    expect([world.names('/tmp/m'), world.names('/tmp/m/d')]).toEqual([['a', 'b', 'd', 'only'], ['x', 'y']]);
    expect([world.load('/tmp/m/a'), world.load('/tmp/m/b'), world.load('/tmp/m/only/z')]).toEqual(['a of l1', 'b of l2', 'z']);
  });
  it('copies up files that are written, and leaves the lower trees alone', () => {
    const world = layered(), fd = world.end('openat', -100, '/tmp/m/only/z', O.RDWR, 0);
    expect([world.write(fd, 'Z!'), world.load('/tmp/m/only/z'), world.load('/tmp/l2/only/z'), world.load('/tmp/up/only/z')])
      .toEqual([2, 'Z!', 'z', 'Z!']);
    expect([
      world.end('fchmodat', -100, '/tmp/m/b', 0o600), world.load('/tmp/up/b'), world.end('truncate', '/tmp/m/a', 1),
      world.load('/tmp/m/a'), world.load('/tmp/l1/a')
    ]).toEqual([0, 'b of l2', 0, 'a', 'a of l1']);
    expect(world.save('/tmp/m/b', 'new')).toBe(3);
    expect([world.load('/tmp/m/b'), world.load('/tmp/l2/b')]).toEqual(['new', 'b of l2']);
  });
  it('covers removed names with whiteouts, which stay invisible', () => {
    const world = layered();
    expect([
      world.end('unlinkat', -100, '/tmp/m/b', 0), world.load('/tmp/m/b'), world.names('/tmp/m'), world.load('/tmp/l2/b')
    ]).toEqual([0, -E.NOENT, ['a', 'd', 'only'], 'b of l2']);
    expect([
      world.end('unlinkat', -100, '/tmp/m/only', 0x200), world.end('unlinkat', -100, '/tmp/m/only/z', 0),
      world.end('unlinkat', -100, '/tmp/m/only', 0x200)
    ]).toEqual([-E.NOTEMPTY, 0, 0]);
    expect(world.names('/tmp/m')).toEqual(['a', 'd']);
    expect([world.save('/tmp/m/b', 'again'), world.load('/tmp/m/b')]).toEqual([5, 'again']);
  });
  it('a directory created where one was removed hides what lay below', () => {
    const world = layered();
    for (const text of ['d/x', 'd/y']) world.end('unlinkat', -100, `/tmp/m/${text}`, 0);
    expect([
      world.end('unlinkat', -100, '/tmp/m/d', 0x200), world.end('mkdirat', -100, '/tmp/m/d', 0o700), world.names('/tmp/m/d'),
      world.save('/tmp/m/d/new', 'n'), world.names('/tmp/m/d')
    ]).toEqual([0, 0, [], 1, ['new']]);
  });
  it('renames files; merged directories return EXDEV, so that programs copy them', () => {
    const world = layered();
    expect([
      world.end('renameat', -100, '/tmp/m/b', -100, '/tmp/m/d/b2'), world.load('/tmp/m/d/b2'), world.load('/tmp/m/b'),
      world.load('/tmp/l2/b')
    ]).toEqual([0, 'b of l2', -E.NOENT, 'b of l2']);
    expect(world.end('renameat', -100, '/tmp/m/d', -100, '/tmp/m/e')).toBe(-E.XDEV);
    expect([world.end('linkat', -100, '/tmp/m/a', -100, '/tmp/m/a2', 0), world.load('/tmp/m/a2')]).toEqual([0, 'a of l1']);
  });
  it('without an upper tree nothing can be changed; odd options are refused', () => {
    const world = layered('lowerdir=/tmp/l1:/tmp/l2');
    expect([world.load('/tmp/m/b'), world.save('/tmp/m/n', 'x'), world.end('unlinkat', -100, '/tmp/m/b', 0)])
      .toEqual(['b of l2', -E.ROFS, -E.ROFS]);
    const mount = (data: string): number => world.call('mount', 'overlay', '/tmp/work', 'overlay', Ms.RDONLY, data)!;
    expect([
      mount('upperdir=/tmp/up'), mount('lowerdir=/tmp/l1,upperdir=/tmp/up'), mount('lowerdir=/nowhere')
    ]).toEqual([-E.INVAL, -E.INVAL, -E.NOENT]);
  });
});
