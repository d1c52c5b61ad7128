import { describe, expect, it } from 'vitest';
import { E } from '../abi/errno.ts';
import { Clone, MntFlag, Ms, O } from '../abi/linux.ts';
import { Unix } from '../testing/unix.ts';

const world = (...dirs: string[]): Unix => withDirs(new Unix(), dirs);
const withDirs = (unix: Unix, dirs: readonly string[]): Unix => {
  for (const text of dirs) expect(unix.call('mkdirat', -100, text, 0o755)).toBe(0);
  return unix;
};
const file = (unix: Unix, path: string, text = ''): void => {
  const fd = unix.open(path, O.CREAT | O.WRONLY);
  unix.write(fd, text);
  unix.call('close', fd);
};
const bind = (u: Unix, from: string, to: string, more = 0): number => u.call('mount', from, to, 0, Ms.BIND | more, 0)!;
const tmpfs = (u: Unix, at: string, data = '', flags = 0): number => u.call('mount', 'none', at, 'tmpfs', flags, data)!;
const cwd = (u: Unix): string => { const at = u.space(256), n = u.call('getcwd', at, 256)!; return n < 0 ? `${n}` : u.text(at, n - 1); };
const mounts = (unix: Unix, what = 'mounts'): string => {
  const fd = unix.open(`/proc/self/${what}`), text = unix.read(fd, 8192);
  unix.call('close', fd);
  return text as string;
};

