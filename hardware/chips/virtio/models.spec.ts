import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FramePort } from '../ports.ts';
import { SeededRandom } from '../random.ts';
import { TestDisk, TestLine, TestMemory, TestTerminal } from '../testing.ts';
import { VirtioBlock } from './block.ts';
import { VirtioConsole } from './console.ts';
import { VirtioEntropy } from './entropy.ts';
import { VirtioMmio } from './mmio.ts';
import type { VirtioModel } from './model.ts';
import { VirtioNet } from './net.ts';

const RAM_BASE = 0x8000_0000;
const DESC = RAM_BASE + 0x1000, DRIVER = RAM_BASE + 0x2000, DEVICE = RAM_BASE + 0x3000, DATA = RAM_BASE + 0x8000;

/** A driver that does what the specification says, over queue `q`. */
function rig(model: VirtioModel, queue = 0, features: readonly [number, number] = [0, 1], ram = new TestMemory(0x10_0000)) {
  const line = new TestLine(), virtioMmio = new VirtioMmio(model, ram, line);
  const write = (offset: number, value: number): void => virtioMmio.write(offset, value, 4);
  const setUp = (size = 8): void => {
    write(0x70, 0); write(0x70, 1); write(0x70, 3);
    write(0x24, 0); write(0x20, features[0]); write(0x24, 1); write(0x20, features[1]);
    write(0x70, 0xb);
    write(0x30, queue); write(0x38, size);
    for (const [at, value] of [[0x80, DESC], [0x90, DRIVER], [0xa0, DEVICE]]) { write(at, value); write(at + 4, 0); }
    write(0x44, 1); write(0x70, 0xf);
  };
  let index = 0;
  const descriptor = (i: number, gpa: number, length: number, flags: number, next = 0): void => {
    const at = DESC + 16 * i;
    ram.setU32(at, gpa % 2 ** 32);
    ram.setU32(at + 4, Math.floor(gpa / 2 ** 32));
    ram.setU32(at + 8, length);
    ram.setU16(at + 12, flags);
    ram.setU16(at + 14, next);
  };
  const offer = (head: number): void => {
    ram.setU16(DRIVER + 4 + 2 * (index & 7), head);
    ram.setU16(DRIVER + 2, ++index);
    write(0x50, queue);
  };
  const used = (i: number) => ({ index: ram.u16(DEVICE + 2), head: ram.u32(DEVICE + 4 + 8 * i), written: ram.u32(DEVICE + 8 + 8 * i) });
  return { ram, line, t: virtioMmio, write, setUp, descriptor, offer, used };
}

/** A driver of a disk of 16 sectors. */
function diskRig(features: readonly [number, number] = [0, 1], readOnly = false) {
  const ram = new TestMemory(0x10_0000), disk = new TestDisk(() => ram, 16, readOnly);
  return { disk, driver: rig(new VirtioBlock(disk, 'disk0'), 0, features, ram) };
}

const MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);
class Cable implements FramePort {
  readonly sent: Uint8Array[] = [];
  arrive: (frame: Uint8Array) => void = () => {};
  send(frame: Uint8Array): void { this.sent.push(frame.slice()); }
  onFrame(receive: (frame: Uint8Array) => void): void { this.arrive = receive; }
}

function request(driver: ReturnType<typeof rig>, type: number, sector: number, data: number, length = 512): number {
  driver.ram.setU32(DATA, type); driver.ram.setU32(DATA + 8, sector); driver.ram.setU8(DATA + 0x4000, 0xee);
  driver.descriptor(0, DATA, 16, 1, 1);
  driver.descriptor(1, data, length, type === 1 ? 1 : 3, 2);
  driver.descriptor(2, DATA + 0x4000, 1, 2);
  driver.offer(0);
  return driver.ram.u8(DATA + 0x4000);
}

