/** Tests every system call for kinds of mistakes: unknown flags, O_PATH descriptors, memory leaks. */
import { describe, expect, it } from 'vitest';
import { E } from '../abi/errno.ts';
import { bytesOf, copyOut } from '../mm/uaccess.ts';
import { Unix } from '../testing/unix.ts';
import { rows } from './table.ts';

const O_CREAT = 0o100, O_RDWR = 2, O_PATH = 0o10000000, O_NOATIME = 0o1000000, MAP = { SHARED: 1, PRIVATE: 2, ANONYMOUS: 0x20 };

describe('the rows of the table', () => {
  it('take addresses above 4 GiB where other calls have an int of that name', () => {
    const unix = new Unix(), at = 0x20_0000_0000, how = new Uint8Array(24);
    expect(unix.call('mmap', at, 4096, 3, MAP.PRIVATE | MAP.ANONYMOUS | 0x10, -1, 0)).toBe(at);
    expect(unix.call('getcpu', at, at + 4)).toBe(0);
    how[0] = O_RDWR;
    copyOut(unix.main.mm, at, how);
    expect(unix.call('openat2', -100, '/dev/null', at, 24)).toBeGreaterThanOrEqual(0);
  });
  it('refuse every bit of their flags that they do not name, one by one', () => {
    const u = new Unix();
    for (const row of rows) for (const check of row.checks) if (check.kind === 'bits') for (let bit = 0; bit < 32; bit++) {
      if (check.allowed & (1 << bit)) continue;
      const args = [0, 0, 0, 0, 0, 0];
      args[check.arg] = (1 << bit) >>> 0;
      // A check before it may refuse the call for another reason; accepted it is never.
      expect(u.call(row.name, ...args), `${row.name}, bit ${bit}`).toBeLessThan(0);
    }
  });
  it('refuse a descriptor that was opened with O_PATH, where they do anything with the file', () => {
    const names = new Set([
      'close', 'dup', 'dup3', 'fcntl', 'fstat', 'fstatfs', 'fchdir', 'statx', 'syncfs', 'io_setup', 'close_range', 'fcntl64', 'ioctl',
      'setns', 'openat', 'inotify_rm_watch'
    ]),
      u = new Unix(), answers: string[] = [];
    for (const r of rows) {
      if (!/^fd\b/.test(r.args) || names.has(r.name)) continue;
      const fd = u.open('/tmp', O_PATH), n = u.call(r.name, fd, 0, 0, 0, 0, 0);
      if (n === undefined || n >= 0) answers.push(`${r.name} = ${n}`);
      u.call('close', fd);
    }
    expect(answers).toEqual([]);
  });
});

