/** Tests every system call for kinds of mistakes: unknown flags, O_PATH descriptors, memory leaks. */
import { describe, expect, it } from 'vitest';
import { E } from '../abi/errno.ts';
import { bytesOf, copyOut } from '../mm/uaccess.ts';
import { Unix } from '../testing/unix.ts';
import { rows } from './table.ts';

const O_CREAT = 0o100, O_RDWR = 2, O_PATH = 0o10000000, O_NOATIME = 0o1000000, MAP = { SHARED: 1, PRIVATE: 2, ANONYMOUS: 0x20 };

describe('the rows of the table', () => {
  it('take addresses above 4 GiB where another call has an int of that name', () => {
    const unix = new Unix(), at = 0x20_0000_0000, how = new Uint8Array(24);
    expect(unix.call('mmap', at, 4096, 3, MAP.PRIVATE | MAP.ANONYMOUS | 0x10, -1, 0)).toBe(at);
    expect(unix.call('getcpu', at, at + 4)).toBe(0);
    how[0] = O_RDWR;
    copyOut(unix.main.mm, at, how);
    expect(unix.call('openat2', -100, '/dev/null', at, 24)).toBeGreaterThanOrEqual(0);
  });
  it('refuse every flag bit that they do not name, one by one', () => {
    const unix = new Unix();
    for (const row of rows) for (const check of row.checks) if (check.kind === 'bits') for (let bit = 0; bit < 32; bit++) {
      if (check.allowed & (1 << bit)) continue;
      const args = [0, 0, 0, 0, 0, 0];
      args[check.arg] = (1 << bit) >>> 0;
      // Another check may refuse the call first; the call must never succeed.
      expect(unix.call(row.name, ...args), `${row.name}, bit ${bit}`).toBeLessThan(0);
    }
  });
  it('refuse a descriptor that was opened with O_PATH, where they do anything with the file', () => {
    const names = new Set([
      'close', 'dup', 'dup3', 'fcntl', 'fstat', 'fstatfs', 'fchdir', 'statx', 'syncfs', 'io_setup', 'close_range', 'fcntl64', 'ioctl',
      'setns', 'openat', 'inotify_rm_watch'
    ]),
      unix = new Unix(), answers: string[] = [];
    for (const row of rows) {
      if (!/^fd\b/.test(row.args) || names.has(row.name)) continue;
      const fd = unix.open('/tmp', O_PATH), n = unix.call(row.name, fd, 0, 0, 0, 0, 0);
      if (n === undefined || n >= 0) answers.push(`${row.name} = ${n}`);
      unix.call('close', fd);
    }
    expect(answers).toEqual([]);
  });
});

