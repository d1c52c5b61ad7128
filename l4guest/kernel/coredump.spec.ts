import { expect, it } from 'vitest';
import { Limit, Sig } from '../abi/linux.ts';
import { Unix } from '../testing/unix.ts';
import { bytesOf } from '../mm/uaccess.ts';
import { Run } from './thread.ts';

const PATH = '/tmp/core', WRITE = 0o1101, DUMPED = 0x80, KEPT = bytesOf('what the process remembers');

/** A child whose memory has KEPT gets a signal; its status, and what `at` answers. */
function crash(unix: Unix, sig: number = Sig.SEGV, before: (child: ReturnType<Unix['fork']>) => void = () => undefined):
  { status: number; at: number } {
  unix.call('chdir', '/tmp');
  const child = unix.fork(), at = unix.put(KEPT, child);
  child.proc.limits.soft[Limit.CORE] = Infinity;
  child.regs.pc = 0x1_2346;
  before(child);
  unix.k.signals.toThread(child, sig, 1, { addr: 0x10 });
  child.call = -1;
  unix.k.cpu.current = child;
  child.state = Run.current;
  unix.k.signals.deliver(child);
  unix.settle();
  return { status: child.proc.status!, at };
}
function fileOf(unix: Unix, path: string): Uint8Array | undefined {
  const fd = unix.open(path);
  if (fd < 0) return undefined;
  const parts: number[] = [], at = unix.space(4096);
  for (let n = unix.call('read', fd, at, 4096)!; n > 0; n = unix.call('read', fd, at, 4096)!) parts.push(...unix.bytes(at, n));
  unix.call('close', fd);
  return Uint8Array.from(parts);
}
/** Notes by type. */
function notesIn(core: Uint8Array): Map<number, DataView> {
  const view = new DataView(core.buffer), found = new Map<number, DataView>(), word = (at: number): number => view.getUint32(at, true);
  const from = word(64 + 8), end = from + word(64 + 32);
  for (let at = from; at < end;) {
    const name = Math.ceil(word(at) / 4) * 4, length = word(at + 4);
    found.set(word(at + 8), new DataView(core.buffer, at + 12 + name, length));
    at += 12 + name + Math.ceil(length / 4) * 4;
  }
  return found;
}

it('a process that a signal ends leaves its memory and registers as an ELF file', () => {
  const unix = new Unix(), { status, at } = crash(unix), core = fileOf(unix, PATH)!, notes = notesIn(core);
  expect(status).toBe(Sig.SEGV | DUMPED);
  const view = new DataView(core.buffer), count = view.getUint16(56, true);
  const places = Array.from({ length: count - 1 }, (_, i) => {
    const header = 64 + 56 * (i + 1);
    return [8, 16, 32, 40].map((offset) => Number(view.getBigUint64(header + offset, true)));
  });
  const [offset, va] = places.find(([, start, , size]) => start! <= at && at < start! + size!)!;
  expect(core.subarray(offset! + at - va!, offset! + at - va! + KEPT.length)).toEqual(KEPT);
  expect(core.length).toBe(Math.max(...places.map(([start, , bytes]) => start! + bytes!)));
  expect(notes.get(1)!.getUint16(12, true)).toBe(Sig.SEGV);
  expect(notes.get(1)!.getBigUint64(112, true)).toBe(0x1_2346n);
  expect(notes.get(0x5349_4749)!.getBigUint64(16, true)).toBe(0x10n);
  expect([...notes.keys()]).toEqual([1, 3, 0x5349_4749, 6, 0x4649_4c45, 2]);
});

it('MADV_DONTDUMP leaves memory out, MADV_DODUMP takes it in again', () => {
  const sizes = [[16], [16, 17], []].map((advices) => {
    const unix = new Unix();
    crash(unix, Sig.SEGV, (child) => { for (const advice of advices) unix.callOf(child, 'madvise', Unix.MEMORY, 1 << 20, advice); });
    return fileOf(unix, PATH)!.length;
  });
  expect(sizes[2]! - sizes[0]!).toBe(1 << 20);
  expect(sizes[1]).toBe(sizes[2]);
});

it('the file is named by core_pattern, and core_uses_pid', () => {
  const unix = new Unix();
  unix.k.sysctl.set('kernel/core_pattern', '/tmp/%e-%s-%%-%q');
  crash(unix, Sig.ABRT);
  expect(unix.list('/tmp')).toContain('main-6-%-');
  unix.k.sysctl.set('kernel/core_pattern', 'x');
  unix.k.sysctl.set('kernel/core_uses_pid', '1');
  crash(unix);
  expect(unix.list('/tmp').filter((name) => /^x\.\d+$/.test(name))).toHaveLength(1);
});

it.each<[string, number, (unix: Unix, child: ReturnType<Unix['fork']>) => void]>([
  ['a limit of 0', Sig.SEGV, (_unix, child) => { child.proc.limits.soft[Limit.CORE] = 0; }],
  ['a signal that does not dump', Sig.TERM, () => undefined],
  ['a process that is not dumpable', Sig.SEGV, (_unix, child) => { child.proc.dumpable = 0; }],
  ['a pattern that names a program', Sig.SEGV, (unix) => { unix.k.sysctl.set('kernel/core_pattern', '|/bin/cat'); }],
  ['a folder that is not there', Sig.SEGV, (unix) => { unix.k.sysctl.set('kernel/core_pattern', '/none/core'); }],
])('%s: no file, and the status says so', (_what, sig, change) => {
  const unix = new Unix(), { status } = crash(unix, sig, (child) => { change(unix, child); });
  expect(status).toBe(sig);
  expect(fileOf(unix, PATH)).toBeUndefined();
});

it('nothing is written over what is no file of its own, and a short limit ends the file', () => {
  const unix = new Unix();
  unix.call('close', unix.open('/tmp/other', WRITE));
  unix.call('linkat', -100, '/tmp/other', -100, PATH, 0);
  expect(crash(unix).status).toBe(Sig.SEGV);
  unix.call('unlinkat', -100, PATH, 0);
  unix.call('symlinkat', '/tmp/other', -100, PATH);
  expect(crash(unix).status).toBe(Sig.SEGV);
  expect(fileOf(unix, '/tmp/other')).toHaveLength(0);
  unix.call('unlinkat', -100, PATH, 0);
  expect(crash(unix, Sig.SEGV, (child) => { child.proc.limits.soft[Limit.CORE] = 8192; }).status).toBe(Sig.SEGV);
  expect(fileOf(unix, PATH)!.length).toBeLessThanOrEqual(8192);
});

it('other threads end, and the parent hears of it once', () => {
  const unix = new Unix();
  const { status } = crash(unix, Sig.SEGV, (child) => { unix.fork(child, { flags: 0x10f00 } as never); });
  expect(status).toBe(Sig.SEGV | DUMPED);
  const where = unix.space(4);
  expect(unix.call('wait4', -1, where, 0, 0)).toBeGreaterThan(0);
  expect(unix.u32(where)).toBe(Sig.SEGV | DUMPED);
  expect(unix.call('wait4', -1, where, 1, 0)).toBe(-10);
});
