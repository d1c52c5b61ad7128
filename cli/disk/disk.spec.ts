import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FileDisk, openDisk, parseDisk } from './disk.ts';

const folder = fs.mkdtempSync(join(tmpdir(), 'tessera-disk-'));
const file = join(folder, 'disk.img'), lock = `${file}.tessera-lock`;
afterAll(() => fs.rmSync(folder, { recursive: true }));
const children: ChildProcess[] = [];
afterEach(() => {
  vi.restoreAllMocks();
  syncBuiltinESMExports();
  for (const child of children.splice(0)) child.kill('SIGKILL');
});
/** Counts the calls of a function of the file system; the next may fail. */
const watch = (name: 'fsyncSync' | 'writeSync'): { calls(): number; failNext(code: string): void } => {
  const spy = vi.spyOn(fs, name);
  syncBuiltinESMExports();
  return {
    calls: () => spy.mock.calls.length,
    failNext: (code) => { spy.mockImplementationOnce(() => { throw Object.assign(new Error(code), { code }); }); },
  };
};
beforeEach(() => {
  fs.writeFileSync(file, Buffer.alloc(16 * 512, 7));
  fs.rmSync(lock, { force: true });
});
const sector = (fill: number): Uint8Array => new Uint8Array(512).fill(fill);
const first = (disk: { read(offset: number, into: Uint8Array): void }, at: number): number => {
  const into = new Uint8Array(512);
  disk.read(at, into);
  return into[0];
};

describe('the option', () => {
  it('has a file, and what is done with it', () => {
    expect([parseDisk('a,b'), parseDisk('a,ro'), parseDisk('a,b,snapshot=1M')]).toEqual([
      { path: 'a,b', readOnly: false }, { path: 'a', readOnly: true }, { path: 'a,b', readOnly: false, snapshot: 2 ** 20 }
    ]);
    expect(parseDisk('a,snapshot').snapshot).toBe(256 * 2 ** 20);
    expect(() => parseDisk('a,snapshot=much')).toThrow(/not a size/);
  });
});

describe('a file as a disk', () => {
  it('passes a flush on to the file system, and never says again that all is well once one has failed', () => {
    const disk = new FileDisk({ path: file, readOnly: false }), fsync = watch('fsyncSync');
    disk.write(512, sector(1));
    disk.flush();
    expect(fsync.calls()).toBe(1);
    fsync.failNext('EIO');
    expect(() => disk.flush()).toThrow('EIO');
    expect(() => disk.flush()).toThrow(/earlier/);
    disk.close();
  });
  it('has errors, and no crash, when the file becomes shorter or the file system is full', () => {
    const disk = new FileDisk({ path: file, readOnly: false });
    watch('writeSync').failNext('ENOSPC');
    expect(() => disk.write(0, sector(1))).toThrow('ENOSPC');
    fs.truncateSync(file, 1024);
    expect([() => first(disk, 1024), () => disk.write(1024, sector(1))].map((f) => {
      try { f(); return 'done'; } catch (e) { return (e as Error).message; }
    })).toEqual(Array(2).fill(
      'the disk file has become shorter'));
    expect([first(disk, 512), fs.statSync(file).size]).toEqual([7, 1024]);
    disk.close();
  });
});