describe('memory that the server holds for programs', () => {
  /** The objects that a program creates, and how it releases them. */
  const kinds: Record<string, (u: Unix) => () => void> = {
    pipes: (unix) => {
      const made = Array.from({ length: 20 }, () => unix.pipe());
      for (const [, writeEnd] of made) unix.write(writeEnd, 'x'.repeat(3000));
      return () => made.flat().forEach((fd) => unix.call('close', fd));
    },
    files: (unix) => {
      for (let i = 0; i < 50; i++) unix.call('close', unix.open(`/tmp/f${i}`, O_CREAT | O_RDWR));
      return () => { for (let i = 0; i < 50; i++) unix.call('unlinkat', -100, `/tmp/f${i}`, 0); };
    },
    'open files': (unix) => {
      const made = Array.from({ length: 50 }, () => unix.open('/dev/null', O_RDWR));
      return () => made.forEach((fd) => unix.call('close', fd));
    },
    'socket buffers': (unix) => {
      const at = unix.space(8);
      unix.call('socketpair', 1, 2, 0, at);
      const sender = unix.u32(at), receiver = unix.u32(at + 4);
      for (let i = 0; i < 8; i++) unix.write(sender, 'y'.repeat(3000));
      return () => { unix.call('close', sender); unix.call('close', receiver); };
    },
    'messages of System V': (unix) => {
      const queue = unix.call('msgget', 0, 0o1600)!;
      for (let i = 0; i < 8; i++) { const bytes = new Uint8Array(1008); bytes[0] = 1; unix.call('msgsnd', queue, bytes, 1000, 0); }
      return () => { unix.call('msgctl', queue, 0, 0); };
    },
    'sets of semaphores': (u) => { const s = u.call('semget', 0, 500, 0o1600)!; return () => { u.call('semctl', s, 0, 0, 0); }; },
    segments: (unix) => {
      const ids = Array.from({ length: 8 }, () => unix.call('shmget', 0, 4096, 0o1600)!);
      return () => ids.forEach((id) => unix.call('shmctl', id, 0, 0));
    },
    timers: (unix) => {
      const ids = Array.from({ length: 30 }, () => { const at = unix.space(4); unix.call('timer_create', 1, 0, at); return unix.u32(at); });
      return () => ids.forEach((id) => unix.call('timer_delete', id));
    },
    'contexts of requests': (unix) => {
      const at = unix.space(8);
      unix.call('io_setup', 100, at);
      const id =
        new DataView(unix.bytes(at, 8).buffer).getUint32(0, true) + new DataView(unix.bytes(at, 8).buffer).getUint32(4, true) * 4294967296;
      return () => { unix.call('io_destroy', id); };
    },
    watches: (unix) => {
      const made = Array.from({ length: 20 }, () => unix.call('inotify_init1', 0)!);
      for (const fd of made) for (const text of ['/', '/tmp', '/dev', '/proc']) unix.call('inotify_add_watch', fd, text, 0xfff);
      return () => made.forEach((fd) => unix.call('close', fd));
    },
    links: (unix) => {
      for (let i = 0; i < 8; i++) unix.call('symlinkat', 'x'.repeat(4000), -100, `/tmp/l${i}`);
      return () => { for (let i = 0; i < 8; i++) unix.call('unlinkat', -100, `/tmp/l${i}`, 0); };
    },
    'more names of a file': (unix) => {
      unix.call('close', unix.open('/tmp/one', O_CREAT | O_RDWR));
      for (let i = 0; i < 20; i++) unix.call('linkat', -100, '/tmp/one', -100, `/tmp/n${i}`, 0);
      return () => {
        unix.call('unlinkat', -100, '/tmp/one', 0);
        for (let i = 0; i < 20; i++)
          unix.call('unlinkat', -100, `/tmp/n${i}`, 0);
      };
    },
    'messages of POSIX': (unix) => {
      const fd = unix.call('mq_open', 'q', O_CREAT | O_RDWR, 0o600, 0)!;
      for (let i = 0; i < 8; i++) unix.call('mq_timedsend', fd, new Uint8Array(3000), 3000, i, 0);
      return () => { unix.call('mq_unlink', 'q'); unix.call('close', fd); };
    },
    'queues of POSIX': (unix) => {
      for (let i = 0; i < 20; i++) unix.call('close', unix.call('mq_open', `q${i}`, O_CREAT | O_RDWR, 0o600, 0)!);
      return () => { for (let i = 0; i < 20; i++) unix.call('mq_unlink', `q${i}`); };
    },
    'answers of netlink': (unix) => {
      const fd = unix.call('socket', 16, 3, 0)!, dump = new Uint8Array(20), view = new DataView(dump.buffer);
      view.setUint32(0, 20, true); view.setUint16(4, 18, true); view.setUint16(6, 0x301, true);
      for (let i = 0; i < 20; i++) unix.call('sendto', fd, dump, 20, 0, 0, 0);
      return () => { unix.call('close', fd); };
    },
    groups: (u) => { u.call('setgroups', 8000, Unix.MEMORY); return () => { u.call('setgroups', 1, Unix.MEMORY); }; },
    'a high descriptor': (unix) => {
      const thread = unix.fork();
      unix.callOf(thread, 'prlimit64', 0, 7, unix.put(new Uint8Array(new BigUint64Array([100_000n, 100_000n]).buffer), thread), 0);
      unix.callOf(thread, 'dup3', 0, 20_000, 0);
      return () => { unix.k.endProcess(thread.proc, 0); unix.k.reap(thread.proc); };
    },
    'operations to undo': (unix) => {
      const set = unix.call('semget', 0, 4000, 0o1600)!, child = unix.fork(), before = unix.k.frames.free;
      for (let i = 0; i < 60; i++) unix.callOf(child, 'semop', set, Uint8Array.of(i, 0, 1, 0, 0, 0x10), 1);
      expect(unix.k.frames.free).toBeLessThan(before);
      return () => { unix.k.endProcess(child.proc, 0); unix.k.reap(child.proc); unix.call('semctl', set, 0, 0, 0); };
    },
    'texts of /proc': (unix) => {
      const made = Array.from({ length: 20 }, () => unix.open('/proc/meminfo'));
      for (const fd of made) unix.read(fd, 1);
      return () => made.forEach((fd) => unix.call('close', fd));
    },
    'entries of directories': (unix) => {
      const made = Array.from({ length: 20 }, () => unix.open('/dev', 0o200000));
      for (const fd of made) unix.call('getdents64', fd, Unix.MEMORY, 64);
      return () => made.forEach((fd) => unix.call('close', fd));
    },
    mounts: (unix) => {
      for (let i = 0; i < 8; i++) unix.call('mount', 'none', '/tmp', 'tmpfs', 0, 0);
      return () => { for (let i = 0; i < 8; i++) unix.call('umount2', '/tmp', 0); };
    },
    'spaces of mounts': (unix) => {
      const child = unix.fork();
      unix.callOf(child, 'unshare', 0x20000);
      return () => { unix.k.endProcess(child.proc, 0); unix.k.reap(child.proc); };
    },
    'lists that are waited for': (unix) => {
      const [readEnd, writeEnd] = unix.pipe(), child = unix.fork(), list = new Uint8Array(8 * 400), view = new DataView(list.buffer);
      unix.callOf(child, 'prlimit64', 0, 7, unix.put(new Uint8Array(new BigUint64Array([1000n, 1000n]).buffer), child), 0);
      for (let i = 0; i < 400; i++) { view.setInt32(8 * i, readEnd, true); view.setInt16(8 * i + 4, 1, true); }
      expect(unix.callOf(child, 'ppoll', unix.put(list, child), 400, 0, 0, 8)).toBe(undefined);
      return () => {
        unix.k.cpu.current = unix.main;
        unix.k.endProcess(child.proc, 0);
        unix.k.reap(child.proc);
        unix.call('close', readEnd);
        unix.call('close', writeEnd);
      };
    },
    'descriptors of processes': (unix) => {
      const made = Array.from({ length: 30 }, () => unix.call('pidfd_open', unix.main.tid, 0)!);
      return () => made.forEach((fd) => unix.call('close', fd));
    },
    processes: (unix) => {
      const children = Array.from({ length: 10 }, () => unix.fork());
      return () => { for (const t of children) { unix.k.endProcess(t.proc, 0); unix.k.reap(t.proc); } };
    },
  };
  for (const [name, make] of Object.entries(kinds)) it(`${name}: taken from the pool while they are there, and given back`, () => {
    const unix = new Unix();
    for (let i = 0; i < 256; i++) unix.call('getrandom', Unix.MEMORY + 4096 * i, 8, 0);
    // The first run allocates memory that stays: that of directories and tables.
    make(unix)();
    const before = unix.k.frames.idle, free = unix.k.frames.free, drop = make(unix);
    expect(unix.k.frames.free, 'taken').toBeLessThan(free);
    drop();
    expect([unix.k.frames.free, unix.k.frames.idle], 'given back').toEqual([free, before]);
  });
  it('ends in an error, and the rest of the system keeps some', () => {
    const unix = new Unix({ pages: 512 });
    let n: number | undefined = 0, made = 0;
    unix.call('prlimit64', 0, 7, unix.put(new Uint8Array(new BigUint64Array([100_000n, 100_000n]).buffer)), 0);
    for (; n !== undefined && n >= 0 && made < 50_000; made++) n = unix.call('eventfd2', 0, 0);
    expect(n).toBe(-E.NFILE);
    expect(unix.k.frames.free).toBeGreaterThan(4);
  });
});

