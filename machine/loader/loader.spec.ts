import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TestMemory } from '../devices/testing.ts';
import { parseElf } from './elf.ts';
import { cells64, fdtCells, fdtText, findNode, node, readFdt, writeFdt } from './fdt.ts';
import { loadInitrd, loadProgram, overlap } from './kernel.ts';

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

test('a page before RAM with the file\'s own headers, as `ld -Ttext=0x80000000` makes it, is left out; other things before RAM are refused '
  + 'with advice',
  () => {
  const memory = new TestMemory(0x10000);
  const linked = (change: (data: DataView) => void): Uint8Array => {
    const bytes = new Uint8Array(0x1008);
    bytes.set(tinyElf());
    bytes.fill(0xcd, 0x1000);
    const data = new DataView(bytes.buffer);
    [[24, RAM], [72, 0], [80, RAM - 0x1000], [88, RAM - 0x1000], [96, 0x1008], [104, 0x1010]].forEach(([at, v]) =>
      data.setBigUint64(at!, BigInt(v!), true));
    change(data);
    return bytes;
  };
  expect(loadProgram(memory, linked(() => {}), { base: RAM })).toMatchObject({
    ok: true, value: { entry: RAM, start: RAM, end: RAM + 0x10 }
  });
  expect([...memory.view(RAM + 6, 4)]).toEqual([0xcd, 0xcd, 0, 0]);
  const early = loadProgram(memory, linked((d) => { d.setBigUint64(88, BigInt(RAM - 0x1800), true); }), { base: RAM });
  expect(early).toMatchObject({ ok: false, error: expect.stringContaining('link it at 0x80000000 or above') });
  const inside = loadProgram(memory, linked((d) => { d.setBigUint64(72, 8n, true); d.setBigUint64(96, 0x1000n, true); }), { base: RAM });
  expect(inside).toMatchObject({ ok: false, error: expect.stringContaining('outside of RAM') });
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
    tinyElf((d) => d.setUint8(5, 2)),
    tinyElf((d) => d.setBigUint64(32, 0x7fff_ffff_ffffn, true)),
    tinyElf((d) => d.setBigUint64(104, 4n, true)),
    tinyElf((d) => d.setBigUint64(24, 0x1000n, true)),
    tinyElf((d) => d.setBigUint64(24, 0xffff_0003n, true)),
    tinyElf((d) => d.setUint16(54, 32, true)),
    overlappingElf(),
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
    'is a big-endian ELF file; a little-endian RISC-V one is needed',
    'is truncated: the program headers are cut off',
    'is damaged: a segment is larger in the file than in memory',
    'is damaged: its entry point 0x1000 is in none of its segments',
    'is damaged: its entry point 0xffff0003 is odd',
    'is damaged: its program headers are too small',
    'is damaged: two of its segments overlap at 0x80001008',
  ]);
});

/** The segment twice, the second half a segment higher. */
function overlappingElf(): Uint8Array {
  const one = tinyElf();
  const bytes = new Uint8Array(one.length + 56);
  bytes.set(one.subarray(0, 120));
  bytes.set(one.subarray(64, 120), 120);
  const data = new DataView(bytes.buffer);
  data.setUint16(56, 2, true);
  data.setBigUint64(120 + 24, BigInt(RAM + 0x1008), true);
  return bytes;
}

test('a kernel linked in the upper half starts at the exact physical place of its entry', () => {
  const memory = new TestMemory(0x10000);
  const file = tinyElf((view) => {
    view.setBigUint64(24, 0xffff_ffff_8000_0006n, true);
    view.setBigUint64(80, 0xffff_ffff_8000_0000n, true);
  });
  expect(loadProgram(memory, file, { base: RAM })).toMatchObject({ ok: true, value: { entry: RAM + 0x1006 } });
});

test('a position-independent program is asked for at the address it is linked for', () => {
  const file = tinyElf((view) => {
    view.setUint16(16, 3, true);
    view.setBigUint64(88, 0x1000n, true);
  });
  expect(loadProgram(new TestMemory(0x10000), file, { base: RAM })).toMatchObject({
    ok: false, error: expect.stringContaining('position-independent and linked at 0x1000')
  });
});

test('a name table without ends is read in reasonable time', () => {
  const names = 1 << 20;
  const symbols = 2000;
  const bytes = new Uint8Array(120 + 24 * symbols + names + 192).fill(0x41);
  bytes.set(tinyElf());
  const data = new DataView(bytes.buffer);
  const table = 120 + 24 * symbols + names;
  data.setBigUint64(40, BigInt(table), true);
  data.setUint16(58, 64, true);
  data.setUint16(60, 3, true);
  bytes.fill(0, table);
  for (const [at, value] of [[64 + 4, 2], [64 + 40, 2]] as const) data.setUint32(table + at, value, true);
  for (const [at, value] of [[64 + 24, 120], [64 + 32, 24 * symbols], [128 + 24, 120 + 24 * symbols], [128 + 32, names]] as const)
    data.setBigUint64(table + at, BigInt(value), true);
  for (let i = 0; i < symbols; i++) data.setUint32(120 + 24 * i, i, true);
  const elf = parseElf(bytes);
  expect(elf.ok && Math.max(...[...elf.value.symbols.keys()].map((name) => name.length))).toBe(512);
});