describe('mounts', () => {
  it('a bind of a shared mount inside itself is one mount more, not one without end', () => {
    const unix = world('/tmp/a');
    expect([tmpfs(unix, '/tmp/a'), unix.call('mount', 0, '/tmp/a', 0, Ms.SHARED, 0),
      unix.call('mkdirat', -100, '/tmp/a/in', 0o755)]).toEqual(
      [0, 0, 0]);
    const before = mounts(unix).split('\n').length;
    expect(bind(unix, '/tmp/a', '/tmp/a/in')).toBe(0);
    expect(mounts(unix).split('\n').length).toBe(before + 1);
  });
  it('two directories bound over each other are a tree like any other: nothing goes round in circles', () => {
    const unix = world('/tmp/a', '/tmp/b');
    file(unix, '/tmp/a/in-a'); file(unix, '/tmp/b/in-b');
    expect(unix.call('chdir', '/tmp/b')).toBe(0);
    expect([bind(unix, '/tmp/a', '/tmp/b'), bind(unix, '.', '/tmp/a')]).toEqual([0, 0]);
    expect([unix.list('/tmp/a'), unix.list('/tmp/b'), unix.list('.')].map((l) => l.filter((n) =>
      n.startsWith('in')))).toEqual([['in-b'], ['in-a'], ['in-b']]);
    expect([unix.call('chdir', '/tmp/a'), cwd(unix), unix.call('chdir', '..'), cwd(unix)]).toEqual([0, '/tmp/a', 0, '/tmp']);
    expect([unix.call('chdir', '/tmp/b'), cwd(unix)]).toEqual([0, '/tmp/b']);
  });
  it('a bind shows another place, a file over a file too, and ends with umount', () => {
    const unix = world('/tmp/a', '/tmp/b');
    file(unix, '/tmp/a/x', 'from a'); file(unix, '/tmp/y', 'own');
    expect([bind(unix, '/tmp/a', '/tmp/b'), bind(unix, '/tmp/a/x', '/tmp/y'), bind(unix, '/tmp/a', '/tmp/y')]).toEqual([0, 0, -E.NOTDIR]);
    expect([unix.read(unix.open('/tmp/b/x')), unix.read(unix.open('/tmp/y'))]).toEqual(['from a', 'from a']);
    expect([
      unix.call('unlinkat', -100, '/tmp/y', 0), unix.call('unlinkat', -100, '/tmp/b', 0x200),
      unix.call('renameat2', -100, '/tmp/b', -100, '/tmp/c', 0)
    ]).toEqual([-E.BUSY, -E.BUSY, -E.BUSY]);
    expect([
      unix.call('umount2', '/tmp/y', 0), unix.call('umount2', '/tmp/b', MntFlag.DETACH), unix.call('umount2', '/tmp/b', 0)
    ]).toEqual([-E.BUSY, 0, -E.INVAL]);
    expect([unix.list('/tmp/b').length, unix.call('renameat2', -100, '/tmp/b', -100, '/tmp/c', 0)]).toEqual([2, 0]);
  });
  it('links and renames do not cross mounts, even of one file system', () => {
    const unix = world('/tmp/a', '/tmp/b');
    file(unix, '/tmp/a/x');
    bind(unix, '/tmp/a', '/tmp/b');
    expect([
      unix.call('linkat', -100, '/tmp/a/x', -100, '/tmp/b/z', 0), unix.call('renameat', -100, '/tmp/a/x', -100, '/tmp/b/z')
    ]).toEqual([-E.XDEV, -E.XDEV]);
  });
  it('a mount that is read-only is so for itself alone', () => {
    const unix = world('/tmp/a', '/tmp/b');
    file(unix, '/tmp/a/x', 'text');
    bind(unix, '/tmp/a', '/tmp/b');
    expect(unix.call('mount', 0, '/tmp/b', 0, Ms.BIND | Ms.REMOUNT | Ms.RDONLY, 0)).toBe(0);
    const refused = [unix.open('/tmp/b/x', O.WRONLY), unix.open('/tmp/b/new', O.CREAT | O.WRONLY),
      unix.call('mkdirat', -100, '/tmp/b/d', 0o755),
      unix.call('unlinkat', -100, '/tmp/b/x', 0),
      unix.call('fchmodat', -100, '/tmp/b/x', 0o600), unix.call('truncate', '/tmp/b/x', 0), unix.call('symlinkat', 'x', -100, '/tmp/b/l'),
      unix.call('renameat', -100, '/tmp/b/x', -100, '/tmp/b/y'), unix.call('utimensat', -100, '/tmp/b/x', 0, 0)];
    expect(refused).toEqual(refused.map(() => -E.ROFS));
    expect([unix.open('/tmp/a/x', O.WRONLY) >= 0, unix.read(unix.open('/tmp/b/x'))]).toEqual([true, 'text']);
    expect(mounts(unix)).toMatch(/^rootfs \/tmp\/b rootfs ro,relatime 0 0$/m);
  });
  it('noexec and nodev refuse programs and devices', () => {
    const unix = world('/tmp/m');
    expect(tmpfs(unix, '/tmp/m', '', Ms.NOEXEC | Ms.NODEV | Ms.NOSUID)).toBe(0);
    unix.call('mknodat', -100, '/tmp/m/null', 0o020666, 0x103);
    file(unix, '/tmp/m/x', '#!/bin/sh\n');
    unix.call('fchmodat', -100, '/tmp/m/x', 0o755);
    expect([
      unix.open('/tmp/m/null'), unix.call('execve', '/tmp/m/x', 0, 0), unix.call('faccessat', -100, '/tmp/m/x', 1)
    ]).toEqual([-E.ACCES, -E.ACCES, -E.ACCES]);
    expect(mounts(unix)).toMatch(/^none \/tmp\/m tmpfs rw,nosuid,nodev,noexec,relatime/m);
  });
  it('what a recursive bind takes along is what was there before it', () => {
    const unix = world('/tmp/a', '/tmp/a/in', '/tmp/b', '/tmp/c');
    tmpfs(unix, '/tmp/a/in'); file(unix, '/tmp/a/in/x');
    expect([bind(unix, '/tmp/a', '/tmp/b'), bind(unix, '/tmp/a', '/tmp/c', Ms.REC), bind(unix, '/tmp', '/tmp/a/in', Ms.REC)])
      .toEqual([0, 0, 0]);
    expect([unix.list('/tmp/b/in').length, unix.list('/tmp/c/in').length, unix.list('/tmp/a/in/a/in').length]).toEqual([2, 3, 3]);
  });
  it('moves; not into itself', () => {
    const unix = world('/tmp/a', '/tmp/b');
    tmpfs(unix, '/tmp/a'); file(unix, '/tmp/a/x'); unix.call('mkdirat', -100, '/tmp/a/d', 0o755);
    expect([
      unix.call('mount', '/tmp/a', '/tmp/a/d', 0, Ms.MOVE, 0), unix.call('mount', '/tmp/a', '/tmp/b', 0, Ms.MOVE, 0)
    ]).toEqual([-E.LOOP, 0]);
    expect([unix.list('/tmp/a').length, unix.list('/tmp/b').includes('x')]).toEqual([2, true]);
  });
  it('is busy while a file in it is open or a process stands in it', () => {
    const unix = world('/tmp/a');
    tmpfs(unix, '/tmp/a'); file(unix, '/tmp/a/x');
    const fd = unix.open('/tmp/a/x');
    expect(unix.call('umount2', '/tmp/a', 0)).toBe(-E.BUSY);
    unix.call('close', fd); unix.call('chdir', '/tmp/a');
    expect(unix.call('umount2', '/tmp/a', 0)).toBe(-E.BUSY);
    unix.call('chdir', '/');
    expect([
      unix.call('umount2', '/tmp/a', MntFlag.EXPIRE), unix.call('umount2', '/tmp/a', MntFlag.EXPIRE), unix.list('/tmp/a').length
    ]).toEqual([-E.AGAIN, 0, 2]);
  });
  it('thousands upon one place are entered, left, moved, copied and taken away as one is', () => {
    const unix = withDirs(new Unix({ pages: 10_000 }), ['/tmp/a', '/tmp/b', '/tmp/c']), MANY = 15_000,
      names = (at: string): string[] => unix.list(at).filter((n) => n.length > 2);
    file(unix, '/tmp/b/below'); tmpfs(unix, '/tmp/c'); file(unix, '/tmp/c/top');
    expect([bind(unix, '/tmp/b', '/tmp/a'), unix.call('chdir', '/tmp/a'), unix.open('/tmp/a', O.RDONLY)]).toEqual([0, 0, 3]);
    for (let i = 0; i < MANY; i++) if (bind(unix, '/tmp/b', '/tmp/a') !== 0) throw new Error(`mount ${i}`);
    expect([bind(unix, '/tmp/c', '/tmp/a'), names('/tmp/a'), names('.'), cwd(unix)]).toEqual([0, ['top'], ['below'], '/tmp/a']);
    expect([unix.call('chdir', '/tmp/a'), names('.'), unix.call('chdir', '..'), cwd(unix)]).toEqual([0, ['top'], 0, '/tmp']);
    expect([unix.call('umount2', '/tmp/a', 0), names('/tmp/a'), bind(unix, '/tmp/c', '/tmp/a')]).toEqual([0, ['below'], 0]);
    // The undermost takes all the others along, and ends with them.
    expect([unix.call('fchdir', 3), unix.call('close', 3), unix.call('mount', '.', '/tmp/b', 0, Ms.MOVE, 0)]).toEqual([0, 0, 0]);
    expect([names('/tmp/a'), names('/tmp/b'), cwd(unix)]).toEqual([[], ['top'], '/tmp/b']);
    const child = unix.fork();
    expect([unix.callOf(child, 'unshare', Clone.NEWNS),
      unix.callOf(child, 'umount2', unix.put(new TextEncoder().encode('/tmp/b\0'), child), 0),
      names('/tmp/b')]).toEqual([0, 0, ['top']]);
    expect([unix.call('umount2', '.', MntFlag.DETACH), names('/tmp/b'), mounts(unix).match(/ \/tmp\//g)?.length])
      .toEqual([0, ['below'], 1]);
  });
  it('a mount that many ways lead to appears there once: copies of a chain of shared slaves', () => {
    const DEPTH = 20, unix = world(...Array.from({ length: DEPTH }, (_, i) => `/tmp/${i}`)),
      become = (at: string, kind: number): number => unix.call('mount', 0, at, 0, kind, 0)!;
    tmpfs(unix, '/tmp/0'); become('/tmp/0', Ms.SHARED); unix.call('mkdirat', -100, '/tmp/0/in', 0o755);
    for (let i = 1; i < DEPTH; i++) {
      expect([bind(unix, `/tmp/${i - 1}`, `/tmp/${i}`), become(`/tmp/${i}`, Ms.SLAVE), become(`/tmp/${i}`, Ms.SHARED)]).toEqual([0, 0, 0]);
    }
    const child = unix.fork(), before = mounts(unix).split('\n').length;
    expect([unix.callOf(child, 'unshare', Clone.NEWNS), tmpfs(unix, '/tmp/0/in')]).toEqual([0, 0]);
    expect(mounts(unix).split('\n').length).toBe(before + DEPTH);
  });
});

describe('tmpfs', () => {
  it('keeps its limits of bytes and inodes, and gives back what is deleted', () => {
    const unix = world('/tmp/m');
    expect([
      tmpfs(unix, '/tmp/m', 'size=8k,nr_inodes=3,mode=700'), tmpfs(unix, '/tmp/m', 'size=many'), tmpfs(unix, '/tmp/m', 'nonsense')
    ]).toEqual([0, -E.INVAL, -E.INVAL]);
    const fd = unix.open('/tmp/m/f', O.CREAT | O.RDWR), block = 'x'.repeat(4096);
    expect([unix.write(fd, block), unix.write(fd, block), unix.write(fd, 'y')]).toEqual([4096, 4096, -E.NOSPC]);
    expect([unix.open('/tmp/m/g', O.CREAT), unix.open('/tmp/m/h', O.CREAT) > 0, unix.open('/tmp/m/i', O.CREAT)].map((n) =>
      n === true || (n as number) > 0 || n)).toEqual([true, true, -E.NOSPC]);
    expect([unix.call('ftruncate', fd, 4096), unix.call('lseek', fd, 0, 2), unix.write(fd, block)]).toEqual([0, 4096, 4096]);
    unix.call('close', fd);
    expect([unix.call('unlinkat', -100, '/tmp/m/f', 0), unix.open('/tmp/m/i', O.CREAT) > 0]).toEqual([0, true]);
    expect(mounts(unix)).toMatch(/^none \/tmp\/m tmpfs rw,relatime,size=8k,nr_inodes=3,mode=700 0 0$/m);
  });
  it('grows when it is remounted so, and does not shrink below what it holds', () => {
    const unix = world('/tmp/m');
    tmpfs(unix, '/tmp/m', 'size=8k');
    file(unix, '/tmp/m/f', 'x'.repeat(8192));
    expect(unix.call('mount', 0, '/tmp/m', 0, Ms.REMOUNT, 'size=4k')).toBe(-E.INVAL);
    expect([unix.call('mount', 0, '/tmp/m', 0, Ms.REMOUNT | Ms.RDONLY, 'size=16k'), unix.open('/tmp/m/g', O.CREAT)]).toEqual([0, -E.ROFS]);
  });
});

describe('mount spaces', () => {
  it('a process with a space of its own mounts for itself; peers hear of it', () => {
    const unix = world('/tmp/a', '/tmp/s');
    tmpfs(unix, '/tmp/s');
    expect(unix.call('mount', 0, '/tmp/s', 0, Ms.SHARED, 0)).toBe(0);
    unix.call('mkdirat', -100, '/tmp/s/in', 0o755);
    const child = unix.fork();
    expect(unix.callOf(child, 'unshare', Clone.NEWNS)).toBe(0);
    const mountIn = (at: string): number => unix.callOf(child, 'mount', 'none', at, 'tmpfs', 0, 0)!;
    expect([mountIn('/tmp/a'), mountIn('/tmp/s/in')]).toEqual([0, 0]);
    const seen = mounts(unix);
    expect([/ \/tmp\/a /.test(seen), / \/tmp\/s\/in /.test(seen)]).toEqual([false, true]);
    expect(mounts(unix, 'mountinfo')).toMatch(/ \/tmp\/s rw,relatime shared:\d+ - tmpfs none rw/);
  });
  it('pivot_root makes another mount the root, the old one stays beneath it', () => {
    const unix = world('/tmp/n');
    tmpfs(unix, '/tmp/n'); unix.call('mkdirat', -100, '/tmp/n/old', 0o755); file(unix, '/tmp/n/here');
    expect([unix.call('pivot_root', '/tmp', '/tmp/n/old'), unix.call('pivot_root', '/tmp/n', '/tmp')]).toEqual([-E.BUSY, -E.BUSY]);
    expect([
      unix.call('pivot_root', '/tmp/n', '/tmp/n/old'), unix.list('/').includes('here'), unix.list('/old').includes('proc'),
      unix.call('chdir', '/old/tmp'), cwd(unix)
    ]).toEqual([0, true, true, 0, '/old/tmp']);
  });
});

describe('mounts by descriptors', () => {
  it('a file system is made, mounted nowhere, and moved to its place; without one it goes with its descriptor', () => {
    const unix = world('/tmp/m'), STRING = 1, CREATE = 6;
    const fs = unix.call('fsopen', 'tmpfs', 1)!;
    expect(unix.call('fsopen', 'nosuchfs', 0)).toBe(-E.NODEV);
    expect([unix.call('fsconfig', fs, STRING, 'size', '64k', 0), unix.call('fsconfig', fs, STRING, 'colour', 'red', 0),
      unix.call('fsconfig', fs, STRING, 'size', 0, 0)]).toEqual([0, -E.INVAL, -E.INVAL]);
    expect([unix.call('fsmount', fs, 0, 0), unix.call('fsconfig', fs, CREATE, 0, 0, 0),
      unix.call('fsconfig', fs, CREATE, 0, 0, 0)]).toEqual(
      [-E.INVAL, 0, -E.BUSY]);
    const mounted = unix.call('fsmount', fs, 1, 9)!;
    expect([unix.call('fsmount', fs, 0, 0), unix.call('move_mount', mounted, '', -100, '/tmp/m', 4)]).toEqual([-E.BUSY, 0]);
    expect(mounts(unix)).toContain('none /tmp/m tmpfs ro,noexec,relatime');
    expect(unix.open('/tmp/m/x', O.CREAT | O.RDWR)).toBe(-E.ROFS);
  });
  it('open_tree copies what a place shows; mount_setattr changes a tree, or nothing', () => {
    const unix = world('/tmp/a', '/tmp/b');
    file(unix, '/tmp/a/x', 'text');
    const tree = unix.call('open_tree', -100, '/tmp/a', 1)!;
    expect([unix.call('open_tree', -100, '/tmp/a', 0x8000), unix.call('open_tree', -100, '/tmp/none', 0)]).toEqual([-E.INVAL, -E.NOENT]);
    expect([unix.call('move_mount', tree, '', -100, '/tmp/b', 4), unix.read(unix.open('/tmp/b/x'))]).toEqual([0, 'text']);
    const attr = (set: number, clear: number, kind = 0): Uint8Array =>
      new Uint8Array(new BigUint64Array([BigInt(set), BigInt(clear), BigInt(kind), 0n]).buffer);
    expect([unix.call('mount_setattr', -100, '/tmp/b', 0, attr(1, 0), 32), unix.open('/tmp/b/y', O.CREAT | O.RDWR)]).toEqual([0, -E.ROFS]);
    expect([unix.call('mount_setattr', -100, '/tmp/b', 0, attr(0, 1), 32), unix.call('mount_setattr', -100, '/tmp/b', 0, attr(0x10, 0), 32),
      unix.call('mount_setattr', -100, '/tmp/b', 0, attr(1, 0), 31)]).toEqual([0, -E.INVAL, -E.INVAL]);
    expect(unix.open('/tmp/b/y', O.CREAT | O.RDWR)).toBeGreaterThan(0);
  });
  it('move_mount puts a tree beneath a mount, which is seen until it is taken away', () => {
    const unix = world('/tmp/a', '/tmp/b'), seen = (): string => ['/tmp/a/x', '/tmp/b/x', '/tmp/b/y'].map((path) =>
      unix.call('faccessat', -100, path, 0)! < 0 ? '-' : 'x').join('');
    for (const place of ['/tmp/a', '/tmp/b']) unix.call('mount', 'none', place, 'tmpfs', 0, 0);
    for (const path of ['/tmp/a/x', '/tmp/b/y']) file(unix, path, '');
    const tree = unix.call('open_tree', -100, '/tmp/a', 1)!;
    const beneath = (to: string): number => unix.call('move_mount', tree, '', -100, to, 0x204)!;
    expect([beneath('/tmp'), beneath('/tmp/b'), unix.call('close', tree), seen()]).toEqual([-E.INVAL, 0, 0, 'x-x']);
    expect([unix.call('umount2', '/tmp/b', 0), seen(), unix.call('umount2', '/tmp/b', 0), seen()]).toEqual([0, 'xx-', 0, 'x--']);
  });
});