describe('one writer at a time', () => {
  it('a second one is told who has the disk; readers and snapshots are welcome; afterwards it is free', () => {
    const disk = new FileDisk({ path: file, readOnly: false });
    const alias = join(folder, 'alias.img');
    fs.rmSync(alias, { force: true });
    fs.symlinkSync(file, alias);
    for (const path of [file, alias]) expect(() => openDisk(parseDisk(path))).toThrow(new RegExp(`in use by process ${process.pid} \\(`));
    for (const kind of ['ro', 'snapshot']) openDisk(parseDisk(`${file},${kind}`)).close();
    expect(fs.existsSync(lock)).toBe(true);
    disk.close();
    expect(fs.existsSync(lock)).toBe(false);
    openDisk(parseDisk(file)).close();
  });
  it('a lock whose process is gone, or is another one of the same number, or that was cut off, is stale; one of another computer counts',
    () => {
    const stale = (text: string): void => {
      fs.writeFileSync(lock, text);
      openDisk(parseDisk(file)).close();
    };
    const mine = { host: hostname(), command: 'tessera vm', started: '1' };
    for (const text of [
      JSON.stringify({ ...mine, pid: 2 ** 22 + 1 }), JSON.stringify({ ...mine, pid: process.pid }), '{"pid": 4', '', 'x'.repeat(10_000)
    ])
      stale(text);
    fs.writeFileSync(lock, JSON.stringify({ ...mine, pid: 1, host: 'elsewhere\u001b[2J' }));
    expect(() => openDisk(parseDisk(file)))
      .toThrow(/in use by process 1 on elsewhere\\x1b\[2J \(tessera vm\)|in use by process 1 on elsewhere[^\u001b]*$/);
  });
  it.runIf(fs.existsSync('/proc/locks')
    && spawnSync('python3', ['--version']).status === 0)("another program's lock is seen, as is QEMU's kind",
    async () => {
    const held = async (how: string): Promise<ChildProcess> => {
      const child = spawn('python3', ['-c', `
import fcntl, os, struct, sys, time
fd = os.open(sys.argv[1], os.O_RDWR)
${how}
print('held', flush=True)
time.sleep(60)`, file], { stdio: ['ignore', 'pipe', 'inherit'] });
      children.push(child);
      await new Promise((resolve) => child.stdout!.once('data', resolve));
      return child;
    };
    const whole = await held('fcntl.lockf(fd, fcntl.LOCK_EX)');
    expect(() => openDisk(parseDisk(file))).toThrow(new RegExp(`locked by process ${whole.pid} \\(python3`));
    openDisk(parseDisk(`${file},ro`)).close();
    whole.kill('SIGKILL');
    await new Promise((resolve) => whole.once('exit', resolve));
    // F_OFD_SETLK = 37: a shared lock of byte 201, "nobody else may write".
    const qemu = await held("fcntl.fcntl(fd, 37, struct.pack('hhqqi4x', fcntl.F_RDLCK, 0, 201, 1, 0))");
    expect(() => openDisk(parseDisk(file))).toThrow(new RegExp(`locked by process ${qemu.pid} \\(python3`));
  });
});

describe.runIf(process.platform === 'linux')('a disk with two names', () => {
  it('has one writer all the same', () => {
    const one = `${file}-one`, other = `${file}-other`; // a file of its own: lockers of the tests above may still be dying
    fs.copyFileSync(file, one);
    fs.linkSync(one, other);
    const disk = openDisk(parseDisk(one));
    expect(() => openDisk(parseDisk(other))).toThrow(/is in use under another name by process \d+/);
    openDisk(parseDisk(`${other},ro`)).close();
    disk.close();
    openDisk(parseDisk(other)).close();
    fs.rmSync(one);
    fs.rmSync(other);
  });
});

describe('a snapshot', () => {
  it('is a disk like any other, above a file that stays as it is', () => {
    const size = 16 * 512,
      op = fc.record({ write: fc.boolean(), at: fc.nat(15), sectors: fc.integer({ min: 1, max: 6 }), fill: fc.nat(255) });
    fc.assert(fc.property(fc.array(op, { maxLength: 30 }), (ops) => {
      const disk = openDisk(parseDisk(`${file},snapshot`)), model = new Uint8Array(size).fill(7);
      for (const { write, at, sectors, fill } of ops) {
        const from = 512 * at, length = Math.min(512 * sectors, size - from);
        if (write) {
          disk.write(from, new Uint8Array(length).fill(fill));
          model.fill(fill, from, from + length);
        }
        const into = new Uint8Array(length);
        disk.read(from, into);
        expect(into).toEqual(model.slice(from, from + length));
      }
      disk.close();
      expect(fs.readFileSync(file).every((b) => b === 7)).toBe(true);
    }), { numRuns: 50 });
  });
  it('is full when it has taken what it may take', () => {
    const disk = openDisk(parseDisk(`${file},snapshot=4K`));
    disk.write(0, sector(1));
    disk.write(512, sector(2));
    expect(() => disk.write(4096, sector(3))).toThrow(/may take/);
    expect([first(disk, 0), first(disk, 512), first(disk, 4096)]).toEqual([1, 2, 7]);
    disk.close();
  });
});