describe('resources that a program takes without limit', () => {
  it('epoll files that watch each other are refused before they are too many to walk', () => {
    const unix = new Unix({ pages: 4096 }), made = Array.from({ length: 100 }, () => unix.call('epoll_create1', 0)!),
      event = new Uint8Array(16);
    event[0] = 1;
    const refused = new Set<number>();
    for (const [i, above] of made.entries()) for (const below of made.slice(0, i)) {
      const result = unix.call('epoll_ctl', above, 1, below, event)!;
      if (result < 0) refused.add(result);
    }
    expect([...refused].sort()).toEqual([-E.INVAL, -E.LOOP].sort());
    for (const fd of made) unix.call('epoll_pwait', fd, Unix.MEMORY, 10, 0, 0, 8); // a walk over all paths would not end
  });
  it('an overlay may lie upon one other overlay, as on Linux', () => {
    const unix = new Unix(), over = (): number => unix.call('mount', 'overlay', '/tmp/o', 'overlay', 0, 'lowerdir=/tmp/l:/tmp/o')!;
    for (const text of ['/tmp/l', '/tmp/o']) unix.call('mkdirat', -100, text, 0o755);
    expect([over(), over(), over()]).toEqual([0, 0, -E.INVAL]);
  });
  it('a mount space has at most fs.mount-max mounts, even when binds double them', () => {
    const unix = new Unix({ pages: 8192 });
    expect(unix.write(unix.open('/proc/sys/fs/mount-max', 1), '200')).toBe(3);
    expect(unix.call('mount', 'none', '/', 0, (1 << 20) | 16384, 0)).toBe(0);
    let n = 0, last: number | undefined = 0;
    for (; n < 12 && last === 0; n++) {
      unix.call('mkdirat', -100, `/tmp/${n}`, 0o755);
      last = unix.call('mount', '/', `/tmp/${n}`, 0, 4096 | 16384, 0);
    }
    expect([last, n < 10]).toEqual([-E.NOSPC, true]);
  });
  it('a program whose interpreter has a name of a terabyte cannot be executed', () => {
    const unix = new Unix(), head = new Uint8Array(176), view = new DataView(head.buffer);
    head.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
    view.setUint16(16, 2, true);
    view.setUint16(18, 243, true);
    view.setBigUint64(32, 64n, true);
    view.setUint16(54, 56, true);
    view.setUint16(56, 2, true);
    const segment = (at: number, type: number, offset: bigint, va: bigint, size: bigint): void => {
      view.setUint32(at, type, true); view.setUint32(at + 4, 7, true);
      for (const [i, x] of [offset, va, va, size, size].entries()) view.setBigUint64(at + 8 + 8 * i, x, true);
    };
    segment(64, 1, 0n, 0x10000n, 176n);
    segment(120, 3, 0n, 0n, 2n ** 40n);
    const fd = unix.open('/tmp/e', O_CREAT | O_RDWR, 0o755);
    unix.call('write', fd, head, 176);
    unix.call('ftruncate', fd, 2 ** 41);
    unix.call('close', fd);
    expect(unix.call('execve', '/tmp/e', 0, 0)).toBe(-E.NOEXEC);
  });
  it('netlink refuses requests over a megabyte, and tells a slow reader that answers were lost', () => {
    const unix = new Unix({ pages: 4096 }), fd = unix.call('socket', 16, 3, 0)!, dump = new Uint8Array(20),
      view = new DataView(dump.buffer);
    view.setUint32(0, 20, true); view.setUint16(4, 18, true); view.setUint16(6, 0x301, true);
    unix.call('setsockopt', fd, 1, 32, Uint8Array.of(0, 0, 0, 64), 4);
    expect(unix.call('sendto', fd, Unix.MEMORY, 1 << 30, 0, 0, 0)).toBe(-E.MSGSIZE);
    for (let i = 0; i < 1000; i++) unix.call('sendto', fd, dump, 20, 0, 0, 0);
    expect([
      unix.call('recvfrom', fd, Unix.MEMORY, 4096, 0, 0, 0), unix.call('recvfrom', fd, Unix.MEMORY, 4096, 0, 0, 0)! > 0
    ]).toEqual([-E.NOBUFS, true]);
  });
  it('a second PTRACE_INTERRUPT of a thread that is already stopping has no effect', () => {
    const unix = new Unix(), child = unix.fork(), pid = child.tid;
    expect(unix.call('ptrace', 0x4206, pid, 0, 0)).toBe(0);
    for (let i = 0; i < 1000; i++) unix.call('ptrace', 0x4207, pid, 0, 0);
    expect(child.traced!.events.length).toBeLessThan(3);
  });
});