describe('memory that the server holds for programs', () => {
  /** Objects that a program creates, and how it releases them. */
  const kinds: Record<string, (u: Unix) => () => void> = {
    pipes: (unix) => {
      const made = Array.from({ length: 20 }, () => unix.pipe());
      for (const [, w] of made) unix.write(w, 'x'.repeat(3000));
      return () => made.flat().forEach((fd) => unix.call('close', fd));
    },
    files: (u) => {
      for (let i = 0; i < 50; i++) u.call('close', u.open(`/tmp/f${i}`, O_CREAT | O_RDWR));
      return () => { for (let i = 0; i < 50; i++) u.call('unlinkat', -100, `/tmp/f${i}`, 0); };
    },
    'open files': (u) => {
      const made = Array.from({ length: 50 }, () => u.open('/dev/null', O_RDWR));
      return () => made.forEach((fd) => u.call('close', fd));
    },
    'socket buffers': (u) => {
      const at = u.space(8);
      u.call('socketpair', 1, 2, 0, at);
      const a = u.u32(at), b = u.u32(at + 4);
      for (let i = 0; i < 8; i++) u.write(a, 'y'.repeat(3000));
      return () => { u.call('close', a); u.call('close', b); };
    },
    'messages of System V': (u) => {
      const q = u.call('msgget', 0, 0o1600)!;
      for (let i = 0; i < 8; i++) { const bytes = new Uint8Array(1008); bytes[0] = 1; u.call('msgsnd', q, bytes, 1000, 0); }
      return () => { u.call('msgctl', q, 0, 0); };
    },
    'sets of semaphores': (u) => { const s = u.call('semget', 0, 500, 0o1600)!; return () => { u.call('semctl', s, 0, 0, 0); }; },
    segments: (u) => {
      const s = Array.from({ length: 8 }, () => u.call('shmget', 0, 4096, 0o1600)!);
      return () => s.forEach((id) => u.call('shmctl', id, 0, 0));
    },
    timers: (u) => {
      const ids = Array.from({ length: 30 }, () => { const at = u.space(4); u.call('timer_create', 1, 0, at); return u.u32(at); });
      return () => ids.forEach((id) => u.call('timer_delete', id));
    },
    'contexts of requests': (u) => {
      const at = u.space(8);
      u.call('io_setup', 100, at);
      const id =
        new DataView(u.bytes(at, 8).buffer).getUint32(0, true) + new DataView(u.bytes(at, 8).buffer).getUint32(4, true) * 4294967296;
      return () => { u.call('io_destroy', id); };
    },
    watches: (u) => {
      const made = Array.from({ length: 20 }, () => u.call('inotify_init1', 0)!);
      for (const fd of made) for (const text of ['/', '/tmp', '/dev', '/proc']) u.call('inotify_add_watch', fd, text, 0xfff);
      return () => made.forEach((fd) => u.call('close', fd));
    },
    links: (u) => {
      for (let i = 0; i < 8; i++) u.call('symlinkat', 'x'.repeat(4000), -100, `/tmp/l${i}`);
      return () => { for (let i = 0; i < 8; i++) u.call('unlinkat', -100, `/tmp/l${i}`, 0); };
    },
    'more names of a file': (u) => {
      u.call('close', u.open('/tmp/one', O_CREAT | O_RDWR));
      for (let i = 0; i < 20; i++) u.call('linkat', -100, '/tmp/one', -100, `/tmp/n${i}`, 0);
      return () => { u.call('unlinkat', -100, '/tmp/one', 0); for (let i = 0; i < 20; i++) u.call('unlinkat', -100, `/tmp/n${i}`, 0); };
    },
    'messages of POSIX': (u) => {
      const fd = u.call('mq_open', 'q', O_CREAT | O_RDWR, 0o600, 0)!;
      for (let i = 0; i < 8; i++) u.call('mq_timedsend', fd, new Uint8Array(3000), 3000, i, 0);
      return () => { u.call('mq_unlink', 'q'); u.call('close', fd); };
    },
    'queues of POSIX': (u) => {
      for (let i = 0; i < 20; i++) u.call('close', u.call('mq_open', `q${i}`, O_CREAT | O_RDWR, 0o600, 0)!);
      return () => { for (let i = 0; i < 20; i++) u.call('mq_unlink', `q${i}`); };
    },
    'answers of netlink': (u) => {
      const fd = u.call('socket', 16, 3, 0)!, dump = new Uint8Array(20), view = new DataView(dump.buffer);
      view.setUint32(0, 20, true); view.setUint16(4, 18, true); view.setUint16(6, 0x301, true);
      for (let i = 0; i < 20; i++) u.call('sendto', fd, dump, 20, 0, 0, 0);
      return () => { u.call('close', fd); };
    },
    groups: (u) => { u.call('setgroups', 8000, Unix.MEMORY); return () => { u.call('setgroups', 1, Unix.MEMORY); }; },
    'a high descriptor': (u) => {
      const thread = u.fork();
      u.callOf(thread, 'prlimit64', 0, 7, u.put(new Uint8Array(new BigUint64Array([100_000n, 100_000n]).buffer), thread), 0);
      u.callOf(thread, 'dup3', 0, 20_000, 0);
      return () => { u.k.endProcess(thread.proc, 0); u.k.reap(thread.proc); };
    },
    'operations to undo': (u) => {
      const set = u.call('semget', 0, 4000, 0o1600)!, t = u.fork(), before = u.k.frames.free;
      for (let i = 0; i < 60; i++) u.callOf(t, 'semop', set, Uint8Array.of(i, 0, 1, 0, 0, 0x10), 1);
      expect(u.k.frames.free).toBeLessThan(before);
      return () => { u.k.endProcess(t.proc, 0); u.k.reap(t.proc); u.call('semctl', set, 0, 0, 0); };
    },
    'texts of /proc': (u) => {
      const made = Array.from({ length: 20 }, () => u.open('/proc/meminfo'));
      for (const fd of made) u.read(fd, 1);
      return () => made.forEach((fd) => u.call('close', fd));
    },
    'entries of directories': (u) => {
      const made = Array.from({ length: 20 }, () => u.open('/dev', 0o200000));
      for (const fd of made) u.call('getdents64', fd, Unix.MEMORY, 64);
      return () => made.forEach((fd) => u.call('close', fd));
    },
    mounts: (u) => {
      for (let i = 0; i < 8; i++) u.call('mount', 'none', '/tmp', 'tmpfs', 0, 0);
      return () => { for (let i = 0; i < 8; i++) u.call('umount2', '/tmp', 0); };
    },
    'spaces of mounts': (u) => {
      const t = u.fork();
      u.callOf(t, 'unshare', 0x20000);
      return () => { u.k.endProcess(t.proc, 0); u.k.reap(t.proc); };
    },
    'lists that are waited for': (u) => {
      const [r, w] = u.pipe(), t = u.fork(), list = new Uint8Array(8 * 400), v = new DataView(list.buffer);
      u.callOf(t, 'prlimit64', 0, 7, u.put(new Uint8Array(new BigUint64Array([1000n, 1000n]).buffer), t), 0);
      for (let i = 0; i < 400; i++) { v.setInt32(8 * i, r, true); v.setInt16(8 * i + 4, 1, true); }
      expect(u.callOf(t, 'ppoll', u.put(list, t), 400, 0, 0, 8)).toBe(undefined);
      return () => { u.k.cpu.current = u.main; u.k.endProcess(t.proc, 0); u.k.reap(t.proc); u.call('close', r); u.call('close', w); };
    },
    'descriptors of processes': (u) => {
      const made = Array.from({ length: 30 }, () => u.call('pidfd_open', u.main.tid, 0)!);
      return () => made.forEach((fd) => u.call('close', fd));
    },
    processes: (u) => {
      const c = Array.from({ length: 10 }, () => u.fork());
      return () => { for (const t of c) { u.k.endProcess(t.proc, 0); u.k.reap(t.proc); } };
    },
  };
  for (const [name, make] of Object.entries(kinds)) it(`${name}: taken from the pool while they are there, and given back`, () => {
    const u = new Unix();
    for (let i = 0; i < 256; i++) u.call('getrandom', Unix.MEMORY + 4096 * i, 8, 0);
    // The first time things come to be that stay: directories' and tables' memory.
    make(u)();
    const before = u.k.frames.idle, free = u.k.frames.free, drop = make(u);
    expect(u.k.frames.free, 'taken').toBeLessThan(free);
    drop();
    expect([u.k.frames.free, u.k.frames.idle], 'given back').toEqual([free, before]);
  });
  it('ends in an error, and programs keep some', () => {
    const u = new Unix({ pages: 512 });
    let n: number | undefined = 0, made = 0;
    u.call('prlimit64', 0, 7, u.put(new Uint8Array(new BigUint64Array([100_000n, 100_000n]).buffer)), 0);
    for (; n !== undefined && n >= 0 && made < 50_000; made++) n = u.call('eventfd2', 0, 0);
    expect(n).toBe(-E.NFILE);
    expect(u.k.frames.free).toBeGreaterThan(4);
  });
});