test('however an ELF file is damaged, it is loaded or refused in one line', () => {
  const interesting = fc.constantFrom(0n, 1n, 0xffn, 0xffffn, 0x7fff_ffffn, 0xffff_ffffn, 0x7fff_ffff_ffff_ffffn, 0xffff_ffff_ffff_ffffn,
    BigInt(RAM), BigInt(RAM + 0x1008), 64n, 120n);
  const damage = fc.tuple(fc.integer({ min: 4, max: 176 }), fc.oneof(interesting, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
    fc.constantFrom(1, 2, 4, 8));
  fc.assert(fc.property(fc.boolean(), fc.array(damage, { minLength: 1, maxLength: 6 }), fc.integer({ min: 0, max: 200 }),
    (two, damages, cut) => {
    const bytes = two ? overlappingElf() : tinyElf();
    const data = new DataView(bytes.buffer);
    for (const [at, value, size] of damages)
      for (let i = 0; i < size && at + i < bytes.length; i++) data.setUint8(at + i, Number((value >> BigInt(8 * i)) & 0xffn));
    const result = loadProgram(new TestMemory(0x10000), cut < bytes.length && cut % 3 === 0 ? bytes.subarray(0, cut) : bytes,
      { base: RAM });
    if (result.ok) expect(result.value.entry).toSatisfy((entry: number) => entry >= RAM && entry < RAM + 0x10000 && entry % 2 === 0);
    else expect(result.error).toMatch(/^[^\n]+$/);
  }), { numRuns: 2000 });
});

test('things that share memory are found', () => {
  const places = [{ what: 'a', start: 100, end: 200 }, { what: 'b', start: 300, end: 400 }, { what: 'c', start: 199, end: 201 }];
  expect([overlap(places), overlap(places.slice(0, 2)), overlap([])]).toEqual([['a', 'c', 199], undefined, undefined]);
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
  expect(loadProgram(memory, tinyImage(0x1000), { base: RAM })).toMatchObject({
    ok: true, value: { entry: RAM + 0x20_0000, end: RAM + 0x20_1000 }
  });
  expect(loadProgram(memory, tinyImage(0x20_0001), { base: RAM })).toMatchObject({
    ok: false, error: expect.stringContaining('outside of RAM')
  });
});

test('gzip is unpacked by the function given, and refused when damaged', () => {
  const memory = new TestMemory(0x40_0000);
  const file = Uint8Array.of(0x1f, 0x8b, 8, 0);
  expect(loadProgram(memory, file, { base: RAM, gunzip: () => tinyImage(0) })).toMatchObject({ ok: true });
  const damaged = (): never => { throw new Error('bad'); };
  expect(loadProgram(memory, file, { base: RAM, gunzip: damaged })).toMatchObject({
    error: 'is truncated or damaged: its gzip data does not unpack'
  });
});

test('what is neither ELF nor Image is raw code where that is asked for, or where it begins with an instruction', () => {
  const memory = new TestMemory(0x30_0000);
  const code = Uint8Array.from([0x13, 0, 0, 0, ...new Uint8Array(96)]), at = RAM + 0x20_0000;
  expect(loadProgram(memory, code, { base: RAM, raw: true })).toMatchObject({ ok: true, value: { entry: RAM, end: RAM + 100 } });
  expect(loadProgram(memory, code, { base: RAM })).toMatchObject({ ok: true, value: { entry: at, end: at + 100 } });
  const why = (bytes: Uint8Array): string => { const r = loadProgram(memory, bytes, { base: RAM }); return r.ok ? 'loaded' : r.error; };
  expect(why(new Uint8Array(100))).toMatch(/does not begin with an instruction/);
  expect(why(new TextEncoder().encode('# A text, and a long one at that'))).toBe('is not a kernel but text');
  expect(why(Uint8Array.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0, 4]))).toMatch(/^is compressed with xz/);
});

test('an initrd goes high, page aligned, and is refused where the kernel leaves no room', () => {
  const memory = new TestMemory(0x80_0000);
  expect(loadInitrd(memory, new Uint8Array(5000), RAM + 0x20_0000)).toMatchObject({
    value: { start: RAM + 0x5f_e000, end: RAM + 0x5f_f388 }
  });
  expect(loadInitrd(memory, new Uint8Array(0x30_0000), RAM + 0x40_0000)).toMatchObject({
    ok: false, error: expect.stringContaining('does not fit: 3 MiB')
  });
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
