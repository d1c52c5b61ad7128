import fc from 'fast-check';
import { gzipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { RAM_BASE } from '../ram.ts';
import { fakeRam } from '../testing.ts';
import { loadInitrd, loadKernel, loadRaw, loadTree, treePlace } from './load.ts';

const MIB = 2 ** 20;
function image(size = 4096, memory = size, magic = 'RSC\x05'): Uint8Array {
  const bytes = new Uint8Array(size), data = new DataView(bytes.buffer);
  data.setBigUint64(8, 0x20_0000n, true); data.setBigUint64(16, BigInt(memory), true);
  bytes.set([...magic].map((c) => c.charCodeAt(0)), 56);
  bytes[100] = 7;
  return bytes;
}
function elf(change: (d: DataView) => void = () => {}): Uint8Array {
  const data = new DataView(new ArrayBuffer(256)), bytes = new Uint8Array(data.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  data.setUint16(16, 2, true);
  data.setUint16(18, 243, true);
  data.setBigUint64(24, 0xffff_ffff_8000_0010n, true);
  data.setBigUint64(32, 64n, true);
  data.setUint16(54, 56, true); data.setUint16(56, 1, true);
  data.setUint32(64, 1, true);
  [120n, 0xffff_ffff_8000_0000n, BigInt(RAM_BASE + 0x20_0000), 16n, 32n].forEach((v, i) => data.setBigUint64(72 + 8 * i, v, true));
  bytes[120] = 9;
  change(data);
  return bytes;
}
const error = (r: { ok: boolean; error?: string }): string => (r.ok ? 'none' : r.error!);

describe('kernels', () => {
  it('places an Image, plain or compressed, where its header says', () => {
    for (const file of [image(), gzipSync(image())]) {
      const ram = fakeRam(8 * MIB), k = loadKernel(ram, file);
      expect(k).toEqual({ ok: true, value: { entry: RAM_BASE + 0x20_0000, start: RAM_BASE + 0x20_0000, end: RAM_BASE + 0x20_1000 } });
      expect(ram.u8(RAM_BASE + 0x20_0000 + 100)).toBe(7);
    }
  });
  it('places an ELF by its physical addresses, and enters there', () => {
    const ram = fakeRam(8 * MIB);
    expect(loadKernel(ram, elf())).toEqual({ ok: true,
      value: { entry: RAM_BASE + 0x20_0010, start: RAM_BASE + 0x20_0000, end: RAM_BASE + 0x20_0020 } });
    expect(ram.u8(RAM_BASE + 0x20_0000)).toBe(9);
  });
  it('takes bare code when asked to', () => {
    expect(loadRaw(fakeRam(8 * MIB), Uint8Array.of(1, 2, 3))).toMatchObject({ value: { entry: RAM_BASE + 0x20_0000 } });
  });
  it('says what is wrong with a file in one line', () => {
    const small = fakeRam(4 * MIB), load = (f: Uint8Array): string => error(loadKernel(small, f));
    expect(load(new Uint8Array(0))).toBe('is empty');
    expect(load(new Uint8Array(500))).toMatch(/is not a kernel/);
    expect(load(image(4096, 4096, 'ARM\x64'))).toMatch(/AArch64/);
    expect(load(image(4096, 64 * MIB))).toMatch(/does not fit: it needs 68 MiB of memory, the VM has 4 MiB/);
    expect(load(gzipSync(image()).subarray(0, 40))).toMatch(/gzip/);
    expect(load(elf((d) => d.setUint16(18, 62, true)))).toMatch(/x86-64/);
    expect(load(elf((d) => d.setUint8(4, 1)))).toMatch(/32-bit/);
    expect(load(elf().subarray(0, 100))).toMatch(/truncated/);
    expect(load(elf((d) => d.setBigUint64(88, 0x1000n, true)))).toMatch(/memory begins at/);
  });
  it('answers whatever the file is', () => {
    const ram = fakeRam(4 * MIB);
    fc.assert(fc.property(fc.constantFrom(image(), elf(), gzipSync(image())),
      fc.array(fc.tuple(fc.nat(255), fc.nat(255)), { maxLength: 8 }), fc.nat(4096), (base, changes, cut) => {
      const file = base.slice(0, cut);
      for (const [at, value] of changes) if (at < file.length) file[at] = value;
      loadKernel(ram, file);
    }), { numRuns: 300 });
  });
});

describe('initrd and device tree', () => {
  it('stand behind the kernel, at the end of memory', () => {
    const ram = fakeRam(8 * MIB), kernel = { entry: 0, start: 0, end: RAM_BASE + 3 * MIB };
    expect(loadInitrd(ram, new Uint8Array(5000), kernel)).toEqual({
      ok: true, value: { start: RAM_BASE + 6 * MIB - 8192, end: RAM_BASE + 6 * MIB - 8192 + 5000 }
    });
    expect(loadTree(ram, Uint8Array.of(1), kernel)).toEqual({ ok: true, value: treePlace(ram) });
  });
  it('say when there is no room', () => {
    const ram = fakeRam(8 * MIB);
    expect(error(loadInitrd(ram, new Uint8Array(4 * MIB), { entry: 0, start: 0, end: RAM_BASE + 3 * MIB }))).toBe(
      'does not fit: it has 4 MiB, the kernel leaves 3 MiB; give the VM more with --memory');
    expect(error(loadTree(ram, Uint8Array.of(1), { entry: 0, start: 0, end: RAM_BASE + 7 * MIB }))).toMatch(/no room for the device tree/);
  });
});