describe('what a program makes as much of as it can', () => {
  it('epoll files that all watch each other stay few enough to be walked', () => {
    const unix = new Unix({ pages: 4096 }), made = Array.from({ length: 100 }, () => unix.call('epoll_create1', 0)!),
      event = new Uint8Array(16);
    event[0] = 1;
    const refused = new Set<number>();
    for (const [i, e] of made.entries()) for (const below of made.slice(0, i)) {
      const r = unix.call('epoll_ctl', e, 1, below, event)!;
      if (r < 0) refused.add(r);
    }
    expect([...refused].sort()).toEqual([-E.INVAL, -E.LOOP].sort());
    const start = performance.now();
    for (const e of made) unix.call('epoll_pwait', e, Unix.MEMORY, 10, 0, 0, 8);
    expect(performance.now() - start).toBeLessThan(2000);
  });
  it('overlays lie upon each other twice, as on Linux', () => {
    const u = new Unix(), over = (): number => u.call('mount', 'overlay', '/tmp/o', 'overlay', 0, 'lowerdir=/tmp/l:/tmp/o')!;
    for (const text of ['/tmp/l', '/tmp/o']) u.call('mkdirat', -100, text, 0o755);
    expect([over(), over(), over()]).toEqual([0, 0, -E.INVAL]);
  });
  it('a space has fs.mount-max mounts, also where binds double them', () => {
    const u = new Unix({ pages: 8192 });
    expect(u.write(u.open('/proc/sys/fs/mount-max', 1), '200')).toBe(3);
    expect(u.call('mount', 'none', '/', 0, (1 << 20) | 16384, 0)).toBe(0);
    let n = 0, last: number | undefined = 0;
    for (; n < 12
      && last === 0; n++) { u.call('mkdirat', -100, `/tmp/${n}`, 0o755); last = u.call('mount', '/', `/tmp/${n}`, 0, 4096 | 16384, 0); }
    expect([last, n < 10]).toEqual([-E.NOSPC, true]);
  });
  it('a program whose interpreter has a name of a terabyte is none', () => {
    const u = new Unix(), head = new Uint8Array(176), view = new DataView(head.buffer);
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
    const fd = u.open('/tmp/e', O_CREAT | O_RDWR, 0o755);
    u.call('write', fd, head, 176);
    u.call('ftruncate', fd, 2 ** 41);
    u.call('close', fd);
    expect(u.call('execve', '/tmp/e', 0, 0)).toBe(-E.NOEXEC);
  });
  it('netlink takes requests of a megabyte, and a reader who takes nothing is told that answers are lost', () => {
    const u = new Unix({ pages: 4096 }), fd = u.call('socket', 16, 3, 0)!, dump = new Uint8Array(20), v = new DataView(dump.buffer);
    v.setUint32(0, 20, true); v.setUint16(4, 18, true); v.setUint16(6, 0x301, true);
    u.call('setsockopt', fd, 1, 32, Uint8Array.of(0, 0, 0, 64), 4);
    expect(u.call('sendto', fd, Unix.MEMORY, 1 << 30, 0, 0, 0)).toBe(-E.MSGSIZE);
    for (let i = 0; i < 1000; i++) u.call('sendto', fd, dump, 20, 0, 0, 0);
    expect([
      u.call('recvfrom', fd, Unix.MEMORY, 4096, 0, 0, 0), u.call('recvfrom', fd, Unix.MEMORY, 4096, 0, 0, 0)! > 0
    ]).toEqual([-E.NOBUFS, true]);
  });
  it('an interrupt of a traced thread that waits already is no second one', () => {
    const u = new Unix(), child = u.fork(), pid = child.tid;
    expect(u.call('ptrace', 0x4206, pid, 0, 0)).toBe(0);
    for (let i = 0; i < 1000; i++) u.call('ptrace', 0x4207, pid, 0, 0);
    expect(child.traced!.events.length).toBeLessThan(3);
  });
});