describe('calls on the kernel as a whole', () => {
  it('kcmp orders different objects, and recognizes the same one', () => {
    const unix = new Unix(), child = unix.fork(), pid = unix.main.tid, other = child.tid, at = unix.open('/dev/null'),
      twin = unix.call('dup', at)!;
    expect([
      unix.call('kcmp', pid, pid, 0, at, twin), unix.call('kcmp', pid, other, 0, at, at), unix.call('kcmp', pid, other, 1, 0, 0)! > 0,
      unix.call('kcmp', pid, 9999, 0, 0, 0), unix.call('kcmp', pid, pid, 9, 0, 0)
    ]).toEqual([0, -E.BADF, true, -E.SRCH, -E.INVAL]);
  });
  it('membarrier needs a registration first', () => {
    const unix = new Unix();
    expect([
      unix.call('membarrier', 8, 0, 0), unix.call('membarrier', 16, 0, 0), unix.call('membarrier', 8, 0, 0),
      unix.call('membarrier', 0, 1, 0), unix.call('membarrier', 512, 0, 0)
    ]).toEqual([-E.PERM, 0, 0, -E.INVAL, 16]);
  });
  it('a file handle finds the file as long as it has a name', () => {
    const unix = new Unix(), handle = unix.put(new Uint8Array([8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])), mount = unix.space(4);
    unix.write(unix.open('/tmp/h', O_CREAT | O_RDWR), 'here');
    expect(unix.call('name_to_handle_at', -100, '/tmp/h', handle, mount, 0)).toBe(0);
    const fd = unix.call('open_by_handle_at', unix.open('/tmp', 0o200000), handle, 0)!;
    expect(unix.read(fd)).toBe('here');
    unix.call('unlinkat', -100, '/tmp/h', 0);
    unix.call('close', fd);
    expect(unix.call('open_by_handle_at', unix.open('/tmp', 0o200000), handle, 0)).toBe(-E.STALE);
  });
  it('RLIMIT_FSIZE shortens a write, and the next one fails with a signal', () => {
    const unix = new Unix(), fd = unix.open('/tmp/l', O_CREAT | O_RDWR);
    unix.call('prlimit64', 0, 1, unix.put(new Uint8Array(new BigUint64Array([10n, 10n]).buffer)), 0);
    expect([unix.write(fd, 'abcdefghijklmnop'), unix.write(fd, 'x')]).toEqual([10, -E.FBIG]);
    expect(unix.main.pending.bits).toBe(1n << 24n);
  });
  it('O_NOATIME is for owners; a shared mapping of a file opened for reading never becomes writable', () => {
    const unix = new Unix(), child = unix.fork();
    unix.call('close', unix.open('/tmp/a', O_CREAT | O_RDWR));
    unix.callOf(child, 'setresuid', 1000, 1000, 1000);
    expect(unix.callOf(child, 'openat', -100, '/tmp/a', O_NOATIME)).toBe(-E.PERM);
    const at = unix.call('mmap', 0, 4096, 1, MAP.SHARED, unix.open('/dev/zero'), 0)!;
    expect([
      unix.call('mprotect', at, 4096, 3), unix.call('mprotect', unix.call('mmap', 0, 4096, 1, MAP.SHARED | MAP.ANONYMOUS, -1, 0)!, 4096, 3)
    ]).toEqual([-E.ACCES, 0]);
  });
  it('io_submit performs requests in order, and each result is delivered once', () => {
    const unix = new Unix(), fd = unix.open('/tmp/aio', O_CREAT | O_RDWR), text = unix.put(new TextEncoder().encode('hello')),
      block = new DataView(new ArrayBuffer(64)), at = unix.space(8);
    unix.call('io_setup', 4, at);
    const context = Number(new DataView(unix.bytes(at, 8).buffer).getBigUint64(0, true));
    block.setBigUint64(0, 77n, true);
    block.setUint16(16, 1, true);
    block.setInt32(20, fd, true);
    block.setBigUint64(24, BigInt(text), true);
    block.setBigUint64(32, 5n, true);
    const request = unix.put(new Uint8Array(block.buffer)), list = unix.put(new Uint8Array(new BigUint64Array([BigInt(request)]).buffer)),
      events = unix.space(64);
    expect([unix.call('io_submit', context, 1, list), unix.call('io_getevents', context, 1, 2, events, 0)]).toEqual([1, 1]);
    const view = new DataView(unix.bytes(events, 32).buffer);
    expect([view.getBigUint64(0, true), view.getBigUint64(16, true)]).toEqual([77n, 5n]);
    expect([
      unix.call('pread64', fd, unix.space(16), 16, 0), unix.call('io_destroy', context), unix.call('io_destroy', context)
    ]).toEqual([5, 0, -E.INVAL]);
  });
  it('a request with RWF_NOWAIT ends instead of waiting, one with RWF_APPEND goes to the end, unknown flags are refused', () => {
    const unix = new Unix(), at = unix.space(8), fds = unix.space(8), events = unix.space(64), file = unix.open('/tmp/f', O_CREAT | O_RDWR);
    unix.call('io_setup', 4, at);
    unix.call('pipe2', fds, 0);
    unix.call('write', file, 'begin', 5);
    const big = (n: number): number => unix.put(new Uint8Array(new BigUint64Array([BigInt(n)]).buffer));
    const context = Number(new DataView(unix.bytes(at, 8).buffer).getBigUint64(0, true));
    const submit = (op: number, fd: number, how: number): number => {
      const view = new DataView(new ArrayBuffer(64));
      view.setUint32(12, how, true); view.setUint16(16, op, true); view.setInt32(20, fd, true);
      view.setBigUint64(24, BigInt(unix.put(bytesOf('!!'))), true); view.setBigUint64(32, 2n, true);
      const done = unix.call('io_submit', context, 1, big(unix.put(new Uint8Array(view.buffer))))!;
      return done < 0 ? done : (unix.call('io_getevents', context, 1, 1, events, 0), unix.u32(events + 16) | 0);
    };
    expect([submit(0, unix.u32(fds), 8), submit(1, file, 0x10), submit(1, file, 0x100)]).toEqual([-E.AGAIN, 2, -E.OPNOTSUPP]);
    expect(unix.read(unix.open('/tmp/f'))).toBe('begin!!');
  });
  it('acct records processes that end', () => {
    const unix = new Unix(), child = unix.fork();
    unix.call('close', unix.open('/tmp/acct', O_CREAT | O_RDWR));
    expect(unix.call('acct', '/tmp/acct')).toBe(0);
    unix.k.endProcess(child.proc, 3 << 8);
    const fd = unix.open('/tmp/acct'), at = unix.space(64);
    expect(unix.call('read', fd, at, 64)).toBe(64);
    expect([unix.bytes(at, 2)[1], unix.u32(at + 4)]).toEqual([3, 3 << 8]);
  });
  it("unshare(CLONE_NEWUTS) gives a process its own host name; setns by pidfd enters another's", () => {
    const unix = new Unix(), child = unix.fork();
    unix.callOf(child, 'unshare', 0x4000000);
    unix.callOf(child, 'sethostname', 'mine', 4);
    expect([child.proc.uts.host, unix.main.proc.uts.host]).toEqual(['mine', 'tessera']);
    expect([unix.call('setns', unix.call('pidfd_open', child.proc.pid, 0)!, 0x4000000), unix.main.proc.uts.host]).toEqual([0, 'mine']);
  });
});
