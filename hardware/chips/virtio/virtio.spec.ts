import { describe, expect, test } from 'vitest';
import { SeededRandom } from '../random.ts';
import { TestDisk, TestLine, TestMemory, TestTerminal } from '../testing.ts';
import { VirtioBlock } from './block.ts';
import { VirtioConsole } from './console.ts';
import { VirtioEntropy } from './entropy.ts';
import { EmptyVirtioSlot, VirtioMmio } from './mmio.ts';
import { Feature } from './layout.ts';
import type { VirtioModel } from './model.ts';
import { rigOf } from './testing.ts';

const RAM = 0x8000_0000;
const DATA = RAM + 0x8000;
type Descriptor = { address: number; length: number; write?: boolean; indirect?: boolean };

/** A minimal driver: queues of 8 at fixed addresses, one descriptor table per queue. */
class Driver {
  readonly memory = new TestMemory(0x2_0000, RAM);
  readonly irq = new TestLine();
  readonly device: VirtioMmio;
  readonly #available: number[] = [];

  constructor(model: VirtioModel, features: number[] = [Feature.VERSION_1]) {
    this.device = new VirtioMmio(model, this.memory, this.irq);
    this.set(0x70, 3);
    const words = [0, 1].map((w) => features.filter((f) => f >> 5 === w).reduce((a, f) => a | (1 << (f & 31)), 0));
    words.forEach((word, sel) => {
      this.set(0x24, sel);
      this.set(0x20, word);
    });
    this.set(0x70, 0xb);
    model.queueSizes.forEach((_, q) => this.#openQueue(q));
    this.set(0x70, 0xf);
  }

  set(offset: number, value: number): void { this.device.write(offset, value >>> 0, 4); }
  get(offset: number): number { return this.device.read(offset, 4); }
  descriptors(q: number): number { return RAM + 0x1000 * q; }
  available(q: number): number { return this.descriptors(q) + 0x400; }
  used(q: number): number { return this.descriptors(q) + 0x800; }
  usedIndex(q: number): number { return this.memory.u16(this.used(q) + 2); }
  usedLength(q: number, n: number): number { return this.memory.u32(this.used(q) + 4 + 8 * n + 4); }

  #openQueue(queue: number): void {
    this.set(0x30, queue);
    this.set(0x38, 8);
    [[0x80, this.descriptors(queue)], [0x90, this.available(queue)], [0xa0, this.used(queue)]].forEach(([reg, at]) => this.set(reg, at));
    this.set(0x44, 1);
    this.#available[queue] = 0;
  }

  writeTable(table: number, chain: Descriptor[]): void {
    chain.forEach((descriptor, i) => {
      const more = i + 1 < chain.length;
      this.memory.setU64(table + 16 * i, BigInt(descriptor.address));
      this.memory.setU32(table + 16 * i + 8, descriptor.length);
      this.memory.setU16(table + 16 * i + 12, (more ? 1 : 0) | (descriptor.write ? 2 : 0) | (descriptor.indirect ? 4 : 0));
      this.memory.setU16(table + 16 * i + 14, more ? i + 1 : 0);
    });
  }