describe('transport', () => {
  it('says what it is', () => {
    const { t: virtioMmio } = rig(new VirtioEntropy(new SeededRandom(1)));
    expect([virtioMmio.read(0, 4), virtioMmio.read(4, 4), virtioMmio.read(8, 4), virtioMmio.read(0x34, 4)]).toEqual([0x7472_6976, 2, 4, 8]);
  });
  it('does not agree to features it has not offered', () => {
    for (const features of [[1, 1], [0, 1 << 8 | 1 << 30]] as const) {
      const driver = rig(new VirtioEntropy(new SeededRandom(1)), 0, features);
      driver.setUp();
      expect(driver.t.read(0x70, 4) & 8).toBe(0);
    }
  });
  it('stops a device whose queue lies outside of memory, until it is reset', () => {
    const driver = rig(new VirtioEntropy(new SeededRandom(1)));
    driver.setUp();
    driver.descriptor(0, 0x1000, 64, 2);
    driver.offer(0);
    expect([driver.t.read(0x70, 4) & 64, driver.line.level, driver.t.read(0x60, 4)]).toEqual([64, true, 2]);
    driver.write(0x70, 0);
    expect([driver.t.read(0x70, 4), driver.line.level]).toEqual([0, false]);
  });
  it('stops at an endless chain and at a ring that is fuller than it is large', () => {
    for (const spoil of [
      (r: ReturnType<typeof rig>) => r.descriptor(0, DATA, 8, 3, 0), (r: ReturnType<typeof rig>) => r.ram.setU16(DRIVER + 2, 100)
    ]) {
      const driver = rig(new VirtioEntropy(new SeededRandom(1)));
      driver.setUp(); spoil(driver);
      if (driver.ram.u16(DRIVER + 2) === 0) driver.offer(0); else driver.write(0x50, 0);
      expect(driver.t.read(0x70, 4) & 64).toBe(64);
    }
  });
  it('stops at an indirect table that is longer than any queue', () => {
    const driver = rig(new VirtioEntropy(new SeededRandom(1)), 0, [1 << 28, 1]);
    driver.setUp();
    for (let i = 0; i < 64; i++) {
      driver.ram.setU32(DATA + 16 * i, DATA);
      driver.ram.setU32(DATA + 16 * i + 8, 64);
      driver.ram.setU16(DATA + 16 * i + 12, 3);
      driver.ram.setU16(DATA + 16 * i + 14, i + 1);
    }
    driver.descriptor(0, DATA, 16 * 1025, 4); driver.offer(0);
    expect(driver.t.read(0x70, 4) & 64).toBe(64);
  });
  it('survives any register access, and any ring', () => {
    const write = fc.record({
      offset: fc.nat(0x110), value: fc.oneof(fc.nat(0xffff_ffff), fc.constantFrom(0, 1, 3, 0xb, 0xf, DESC, DRIVER)),
      size: fc.constantFrom(1, 2, 4)
    });
    fc.assert(fc.property(fc.array(write, { maxLength: 40 }), fc.uint8Array({ minLength: 0x40, maxLength: 0x200 }), (list, ring) => {
      const ram = new TestMemory(0x10_0000);
      for (const model of [
        new VirtioBlock(new TestDisk(() => ram, 16), 'x'), new VirtioEntropy(new SeededRandom(3)), new VirtioNet(new Cable(), MAC)
      ]) {
        const driver = rig(model, 0, [0x3000_0000, 1], ram);
        driver.setUp();
        driver.ram.write(DESC, ring); driver.ram.write(DRIVER, ring); driver.write(0x50, 0);
        for (const { offset, value, size } of list) { driver.t.write(offset & -size, value, size); driver.t.read(offset & -size, size); }
      }
    }), { numRuns: 150 });
  });
});

