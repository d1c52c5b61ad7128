import { expect, test } from 'vitest';
import { TestMemory } from '../devices/testing.ts';
import { parseElf } from './elf.ts';
import { cells64, fdtCells, fdtText, findNode, node, readFdt, writeFdt } from './fdt.ts';
import { loadInitrd, loadProgram } from './kernel.ts';

const RAM = 0x8000_0000;

/** A one-segment ELF64 for RISC-V, with fields to damage. */
function tinyElf(change: (data: DataView) => void = () => {}): Uint8Array {
  const bytes = new Uint8Array(64 + 56 + 8);
  const data = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  data.setUint16(16, 2, true);
  data.setUint16(18, 243, true);
  data.setBigUint64(24, 0xffff_0004n, true);
  data.setBigUint64(32, 64n, true);
  data.setUint16(54, 56, true);
  data.setUint16(56, 1, true);
  data.setUint32(64, 1, true);
  data.setUint32(68, 5, true);
  [[72, 120], [80, 0xffff_0000], [88, RAM + 0x1000], [96, 8], [104, 16]].forEach(([at, v]) => data.setBigUint64(at, BigInt(v), true));
  bytes.fill(0xab, 120);
  change(data);
  return bytes;
}

test('an ELF goes to its physical addresses, zeroed behind the file, and starts at the physical entry', () => {
  const memory = new TestMemory(0x10000);
  memory.bytes.fill(0xff);
  const placed = loadProgram(memory, tinyElf(), { base: RAM });
  expect(placed).toMatchObject({ ok: true, value: { entry: RAM + 0x1004, start: RAM + 0x1000, end: RAM + 0x1010 } });
  expect([...memory.view(RAM + 0x1006, 4)]).toEqual([0xab, 0xab, 0, 0]);
});

test('each way of being no RISC-V program is told in one line', () => {
  const errors = [
    new Uint8Array(8),
    tinyElf().subarray(0, 30),
    tinyElf().subarray(0, 122),
    tinyElf().subarray(0, 100),
    tinyElf((d) => d.setUint8(4, 1)),
    tinyElf((d) => d.setUint16(18, 62, true)),
    tinyElf((d) => d.setUint16(16, 1, true)),
    tinyElf((d) => d.setUint16(56, 0, true)),
  ].map((bytes) => {
    const elf = parseElf(bytes);
    return elf.ok ? 'fine' : elf.error;
  });
  expect(errors).toEqual([
    'is not an ELF file',
    'is truncated: the ELF header is cut off',
    'is truncated: a segment ends at byte 128, the file at 122',
    'is truncated: the program headers are cut off',
    'is a 32-bit RISC-V program; a 64-bit one is needed',
    'is a program for x86-64, not for RISC-V',
    'is a relocatable object file, not an executable',
    'has no loadable segments',
  ]);
});

function tinyImage(imageSize: number): Uint8Array {
  const bytes = new Uint8Array(256);
  const data = new DataView(bytes.buffer);
  data.setBigUint64(8, 0x20_0000n, true);
  data.setBigUint64(16, BigInt(imageSize), true);
  data.setUint32(56, 0x0543_5352, true);
  return bytes;
}

test('a Linux Image goes to its text offset and claims its image size', () => {
  const memory = new TestMemory(0x40_0000);
  expect(loadProgram(memory, tinyImage(0x1000), { base: RAM })).toMatchObject({ ok: true, value: { entry: RAM + 0x20_0000, end: RAM + 0x20_1000 } });
  expect(loadProgram(memory, tinyImage(0x20_0001), { base: RAM })).toMatchObject({ ok: false, error: expect.stringContaining('outside of RAM') });
});

test('gzip is unpacked by the function given, and refused when damaged', () => {
  const memory = new TestMemory(0x40_0000);
  const file = Uint8Array.of(0x1f, 0x8b, 8, 0);
  expect(loadProgram(memory, file, { base: RAM, gunzip: () => tinyImage(0) })).toMatchObject({ ok: true });
  const damaged = (): never => { throw new Error('bad'); };
  expect(loadProgram(memory, file, { base: RAM, gunzip: damaged })).toMatchObject({ error: 'is truncated or damaged: its gzip data does not unpack' });
});

test('what is neither ELF nor Image is raw code only where that is asked for', () => {
  const memory = new TestMemory(0x1000);
  const code = new Uint8Array(100).fill(1);
  expect(loadProgram(memory, code, { base: RAM })).toMatchObject({ ok: false, error: expect.stringContaining('not a RISC-V Linux kernel image') });
  expect(loadProgram(memory, code, { base: RAM, raw: true })).toMatchObject({ ok: true, value: { entry: RAM, end: RAM + 100 } });
});

test('an initrd goes high, page aligned, and is refused where the kernel leaves no room', () => {
  const memory = new TestMemory(0x80_0000);
  expect(loadInitrd(memory, new Uint8Array(5000), RAM + 0x20_0000)).toMatchObject({ value: { start: RAM + 0x5f_e000, end: RAM + 0x5f_f388 } });
  expect(loadInitrd(memory, new Uint8Array(0x30_0000), RAM + 0x40_0000)).toMatchObject({ ok: false, error: expect.stringContaining('does not fit: 3 MiB') });
});

test('a device tree reads back as it was written', () => {
  const blob = writeFdt(
    node('', { compatible: ['a', 'bc'], '#address-cells': 2 }, [
      node('memory@80000000', { reg: cells64(0x1_8000_0000, 4096) }),
      node('chosen', { bootargs: 'console=ttyS0', flag: true, seed: Uint8Array.of(1, 2, 3) }, [node('inner', {})]),
    ]),
  );
  const root = readFdt(blob)!;
  expect(fdtText(root.props.get('compatible'))).toEqual(['a', 'bc']);
  expect(fdtCells(findNode(root, '/memory@80000000')?.props.get('reg'))).toEqual([1, 0x8000_0000, 0, 4096]);
  expect(fdtText(findNode(root, '/chosen')?.props.get('bootargs'))).toEqual(['console=ttyS0']);
  expect([...findNode(root, '/chosen')!.props.get('seed')!]).toEqual([1, 2, 3]);
  expect(findNode(root, '/chosen/inner')?.props.size).toBe(0);
  expect(readFdt(blob.subarray(0, 60))).toBeUndefined();
});
