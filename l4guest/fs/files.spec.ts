import { describe, expect, it } from 'vitest';
import { E } from '../abi/errno.ts';
import { O } from '../abi/linux.ts';
import { Unix } from '../testing/unix.ts';

describe('files and names', () => {
  it('what is written is read back, from where the position stands', () => {
    const unix = new Unix(), fd = unix.open('/tmp/a', O.CREAT | O.RDWR);
    expect(unix.write(fd, 'hello world')).toBe(11);
    expect(unix.call('lseek', fd, 6, 0)).toBe(6);
    expect(unix.read(fd)).toBe('world');
    expect(unix.read(fd)).toBe('');
    expect(unix.call('lseek', fd, -1, 0)).toBe(-E.INVAL);
  });
  it('holes read as zeros and cost no frame', () => {
    const u = new Unix(), fd = u.open('/tmp/hole', O.CREAT | O.RDWR), before = u.k.frames.idle;
    expect(u.call('pwrite64', fd, 'x', 1, 1_000_000)).toBe(1);
    expect(u.k.frames.idle).toBe(before - 1);
    expect(u.call('lseek', fd, 0, 2)).toBe(1_000_001);
    u.call('lseek', fd, 0, 0);
    expect(u.read(fd, 4)).toBe('\0\0\0\0');
    u.call('ftruncate', fd, 0);
    expect(u.k.frames.idle).toBe(before);
  });
  it('a file may end anywhere, but bytes are written only where they have exact numbers: EFBIG, never a write that did nothing', () => {
    const u = new Unix(), fd = u.open('/tmp/far', O.CREAT | O.RDWR), far = [2 ** 53 - 1, 2 ** 53, 2 ** 63 - 4096, 2 ** 63];
    expect(far.map((at) => u.call('pwrite64', fd, 'x', 1, at))).toEqual(far.map(() => -E.FBIG));
    expect([u.call('pwrite64', fd, 'x', 1, 2 ** 53 - 2), u.call('ftruncate', fd, 2 ** 62)]).toEqual([1, 0]);
  });
  it('O_APPEND writes at the end whatever the position', () => {
    const u = new Unix(), fd = u.open('/tmp/a', O.CREAT | O.RDWR | O.APPEND);
    u.write(fd, 'one ');
    u.call('lseek', fd, 0, 0);
    u.write(fd, 'two');
    u.call('lseek', fd, 0, 0);
    expect(u.read(fd)).toBe('one two');
  });
  it('names: mkdir, link, symlink, rename, unlink, with the errors of Linux', () => {
    const u = new Unix();
    expect(u.call('mkdirat', -100, '/tmp/d', 0o755)).toBe(0);
    expect(u.call('mkdirat', -100, '/tmp/d', 0o755)).toBe(-E.EXIST);
    u.call('close', u.open('/tmp/d/f', O.CREAT));
    expect(u.call('linkat', -100, '/tmp/d/f', -100, '/tmp/d/g', 0)).toBe(0);
    expect(u.call('symlinkat', 'f', -100, '/tmp/d/l')).toBe(0);
    expect(u.list('/tmp/d')).toEqual(['.', '..', 'f', 'g', 'l']);
    expect(u.call('unlinkat', -100, '/tmp/d', 0x200)).toBe(-E.NOTEMPTY);
    expect(u.call('unlinkat', -100, '/tmp/d', 0)).toBe(-E.ISDIR);
    expect(u.call('renameat2', -100, '/tmp/d', -100, '/tmp/d/x', 0)).toBe(-E.INVAL);
    expect(u.call('renameat2', -100, '/tmp/d/f', -100, '/tmp/d/g', 1)).toBe(-E.EXIST);
    expect(u.call('renameat2', -100, '/tmp/d', -100, '/tmp/e', 0)).toBe(0);
    expect(u.open('/tmp/e/l/x')).toBe(-E.NOTDIR);
    expect(u.open('/tmp/e/nothing')).toBe(-E.NOENT);
    expect(u.open('/tmp/e/f/')).toBe(-E.NOTDIR);
  });
  it('links that lead in a circle end', () => {
    const u = new Unix();
    u.call('symlinkat', 'b', -100, '/tmp/a');
    u.call('symlinkat', 'a', -100, '/tmp/b');
    expect(u.open('/tmp/a')).toBe(-E.LOOP);
    expect(u.open('/tmp/a', O.CREAT | O.EXCL)).toBe(-E.EXIST);
  });
  it('a deleted file lives while it is open, and its frames come back after', () => {
    const u = new Unix(), before = u.k.frames.idle, fd = u.open('/tmp/a', O.CREAT | O.RDWR);
    u.write(fd, 'still here');
    expect(u.call('unlinkat', -100, '/tmp/a', 0)).toBe(0);
    u.call('lseek', fd, 0, 0);
    expect(u.read(fd)).toBe('still here');
    u.call('close', fd);
    expect(u.k.frames.idle).toBeGreaterThanOrEqual(before - 1);
  });
  it('a user without rights is refused, root is not', () => {
    const u = new Unix();
    u.call('close', u.open('/tmp/secret', O.CREAT, 0o600));
    u.call('setresuid', 1000, 1000, 1000);
    expect(u.open('/tmp/secret')).toBe(-E.ACCES);
    expect(u.call('unlinkat', -100, '/tmp/secret', 0)).toBe(-E.PERM);
    expect(u.open('/etc/new', O.CREAT)).toBe(-E.ACCES);
    expect(u.open('/tmp/own', O.CREAT)).toBeGreaterThan(2);
  });
  it('.. leads through mounts, and stops at the root', () => {
    const u = new Unix(), at = u.space(64);
    expect(u.call('chdir', '/dev/pts')).toBe(0);
    expect(u.call('chdir', '..')).toBe(0);
    expect(u.text(at, u.call('getcwd', at, 64)! - 1)).toBe('/dev');
    expect(u.call('chdir', '../../..')).toBe(0);
    expect(u.text(at, u.call('getcwd', at, 64)! - 1)).toBe('/');
  });
  it('openat2 keeps below its directory when asked', () => {
    const u = new Unix(), dir = u.open('/tmp', O.DIRECTORY),
      how = (resolve: number): Uint8Array => { const b = new Uint8Array(24); b[16] = resolve; return b; };
    expect(u.call('openat2', dir, '../etc', how(8), 24)).toBe(-E.XDEV);
    expect(u.call('openat2', dir, '/etc', how(8), 24)).toBe(-E.XDEV);
    expect(u.call('openat2', dir, '../etc', how(0), 24)).toBeGreaterThan(2);
  });
});

