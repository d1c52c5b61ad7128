import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { E } from '../abi/errno.ts';
import { Ms, O, S } from '../abi/linux.ts';
import type { TmpDir } from '../fs/tmpfs.ts';
import type { Co, Sleeper } from '../kernel/wait.ts';
import { MemoryDisk } from '../testing/disk.ts';
import { Unix } from '../testing/unix.ts';
import { blockDevicesOf } from './block.ts';
import { findPartitions, type Partition } from './partitions.ts';

function partitionsOf(disk: Uint8Array): Partition[] {
  const search = findPartitions(disk.length);
  let step = search.next();
  while (!step.done) step = search.next(disk.slice(step.value.pos, step.value.pos + step.value.length));
  return step.value;
}
const entry = (bytes: Uint8Array, record: number, i: number, type: number, first: number, count: number): void => {
  const view = new DataView(bytes.buffer), at = record * 512 + 446 + 16 * i;
  view.setUint8(at + 4, type); view.setUint32(at + 8, first, true); view.setUint32(at + 12, count, true);
  view.setUint16(record * 512 + 510, 0xaa55, true);
};
const disk = (sectors: number): Uint8Array => new Uint8Array(sectors * 512);
const K = 512;

describe('partitions', () => {
  it('of a boot record, with logical ones behind an extended one', () => {
    const bytes = disk(1000);
    entry(bytes, 0, 0, 0x83, 10, 90); entry(bytes, 0, 1, 5, 100, 400); entry(bytes, 0, 3, 0x82, 600, 100);
    entry(bytes, 100, 0, 0x83, 2, 50); entry(bytes, 100, 1, 5, 200, 100);
    entry(bytes, 300, 0, 0x83, 3, 60);
    expect(partitionsOf(bytes)).toEqual([
      { number: 1, start: 10 * K, size: 90 * K }, { number: 2, start: 100 * K, size: 2 * K }, { number: 4, start: 600 * K, size: 100 * K },
      { number: 5, start: 102 * K, size: 50 * K }, { number: 6, start: 303 * K, size: 60 * K },
    ]);
  });
  it('of a GPT, and of its copy at the end when the first is gone', () => {
    const bytes = disk(1000), view = new DataView(bytes.buffer);
    entry(bytes, 0, 0, 0xee, 1, 999);
    for (const [at, table] of [[1, 2], [999, 967]] as const) {
      bytes.set([...'EFI PART'].map((c) => c.charCodeAt(0)), at * K);
      view.setUint32(at * K + 72, table, true); view.setUint32(at * K + 80, 128, true); view.setUint32(at * K + 84, 128, true);
      for (const [i, first, last] of [[0, 40, 99], [2, 100, 199]] as const) {
        bytes[table * K + i * 128] = 7;
        view.setUint32(table * K + i * 128 + 32, first, true); view.setUint32(table * K + i * 128 + 40, last, true);
      }
    }
    const found = [{ number: 1, start: 40 * K, size: 60 * K }, { number: 3, start: 100 * K, size: 100 * K }];
    expect(partitionsOf(bytes)).toEqual(found);
    bytes.fill(0, K, 2 * K);
    expect(partitionsOf(bytes)).toEqual(found);
  });
  it('that lie do no harm: endless chains, entries beyond the disk, tables of random bytes', () => {
    const bytes = disk(100);
    entry(bytes, 0, 0, 5, 10, 80); entry(bytes, 10, 1, 5, 0x7fffffff, 5);
    expect(partitionsOf(bytes)).toEqual([{ number: 1, start: 10 * K, size: 2 * K }]);
    entry(bytes, 10, 0, 0x83, 1, 1000); entry(bytes, 10, 1, 5, 5, 5); entry(bytes, 15, 0, 0x83, 1, 2); entry(bytes, 15, 1, 5, 5, 5);
    expect(partitionsOf(bytes).length).toBe(11);
    for (let seed = 1; seed < 200; seed++) {
      const random = disk(64);
      for (let i = 0, x = seed; i < random.length; i++) { x = (x * 1103515245 + 12345) & 0x7fffffff; random[i] = x >> 16; }
      random[510] = 0x55; random[511] = 0xaa; if (seed % 2) random[450] = 0xee;
      for (const partition of partitionsOf(random))
        expect(partition.start > 0 && partition.start + partition.size <= random.length).toBe(true);
    }
  });
});

