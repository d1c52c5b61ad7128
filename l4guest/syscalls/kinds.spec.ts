/** Kinds of mistakes, asked of every row they could be in: flags that nobody knows, descriptors that only name, memory that does not come back. */
import { describe, expect, it } from 'vitest';
import { E } from '../abi/errno.ts';
import { Unix } from '../testing/unix.ts';
import { rows } from './table.ts';

const O_CREAT = 0o100, O_RDWR = 2, O_PATH = 0o10000000, O_NOATIME = 0o1000000, MAP = { SHARED: 1, PRIVATE: 2, ANONYMOUS: 0x20 };

describe('the rows of the table', () => {
  it('refuse every bit of their flags that they do not name, one by one', () => {
    const u = new Unix();
    for (const r of rows) for (const c of r.checks) if (c.kind === 'bits') for (let bit = 0; bit < 32; bit++) {
      if (c.allowed & (1 << bit)) continue;
      const args = [0, 0, 0, 0, 0, 0];
      args[c.arg] = (1 << bit) >>> 0;
      // A check before it may refuse the call for another reason; accepted it is never.
      expect(u.call(r.name, ...args), `${r.name}, bit ${bit}`).toBeLessThan(0);
    }
  });
  it('refuse a descriptor that was opened with O_PATH, where they do anything with the file', () => {
    const names = new Set(['close', 'dup', 'dup3', 'fcntl', 'fstat', 'fstatfs', 'fchdir', 'statx', 'syncfs', 'io_setup', 'close_range', 'fcntl64', 'ioctl', 'setns', 'openat', 'inotify_rm_watch']), u = new Unix(), answers: string[] = [];
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
  /** What a program makes, and how it lets it go. */
  const kinds: Record<string, (u: Unix) => () => void> = {
    pipes: (u) => { const made = Array.from({ length: 20 }, () => u.pipe()); for (const [, w] of made) u.write(w, 'x'.repeat(3000)); return () => made.flat().forEach((fd) => u.call('close', fd)); },
    files: (u) => { for (let i = 0; i < 50; i++) u.call('close', u.open(`/tmp/f${i}`, O_CREAT | O_RDWR)); return () => { for (let i = 0; i < 50; i++) u.call('unlinkat', -100, `/tmp/f${i}`, 0); }; },
    'open files': (u) => { const made = Array.from({ length: 50 }, () => u.open('/dev/null', O_RDWR)); return () => made.forEach((fd) => u.call('close', fd)); },
    'socket buffers': (u) => { const at = u.space(8); u.call('socketpair', 1, 2, 0, at); const a = u.u32(at), b = u.u32(at + 4); for (let i = 0; i < 8; i++) u.write(a, 'y'.repeat(3000)); return () => { u.call('close', a); u.call('close', b); }; },
    'messages of System V': (u) => { const q = u.call('msgget', 0, 0o1600)!; for (let i = 0; i < 8; i++) { const m = new Uint8Array(1008); m[0] = 1; u.call('msgsnd', q, m, 1000, 0); } return () => { u.call('msgctl', q, 0, 0); }; },
    'sets of semaphores': (u) => { const s = u.call('semget', 0, 500, 0o1600)!; return () => { u.call('semctl', s, 0, 0, 0); }; },
    segments: (u) => { const s = Array.from({ length: 8 }, () => u.call('shmget', 0, 4096, 0o1600)!); return () => s.forEach((id) => u.call('shmctl', id, 0, 0)); },
    timers: (u) => { const ids = Array.from({ length: 30 }, () => { const at = u.space(4); u.call('timer_create', 1, 0, at); return u.u32(at); }); return () => ids.forEach((id) => u.call('timer_delete', id)); },
    'contexts of requests': (u) => { const at = u.space(8); u.call('io_setup', 100, at); const id = new DataView(u.bytes(at, 8).buffer).getUint32(0, true) + new DataView(u.bytes(at, 8).buffer).getUint32(4, true) * 4294967296; return () => { u.call('io_destroy', id); }; },
    watches: (u) => { const fd = u.call('inotify_init1', 0)!; for (const p of ['/', '/tmp', '/dev', '/proc']) u.call('inotify_add_watch', fd, p, 0xfff); return () => { u.call('close', fd); }; },
    processes: (u) => { const c = Array.from({ length: 10 }, () => u.fork()); return () => { for (const t of c) { u.k.endProcess(t.proc, 0); u.k.reap(t.proc); } }; },
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

describe('what one program asks of the kernel', () => {
  it('kcmp orders what is not the same, and says what is', () => {
    const u = new Unix(), child = u.fork(), pid = u.main.tid, other = child.tid, at = u.open('/dev/null'), twin = u.call('dup', at)!;
    expect([u.call('kcmp', pid, pid, 0, at, twin), u.call('kcmp', pid, other, 0, at, at), u.call('kcmp', pid, other, 1, 0, 0)! > 0, u.call('kcmp', pid, 9999, 0, 0, 0), u.call('kcmp', pid, pid, 9, 0, 0)]).toEqual([0, -E.BADF, true, -E.SRCH, -E.INVAL]);
  });
  it('membarrier wants a registration first', () => {
    const u = new Unix();
    expect([u.call('membarrier', 8, 0, 0), u.call('membarrier', 16, 0, 0), u.call('membarrier', 8, 0, 0), u.call('membarrier', 0, 1, 0), u.call('membarrier', 512, 0, 0)]).toEqual([-E.PERM, 0, 0, -E.INVAL, 16]);
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
    expect([u.call('mprotect', at, 4096, 3), u.call('mprotect', u.call('mmap', 0, 4096, 1, MAP.SHARED | MAP.ANONYMOUS, -1, 0)!, 4096, 3)]).toEqual([-E.ACCES, 0]);
  });
  it('requests of io_submit are done, in order, and told once', () => {
    const u = new Unix(), fd = u.open('/tmp/aio', O_CREAT | O_RDWR), text = u.put(new TextEncoder().encode('hello')), block = new DataView(new ArrayBuffer(64)), at = u.space(8);
    u.call('io_setup', 4, at);
    const context = Number(new DataView(u.bytes(at, 8).buffer).getBigUint64(0, true));
    block.setBigUint64(0, 77n, true); block.setUint16(16, 1, true); block.setInt32(20, fd, true); block.setBigUint64(24, BigInt(text), true); block.setBigUint64(32, 5n, true);
    const request = u.put(new Uint8Array(block.buffer)), list = u.put(new Uint8Array(new BigUint64Array([BigInt(request)]).buffer)), events = u.space(64);
    expect([u.call('io_submit', context, 1, list), u.call('io_getevents', context, 1, 2, events, 0)]).toEqual([1, 1]);
    const e = new DataView(u.bytes(events, 32).buffer);
    expect([e.getBigUint64(0, true), e.getBigUint64(16, true)]).toEqual([77n, 5n]);
    expect([u.call('pread64', fd, u.space(16), 16, 0), u.call('io_destroy', context), u.call('io_destroy', context)]).toEqual([5, 0, -E.INVAL]);
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
