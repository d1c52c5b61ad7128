import { describe, expect, it } from 'vitest';
import { E } from '../abi/errno.ts';
import { Unix } from '../testing/unix.ts';
import { strace } from './strace.ts';
import { LAST, byNumber, dispatch, rows } from './table.ts';

describe('the system call table', () => {
  it('has one row per number, within its range', () => {
    expect(new Set(rows.map((r) => r.nr)).size).toBe(rows.length);
    expect(new Set(rows.map((r) => r.name)).size).toBe(rows.length);
    expect(rows.every((r) => r.nr >= 0 && r.nr < LAST)).toBe(true);
    expect(byNumber[172]?.name).toBe('getpid');
  });
  it('an unknown call answers ENOSYS and says so once', () => {
    const unix = new Unix();
    for (let i = 0; i < 3; i++) expect(dispatch(unix.main, 500, 0, 0, 0, 0, 0, 0)).toBe(-E.NOSYS);
    expect(unix.log.length).toBe(1);
    expect(dispatch(unix.main, -1, 0, 0, 0, 0, 0, 0)).toBe(-E.NOSYS);
  });
  it('no call crashes the server, whatever the arguments', () => {
    const unix = new Unix({ pages: 2048 }),
      values = [0, -1, 1, 2, 8, 4096, Unix.MEMORY, Unix.MEMORY + 4095, 0x3f_ffff_ffff, 2 ** 40, -(2 ** 33), 0x7fff_ffff, 1e15],
      skip = new Set(['exit', 'exit_group', 'execve', 'rt_sigreturn', 'kill', 'tkill', 'tgkill', 'reboot']);
    let seed = 12345;
    const pick = (): number => { seed = (Math.imul(seed, 1103515245) + 12345) >>> 0; return values[(seed >>> 16) % values.length]!; };
    for (const row of rows) for (let i = 0; i < 12 && !skip.has(row.name); i++) {
      const child = unix.fork(), result = unix.callOf(child, row.name, pick(), pick(), pick(), pick(), pick(), pick());
      expect(result === undefined || Number.isFinite(result), row.name).toBe(true);
      if (child.proc !== unix.main.proc && child.proc.alive) unix.k.endProcess(child.proc, 0);
      for (const process of [...unix.k.pids.processes.values()])
        if (process !== unix.main.proc && process !== unix.k.init && process.parent && process.alive) unix.k.endProcess(process, 0);
      for (const ended of [...unix.main.proc.children]) unix.k.reap(ended);
      unix.main.work = false;
      unix.main.proc.pending.remove(~0n);
    }
    expect(unix.log.filter((l) => l.includes('bug'))).toEqual([]);
  });
  it('shows a call as text', () => {
    const unix = new Unix();
    expect(strace(unix.main, 56, [-100, unix.put(new TextEncoder().encode('/etc\0')), 0x8000, 0])).toBe(
      `[${unix.main.tid} main] openat(AT_FDCWD, "/etc", O_RDONLY|O_LARGEFILE)`);
  });
});
