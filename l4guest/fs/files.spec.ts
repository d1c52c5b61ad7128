import { describe, expect, it } from 'vitest';
import { E } from '../abi/errno.ts';
import { O } from '../abi/linux.ts';
import { Unix } from '../testing/unix.ts';

describe('files and names', () => {
  it('written bytes are read back from the position', () => {
    const unix = new Unix(), fd = unix.open('/tmp/a', O.CREAT | O.RDWR);
    expect(unix.write(fd, 'hello world')).toBe(11);
    expect(unix.call('lseek', fd, 6, 0)).toBe(6);
    expect(unix.read(fd)).toBe('world');
    expect(unix.read(fd)).toBe('');
    expect(unix.call('lseek', fd, -1, 0)).toBe(-E.INVAL);
  });
  it('holes read as zeros and cost no frame', () => {
    const unix = new Unix(), fd = unix.open('/tmp/hole', O.CREAT | O.RDWR), before = unix.k.frames.idle;
    expect(unix.call('pwrite64', fd, 'x', 1, 1_000_000)).toBe(1);
    expect(unix.k.frames.idle).toBe(before - 1);
    expect(unix.call('lseek', fd, 0, 2)).toBe(1_000_001);
    unix.call('lseek', fd, 0, 0);
    expect(unix.read(fd, 4)).toBe('\0\0\0\0');
    unix.call('ftruncate', fd, 0);
    expect(unix.k.frames.idle).toBe(before);
  });
  it('a file may end anywhere, but a write beyond exact positions fails with EFBIG instead of doing nothing', () => {
    const unix = new Unix(), fd = unix.open('/tmp/far', O.CREAT | O.RDWR), far = [2 ** 53 - 1, 2 ** 53, 2 ** 63 - 4096, 2 ** 63];
    expect(far.map((at) => unix.call('pwrite64', fd, 'x', 1, at))).toEqual(far.map(() => -E.FBIG));
    expect([unix.call('pwrite64', fd, 'x', 1, 2 ** 53 - 2), unix.call('ftruncate', fd, 2 ** 62)]).toEqual([1, 0]);
  });
  it('O_APPEND writes at the end whatever the position', () => {
    const unix = new Unix(), fd = unix.open('/tmp/a', O.CREAT | O.RDWR | O.APPEND);
    unix.write(fd, 'one ');
    unix.call('lseek', fd, 0, 0);
    unix.write(fd, 'two');
    unix.call('lseek', fd, 0, 0);
    expect(unix.read(fd)).toBe('one two');
  });
  it('mkdir, link, symlink, rename and unlink return the errors of Linux', () => {
    const unix = new Unix();
    expect(unix.call('mkdirat', -100, '/tmp/d', 0o755)).toBe(0);
    expect(unix.call('mkdirat', -100, '/tmp/d', 0o755)).toBe(-E.EXIST);
    unix.call('close', unix.open('/tmp/d/f', O.CREAT));
    expect(unix.call('linkat', -100, '/tmp/d/f', -100, '/tmp/d/g', 0)).toBe(0);
    expect(unix.call('symlinkat', 'f', -100, '/tmp/d/l')).toBe(0);
    expect(unix.list('/tmp/d')).toEqual(['.', '..', 'f', 'g', 'l']);
    expect(unix.call('unlinkat', -100, '/tmp/d', 0x200)).toBe(-E.NOTEMPTY);
    expect(unix.call('unlinkat', -100, '/tmp/d', 0)).toBe(-E.ISDIR);
    expect(unix.call('renameat2', -100, '/tmp/d', -100, '/tmp/d/x', 0)).toBe(-E.INVAL);
    expect(unix.call('renameat2', -100, '/tmp/d/f', -100, '/tmp/d/g', 1)).toBe(-E.EXIST);
    expect(unix.call('renameat2', -100, '/tmp/d', -100, '/tmp/e', 0)).toBe(0);
    expect(unix.open('/tmp/e/l/x')).toBe(-E.NOTDIR);
    expect(unix.open('/tmp/e/nothing')).toBe(-E.NOENT);
    expect(unix.open('/tmp/e/f/')).toBe(-E.NOTDIR);
  });
  it('a circle of links ends in ELOOP', () => {
    const unix = new Unix();
    unix.call('symlinkat', 'b', -100, '/tmp/a');
    unix.call('symlinkat', 'a', -100, '/tmp/b');
    expect(unix.open('/tmp/a')).toBe(-E.LOOP);
    expect(unix.open('/tmp/a', O.CREAT | O.EXCL)).toBe(-E.EXIST);
  });
  it('a deleted file lives while it is open, and its frames return afterwards', () => {
    const unix = new Unix(), before = unix.k.frames.idle, fd = unix.open('/tmp/a', O.CREAT | O.RDWR);
    unix.write(fd, 'still here');
    expect(unix.call('unlinkat', -100, '/tmp/a', 0)).toBe(0);
    unix.call('lseek', fd, 0, 0);
    expect(unix.read(fd)).toBe('still here');
    unix.call('close', fd);
    expect(unix.k.frames.idle).toBeGreaterThanOrEqual(before - 1);
  });
  it('a user without rights is refused, root is not', () => {
    const unix = new Unix();
    unix.call('close', unix.open('/tmp/secret', O.CREAT, 0o600));
    unix.call('setresuid', 1000, 1000, 1000);
    expect(unix.open('/tmp/secret')).toBe(-E.ACCES);
    expect(unix.call('unlinkat', -100, '/tmp/secret', 0)).toBe(-E.PERM);
    expect(unix.open('/etc/new', O.CREAT)).toBe(-E.ACCES);
    expect(unix.open('/tmp/own', O.CREAT)).toBeGreaterThan(2);
  });
  it('.. leads through mounts, and stops at the root', () => {
    const unix = new Unix(), at = unix.space(64);
    expect(unix.call('chdir', '/dev/pts')).toBe(0);
    expect(unix.call('chdir', '..')).toBe(0);
    expect(unix.text(at, unix.call('getcwd', at, 64)! - 1)).toBe('/dev');
    expect(unix.call('chdir', '../../..')).toBe(0);
    expect(unix.text(at, unix.call('getcwd', at, 64)! - 1)).toBe('/');
  });
  it('openat2 stays below its directory when asked', () => {
    const unix = new Unix(), dir = unix.open('/tmp', O.DIRECTORY),
      how = (resolve: number): Uint8Array => { const b = new Uint8Array(24); b[16] = resolve; return b; };
    expect(unix.call('openat2', dir, '../etc', how(8), 24)).toBe(-E.XDEV);
    expect(unix.call('openat2', dir, '/etc', how(8), 24)).toBe(-E.XDEV);
    expect(unix.call('openat2', dir, '../etc', how(0), 24)).toBeGreaterThan(2);
  });
});