describe('what one program asks of the kernel', () => {
  it('kcmp orders what is not the same, and says what is', () => {
    const unix = new Unix(), child = unix.fork(), pid = unix.main.tid, other = child.tid, at = unix.open('/dev/null'),
      twin = unix.call('dup', at)!;
    expect([
      unix.call('kcmp', pid, pid, 0, at, twin), unix.call('kcmp', pid, other, 0, at, at), unix.call('kcmp', pid, other, 1, 0, 0)! > 0,
      unix.call('kcmp', pid, 9999, 0, 0, 0), unix.call('kcmp', pid, pid, 9, 0, 0)
    ]).toEqual([0, -E.BADF, true, -E.SRCH, -E.INVAL]);
  });
  it('membarrier wants a registration first', () => {
    const u = new Unix();
    expect([
      u.call('membarrier', 8, 0, 0), u.call('membarrier', 16, 0, 0), u.call('membarrier', 8, 0, 0), u.call('membarrier', 0, 1, 0),
      u.call('membarrier', 512, 0, 0)
    ]).toEqual([-E.PERM, 0, 0, -E.INVAL, 16]);
  });
  it('a file handle finds the file while it has a name', () => {
    const u = new Unix(), handle = u.put(new Uint8Array([8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])), mount = u.space(4);
    u.write(u.open('/tmp/h', O_CREAT | O_RDWR), 'here');
    expect(u.call('name_to_handle_at', -100, '/tmp/h', handle, mount, 0)).toBe(0);
    const fd = u.call('open_by_handle_at', u.open('/tmp', 0o200000), handle, 0)!;
    expect(u.read(fd)).toBe('here');
    u.call('unlinkat', -100, '/tmp/h', 0);
    u.call('close', fd);
    expect(u.call('open_by_handle_at', u.open('/tmp', 0o200000), handle, 0)).toBe(-E.STALE);
  });
  it('RLIMIT_FSIZE cuts a write, and the next one fails with a signal', () => {
    const u = new Unix(), fd = u.open('/tmp/l', O_CREAT | O_RDWR);
    u.call('prlimit64', 0, 1, u.put(new Uint8Array(new BigUint64Array([10n, 10n]).buffer)), 0);
    expect([u.write(fd, 'abcdefghijklmnop'), u.write(fd, 'x')]).toEqual([10, -E.FBIG]);
    expect(u.main.pending.bits).toBe(1n << 24n);
  });
  it('O_NOATIME is for owners; a shared mapping of a file opened for reading never becomes writable', () => {
    const u = new Unix(), child = u.fork();
    u.call('close', u.open('/tmp/a', O_CREAT | O_RDWR));
    u.callOf(child, 'setresuid', 1000, 1000, 1000);
    expect(u.callOf(child, 'openat', -100, '/tmp/a', O_NOATIME)).toBe(-E.PERM);
    const at = u.call('mmap', 0, 4096, 1, MAP.SHARED, u.open('/dev/zero'), 0)!;
    expect([
      u.call('mprotect', at, 4096, 3), u.call('mprotect', u.call('mmap', 0, 4096, 1, MAP.SHARED | MAP.ANONYMOUS, -1, 0)!, 4096, 3)
    ]).toEqual([-E.ACCES, 0]);
  });
  it('requests of io_submit are done, in order, and told once', () => {
    const u = new Unix(), fd = u.open('/tmp/aio', O_CREAT | O_RDWR), text = u.put(new TextEncoder().encode('hello')),
      block = new DataView(new ArrayBuffer(64)), at = u.space(8);
    u.call('io_setup', 4, at);
    const context = Number(new DataView(u.bytes(at, 8).buffer).getBigUint64(0, true));
    block.setBigUint64(0, 77n, true);
    block.setUint16(16, 1, true);
    block.setInt32(20, fd, true);
    block.setBigUint64(24, BigInt(text), true);
    block.setBigUint64(32, 5n, true);
    const request = u.put(new Uint8Array(block.buffer)), list = u.put(new Uint8Array(new BigUint64Array([BigInt(request)]).buffer)),
      events = u.space(64);
    expect([u.call('io_submit', context, 1, list), u.call('io_getevents', context, 1, 2, events, 0)]).toEqual([1, 1]);
    const view = new DataView(u.bytes(events, 32).buffer);
    expect([view.getBigUint64(0, true), view.getBigUint64(16, true)]).toEqual([77n, 5n]);
    expect([
      u.call('pread64', fd, u.space(16), 16, 0), u.call('io_destroy', context), u.call('io_destroy', context)
    ]).toEqual([5, 0, -E.INVAL]);
  });
  it('a request with RWF_NOWAIT ends instead of waiting, one with RWF_APPEND goes to the end, unknown flags are refused', () => {
    const u = new Unix(), at = u.space(8), fds = u.space(8), events = u.space(64), file = u.open('/tmp/f', O_CREAT | O_RDWR);
    u.call('io_setup', 4, at);
    u.call('pipe2', fds, 0);
    u.call('write', file, 'begin', 5);
    const big = (n: number): number => u.put(new Uint8Array(new BigUint64Array([BigInt(n)]).buffer));
    const context = Number(new DataView(u.bytes(at, 8).buffer).getBigUint64(0, true));
    const submit = (op: number, fd: number, how: number): number => {
      const v = new DataView(new ArrayBuffer(64));
      v.setUint32(12, how, true); v.setUint16(16, op, true); v.setInt32(20, fd, true);
      v.setBigUint64(24, BigInt(u.put(bytesOf('!!'))), true); v.setBigUint64(32, 2n, true);
      const done = u.call('io_submit', context, 1, big(u.put(new Uint8Array(v.buffer))))!;
      return done < 0 ? done : (u.call('io_getevents', context, 1, 1, events, 0), u.u32(events + 16) | 0);
    };
    expect([submit(0, u.u32(fds), 8), submit(1, file, 0x10), submit(1, file, 0x100)]).toEqual([-E.AGAIN, 2, -E.OPNOTSUPP]);
    expect(u.read(u.open('/tmp/f'))).toBe('begin!!');
  });
  it('accounts are kept of processes that end', () => {
    const u = new Unix(), child = u.fork();
    u.call('close', u.open('/tmp/acct', O_CREAT | O_RDWR));
    expect(u.call('acct', '/tmp/acct')).toBe(0);
    u.k.endProcess(child.proc, 3 << 8);
    const fd = u.open('/tmp/acct'), at = u.space(64);
    expect(u.call('read', fd, at, 64)).toBe(64);
    expect([u.bytes(at, 2)[1], u.u32(at + 4)]).toEqual([3, 3 << 8]);
  });
  it('a name that was changed behind unshare(CLONE_NEWUTS) is one\'s own; setns by pidfd takes another\'s', () => {
    const u = new Unix(), child = u.fork();
    u.callOf(child, 'unshare', 0x4000000);
    u.callOf(child, 'sethostname', 'mine', 4);
    expect([child.proc.uts.host, u.main.proc.uts.host]).toEqual(['mine', 'tessera']);
    expect([u.call('setns', u.call('pidfd_open', child.proc.pid, 0)!, 0x4000000), u.main.proc.uts.host]).toEqual([0, 'mine']);
  });
});
