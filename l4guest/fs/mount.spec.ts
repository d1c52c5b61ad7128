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
    const u = world('/tmp/a', '/tmp/b');
    file(u, '/tmp/a/in-a'); file(u, '/tmp/b/in-b');
    expect(u.call('chdir', '/tmp/b')).toBe(0);
    expect([bind(u, '/tmp/a', '/tmp/b'), bind(u, '.', '/tmp/a')]).toEqual([0, 0]);
    expect([u.list('/tmp/a'), u.list('/tmp/b'), u.list('.')].map((l) => l.filter((n) =>
      n.startsWith('in')))).toEqual([['in-b'], ['in-a'], ['in-b']]);
    expect([u.call('chdir', '/tmp/a'), cwd(u), u.call('chdir', '..'), cwd(u)]).toEqual([0, '/tmp/a', 0, '/tmp']);
    expect([u.call('chdir', '/tmp/b'), cwd(u)]).toEqual([0, '/tmp/b']);
  });
  it('a bind shows another place, a file over a file too, and ends with umount', () => {
    const u = world('/tmp/a', '/tmp/b');
    file(u, '/tmp/a/x', 'from a'); file(u, '/tmp/y', 'own');
    expect([bind(u, '/tmp/a', '/tmp/b'), bind(u, '/tmp/a/x', '/tmp/y'), bind(u, '/tmp/a', '/tmp/y')]).toEqual([0, 0, -E.NOTDIR]);
    expect([u.read(u.open('/tmp/b/x')), u.read(u.open('/tmp/y'))]).toEqual(['from a', 'from a']);
    expect([
      u.call('unlinkat', -100, '/tmp/y', 0), u.call('unlinkat', -100, '/tmp/b', 0x200),
      u.call('renameat2', -100, '/tmp/b', -100, '/tmp/c', 0)
    ]).toEqual([-E.BUSY, -E.BUSY, -E.BUSY]);
    expect([
      u.call('umount2', '/tmp/y', 0), u.call('umount2', '/tmp/b', MntFlag.DETACH), u.call('umount2', '/tmp/b', 0)
    ]).toEqual([-E.BUSY, 0, -E.INVAL]);
    expect([u.list('/tmp/b').length, u.call('renameat2', -100, '/tmp/b', -100, '/tmp/c', 0)]).toEqual([2, 0]);
  });
  it('links and renames do not cross mounts, even of one file system', () => {
    const u = world('/tmp/a', '/tmp/b');
    file(u, '/tmp/a/x');
    bind(u, '/tmp/a', '/tmp/b');
    expect([
      u.call('linkat', -100, '/tmp/a/x', -100, '/tmp/b/z', 0), u.call('renameat', -100, '/tmp/a/x', -100, '/tmp/b/z')
    ]).toEqual([-E.XDEV, -E.XDEV]);
  });
  it('a mount that is read-only is so for itself alone', () => {
    const u = world('/tmp/a', '/tmp/b');
    file(u, '/tmp/a/x', 'text');
    bind(u, '/tmp/a', '/tmp/b');
    expect(u.call('mount', 0, '/tmp/b', 0, Ms.BIND | Ms.REMOUNT | Ms.RDONLY, 0)).toBe(0);
    const refused = [u.open('/tmp/b/x', O.WRONLY), u.open('/tmp/b/new', O.CREAT | O.WRONLY), u.call('mkdirat', -100, '/tmp/b/d', 0o755),
      u.call('unlinkat', -100, '/tmp/b/x', 0),
      u.call('fchmodat', -100, '/tmp/b/x', 0o600), u.call('truncate', '/tmp/b/x', 0), u.call('symlinkat', 'x', -100, '/tmp/b/l'),
      u.call('renameat', -100, '/tmp/b/x', -100, '/tmp/b/y'), u.call('utimensat', -100, '/tmp/b/x', 0, 0)];
    expect(refused).toEqual(refused.map(() => -E.ROFS));
    expect([u.open('/tmp/a/x', O.WRONLY) >= 0, u.read(u.open('/tmp/b/x'))]).toEqual([true, 'text']);
    expect(mounts(u)).toMatch(/^rootfs \/tmp\/b rootfs ro,relatime 0 0$/m);
  });
  it('noexec and nodev refuse programs and devices', () => {
    const u = world('/tmp/m');
    expect(tmpfs(u, '/tmp/m', '', Ms.NOEXEC | Ms.NODEV | Ms.NOSUID)).toBe(0);
    u.call('mknodat', -100, '/tmp/m/null', 0o020666, 0x103);
    file(u, '/tmp/m/x', '#!/bin/sh\n');
    u.call('fchmodat', -100, '/tmp/m/x', 0o755);
    expect([
      u.open('/tmp/m/null'), u.call('execve', '/tmp/m/x', 0, 0), u.call('faccessat', -100, '/tmp/m/x', 1)
    ]).toEqual([-E.ACCES, -E.ACCES, -E.ACCES]);
    expect(mounts(u)).toMatch(/^none \/tmp\/m tmpfs rw,nosuid,nodev,noexec,relatime/m);
  });
  it('what a recursive bind takes along is what was there before it', () => {
    const u = world('/tmp/a', '/tmp/a/in', '/tmp/b', '/tmp/c');
    tmpfs(u, '/tmp/a/in'); file(u, '/tmp/a/in/x');
    expect([bind(u, '/tmp/a', '/tmp/b'), bind(u, '/tmp/a', '/tmp/c', Ms.REC), bind(u, '/tmp', '/tmp/a/in', Ms.REC)]).toEqual([0, 0, 0]);
    expect([u.list('/tmp/b/in').length, u.list('/tmp/c/in').length, u.list('/tmp/a/in/a/in').length]).toEqual([2, 3, 3]);
  });
  it('moves; not into itself', () => {
    const u = world('/tmp/a', '/tmp/b');
    tmpfs(u, '/tmp/a'); file(u, '/tmp/a/x'); u.call('mkdirat', -100, '/tmp/a/d', 0o755);
    expect([
      u.call('mount', '/tmp/a', '/tmp/a/d', 0, Ms.MOVE, 0), u.call('mount', '/tmp/a', '/tmp/b', 0, Ms.MOVE, 0)
    ]).toEqual([-E.LOOP, 0]);
    expect([u.list('/tmp/a').length, u.list('/tmp/b').includes('x')]).toEqual([2, true]);
  });
  it('is busy while a file in it is open or a process stands in it', () => {
    const u = world('/tmp/a');
    tmpfs(u, '/tmp/a'); file(u, '/tmp/a/x');
    const fd = u.open('/tmp/a/x');
    expect(u.call('umount2', '/tmp/a', 0)).toBe(-E.BUSY);
    u.call('close', fd); u.call('chdir', '/tmp/a');
    expect(u.call('umount2', '/tmp/a', 0)).toBe(-E.BUSY);
    u.call('chdir', '/');
    expect([
      u.call('umount2', '/tmp/a', MntFlag.EXPIRE), u.call('umount2', '/tmp/a', MntFlag.EXPIRE), u.list('/tmp/a').length
    ]).toEqual([-E.AGAIN, 0, 2]);
  });
  it('thousands upon one place are entered, left, moved, copied and taken away as one is', () => {
    const u = withDirs(new Unix({ pages: 10_000 }), ['/tmp/a', '/tmp/b', '/tmp/c']), MANY = 15_000,
      names = (at: string): string[] => u.list(at).filter((n) => n.length > 2);
    file(u, '/tmp/b/below'); tmpfs(u, '/tmp/c'); file(u, '/tmp/c/top');
    expect([bind(u, '/tmp/b', '/tmp/a'), u.call('chdir', '/tmp/a'), u.open('/tmp/a', O.RDONLY)]).toEqual([0, 0, 3]);
    for (let i = 0; i < MANY; i++) if (bind(u, '/tmp/b', '/tmp/a') !== 0) throw new Error(`mount ${i}`);
    expect([bind(u, '/tmp/c', '/tmp/a'), names('/tmp/a'), names('.'), cwd(u)]).toEqual([0, ['top'], ['below'], '/tmp/a']);
    expect([u.call('chdir', '/tmp/a'), names('.'), u.call('chdir', '..'), cwd(u)]).toEqual([0, ['top'], 0, '/tmp']);
    expect([u.call('umount2', '/tmp/a', 0), names('/tmp/a'), bind(u, '/tmp/c', '/tmp/a')]).toEqual([0, ['below'], 0]);
    // The undermost takes all the others along, and ends with them.
    expect([u.call('fchdir', 3), u.call('close', 3), u.call('mount', '.', '/tmp/b', 0, Ms.MOVE, 0)]).toEqual([0, 0, 0]);
    expect([names('/tmp/a'), names('/tmp/b'), cwd(u)]).toEqual([[], ['top'], '/tmp/b']);
    const child = u.fork();
    expect([u.callOf(child, 'unshare', Clone.NEWNS), u.callOf(child, 'umount2', u.put(new TextEncoder().encode('/tmp/b\0'), child), 0),
      names('/tmp/b')]).toEqual([0, 0, ['top']]);
    expect([u.call('umount2', '.', MntFlag.DETACH), names('/tmp/b'), mounts(u).match(/ \/tmp\//g)?.length]).toEqual([0, ['below'], 1]);
  });
  it('a mount that many ways lead to appears there once: copies of a chain of shared slaves', () => {
    const DEPTH = 20, u = world(...Array.from({ length: DEPTH }, (_, i) => `/tmp/${i}`)),
      become = (at: string, kind: number): number => u.call('mount', 0, at, 0, kind, 0)!;
    tmpfs(u, '/tmp/0'); become('/tmp/0', Ms.SHARED); u.call('mkdirat', -100, '/tmp/0/in', 0o755);
    for (let i = 1; i < DEPTH; i++) {
      expect([bind(u, `/tmp/${i - 1}`, `/tmp/${i}`), become(`/tmp/${i}`, Ms.SLAVE), become(`/tmp/${i}`, Ms.SHARED)]).toEqual([0, 0, 0]);
    }
    const child = u.fork(), before = mounts(u).split('\n').length;
    expect([u.callOf(child, 'unshare', Clone.NEWNS), tmpfs(u, '/tmp/0/in')]).toEqual([0, 0]);
    expect(mounts(u).split('\n').length).toBe(before + DEPTH);
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
    const u = world('/tmp/m');
    tmpfs(u, '/tmp/m', 'size=8k');
    file(u, '/tmp/m/f', 'x'.repeat(8192));
    expect(u.call('mount', 0, '/tmp/m', 0, Ms.REMOUNT, 'size=4k')).toBe(-E.INVAL);
    expect([u.call('mount', 0, '/tmp/m', 0, Ms.REMOUNT | Ms.RDONLY, 'size=16k'), u.open('/tmp/m/g', O.CREAT)]).toEqual([0, -E.ROFS]);
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
    const u = world('/tmp/n');
    tmpfs(u, '/tmp/n'); u.call('mkdirat', -100, '/tmp/n/old', 0o755); file(u, '/tmp/n/here');
    expect([u.call('pivot_root', '/tmp', '/tmp/n/old'), u.call('pivot_root', '/tmp/n', '/tmp')]).toEqual([-E.BUSY, -E.BUSY]);
    expect([
      u.call('pivot_root', '/tmp/n', '/tmp/n/old'), u.list('/').includes('here'), u.list('/old').includes('proc'),
      u.call('chdir', '/old/tmp'), cwd(u)
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
    const m = unix.call('fsmount', fs, 1, 9)!;
    expect([unix.call('fsmount', fs, 0, 0), unix.call('move_mount', m, '', -100, '/tmp/m', 4)]).toEqual([-E.BUSY, 0]);
    expect(mounts(unix)).toContain('none /tmp/m tmpfs ro,noexec,relatime');
    expect(unix.open('/tmp/m/x', O.CREAT | O.RDWR)).toBe(-E.ROFS);
  });
  it('open_tree copies what a place shows; mount_setattr changes a tree, or nothing', () => {
    const u = world('/tmp/a', '/tmp/b');
    file(u, '/tmp/a/x', 'text');
    const tree = u.call('open_tree', -100, '/tmp/a', 1)!;
    expect([u.call('open_tree', -100, '/tmp/a', 0x8000), u.call('open_tree', -100, '/tmp/none', 0)]).toEqual([-E.INVAL, -E.NOENT]);
    expect([u.call('move_mount', tree, '', -100, '/tmp/b', 4), u.read(u.open('/tmp/b/x'))]).toEqual([0, 'text']);
    const attr = (set: number, clear: number, kind = 0): Uint8Array =>
      new Uint8Array(new BigUint64Array([BigInt(set), BigInt(clear), BigInt(kind), 0n]).buffer);
    expect([u.call('mount_setattr', -100, '/tmp/b', 0, attr(1, 0), 32), u.open('/tmp/b/y', O.CREAT | O.RDWR)]).toEqual([0, -E.ROFS]);
    expect([u.call('mount_setattr', -100, '/tmp/b', 0, attr(0, 1), 32), u.call('mount_setattr', -100, '/tmp/b', 0, attr(0x10, 0), 32),
      u.call('mount_setattr', -100, '/tmp/b', 0, attr(1, 0), 31)]).toEqual([0, -E.INVAL, -E.INVAL]);
    expect(u.open('/tmp/b/y', O.CREAT | O.RDWR)).toBeGreaterThan(0);
  });
  it('move_mount puts a tree beneath a mount, which is seen until it is taken away', () => {
    const u = world('/tmp/a', '/tmp/b'), seen = (): string => ['/tmp/a/x', '/tmp/b/x', '/tmp/b/y'].map((path) =>
      u.call('faccessat', -100, path, 0)! < 0 ? '-' : 'x').join('');
    for (const place of ['/tmp/a', '/tmp/b']) u.call('mount', 'none', place, 'tmpfs', 0, 0);
    for (const path of ['/tmp/a/x', '/tmp/b/y']) file(u, path, '');
    const tree = u.call('open_tree', -100, '/tmp/a', 1)!;
    const beneath = (to: string): number => u.call('move_mount', tree, '', -100, to, 0x204)!;
    expect([beneath('/tmp'), beneath('/tmp/b'), u.call('close', tree), seen()]).toEqual([-E.INVAL, 0, 0, 'x-x']);
    expect([u.call('umount2', '/tmp/b', 0), seen(), u.call('umount2', '/tmp/b', 0), seen()]).toEqual([0, 'xx-', 0, 'x--']);
  });
});
