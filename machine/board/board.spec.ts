import { expect, test } from 'vitest';
import { TestTerminal } from '../devices/testing.ts';
import { fdtCells, fdtText, findNode, readFdt } from '../loader/fdt.ts';
import { createBoard } from './board.ts';
import { isaExtensions, isaString } from './isa.ts';

const small = { memoryBytes: 8 << 20, harts: 2, console: new TestTerminal() };

test('the device tree names every device at its place, with its interrupt', () => {
  const board = createBoard(small);
  const root = readFdt(board.deviceTree({ bootargs: 'quiet', initrd: { start: 0x8040_0000, end: 0x8050_0000 } }))!;
  const soc = findNode(root, '/soc')!;
  expect(soc.children.map((n) => n.name)).toEqual([
    'test@100000', 'rtc@101000', 'clint@2000000', 'sswi@2f00000', 'plic@c000000', 'serial@10000000',
    ...Array.from({ length: 8 }, (_, n) => `virtio_mmio@1000${n + 1}000`),
  ]);
  expect(fdtCells(findNode(root, '/soc/serial@10000000')!.props.get('interrupts'))).toEqual([10]);
  expect(fdtCells(findNode(root, '/soc/plic@c000000')!.props.get('interrupts-extended'))).toEqual([16, 11, 16, 9, 18, 11, 18, 9]);
  expect(fdtText(findNode(root, '/chosen')!.props.get('bootargs'))).toEqual(['quiet']);
  expect(fdtCells(findNode(root, '/chosen')!.props.get('linux,initrd-start'))).toEqual([0, 0x8040_0000]);
  expect(findNode(root, '/cpus')!.children.map((n) => n.name)).toEqual(['cpu@0', 'cpu@1', 'cpu-map']);
});

test('the random seed of the device tree is a function of the seed of the run', () => {
  const seedOf = (seed: number): string =>
    findNode(readFdt(createBoard({ ...small, seed }).deviceTree({}))!, '/chosen')!.props.get('rng-seed')!.join();
  expect(seedOf(1)).toBe(seedOf(1));
  expect(seedOf(1)).not.toBe(seedOf(2));
});

test('devices answer on the bus where the table puts them', () => {
  const { bus } = createBoard(small).machine;
  expect([
    bus.read(0x1000_0005, 1), bus.read(0x1000_1000, 4), bus.read(0x1000_2008, 4), bus.read(0x0fff_ffff, 1)
  ]).toEqual([0x60, 0x7472_6976, 0, undefined]);
  expect(bus.read(0x1000_1008, 4)).toBe(4); // without a disk the entropy device takes the first slot
});

test('extension names in canonical order, without privilege modes', () => {
  expect(isaString(isaExtensions('rv64gc_zba_sstc'))).toMatch(/^rv64imafdc_sstc_.*zba_.*zicsr_zifencei/);
  expect(isaExtensions('rv64gch')).not.toContain('s');
});