describe('block', () => {
  it('reads, writes, flushes, and says who it is', () => {
    const { disk, driver } = diskRig([1 << 9, 1]);
    driver.setUp();
    expect([request(driver, 0, 3, DATA + 0x1000), driver.used(0)]).toEqual([0, { index: 1, head: 0, written: 513 }]);
    expect([
      request(driver, 1, 4, DATA + 0x1000, 1024), request(driver, 4, 0, DATA + 0x1000), request(driver, 8, 0, DATA + 0x1000, 20)
    ]).toEqual([0, 0, 0]);
    expect(disk.log).toEqual(['read 3+1', 'write 4+2', 'flush']);
    expect(new TextDecoder().decode(driver.ram.view(DATA + 0x1000, 5))).toBe('disk0');
    expect([driver.line.level, driver.t.read(0x100, 4)]).toEqual([true, 16]);
  });
  it('makes writes durable at once for a driver that cannot flush', () => {
    const { disk, driver } = diskRig();
    driver.setUp();
    expect([request(driver, 1, 4, DATA + 0x1000), disk.log]).toEqual([0, ['write 4+1', 'flush']]);
  });
  it('goes on while the disk works, and returns requests as they are done', () => {
    const { disk, driver } = diskRig([1 << 9, 1]);
    driver.setUp();
    disk.slow = true;
    for (const [n, sector] of [3, 5].entries()) {
      const at = DATA + 0x100 * n;
      driver.ram.setU32(at, 0); driver.ram.setU32(at + 8, sector);
      driver.descriptor(3 * n, at, 16, 1, 3 * n + 1);
      driver.descriptor(3 * n + 1, DATA + 0x1000 * (n + 1), 512, 3, 3 * n + 2);
      driver.descriptor(3 * n + 2, at + 16, 1, 2);
      driver.offer(3 * n);
    }
    expect([disk.waiting, driver.used(0).index, driver.line.level]).toEqual([2, 0, false]);
    disk.finish(1);
    expect([driver.used(0), driver.ram.u8(DATA + 0x2000), driver.ram.u8(DATA + 0x1000)])
      .toEqual([{ index: 1, head: 3, written: 513 }, 5, 0]);
    disk.finish();
    expect([driver.used(1), driver.ram.u8(DATA + 0x1000), driver.line.level]).toEqual([{ index: 2, head: 0, written: 513 }, 3, true]);
  });
  it('cancels at a reset what is under way: nothing is written into memory after it, nothing comes back, and what comes later is served',
    () => {
    for (const stop of [
      (r: ReturnType<typeof rig>) => r.write(0x70, 0), (r: ReturnType<typeof rig>) => { r.write(0x30, 0); r.write(0x44, 0); }
    ]) {
      const { disk, driver } = diskRig();
      driver.setUp();
      disk.slow = true;
      request(driver, 0, 3, DATA + 0x1000);
      const late = disk.finishLater();
      stop(driver);
      const before = driver.ram.bytes.slice();
      late();
      expect([disk.cancelled, disk.waiting, driver.ram.bytes.every((b, i) => b === before[i])]).toEqual([1, 0, true]);
      disk.slow = false;
      driver.setUp();
      driver.ram.setU16(DEVICE + 2, 0); driver.ram.setU32(DATA + 8, 5); driver.ram.setU16(DRIVER + 2, 1); driver.write(0x50, 0);
      expect([driver.used(0), driver.ram.u8(DATA + 0x1000)]).toEqual([{ index: 1, head: 0, written: 513 }, 5]);
    }
  });
  it('answers an error of the disk with an I/O error, and a driver that offers what is in flight again with a stop', () => {
    const { disk, driver } = diskRig();
    driver.setUp();
    disk.broken = true;
    expect(request(driver, 0, 3, DATA + 0x1000)).toBe(1);
    disk.slow = true;
    for (let i = 0; i < 20; i++) driver.offer(0);
    expect([disk.waiting, driver.t.read(0x70, 4) & 64]).toEqual([8, 64]);
  });
  it('refuses what lies beyond the end, half sectors, writes to a read-only disk, and unknown requests', () => {
    const { disk, driver } = diskRig([0, 1], true);
    driver.setUp();
    expect([
      request(driver, 0, 16, DATA + 0x1000), request(driver, 0, 0, DATA + 0x1000, 100), request(driver, 1, 0, DATA + 0x1000),
      request(driver, 77, 0, DATA + 0x1000)
    ]).toEqual([1, 1, 1, 2]);
    expect(disk.log).toEqual([]);
  });
});

