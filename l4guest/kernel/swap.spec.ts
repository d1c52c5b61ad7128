import { describe, expect, it } from 'vitest';
import { E } from '../abi/errno.ts';
import { Map_, Prot } from '../abi/linux.ts';
import { blockDevicesOf } from '../drivers/block.ts';
import { Access, type Mm } from '../mm/mm.ts';
import { mapArea, remap, unmap } from '../mm/mmap.ts';
import { MemoryDisk } from '../testing/disk.ts';
import { Unix } from '../testing/unix.ts';
import { swapOf } from './swap.ts';
import { NotHere } from './later.ts';
import type { Thread } from './thread.ts';

const PAGE = 4096, PAGES = 1024;

/** A swap header as mkswap writes it. */
function prepared(pages: number): Uint8Array {
  const bytes = new Uint8Array(pages * PAGE), view = new DataView(bytes.buffer);
  view.setUint32(1024, 1, true);
  view.setUint32(1028, pages - 1, true);
  bytes.set([...'SWAPSPACE2'].map((c) => c.charCodeAt(0)), 4086);
  return bytes;
}
class World extends Unix {
  readonly disk: MemoryDisk;
  constructor(pages = 4 * PAGES, readOnly = false) {
    super({ pages: PAGES });
    this.disk = new MemoryDisk(prepared(pages), readOnly);
    blockDevicesOf(this.k).addDisk(this.disk, []);
    this.call('mlock', Unix.MEMORY, 1 << 20); // where the script puts arguments
    this.call('mknodat', -100, '/tmp/vda', 0o60600, 254 << 8);
  }
  end(name: string, ...args: (number | string)[]): number { return this.call(name, ...args) ?? (this.settle(), this.main.regs.x(10)); }
  on(): number { return this.end('swapon', '/tmp/vda', 0); }
  map(pages: number): number {
    return mapArea(this.main.mm, { at: 0, length: pages * PAGE, prot: Prot.READ | Prot.WRITE, flags: Map_.PRIVATE | Map_.ANONYMOUS });
  }
  /** An access from user mode, repeated after what it needs was fetched, as the runner does. */
  touch(mm: Mm, va: number, write: boolean, thread: Thread = this.main): void {
    for (let tries = 0; tries < 50; tries++) {
      try {
        const fault = mm.touch(va, write ? Access.write : Access.read);
        mm.flushes.length = 0;
        if (fault !== 0) throw new Error(`fault ${fault}`);
        return;
      } catch (error) {
        if (!(error instanceof NotHere)) throw error;
        for (const co = error.fetch(thread); !co.next().done;);
      }
    }
    throw new Error('no page');
  }
  store(mm: Mm, va: number, value: number): void { this.touch(mm, va, true); mm.pageAt(va, true).setU32(va % PAGE, value); }
  load(mm: Mm, va: number): number { this.touch(mm, va, false); return mm.pageAt(va, false).u32(va % PAGE); }
}

describe('swap', () => {
  it('holds a program of twice the memory, page by page', () => {
    const world = new World(), n = 2 * PAGES, { mm } = world.main;
    expect(world.on()).toBe(0);
    const at = world.map(n);
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < n; i++) world.store(mm, at + i * PAGE, i * 7 + round);
      for (let i = n - 1; i >= 0; i--) if (world.load(mm, at + i * PAGE) !== i * 7 + round) expect(`page ${i}`).toBe('right');
    }
    const swap = swapOf(world.k);
    expect(swap.pages - swap.free).toBe(mm.swapped!.size);
    expect(mm.swapped!.size).toBeGreaterThan(n - PAGES);
    expect(unmap(mm, at, n * PAGE)).toBe(0);
    expect([swap.free, mm.swapped!.size]).toEqual([swap.pages, 0]);
    expect(world.end('swapoff', '/tmp/vda')).toBe(0);
    expect(world.k.frames.store).toBeUndefined();
  });
  it('keeps pages of parent and child apart, and follows mremap', () => {
    const world = new World(), n = 700, { mm } = world.main;
    world.on();
    const at = world.map(n);
    for (let i = 0; i < n; i++) world.store(mm, at + i * PAGE, i);
    const child = world.fork();
    for (let i = 0; i < n; i++) world.store(child.mm, at + i * PAGE, i + 100_000);
    const to = remap(mm, at, n * PAGE, (n + 100) * PAGE, 1, 0);
    for (let i = 0; i < n; i++) {
      if (world.load(mm, to + i * PAGE) !== i || world.load(child.mm, at + i * PAGE) !== i + 100_000) expect(`page ${i}`).toBe('right');
    }
    world.k.endProcess(child.proc, 9);
    expect(swapOf(world.k).pages - swapOf(world.k).free).toBe(mm.swapped!.size);
  });
  it('brings pages back that are arguments of calls', () => {
    const world = new World(), n = 1600, { mm } = world.main;
    world.on();
    const at = world.map(n);
    for (let i = 0; i < n; i++) world.store(mm, at + i * PAGE, 0x6c6c6568);
    const fd = world.open('/tmp/f', 0o102);
    expect(mm.swapped!.size).toBeGreaterThan(500);
    const out = [...mm.swapped!.keys()].slice(0, 3).map((vpn) => vpn * PAGE);
    expect(world.end('pwrite64', fd, out[0]!, 4, 0)).toBe(4);
    expect(world.end('pread64', fd, out[1]! + 1, 4, 0)).toBe(4);
    expect(world.load(mm, out[1]! + 1)).toBe(0x6c6c6568);
  });
  it('moves a buffer larger than memory piece by piece', () => {
    const world = new World(), n = 1600, { mm } = world.main, at = world.map(n), fd = world.open('/dev/null', 1);
    world.on();
    for (let i = 0; i < n; i++) world.store(mm, at + i * PAGE, i);
    let done = 0, calls = 0;
    for (; done < n * PAGE && calls < 20; calls++) {
      const written = world.end('write', fd, at + done, n * PAGE - done);
      expect(written).toBeGreaterThan(0);
      done += written;
    }
    expect([done, calls]).toEqual([n * PAGE, 7]);
    for (let i = 0; i < n; i++) if (world.load(mm, at + i * PAGE) !== i) expect(`page ${i}`).toBe('right');
  });
  it('refuses an invalid device, and a broken disk ends only a process that needs it', () => {
    const world = new World(20);
    world.disk.bytes[4090] = 0;
    expect(world.on()).toBe(-E.INVAL);
    world.disk.bytes.set(prepared(20));
    expect([world.on(), world.on(), world.end('swapoff', '/tmp'), world.end('swapon', '/tmp/vda', 1 << 20)])
      .toEqual([0, -E.BUSY, -E.INVAL, -E.INVAL]);
    expect(new World(20, true).on()).toBe(-E.ROFS);
    const broken = new World(), { mm } = broken.main;
    broken.on();
    broken.disk.broken = true;
    const at = broken.map(2 * PAGES);
    expect(() => { for (let i = 0; i < 2 * PAGES; i++) broken.store(mm, at + i * PAGE, i); }).toThrow('fault 4');
    expect(unmap(mm, at + 600 * PAGE, (2 * PAGES - 600) * PAGE)).toBe(0);
    for (let i = 0; i < 600; i++) if (broken.load(mm, at + i * PAGE) !== i) expect(`page ${i}`).toBe('right');
  });
});
