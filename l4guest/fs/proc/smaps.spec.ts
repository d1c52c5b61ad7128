/** The figures of smaps and smaps_rollup, the files of a process's areas, and the peak that clear_refs resets. */
import { describe, expect, it } from 'vitest';
import { E } from '../../abi/errno.ts';
import { Map_, Prot } from '../../abi/linux.ts';
import { setU8 } from '../../mm/uaccess.ts';
import { Unix } from '../../testing/unix.ts';

const PAGE = 4096, RW = Prot.READ | Prot.WRITE;

function world() {
  const unix = new Unix(), read = (path: string, by = unix.main): string => {
    const fd = unix.callOf(by, 'openat', -100, path, 0, 0)!, parts: string[] = [];
    for (let n = 1; n > 0; ) {
      n = unix.callOf(by, 'read', fd, Unix.MEMORY, PAGE)!;
      parts.push(n > 0 ? unix.text(Unix.MEMORY, n, by) : '');
    }
    unix.callOf(by, 'close', fd);
    return parts.join('');
  };
  const figures = (text: string): Record<string, number> =>
    Object.fromEntries([...text.matchAll(/^(\w+): +(\d+) kB$/gm)].map(([, name, n]) => [name, Number(n)]));
  return { unix, read, area: (at: number, by = unix.main) =>
    figures(read('/proc/self/smaps', by).split(/^(?=[0-9a-f]+-)/m).find((t) => t.startsWith(at.toString(16).padStart(8, '0')))!),
  total: (by = unix.main) => figures(read('/proc/self/smaps_rollup', by)) };
}

describe('smaps', () => {
  it('tells private pages from those shared since a fork, and counts each by its processes', () => {
    const { unix, area } = world(), at = unix.call('mmap', 0x2000_0000, 8 * PAGE, RW, Map_.PRIVATE | Map_.ANONYMOUS, -1, 0)!;
    for (let i = 0; i < 4; i++) setU8(unix.main.mm, at + i * PAGE, 1);
    const before = area(at), rss = before['Rss']!;
    expect(before).toMatchObject({ Size: 32, Pss: rss, Private_Dirty: rss, Shared_Dirty: 0, Anonymous: rss });
    const child = unix.fork();
    expect(area(at)).toMatchObject({ Rss: rss, Pss: rss / 2, Shared_Dirty: rss, Private_Dirty: 0 });
    setU8(child.mm, at, 2);
    expect(area(at, child)).toMatchObject({ Private_Dirty: 4, Shared_Dirty: rss - 4 });
  });
  it('has the sum of all areas in smaps_rollup', () => {
    const { unix, read, total } = world(), sums: Record<string, number> = {};
    const at = unix.call('mmap', 0x2000_0000, 4 * PAGE, RW, Map_.SHARED | Map_.ANONYMOUS, -1, 0)!;
    setU8(unix.main.mm, at, 1);
    for (const [, name, n] of read('/proc/self/smaps').matchAll(/^(\w+): +(\d+) kB$/gm)) sums[name!] = (sums[name!] ?? 0) + Number(n);
    expect(total()).toMatchObject({ Rss: sums['Rss'], Private_Dirty: sums['Private_Dirty'], Anonymous: sums['Anonymous'] });
    expect(total()['Pss_Shmem']).toBeGreaterThanOrEqual(4);
    expect(read('/proc/self/smaps_rollup')).toMatch(/^[0-9a-f]+-[0-9a-f]+ ---p 00000000 00:00 0 +\[rollup\]\n/);
  });
});

describe('a long text', () => {
  it('needs memory of the guest, before it takes any of the host', () => {
    const unix = new Unix({ pages: 512 });
    for (let i = 0; i < 4000; i++)
      unix.call('mmap', 0x2000_0000 + 2 * i * PAGE, PAGE, i % 2 ? Prot.READ : RW, Map_.PRIVATE | Map_.ANONYMOUS | Map_.FIXED, -1, 0);
    const fd = unix.call('openat', -100, '/proc/self/smaps', 0, 0)!;
    expect(unix.call('read', fd, Unix.MEMORY, PAGE)).toBe(-E.NOMEM);
  });
});

describe('clear_refs', () => {
  it('takes 1 to 5, and 5 resets the peak of resident memory', () => {
    const { unix, read } = world(), peak = (): number => Number(/VmHWM:\s+(\d+)/.exec(read('/proc/self/status'))![1]);
    const at = unix.call('mmap', 0x2000_0000, 64 * PAGE, RW, Map_.PRIVATE | Map_.ANONYMOUS, -1, 0)!;
    for (let i = 0; i < 64; i++) setU8(unix.main.mm, at + i * PAGE, 1);
    unix.call('munmap', at, 64 * PAGE);
    const before = peak(), write = (text: string): number => {
      const fd = unix.call('openat', -100, '/proc/self/clear_refs', 1, 0)!,
        n = unix.call('write', fd, new TextEncoder().encode(text), text.length)!;
      unix.call('close', fd);
      return n;
    };
    expect(['0', '6', 'x'].map(write)).toEqual(Array(3).fill(-E.INVAL));
    expect(peak()).toBe(before);
    expect(['1', '5\n'].map(write)).toEqual([1, 2]);
    expect(before - peak()).toBeGreaterThan(100);
  });
});