class World extends Unix {
  constructor(...disks: MemoryDisk[]) {
    super({ pages: 4096 });
    disks.forEach((memoryDisk, i) => {
      blockDevicesOf(this.k).addDisk(memoryDisk, partitionsOf(memoryDisk.bytes));
      for (let minor = 0; minor < 4; minor++)
        this.call('mknodat', -100, `/tmp/vd${'abc'[i]}${minor || ''}`, 0o60600, (254 << 8) | (i * 16 + minor));
    });
  }
  end(name: string, ...args: (number | string)[]): number { return this.call(name, ...args) ?? (this.settle(), this.main.regs.x(10)); }
}
describe('disks', () => {
  it('can be written, by byte and up to their end, whole or by partition', () => {
    const bytes = disk(64);
    entry(bytes, 0, 0, 0x83, 8, 16);
    const memoryDisk = new MemoryDisk(bytes), world = new World(memoryDisk), fd = world.open('/tmp/vda1', O.RDWR);
    expect(world.write(fd, 'hello')).toBe(5);
    expect(String.fromCharCode(...bytes.subarray(8 * K, 8 * K + 5))).toBe('hello');
    expect(world.end('pwrite64', fd, world.space(4000), 4000, 15 * K)).toBe(K);
    expect([world.end('pwrite64', fd, world.space(16), 16, 16 * K),
      world.end('pwrite64', fd, world.space(16), 0, 99 * K)]).toEqual([-E.NOSPC, 0]);
    expect([world.end('lseek', fd, 0, 2), world.end('fsync', fd)]).toEqual([16 * K, 0]);
    const direct = world.open('/tmp/vda', O.RDWR | O.DIRECT);
    expect([world.end('pwrite64', direct, world.space(16), 16, 0), world.end('pread64', direct, world.space(K), K, 512)])
      .toEqual([-E.INVAL, K]);
  });
  it('that are read-only cannot be opened for writing', () => {
    const world = new World(new MemoryDisk(disk(64), true));
    expect([world.open('/tmp/vda', O.RDWR), world.open('/tmp/vda') >= 0]).toEqual([-E.ACCES, true]);
  });
  it('are partitioned again on request (BLKRRPART), and /dev follows', () => {
    const bytes = disk(64), world = new World(new MemoryDisk(bytes)), fd = world.open('/tmp/vda', O.RDWR);
    entry(bytes, 0, 0, 0x83, 8, 16); entry(bytes, 0, 1, 0x83, 24, 16);
    expect(world.end('ioctl', fd, 0x125f, 0)).toBe(0);
    expect(world.list('/dev').filter((n) => n.startsWith('vda'))).toEqual(['vda1', 'vda2']);
    entry(bytes, 0, 0, 0, 0, 0);
    world.end('ioctl', fd, 0x125f, 0);
    expect(world.list('/dev').filter((n) => n.startsWith('vda'))).toEqual(['vda2']);
  });
  it('loop devices write to their file, from an offset, up to a limit', () => {
    const world = new World(), file = world.open('/tmp/file', O.RDWR | O.CREAT), loop = world.open('/dev/loop0', O.RDWR);
    world.end('ftruncate', file, 8192);
    const config = new Uint8Array(304), view = new DataView(config.buffer);
    view.setUint32(0, file, true); view.setUint32(8 + 24, 1024, true); view.setUint32(8 + 32, 2048, true);
    expect(world.call('ioctl', loop, 0x4c0a, world.put(config))).toBe(0);
    expect([world.write(loop, 'in the middle'), world.end('lseek', loop, 0, 2)]).toEqual([13, 2048]);
    expect(world.end('lseek', file, 1024, 0)).toBe(1024);
    expect(world.read(file, 13)).toBe('in the middle');
    expect([world.end('pwrite64', loop, world.space(16), 16, 2040), world.end('pwrite64', loop, world.space(16), 16, 2048)])
      .toEqual([8, -E.NOSPC]);
    expect([world.end('ioctl', loop, 0x4c01, 0), world.end('ioctl', loop, 0x4c01, 0)]).toEqual([0, -E.NXIO]);
  });
});

