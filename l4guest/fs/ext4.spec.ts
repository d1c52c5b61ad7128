import { execFileSync, spawnSync } from 'node:child_process';
import {
  linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync, ftruncateSync, openSync, writeSync, closeSync
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Window } from '../../microkernel/abi/index.ts';
import { E } from '../abi/errno.ts';
import { Ms, O, S } from '../abi/linux.ts';
import { Unix } from '../testing/unix.ts';
import type { TmpDir } from './tmpfs.ts';

const hasTools = spawnSync('mkfs.ext4', ['-V']).status === 0;
const TEXT = (n: number): string => Array.from({ length: n }, (_, i) => `line ${i}\n`).join('');

/** An image of this type, with the same files for each type. */
function image(type: string, ...options: string[]): Uint8Array {
  const base = mkdtempSync(join(tmpdir(), 'tessera-ext4-')), dir = join(base, 'd'), file = join(base, 'image');
  try {
    mkdirSync(join(dir, 'sub/deep'), { recursive: true });
    writeFileSync(join(dir, 'small'), 'hello', { mode: 0o640 });
    writeFileSync(join(dir, 'large'), TEXT(60_000));
    writeFileSync(join(dir, 'sub/deep/x'), 'deep');
    for (let i = 0; i < 300; i++) writeFileSync(join(dir, 'sub', `name-${i}`), String(i));
    linkSync(join(dir, 'small'), join(dir, 'hard'));
    symlinkSync('sub/deep/x', join(dir, 'link'));
    symlinkSync('y'.repeat(200), join(dir, 'long'));
    const fd = openSync(join(dir, 'sparse'), 'w');
    writeSync(fd, 'begin', 0); writeSync(fd, 'end', 900_000); ftruncateSync(fd, 1_000_000); closeSync(fd);
    execFileSync('mkfs.ext4', ['-q', '-t', type, ...options, '-d', dir, file, '16M'], { stdio: 'pipe' });
    return readFileSync(file);
  } finally { rmSync(base, { recursive: true }); }
}
class World extends Unix {
  constructor(bytes: Uint8Array) {
    super({ pages: 4096 });
    const tmp = this.k.root.lookup('tmp') as TmpDir;
    tmp.add('image', tmp.create(S.IFREG | 0o644, 0, { bytes: new Window(bytes, false), pfn: 0 }));
    this.call('mkdirat', -100, '/tmp/m', 0o755);
  }
  end(name: string, ...args: (number | string)[]): number { return this.call(name, ...args) ?? this.main.regs.x(10); }
  loop(): number { return this.end('ioctl', this.open('/dev/loop0', O.RDWR), 0x4c00, this.open('/tmp/image')); }
  mount(type = 'ext4'): number { return this.end('mount', '/dev/loop0', '/tmp/m', type, Ms.RDONLY, 0); }
  load(path: string, n = 4096, pos = 0): string | number {
    const fd = this.end('openat', -100, path, 0, 0), at = this.space(n), result = fd < 0 ? fd : this.end('pread64', fd, at, n, pos);
    this.call('close', fd);
    return result < 0 ? result : this.text(at, result);
  }
}

describe.skipIf(!hasTools)('ext4 through a loop device', () => {
  it.each([
    ['ext4'], ['ext4', '-O', '^64bit,^metadata_csum', '-b', '1024'], ['ext2', '-b', '1024'], ['ext3', '-O', '^has_journal', '-b', '4096']
  ])('%s %s %s %s reads as it was written',
    (type, ...options) => {
    const world = new World(image(type, ...options.filter((o) => o !== undefined)));
    expect([world.loop(), world.mount(type)]).toEqual([0, 0]);
    expect(world.list('/tmp/m').sort()).toEqual(['.', '..', 'hard', 'large', 'link', 'long', 'lost+found', 'small', 'sparse', 'sub']);
    expect([
      world.load('/tmp/m/small'), world.load('/tmp/m/link'), world.load('/tmp/m/sub/deep/x'), world.load('/tmp/m/sub/name-299'),
        world.load('/tmp/m/none')
    ]).toEqual(['hello', 'deep', 'deep', '299', -E.NOENT]);
    const text = TEXT(60_000);
    for (const pos of [0, 4095, 48_000, 70_000, 300_001, text.length - 10])
      expect(world.load('/tmp/m/large', 200, pos)).toBe(text.slice(pos, pos + 200));
    expect([
      world.load('/tmp/m/sparse', 8), world.load('/tmp/m/sparse', 8, 899_998), world.load('/tmp/m/sparse', 5, 500_000)
    ]).toEqual(['begin\0\0\0', '\0\0end\0\0\0', '\0\0\0\0\0']);
    const at = world.space(256),
      stat = (path: string): DataView => {
        expect(world.end('newfstatat', -100, path, at, 0x100)).toBe(0);
        return new DataView(world.bytes(at, 128).buffer);
      };
    expect([
      stat('/tmp/m/small').getUint32(16, true), stat('/tmp/m/hard').getUint32(20, true),
        world.end('readlinkat', -100, '/tmp/m/long', at, 256)
    ]).toEqual([S.IFREG
      | 0o640, 2, 200]);
    expect([
      world.end('openat', -100, '/tmp/m/small', O.WRONLY, 0), world.end('mkdirat', -100, '/tmp/m/n', 0o755),
        world.end('umount2', '/tmp/m', 0)
    ]).toEqual([-E.ROFS, -E.ROFS, 0]);
  });
  it('refuses a disk without such a file system, and one with a journal to replay', () => {
    const good = image('ext4'), world = new World(new Uint8Array(1 << 20));
    expect([world.mount(), world.loop(), world.mount()]).toEqual([-E.NXIO, 0, -E.INVAL]);
    good[1024 + 96]! |= 4;
    const second = new World(good);
    expect([second.loop(), second.mount()]).toEqual([0, -E.UCLEAN]);
  });
  it('a damaged image makes calls fail, whatever is damaged', () => {
    const good = image('ext4', '-b', '1024');
    for (let seed = 1; seed <= 40; seed++) {
      const bad = good.slice();
      for (let i = 0, x = seed; i < 60; i++) { x = (x * 1_103_515_245 + 12_345) % 2 ** 31; bad[1024 + (x % 400_000)] = (x >> 8) & 0xff; }
      const world = new World(bad);
      world.loop();
      if (world.mount() !== 0) continue;
      for (const path of [
        'small', 'large', 'link', 'long', 'sparse', 'sub/deep/x', 'sub/name-7'
      ]) { const loaded = world.load(`/tmp/m/${path}`, 100, 0); expect(typeof loaded === 'string' || loaded < 0).toBe(true); }
      expect(world.log.filter((l) => l.includes('bug'))).toEqual([]);
    }
  });
});