describe('pipes', () => {
  it('a reader sleeps until there is data, and sees the end when the last writer is gone', () => {
    const unix = new Unix(), [readEnd, writeEnd] = unix.pipe(), child = unix.fork();
    unix.callOf(child, 'close', writeEnd);
    const at = unix.space(16);
    expect(unix.callOf(child, 'read', readEnd, at, 16)).toBeUndefined();
    expect(unix.write(writeEnd, 'ping')).toBe(4);
    expect(unix.settle()).toEqual([child]);
    expect([unix.results.get(child), unix.text(at, 4, child)]).toEqual([4, 'ping']);
    expect(unix.callOf(child, 'read', readEnd, at, 16)).toBeUndefined();
    unix.call('close', writeEnd);
    unix.settle();
    expect(unix.results.get(child)).toBe(0);
  });
  it('a write without readers fails and sends SIGPIPE', () => {
    const unix = new Unix(), [readEnd, writeEnd] = unix.pipe();
    unix.call('close', readEnd);
    expect(unix.write(writeEnd, 'x')).toBe(-E.PIPE);
    expect(unix.main.pending.bits).toBe(1n << 12n);
  });
  it('small writes are whole or wait; a big one proceeds in pieces', () => {
    const unix = new Unix(), [readEnd, writeEnd] = unix.pipe(), child = unix.fork(), big = new Uint8Array(100_000);
    expect(unix.callOf(child, 'write', writeEnd, big, big.length)).toBeUndefined();
    let got = 0;
    for (let i = 0; i < 40 && got < 100_000; i++) { got += (unix.read(readEnd, 4096) as string).length; unix.settle(); }
    expect([got, unix.results.get(child)]).toEqual([100_000, 100_000]);
  });
});