describe('pipes', () => {
  it('a reader sleeps until there is something, and sees the end when the last writer is gone', () => {
    const unix = new Unix(), [r, w] = unix.pipe(), child = unix.fork();
    unix.callOf(child, 'close', w);
    const at = unix.space(16);
    expect(unix.callOf(child, 'read', r, at, 16)).toBeUndefined();
    expect(unix.write(w, 'ping')).toBe(4);
    expect(unix.settle()).toEqual([child]);
    expect([unix.results.get(child), unix.text(at, 4, child)]).toEqual([4, 'ping']);
    expect(unix.callOf(child, 'read', r, at, 16)).toBeUndefined();
    unix.call('close', w);
    unix.settle();
    expect(unix.results.get(child)).toBe(0);
  });
  it('a write without readers fails and sends SIGPIPE', () => {
    const u = new Unix(), [r, w] = u.pipe();
    u.call('close', r);
    expect(u.write(w, 'x')).toBe(-E.PIPE);
    expect(u.main.pending.bits).toBe(1n << 12n);
  });
  it('small writes are whole or wait; a big one goes piece by piece', () => {
    const u = new Unix(), [r, w] = u.pipe(), child = u.fork(), big = new Uint8Array(100_000);
    expect(u.callOf(child, 'write', w, big, big.length)).toBeUndefined();
    let got = 0;
    for (let i = 0; i < 40 && got < 100_000; i++) { got += (u.read(r, 4096) as string).length; u.settle(); }
    expect([got, u.results.get(child)]).toEqual([100_000, 100_000]);
  });
});