const hasTools = ['mkfs.vfat', 'mcopy', 'mmd'].every((p) => spawnSync(p, ['--help']).error === undefined);
describe.skipIf(!hasTools)('FAT', () => {
  it.each([12, 16, 32])('%i bits: names long and short, folders, large files', (bits) => {
    const base = mkdtempSync(join(tmpdir(), 'tessera-fat-')), image = join(base, 'image'),
      text = Array.from({ length: 30_000 }, (_, i) => `${i}\n`).join('');
    try {
      const env = { ...process.env, MTOOLS_SKIP_CHECK: '1' },
        run = (program: string, ...args: string[]): unknown => execFileSync(program, args, { stdio: 'pipe', env });
      run('mkfs.vfat', '-F', String(bits), '-C', image, String({ 12: 2048, 16: 20_480, 32: 40_960 }[bits]));
      writeFileSync(join(base, 'text'), text);
      run('mmd', '-i', image, '::SUB');
      run('mcopy', '-i', image, join(base, 'text'), '::A long name, with letters.txt');
      for (let i = 0; i < 40; i += 10) run('mcopy', '-i', image, join(base, 'text'), `::SUB/F${i}`);
      const world = new World(new MemoryDisk(readFileSync(image), true));
      world.call('mkdirat', -100, '/tmp/m', 0o755);
      expect(['ext4', 'vfat'].map((type) => world.end('mount', '/tmp/vda', '/tmp/m', type, Ms.RDONLY, 0))).toEqual([-E.INVAL, 0]);
      expect(world.list('/tmp/m').sort()).toEqual(['.', '..', 'A long name, with letters.txt', 'SUB']);
      expect(world.list('/tmp/m/SUB').sort()).toEqual(['.', '..', 'F0', 'F10', 'F20', 'F30']);
      for (const path of ['/tmp/m/A long name, with letters.txt', '/tmp/m/SUB/F30']) {
        const fd = world.end('openat', -100, path, 0, 0), at = world.space(4096);
        for (const pos of [0, 100_000, text.length - 10])
          expect([world.end('pread64', fd, at, 10, pos), world.text(at, 10)]).toEqual([10, text.slice(pos, pos + 10)]);
        expect(world.end('lseek', fd, 0, 2)).toBe(text.length);
      }
      expect(world.end('openat', -100, '/tmp/m/SUB/none', O.RDWR | O.CREAT, 0o644)).toBe(-E.ROFS);
    } finally { rmSync(base, { recursive: true }); }
  });
});

describe('a file of a damaged disk', () => {
  it('is read up to where its bytes end, and is an error beyond, not a wait without end', () => {
    const unix = new Unix(), { root } = unix.k.newTmpFs('lazy'), has = 6000;
    root.add('file', root.fs.root.create(S.IFREG | 0o644, 0, undefined, {
      size: 20_000,
      *read(_t: Sleeper, pos: number, length: number): Co<Uint8Array> { return new Uint8Array(Math.min(length, has)).subarray(pos); },
    }));
    (unix.k.root.lookup('tmp') as TmpDir).add('r', root);
    const fd = unix.open('/tmp/r/file'), read = (pos: number): number => unix.call('pread64', fd, Unix.MEMORY, 4096, pos)!;
    expect([read(0), read(4096), read(16_384)]).toEqual([4096, -E.IO, -E.IO]);
  });
});

describe('/sys', () => {
  const unix = new Unix(), bytes = disk(1000);
  entry(bytes, 0, 0, 0x83, 10, 90);
  blockDevicesOf(unix.k).addDisk(new MemoryDisk(bytes), partitionsOf(bytes));
  const read = (path: string): string | number => {
    const fd = unix.call('openat', -100, path, O.RDONLY, 0)!;
    if (fd < 0) return fd;
    const n = unix.call('read', fd, Unix.MEMORY + 4096, 4096)!;
    unix.call('close', fd);
    return unix.text(Unix.MEMORY + 4096, n);
  };
  it('has disks and partitions by name and by number, with size and place in sectors', () => {
    expect([read('/sys/block/vda/size'), read('/sys/class/block/vda1/size'), read('/sys/dev/block/254:1/start')])
      .toEqual(['1000\n', '90\n', '10\n']);
    expect(read('/sys/block/vda/vda1/uevent')).toBe('MAJOR=254\nMINOR=1\nDEVNAME=vda1\nDEVTYPE=partition\nPARTN=1\n');
    expect([read('/sys/block/vda1/size'), read('/sys/block/vdb/size'), read('/sys/dev/block/254:2/size')]).toEqual(Array(3).fill(-E.NOENT));
  });
  it('shows what changes: the file of a loop device', () => {
    const loop = unix.call('openat', -100, '/dev/loop0', O.RDWR, 0)!, file = unix.call('openat', -100, '/tmp/x', O.RDWR | O.CREAT, 0o600)!;
    expect(read('/sys/block/loop0/loop/backing_file')).toBe(-E.NOENT);
    unix.call('ftruncate', file, 4096);
    expect(unix.call('ioctl', loop, 0x4c00, file)).toBe(0);
    expect([read('/sys/block/loop0/loop/backing_file'), read('/sys/block/loop0/size')]).toEqual(['/tmp/x\n', '8\n']);
  });
});