  offer(queue: number, chain: Descriptor[]): void {
    this.writeTable(this.descriptors(queue), chain);
    this.memory.setU16(this.available(queue) + 4 + 2 * (this.#available[queue] % 8), 0);
    this.memory.setU16(this.available(queue) + 2, ++this.#available[queue]);
    this.set(0x50, queue);
  }
}

/** A driver in front of a disk that answers at once. */
function withDisk(sectors: number, readOnly = false, features?: number[]): { disk: TestDisk; driver: Driver } {
  const disk = new TestDisk((): TestMemory => driver.memory, sectors, readOnly);
  const driver: Driver = new Driver(new VirtioBlock(disk, 'disk0'), features);
  return { disk, driver };
}
const flushes = (disk: TestDisk): number => disk.log.filter((l) => l === 'flush').length;

function request(driver: Driver, type: number, sector: number, data: Descriptor[]): number {
  driver.memory.setU32(DATA, type);
  driver.memory.setU64(DATA + 8, BigInt(sector));
  driver.memory.setU8(DATA + 0x100, 0xff);
  driver.offer(0, [{ address: DATA, length: 16 }, ...data, { address: DATA + 0x100, length: 1, write: true }]);
  return driver.memory.u8(DATA + 0x100);
}

const buffer = RAM + 0x1_8000;

test('the block device reads sectors, says how much it wrote, and interrupts until acknowledged', () => {
  const { driver } = withDisk(8, false);
  expect(request(driver, 0, 3, [{ address: buffer, length: 1024, write: true }])).toBe(0);
  expect([driver.memory.u8(buffer), driver.memory.u8(buffer + 1023)]).toEqual([3, 4]);
  expect([driver.usedIndex(0), driver.usedLength(0, 0)]).toEqual([1, 1025]);
  expect([driver.irq.level, driver.get(0x60)]).toEqual([true, 1]);
  driver.set(0x64, 1);
  expect(driver.irq.level).toBe(false);
});

test('it writes, flushes, identifies itself, writes zeroes, refuses what lies beyond its end and what it does not know', () => {
  const { disk, driver } = withDisk(8, false, [Feature.VERSION_1, 9]);
  driver.memory.fill(buffer, 512, 0xaa);
  expect(request(driver, 1, 2, [{ address: buffer, length: 512 }])).toBe(0);
  expect([disk.bytes[1024], disk.bytes[1535], disk.bytes[1536]]).toEqual([0xaa, 0xaa, 3]);
  expect([request(driver, 4, 0, []), flushes(disk)]).toEqual([0, 1]);
  expect(request(driver, 8, 0, [{ address: buffer, length: 20, write: true }])).toBe(0);
  expect(String.fromCharCode(...driver.memory.view(buffer, 5))).toBe('disk0');
  driver.memory.setU64(buffer, 2n);
  driver.memory.setU64(buffer + 8, 1n);
  expect([request(driver, 13, 0, [{ address: buffer, length: 16 }]), disk.bytes[1024]]).toEqual([0, 0]);
  expect(request(driver, 0, 8, [{ address: buffer, length: 512, write: true }])).toBe(1);
  expect(request(driver, 99, 0, [])).toBe(2);
});

test('a transfer that names the same memory again and again is refused before the host works for minutes', () => {
  const asked: number[] = [], disk = {
    size: 2 ** 40, readOnly: false, cancel: () => undefined,
    submit: ({ length }: { length: number }, done: (ok: boolean) => void) => { asked.push(length); done(true); },
  };
  const features = [Feature.VERSION_1, Feature.INDIRECT], table = RAM + 0x1_0000, piece = 0x1_0000, place = { address: RAM, write: true };
  const driver = new Driver(new VirtioBlock(disk, 'disk0'), features);
  const read = (times: number): number => {
    driver.memory.setU32(DATA, 0);
    driver.memory.setU64(DATA + 8, 0n);
    driver.writeTable(table, [{ address: DATA, length: 16 },
      ...Array.from({ length: times }, () => ({ ...place, length: piece })), { address: DATA + 0x100, length: 1, write: true }]);
    driver.offer(0, [{ address: table, length: 16 * (times + 2), indirect: true }]);
    return driver.memory.u8(DATA + 0x100);
  };
  expect([read(1000), read(1022), asked]).toEqual([0, 0, [1000 * piece, 1022 * piece]]);
  const large = new Driver(new VirtioBlock(disk, 'disk0'), features);
  large.memory.setU32(DATA, 0);
  large.writeTable(table, [{ address: DATA, length: 16 },
    ...Array.from({ length: 1022 }, () => ({ ...place, length: 0x2_0000 })), { ...place, length: 1 }]);
  large.offer(0, [{ address: table, length: 16 * 1024, indirect: true }]);
  expect([large.memory.u8(RAM), asked.length]).toEqual([1, 2]);
});

test('a read-only disk says so and refuses writes', () => {
  const { disk, driver } = withDisk(8, true);
  expect(driver.get(0x10) & (1 << 5)).not.toBe(0);
  expect(request(driver, 1, 0, [{ address: buffer, length: 512 }])).toBe(1);
  expect(disk.bytes[0]).toBe(0);
});

test('writes are stable at once for a driver that cannot flush, and only then', () => {
  for (const [features, count] of [[[Feature.VERSION_1], 1], [[Feature.VERSION_1, 9], 0]] as const) {
    const { disk, driver } = withDisk(8, false, [...features]);
    expect([request(driver, 1, 2, [{ address: buffer, length: 512 }]), flushes(disk)]).toEqual([0, count]);
  }
});

test('write zeroes with a flag that is not known is not supported', () => {
  const { driver } = withDisk(8, false);
  driver.memory.setU64(buffer, 2n);
  driver.memory.setU32(buffer + 8, 1);
  const answers = [0, 1, 2].map((flags) => {
    driver.memory.setU32(buffer + 12, flags);
    return request(driver, 13, 0, [{ address: buffer, length: 16 }]);
  });
  expect(answers).toEqual([0, 0, 2]);
});

test('an indirect table serves like a direct one', () => {
  const { driver } = withDisk(8, false, [Feature.VERSION_1, Feature.INDIRECT]);
  driver.memory.setU32(DATA, 0);
  driver.memory.setU64(DATA + 8, 5n);
  driver.writeTable(DATA + 0x200, [
    { address: DATA, length: 16 }, { address: buffer, length: 512, write: true }, { address: DATA + 0x100, length: 1, write: true },
  ]);
  driver.offer(0, [{ address: DATA + 0x200, length: 48, indirect: true }]);
  expect([driver.usedLength(0, 0), driver.memory.u8(buffer)]).toEqual([513, 5]);
});

test('with event index the interrupt comes only when the used index passes the event', () => {
  const { driver } = withDisk(8, false, [Feature.VERSION_1, Feature.EVENT_IDX]);
  driver.memory.setU16(driver.available(0) + 4 + 16, 1);
  request(driver, 4, 0, []);
  expect(driver.irq.level).toBe(false);
  request(driver, 4, 0, []);
  expect(driver.irq.level).toBe(true);
  expect(driver.memory.u16(driver.used(0) + 4 + 64)).toBe(2);
});

test('a driver that asks for features not offered does not get FEATURES_OK', () => {
  const status = (features: number[]): number => new Driver(new VirtioEntropy(new SeededRandom(1)), features).get(0x70);
  expect([status([Feature.VERSION_1]) & 8, status([]) & 8, status([Feature.VERSION_1, 24]) & 8]).toEqual([8, 8, 0]);
});

test('a chain that loops, or names memory that is not there, stops the device until it is reset', () => {
  for (const bad of [{ address: 0x1000, length: 16 }, { address: RAM + 0x1_fff0, length: 32 }]) {
    const { driver } = withDisk(8, false);
    driver.offer(0, [bad]);
    expect([driver.get(0x70) & 64, driver.get(0x60) & 2, driver.irq.level]).toEqual([64, 2, true]);
    driver.set(0x70, 0);
    expect([driver.get(0x70), driver.irq.level]).toEqual([0, false]);
  }
  const { driver: looping } = withDisk(8);
  looping.memory.setU64(looping.descriptors(0), BigInt(DATA));
  looping.memory.setU32(looping.descriptors(0) + 8, 16);
  looping.memory.setU16(looping.descriptors(0) + 12, 1);
  looping.memory.setU16(looping.available(0) + 2, 1);
  looping.set(0x50, 0);
  expect(looping.get(0x70) & 64).toBe(64);
});

test('the console transmits, and keeps input until the driver offers a buffer', () => {
  const terminal = new TestTerminal();
  const driver = new Driver(new VirtioConsole(terminal));
  driver.memory.view(buffer, 3).set([104, 105, 10]);
  driver.offer(1, [{ address: buffer, length: 3 }]);
  expect(terminal.text).toBe('hi\n');
  terminal.type('abc');
  driver.offer(0, [{ address: buffer, length: 2, write: true }]);
  expect([driver.usedLength(0, 0), driver.memory.u16(buffer)]).toEqual([2, 0x6261]);
  driver.offer(0, [{ address: buffer, length: 8, write: true }]);
  driver.offer(0, [{ address: buffer + 8, length: 8, write: true }]);
  expect([driver.usedIndex(0), driver.usedLength(0, 1)]).toEqual([2, 1]);
  terminal.type('!');
  expect([driver.usedIndex(0), driver.memory.u8(buffer + 8)]).toEqual([3, 33]);
});

test('the entropy device fills buffers from the seed', () => {
  const driver = new Driver(new VirtioEntropy(new SeededRandom(7)));
  driver.offer(0, [{ address: buffer, length: 16, write: true }]);
  expect([...driver.memory.view(buffer, 16)]).toEqual([...new SeededRandom(7).bytes(16)]);
});

test('an empty slot identifies itself as one', () => {
  const slot = new EmptyVirtioSlot();
  expect([slot.read(0), slot.read(4), slot.read(8)]).toEqual([0x7472_6976, 2, 0]);
});

describe('a console with several ports', () => {
  const start = (multiport = true) => {
    const terminals = [new TestTerminal(), new TestTerminal()];
    const model = new VirtioConsole(terminals[0], [{ backend: terminals[1], console: false, name: 'agent' }]);
    const rig = rigOf(model, { packed: true, eventIndex: false, size: 8 }, multiport ? [1] : []);
    const tell = (id: number, event: number, value: number): void => {
      rig.memory.view(buffer, 8).set([id, 0, 0, 0, event, 0, value, 0]);
      rig.queues[3].offer([{ address: buffer, length: 8 }]);
      rig.queues[3].notify();
      rig.queues[3].collect();
    };
    const told = (): number[][] => {
      for (let i = 0; i < 4; i++) rig.queues[2].offer([{ address: buffer + 64 * (i + 1), length: 32, write: true }]);
      rig.queues[2].notify();
      return rig.queues[2].collect().map((u, i) => [...rig.memory.view(buffer + 64 * (i + 1), u.written)]);
    };
    return { terminals, model, rig, tell, told };
  };

  test('says which ports there are, what they are called, and that they are open', () => {
    const { rig, tell, told } = start();
    expect(rig.get(0x104)).toBe(2);
    tell(0, 0, 1);
    tell(0, 0, 1);
    expect(told()).toEqual([[0, 0, 0, 0, 1, 0, 1, 0], [1, 0, 0, 0, 1, 0, 1, 0]]);
    const later = start();
    for (const event of [3, 6]) for (const id of [0, 1, 9]) later.tell(id, event, 1);
    expect(later.told()).toEqual([
      [0, 0, 0, 0, 4, 0, 1, 0], [0, 0, 0, 0, 6, 0, 1, 0], [1, 0, 0, 0, 7, 0, 1, 0, ...new TextEncoder().encode('agent')],
      [1, 0, 0, 0, 6, 0, 1, 0],
    ]);
  });

  test('carries bytes of each port; input waits until the port is opened', () => {
    const { terminals, rig, tell } = start();
    terminals[1].type('early');
    rig.queues[4].offer([{ address: buffer, length: 16, write: true }]);
    rig.queues[4].notify();
    expect(rig.queues[4].collect()).toEqual([]);
    tell(1, 6, 1);
    expect(rig.queues[4].collect().map((u) => u.written)).toEqual([5]);
    rig.memory.view(buffer, 2).set([104, 105]);
    rig.queues[5].offer([{ address: buffer, length: 2 }]);
    rig.queues[5].notify();
    expect([terminals[0].text, terminals[1].text]).toEqual(['', 'hi']);
  });

  test('tells a new size of the window by a message; a driver without ports sees it in the configuration', () => {
    const { model, told, rig } = start();
    model.resize(132, 43);
    expect([told(), rig.device.read(0x100, 2), rig.get(0x60) & 2]).toEqual([[[0, 0, 0, 0, 5, 0, 0, 0, 132, 0, 43, 0]], 132, 2]);
    const single = start(false);
    single.terminals[0].type('x');
    single.rig.queues[0].offer([{ address: buffer, length: 4, write: true }]);
    single.rig.queues[0].notify();
    expect(single.rig.queues[0].collect().map((u) => u.written)).toEqual([1]);
  });

  test('takes a character in an emergency, before any queue is there', () => {
    const terminal = new TestTerminal(), device = new VirtioMmio(new VirtioConsole(terminal), new TestMemory(4096, RAM), new TestLine());
    device.write(0x108, 0x21, 4);
    expect(terminal.text).toBe('!');
  });
});
