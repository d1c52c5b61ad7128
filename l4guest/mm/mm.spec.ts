import { describe, expect, it } from 'vitest';
import { E } from '../abi/errno.ts';
import { Map_, O, Prot } from '../abi/linux.ts';
import { Unix } from '../testing/unix.ts';
import { around, Runs } from './around.ts';
import { Access, Fault, Mm } from './mm.ts';
import { PageTable, Pte, makePte } from './pagetable.ts';
import { bytesOf, copyOut, getU8, setU8 } from './uaccess.ts';

const ANON = Map_.PRIVATE | Map_.ANONYMOUS, RW = Prot.READ | Prot.WRITE;

describe('address spaces', () => {
  it('pages appear when they are touched: zero for reading, an own frame for writing', () => {
    const unix = new Unix(), at = unix.call('mmap', 0, 65536, RW, ANON, -1, 0)!, before = unix.k.frames.idle, mm = unix.main.mm;
    expect(mm.fault(at, Access.read)).toBe(Fault.none);
    expect(unix.k.frames.idle).toBe(before);
    setU8(mm, at, 7);
    expect([unix.k.frames.idle, getU8(mm, at)]).toEqual([before - 1, 7]);
    unix.call('munmap', at, 65536);
    expect(unix.k.frames.idle).toBe(before);
    expect(mm.fault(at, Access.read)).toBe(Fault.mapErr);
  });
  it('sequential writes get the next pages at once, within a window', () => {
    const unix = new Unix(), mm = unix.main.mm, at = unix.call('mmap', 0x2000_0000, 64 * 4096, RW, ANON, -1, 0)!,
      before = unix.k.frames.idle;
    setU8(mm, at, 1);
    expect(unix.k.frames.idle).toBe(before - 1);
    setU8(mm, at + 4096, 1);
    expect(unix.k.frames.idle).toBe(before - 16);
  });
  it('after fork both sides see the old bytes and write their own', () => {
    const unix = new Unix(), mm = unix.main.mm, at = unix.call('mmap', 0, 8192, RW, ANON, -1, 0)!;
    setU8(mm, at, 1);
    mm.table.set(at / 4096, mm.table.get(at / 4096) | Pte.MAPPED);
    const child = unix.fork(), before = unix.k.frames.idle;
    expect(mm.flushes).toEqual([{ from: at / 4096, to: at / 4096 + 1, rights: Prot.WRITE }]);
    setU8(child.mm, at, 2);
    expect([getU8(mm, at), getU8(child.mm, at), unix.k.frames.idle]).toEqual([1, 2, before - 1]);
    setU8(mm, at, 3);
    expect(unix.k.frames.idle).toBe(before - 1);
    unix.callOf(child, 'exit_group', 0);
    expect(unix.k.frames.idle).toBe(before);
  });
  it('visitors of a table see every entry, at both ends too, and a table that was used before begins empty', () => {
    const entries = [0, 511, 512, 700, 701, 1023, 5000], seen = (table: PageTable, from: number, to: number): number[] => {
      const out: number[] = [];
      table.update(from, to, (vpn, pte) => { out.push(vpn); return pte; });
      return out;
    };
    for (let round = 0; round < 3; round++) {
      const table = new PageTable();
      expect(seen(table, 0, 1 << 20)).toEqual([]);
      for (const vpn of [...entries].reverse()) table.set(vpn, makePte(vpn + 1, 0));
      expect(seen(table, 0, 1 << 20).sort((a, b) => a - b)).toEqual(entries);
      expect([seen(table, 511, 513), seen(table, 512, 700), seen(table, 701, 1024), table.count]).toEqual([
        [511, 512], [512], [701, 1023], entries.length
      ]);
      expect(entries.map((vpn) => table.get(vpn))).toEqual(entries.map((vpn) => makePte(vpn + 1, 0)));
      table.clear();
      expect(entries.map((vpn) => table.get(vpn))).toEqual(entries.map(() => 0));
    }
  });
  it('a shared mapping is the file, a private one a copy', () => {
    const unix = new Unix(), fd = unix.open('/tmp/f', O.CREAT | O.RDWR), mm = unix.main.mm;
    unix.write(fd, 'abcdef');
    const shared = unix.call('mmap', 0, 4096, RW, Map_.SHARED, fd, 0)!, own = unix.call('mmap', 0, 4096, RW, Map_.PRIVATE, fd, 0)!;
    setU8(mm, own, 65);
    expect(getU8(mm, shared)).toBe(97);
    setU8(mm, shared + 1, 66);
    unix.call('lseek', fd, 0, 0);
    expect(unix.read(fd)).toBe('aBcdef');
    unix.call('pwrite64', fd, 'X', 1, 2);
    expect(getU8(mm, shared + 2)).toBe(88);
    expect(mm.fault(shared + 4096, Access.read)).not.toBe(Fault.none);
    unix.call('ftruncate', fd, 0);
    expect(mm.fault(shared, Access.read)).toBe(Fault.busErr);
  });
  it('mprotect splits areas and merges them again', () => {
    const unix = new Unix(), mm = unix.main.mm, at = unix.call('mmap', 0, 5 * 4096, RW, ANON, -1, 0)!,
      count = (): number => mm.areas.list.length,
      n = count();
    setU8(mm, at + 4096, 1);
    expect(unix.call('mprotect', at + 4096, 4096, Prot.READ)).toBe(0);
    expect(count()).toBe(n + 2);
    expect([mm.fault(at + 4096, Access.write), mm.fault(at, Access.write)]).toEqual([Fault.accErr, Fault.none]);
    unix.call('mprotect', at + 4096, 4096, 0);
    expect(mm.fault(at + 4096, Access.read)).toBe(Fault.accErr);
    unix.call('mprotect', at + 4096, 4096, RW);
    expect([count(), getU8(mm, at + 4096)]).toEqual([n, 1]);
    expect(unix.call('mprotect', at + 4096 * 5, 4096, RW)).toBe(-E.NOMEM);
  });
  it('mremap grows in place or moves with the contents', () => {
    const unix = new Unix(), mm = unix.main.mm, at = unix.call('mmap', 0, 4096, RW, ANON, -1, 0)!,
      wall = unix.call('mmap', at + 4096, 4096, RW, ANON | Map_.FIXED, -1, 0)!;
    setU8(mm, at, 42);
    unix.call('mprotect', wall, 4096, Prot.READ);
    expect(unix.call('mremap', at, 4096, 16384, 0, 0)).toBe(-E.NOMEM);
    const to = unix.call('mremap', at, 4096, 16384, 1, 0)!;
    expect([getU8(mm, to), mm.fault(at, Access.read)]).toEqual([42, Fault.mapErr]);
  });
  it('the stack grows down to its limit; the heap follows brk', () => {
    const unix = new Unix(), mm = unix.main.mm;
    const at = unix.call('mmap', 0x3000_0000, 4096, RW, ANON | Map_.GROWSDOWN | Map_.FIXED, -1, 0)!;
    mm.stackLimit = 1 << 20;
    expect(mm.fault(at - 100_000, Access.write)).toBe(Fault.none);
    expect(mm.fault(at - (2 << 20), Access.write)).toBe(Fault.mapErr);
    mm.brkStart = mm.brk = 0x2000_0000;
    expect(unix.call('brk', 0x2000_2100)).toBe(0x2000_2100);
    setU8(mm, 0x2000_2000, 1);
    expect(unix.call('brk', 0x2000_0000)).toBe(0x2000_0000);
    expect(mm.fault(0x2000_2000, Access.read)).toBe(Fault.mapErr);
  });
  it('a call with a buffer that the process may not access fails with EFAULT', () => {
    const unix = new Unix(), fd = unix.open('/dev/zero'), at = unix.call('mmap', 0, 4096, Prot.READ, ANON, -1, 0)!;
    expect([
      unix.call('read', fd, 0x5000, 10), unix.call('read', fd, at, 10), unix.call('read', fd, -8, 10)
    ]).toEqual([-E.FAULT, -E.FAULT, -E.FAULT]);
  });
  it('exhausted memory is an error, not a crash', () => {
    const unix = new Unix({ pages: 64 }), at = unix.call('mmap', 0, 100 * 4096, RW, ANON, -1, 0)!, mm = unix.main.mm;
    let n = 0;
    while (mm.fault(at + n * 4096, Access.write) === Fault.none) n++;
    expect([n < 64, mm.fault(at + n * 4096, Access.write)]).toEqual([true, Fault.noMemory]);
  });
});

describe('fault-around', () => {
  it('joins present neighbours into aligned runs, the touched page first', () => {
    const unix = new Unix(), mm = new Mm(unix.k.frames), runs = new Runs();
    mm.areas.insert(unix.main.mm.areas.list[0]!.clone(mm));
    const base = Unix.MEMORY;
    for (let i = 7; i >= 0; i--) copyOut(mm, base + i * 4096, bytesOf('x')); // downwards: no pages are mapped ahead
    around(mm, base + 4096, Access.write, runs);
    const pages = [...Array(runs.count).keys()].reduce((n, i) => n + 2 ** runs.order[i]!, 0);
    expect([runs.vpn[0], pages]).toEqual([base / 4096 + 1, 8]);
  });
});