describe('/proc and /dev', () => {
  it('tell about processes and swallow bytes', () => {
    const unix = new Unix(), name = unix.open('/proc/self/comm'), zero = unix.open('/dev/zero'), nil = unix.open('/dev/null', O.RDWR),
      full = unix.open('/dev/full', O.RDWR);
    expect(unix.read(name)).toBe('main\n');
    expect(unix.read(zero, 3)).toBe('\0\0\0');
    expect([unix.write(nil, 'x'), unix.read(nil), unix.write(full, 'x')]).toEqual([1, '', -E.NOSPC]);
    expect(unix.list('/proc')).toContain('uptime');
    expect(String(unix.read(unix.open('/proc/mounts')))).toContain('proc /proc proc rw');
  });
  it('a session says once who has logged in; its children have it from it', () => {
    const u = new Unix(), uid = (): string => String(u.read(u.open('/proc/self/loginuid')));
    const login = (text: string): unknown => {
      const fd = u.open('/proc/self/loginuid', O.RDWR), n = u.write(fd, text);
      u.call('close', fd);
      return n;
    };
    expect([uid(), u.read(u.open('/proc/self/sessionid'))]).toEqual(['4294967295', '4294967295']);
    expect([login('someone'), login('4294967296'), login('1000')]).toEqual([-E.INVAL, -E.INVAL, 4]);
    expect([uid(), u.read(u.open('/proc/self/sessionid'))]).toEqual(['1000', '1']);
  });
  it('/proc/self/fd reopens what a descriptor names, pipes too', () => {
    const u = new Unix(), [r, w] = u.pipe(), again = u.open(`/proc/self/fd/${r}`);
    u.write(w, 'x');
    expect(u.read(again)).toBe('x');
  });
  it('a file that is opened through /proc/self/fd keeps its own path', () => {
    const u = new Unix(), fd = u.open('/tmp/file', 0o102), again = u.open(`/proc/self/fd/${fd}`), at = u.space(64);
    expect(again).toBeGreaterThan(fd);
    expect(u.text(at, u.call('readlinkat', -100, `/proc/self/fd/${again}`, at, 64)!)).toBe('/tmp/file');
  });
  it('epoll files that would watch each other in a circle are refused', () => {
    const u = new Unix(), event = new Uint8Array(16), make = (): number => u.call('epoll_create1', 0)!,
      [a, b, c] = [make(), make(), make()];
    event[0] = 1;
    expect([
      u.call('epoll_ctl', a, 1, b, event), u.call('epoll_ctl', b, 1, c, event), u.call('epoll_ctl', c, 1, a, event)
    ]).toEqual([0, 0, -E.LOOP]);
    expect(u.call('epoll_pwait', a, u.space(16), 1, 0, 0, 8)).toBe(0);
  });
  it('a memfd with a shared writable mapping cannot be sealed against writing', () => {
    const u = new Unix(), fd = u.call('memfd_create', 'm', 2)!;
    u.call('ftruncate', fd, 4096);
    const at = u.call('mmap', 0, 4096, 3, 1, fd, 0)!;
    expect(u.call('fcntl', fd, 1033, 8)).toBe(-E.BUSY);
    u.call('munmap', at, 4096);
    expect(u.call('fcntl', fd, 1033, 8)).toBe(0);
  });
  it('mknod makes no directories; device numbers may be larger than eight bits', () => {
    const u = new Unix(), at = u.space(256);
    expect(u.call('mknodat', -100, '/tmp/d', 0o40755, 0)).toBe(-E.PERM);
    expect(u.call('mknodat', -100, '/tmp/c', 0o20600, (136 << 8) | 5 | (1 << 20))).toBe(0);
    expect(u.call('statx', -100, '/tmp/c', 0, 0xfff, at)).toBe(0);
    expect([u.u32(at + 128), u.u32(at + 132)]).toEqual([136, 261]);
  });
});