describe('console', () => {
  it('sends what the guest writes and fills its buffers with input', () => {
    const port = new TestTerminal();
    const out = rig(new VirtioConsole(port), 1);
    out.setUp();
    out.ram.write(DATA, new TextEncoder().encode('hello'));
    out.descriptor(0, DATA, 5, 0); out.offer(0);
    const into = rig(new VirtioConsole(port), 0);
    into.setUp(); into.descriptor(0, DATA, 64, 2); into.offer(0);
    expect(into.used(0).index).toBe(0);
    port.type('typed');
    expect([port.text, into.used(0), new TextDecoder().decode(into.ram.view(DATA, 5)), into.line.level]).toEqual([
      'hello', { index: 1, head: 0, written: 5 }, 'typed', true
    ]);
  });
});

describe('network card', () => {
  const frame = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => i & 0xff);
  it('sends frames without their header, with the checksum that was left to it, and drops what is none', () => {
    const cable = new Cable(), driver = rig(new VirtioNet(cable, MAC), 1, [1, 1]);
    driver.setUp();
    driver.ram.write(DATA, new Uint8Array(12)); driver.ram.write(DATA + 12, frame(60));
    driver.descriptor(0, DATA, 72, 0); driver.offer(0);
    driver.ram.write(DATA, Uint8Array.of(1, 0, 0, 0, 0, 0, 14, 0, 2, 0, 0, 0));
    driver.ram.write(DATA + 12, new Uint8Array(60));
    driver.ram.write(DATA + 26, Uint8Array.of(0xff, 0xfe));
    driver.offer(0);
    driver.descriptor(0, DATA, 20, 0); driver.offer(0);
    expect([
      cable.sent.length, [...cable.sent[0]], [...cable.sent[1].subarray(14, 18)], driver.used(2).index
    ]).toEqual([2, [...frame(60)], [0xff, 0xfe, 0, 1], 3]);
  });
  it('receives into one buffer or several, keeps frames until there are some, and loses what is too much', () => {
    const cable = new Cable(), driver = rig(new VirtioNet(cable, MAC), 0, [1 << 15, 1]);
    driver.setUp();
    cable.arrive(frame(60));
    driver.descriptor(0, DATA, 40, 2); driver.offer(0);
    expect(driver.used(0).index).toBe(0);
    driver.descriptor(1, DATA + 40, 40, 2); driver.offer(1);
    expect([driver.used(0), driver.used(1), driver.ram.u16(DATA + 10)]).toEqual([
      { index: 2, head: 0, written: 40 }, { index: 2, head: 1, written: 32 }, 2
    ]);
    expect([...driver.ram.view(DATA + 12, 60)]).toEqual([...frame(60)]);
    for (let i = 0; i < 300; i++) cable.arrive(frame(60));
    expect(driver.t.read(0x70, 4) & 64).toBe(0);
  });
  it('uses one buffer a packet where no more was agreed on', () => {
    const cable = new Cable(), driver = rig(new VirtioNet(cable, MAC), 0);
    driver.setUp();
    driver.descriptor(0, DATA, 40, 2); driver.offer(0); driver.descriptor(1, DATA + 40, 200, 2); driver.offer(1);
    cable.arrive(frame(60));
    expect([driver.used(0), driver.used(1), driver.ram.u16(DATA + 50)]).toEqual([
      { index: 2, head: 0, written: 0 }, { index: 2, head: 1, written: 72 }, 1
    ]);
  });
  it('takes nothing before the driver is ready, and forgets all at a reset', () => {
    const cable = new Cable(), driver = rig(new VirtioNet(cable, MAC), 0);
    cable.arrive(frame(60));
    driver.setUp();
    cable.arrive(frame(61));
    driver.write(0x70, 0); driver.setUp();
    driver.descriptor(0, DATA, 200, 2); driver.offer(0);
    expect(driver.used(0).index).toBe(0);
    expect([0, 5, 6].map((i) => driver.t.read(0x100 + i, 1))).toEqual([2, 1, 1]);
  });
});
