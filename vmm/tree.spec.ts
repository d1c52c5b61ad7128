import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { rowsWith } from './board.ts';
import { flatten, node } from './fdt.ts';
import { DEFAULT_ISA, readOptions } from './options.ts';
import { guestTree } from './tree.ts';

const tree = (smp: number): Uint8Array =>
  guestTree({
    rows: rowsWith(2), memory: 2 ** 29, smp, isa: DEFAULT_ISA, append: 'console=ttyS0', rngSeed: new Uint8Array(64).fill(7),
    initrd: { start: 0x9000_0000, end: 0x9010_0000 }
  });
const dtc = (blob: Uint8Array): { text: string; warnings: string } | undefined => {
  try {
    return { text: execFileSync('dtc', ['-I', 'dtb', '-O', 'dts', '-q'], { input: blob, encoding: 'utf8' }), warnings: '' };
  } catch (error) {
    if ((error as { code?: string }).code === 'ENOENT') return undefined;
    throw error;
  }
};

describe('device tree', () => {
  it('has the layout of the specification', () => {
    const blob = flatten(node('', { a: 1, text: ['x', 'y'], empty: true }, [node('child', { a: [2, 3] })])),
      data = new DataView(blob.buffer);
    expect([data.getUint32(0), data.getUint32(4), data.getUint32(20)]).toEqual([0xd00d_feed, blob.length, 17]);
    expect(new TextDecoder().decode(blob.subarray(data.getUint32(12)))).toBe('a\0text\0empty\0');
  });
  it('is one that dtc reads, with cpus, chosen and every device', () => {
    const out = dtc(tree(2));
    if (!out) return;
    expect(out.text).toMatch(/riscv,isa-extensions = "i(\\0|", ")m/);
    for (const part of ['cpu@1', 'bootargs = "console=ttyS0"', 'linux,initrd-start = <0x00 0x90000000>',
      'serial@10000000', 'virtio_mmio@10002000', 'interrupts-extended = <0x10 0x0b 0x10 0x09 0x12 0x0b 0x12 0x09>', 'rng-seed',
      'syscon-poweroff', 'stdout-path = "/soc/serial@10000000"']) expect(out.text).toContain(part);
  });
});

describe('options', () => {
  it('has defaults for all but the kernel', () => {
    expect(readOptions({ kernel: 'k' })).toMatchObject({ memory: 2 ** 27, smp: 1, append: '', disks: [], rebootIsExit: false });
  });
  it.each([
    [{}, /no kernel/], [{ kernel: 'k', memory: 2 ** 20 }, /1 MiB of memory are too little/], [{ kernel: 'k', smp: 0 }, /0 processors/],
    [{ kernel: 'k', disks: [{}] }, /a disk is either/],
    [{ kernel: 'k', memory: NaN }, /too little/],
  ])('refuses %j', (args, message) => { expect(readOptions(args)).toMatch(message); });
});