describe('/proc and /dev', () => {
  it('report about processes, and /dev/null swallows bytes', () => {
    const unix = new Unix(), name = unix.open('/proc/self/comm'), zero = unix.open('/dev/zero'), nil = unix.open('/dev/null', O.RDWR),
      full = unix.open('/dev/full', O.RDWR);
    expect(unix.read(name)).toBe('main\n');
    expect(unix.read(zero, 3)).toBe('\0\0\0');
    expect([unix.write(nil, 'x'), unix.read(nil), unix.write(full, 'x')]).toEqual([1, '', -E.NOSPC]);
    expect(unix.list('/proc')).toContain('uptime');
    expect(String(unix.read(unix.open('/proc/mounts')))).toContain('proc /proc proc rw');
  });
  it('a session sets its login id once; its children inherit it', () => {
    const unix = new Unix(), uid = (): string => String(unix.read(unix.open('/proc/self/loginuid')));
    const login = (text: string): unknown => {
      const fd = unix.open('/proc/self/loginuid', O.RDWR), n = unix.write(fd, text);
      unix.call('close', fd);
      return n;
    };
    expect([uid(), unix.read(unix.open('/proc/self/sessionid'))]).toEqual(['4294967295', '4294967295']);
    expect([login('someone'), login('4294967296'), login('1000')]).toEqual([-E.INVAL, -E.INVAL, 4]);
    expect([uid(), unix.read(unix.open('/proc/self/sessionid'))]).toEqual(['1000', '1']);
  });
  it('/proc/self/fd opens again what a descriptor names, pipes too', () => {
    const unix = new Unix(), [readEnd, writeEnd] = unix.pipe(), again = unix.open(`/proc/self/fd/${readEnd}`);
    unix.write(writeEnd, 'x');
    expect(unix.read(again)).toBe('x');
  });
  it('a file opened through /proc/self/fd keeps its own path', () => {
    const unix = new Unix(), fd = unix.open('/tmp/file', 0o102), again = unix.open(`/proc/self/fd/${fd}`), at = unix.space(64);
    expect(again).toBeGreaterThan(fd);
    expect(unix.text(at, unix.call('readlinkat', -100, `/proc/self/fd/${again}`, at, 64)!)).toBe('/tmp/file');
  });
  it('epoll files that would watch each other in a circle are refused', () => {
    const unix = new Unix(), event = new Uint8Array(16), make = (): number => unix.call('epoll_create1', 0)!,
      [first, second, third] = [make(), make(), make()];
    event[0] = 1;
    expect([
      unix.call('epoll_ctl', first, 1, second, event), unix.call('epoll_ctl', second, 1, third, event),
        unix.call('epoll_ctl', third, 1, first, event)
    ]).toEqual([0, 0, -E.LOOP]);
    expect(unix.call('epoll_pwait', first, unix.space(16), 1, 0, 0, 8)).toBe(0);
  });
  it('a memfd with a shared writable mapping cannot be sealed against writing', () => {
    const unix = new Unix(), fd = unix.call('memfd_create', 'm', 2)!;
    unix.call('ftruncate', fd, 4096);
    const at = unix.call('mmap', 0, 4096, 3, 1, fd, 0)!;
    expect(unix.call('fcntl', fd, 1033, 8)).toBe(-E.BUSY);
    unix.call('munmap', at, 4096);
    expect(unix.call('fcntl', fd, 1033, 8)).toBe(0);
  });
  it('mknod makes no directories; device numbers may exceed eight bits', () => {
    const unix = new Unix(), at = unix.space(256);
    expect(unix.call('mknodat', -100, '/tmp/d', 0o40755, 0)).toBe(-E.PERM);
    expect(unix.call('mknodat', -100, '/tmp/c', 0o20600, (136 << 8) | 5 | (1 << 20))).toBe(0);
    expect(unix.call('statx', -100, '/tmp/c', 0, 0xfff, at)).toBe(0);
    expect([unix.u32(at + 128), unix.u32(at + 132)]).toEqual([136, 261]);
  });
});
