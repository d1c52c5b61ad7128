import { expect, it } from 'vitest';
import { pageRuns, parseElf, type Executable } from './elf.ts';

function elf(segments: { va: number; size: number; flags: number }[], machine = 243): Uint8Array {
  const file = new Uint8Array(64 + 56 * segments.length + 16), view = new DataView(file.buffer);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1]);
  view.setUint16(16, 2, true);
  view.setUint16(18, machine, true);
  view.setBigUint64(24, 0x10000n, true);
  view.setBigUint64(32, 64n, true);
  view.setUint16(56, segments.length, true);
  segments.forEach((segment, i) => {
    const header = 64 + 56 * i;
    view.setUint32(header, 1, true);
    view.setUint32(header + 4, segment.flags, true);
    view.setBigUint64(header + 16, BigInt(segment.va), true);
    view.setBigUint64(header + 32, 8n, true);
    view.setBigUint64(header + 40, BigInt(segment.size), true);
  });
  return file;
}
it('reads segments and where they meet', () => {
  const executable = parseElf(elf([{ va: 0x10000, size: 0x1800, flags: 5 }, { va: 0x11800, size: 0x1000, flags: 6 }])) as Executable;
  expect(executable.base).toBe(0x10000);
  expect(executable.end).toBe(0x13000);
  expect(pageRuns(executable)).toEqual([
    { va: 0x10000, size: 4096, rights: 5 }, { va: 0x11000, size: 4096, rights: 7 }, { va: 0x12000, size: 4096, rights: 3 }
  ]);
});
it('says in words what is wrong with a file', () => {
  expect(parseElf(new Uint8Array(10))).toBe('is not an ELF file');
  expect(parseElf(elf([{ va: 0x10000, size: 64, flags: 5 }], 62))).toBe('is not a 64-bit little-endian RISC-V program');
  expect(parseElf(elf([]))).toMatch(/^has nothing to load/);
  expect(parseElf(elf([{ va: 0x10000, size: 64, flags: 5 }]).subarray(0, 100))).toBe('is truncated');
});
it('a program without data has an empty segment somewhere: it is passed over', () => {
  const executable = parseElf(elf([{ va: 0x400000, size: 0x100, flags: 5 }, { va: 0, size: 0, flags: 6 }])) as Executable;
  expect([executable.segments.length, executable.base, pageRuns(executable)])
    .toEqual([1, 0x400000, [{ va: 0x400000, size: 4096, rights: 5 }]]);
});
it('segments that lie far apart take no time to look at', () => {
  const executable = parseElf(elf([{ va: 0x1000, size: 16, flags: 5 }, { va: 2 ** 37 - 4096, size: 16, flags: 6 }])) as Executable;
  expect(pageRuns(executable)).toEqual([{ va: 0x1000, size: 4096, rights: 5 }, { va: 2 ** 37 - 4096, size: 4096, rights: 3 }]);
});
