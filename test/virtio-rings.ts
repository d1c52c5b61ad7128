/**
 * Virtqueues of a device, split and packed, against a driver that keeps to the rules and one that does not. The same suite for the
 * devices of the machine and those of virtual machines.
 *
 * The device is a mirror: one queue of at most 64 places, bytes come back reversed; its configuration space holds 1, 2, 3, 4.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RAM, type Rig, type RingChoice } from '../hardware/chips/virtio/testing.ts';

const DATA = RAM + 0x6_0000;
const choices = fc.record({ packed: fc.boolean(), eventIndex: fc.boolean(), size: fc.constantFrom(1, 2, 4, 8, 16) })
  .chain((choice): fc.Arbitrary<RingChoice> =>
    (choice.packed
      ? fc.record({ packed: fc.constant(true), eventIndex: fc.constant(choice.eventIndex), size: fc.integer({ min: 1, max: 17 }) })
      : fc.constant(choice)));

/** A request: lengths of what the device reads, then of what it writes. */
const request = fc.record({
  out: fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 4 }), in: fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 4 }),
  indirect: fc.boolean()
})
  .filter((r) => r.out.length + r.in.length > 0);
const step = fc.record({ requests: fc.array(request, { minLength: 1, maxLength: 6 }) });

export function ringSuite(rigOf: (choice: RingChoice, features?: readonly number[]) => Rig): void {
describe('a driver that keeps to the rules', () => {
  test('gets every request back, with what was written into it, however often the ring wraps', () => {
    fc.assert(fc.property(choices, fc.array(step, { minLength: 1, maxLength: 25 }), (choice, steps) => {
      const rig = rigOf(choice);
      const [queue] = rig.queues;
      let fill = 1;
      for (const { requests } of steps) {
        const expected: { id: number; written: number; bytes: number[]; at: number }[] = [];
        let at = DATA;
        for (const request of requests) {
          const begin = at;
          const buffers = [
            ...request.out.map((length) => ({ length, write: false })), ...request.in.map((length) => ({ length, write: true }))
          ].map(({ length, write }) => {
            const buffer = { address: at, length, write };
            at += length;
            return buffer;
          });
          const outLength = request.out.reduce((a, b) => a + b, 0), inLength = request.in.reduce((a, b) => a + b, 0);
          const bytes = Array.from({ length: outLength }, () => fill++ & 0xff);
          rig.memory.view(begin, outLength).set(bytes);
          const id = queue.offer(buffers, request.indirect);
          if (id === undefined) break;
          expected.push({ id, written: Math.min(outLength, inLength), bytes: bytes.reverse().slice(0, inLength), at: begin + outLength });
        }
        queue.notify();
        expect(rig.broken).toBe(false);
        expect(queue.collect()).toEqual(expected.map(({ id, written }) => ({ id, written })));
        for (const { bytes, at: place } of expected) expect([...rig.memory.view(place, bytes.length)]).toEqual(bytes);
      }
    }), { numRuns: 150 });
  });

  test('is interrupted when it asked to be, and not otherwise', () => {
    fc.assert(fc.property(fc.boolean(), fc.constantFrom(2, 4, 8),
      fc.array(fc.record({ count: fc.integer({ min: 1, max: 4 }), after: fc.option(fc.integer({ min: 1, max: 5 })) }), { maxLength: 40 }),
      (packed, size, steps) => {
      const rig = rigOf({ packed, eventIndex: true, size });
      const [queue] = rig.queues;
      let left = Infinity;
      for (const { count, after } of steps) {
        if (after !== null && after <= size) {
          queue.interruptAfter(after);
          left = after;
        }
        let offered = 0;
        while (offered < count && queue.offer([{ address: DATA, length: 4, write: true }]) !== undefined) offered++;
        queue.notify();
        queue.collect();
        const expected = offered > 0 && left >= 1 && left <= offered;
        // An event that is long past may come round again with the ring's numbers: drivers set a new one each time.
        const interrupted = rig.interrupted();
        if (left !== Infinity) expect([interrupted, offered, left]).toEqual([expected, offered, left]);
        left = expected ? Infinity : left - offered;
        if (left === Infinity) {
          queue.interruptAfter(1);
          left = 1;
        }
      }
    }), { numRuns: 150 });
  });

  test('is not interrupted when it switched interrupts off, with and without event index', () => {
    for (const packed of [false, true]) {
      const rig = rigOf({ packed, eventIndex: false, size: 4 });
      const [queue] = rig.queues;
      const once = (): boolean => {
        queue.offer([{ address: DATA, length: 4, write: true }]);
        queue.notify();
        queue.collect();
        return rig.interrupted();
      };
      queue.interruptAfter(null);
      expect(once()).toBe(false);
      queue.interruptAfter(undefined);
      expect(once()).toBe(true);
    }
  });

  test('is asked to notify for the next request, whenever the device has come to the end', () => {
    for (const packed of [false, true]) {
      const rig = rigOf({ packed, eventIndex: true, size: 4 });
      const [queue] = rig.queues;
      queue.notify();
      for (let i = 0; i < 11; i++) {
        queue.offer([{ address: DATA, length: 4 }]);
        expect(queue.wantsNotice).toBe(true);
        queue.notify();
        expect(queue.collect().length).toBe(1);
      }
    }
  });

});

describe('a driver that breaks the rules', () => {
  const bytes = fc.uint8Array({ minLength: 256, maxLength: 256 });
  /** Descriptors that look right in parts, so that walks get somewhere. */
  const plausible = fc.array(fc.record({
    address: fc.oneof(fc.integer({ min: RAM, max: RAM + 0x8_0100 }), fc.nat(), fc.constant(RAM + 0x1000)),
    high: fc.constantFrom(0, 0, 0, 1, 0xffff_ffff),
    length: fc.oneof(fc.nat(64), fc.constantFrom(16, 32, 4096, 0x8_0000, 0xffff_ffff)), a: fc.nat(0xffff),
    b: fc.oneof(fc.nat(20), fc.nat(0xffff)),
  }), { minLength: 16, maxLength: 16 });

  test('never crashes the device; it stops, or ignores, and works again after a reset', () => {
    fc.assert(fc.property(choices, fc.oneof(bytes, plausible), bytes, fc.array(fc.nat(70), { maxLength: 6 }),
      (choice, ring, area, notices) => {
      const rig = rigOf(choice);
      const [{ at }] = rig.queues;
      if (ring instanceof Uint8Array) rig.memory.view(at, 256).set(ring);
      else ring.forEach((descriptor, i) => {
        rig.memory.setU32(at + 16 * i, descriptor.address);
        rig.memory.setU32(at + 16 * i + 4, descriptor.high);
        rig.memory.setU32(at + 16 * i + 8, descriptor.length);
        rig.memory.setU16(at + 16 * i + 12, choice.packed ? descriptor.a : descriptor.b & 7);
        rig.memory.setU16(at + 16 * i + 14, choice.packed ? (descriptor.b & 7) | (1 << 7) : descriptor.a % (choice.size + 1));
      });
      rig.memory.view(at + 0x800, 256).set(area);
      if (!choice.packed) rig.memory.setU16(at + 0x802, area[0] % (choice.size + 2));
      for (const notice of notices) rig.set(0x50, notice % 3);
      rig.set(0x50, 0);
      expect([0xf, 0xf | 64]).toContain(rig.get(0x70));
      if (rig.broken) expect([rig.get(0x60) & 2, rig.irq.level]).toEqual([2, true]);
      rig.start(choice);
      const [queue] = rig.queues;
      rig.memory.view(DATA, 2).set([7, 9]);
      const id = queue.offer(choice.size > 1
        ? [{ address: DATA, length: 2 }, { address: DATA + 2, length: 2, write: true }]
        : [{ address: DATA, length: 2 }]);
      queue.notify();
      expect(queue.collect()).toEqual([{ id, written: choice.size > 1 ? 2 : 0 }]);
    }), { numRuns: 400 });
  });

  test('may write anything to any register', () => {
    const write = fc.record({
      offset: fc.oneof(fc.integer({ min: 0, max: 0x110 }).map((n) => n & ~3), fc.nat(0xfff)),
      value: fc.oneof(fc.nat(16), fc.constantFrom(0, 1, 0xf, 0xffff_ffff, RAM), fc.nat()), size: fc.constantFrom(1, 2, 4)
    });
    fc.assert(fc.property(choices, fc.array(write, { maxLength: 40 }), (choice, writes) => {
      const rig = rigOf(choice);
      for (const { offset, value, size } of writes) {
        rig.device.write(offset, value, size);
        expect(rig.device.read(offset, size)).toBeGreaterThanOrEqual(0);
      }
    }), { numRuns: 200 });
  });

  test('gets NEEDS_RESET for rings outside of memory, chains that loop, tables in tables', () => {
    const outside = rigOf({ packed: true, eventIndex: false, size: 4 });
    outside.set(0x30, 0); outside.set(0x44, 0); outside.set(0x80, 0x1000); outside.set(0x44, 1);
    expect([outside.broken, outside.get(0x44)]).toEqual([true, 0]);
    const loop = rigOf({ packed: true, eventIndex: false, size: 2 });
    for (const i of [0, 1]) {
      loop.memory.setU64(loop.queues[0].at + 16 * i, BigInt(DATA));
      loop.memory.setU16(loop.queues[0].at + 16 * i + 14, 0x81);
    }
    loop.queues[0].notify();
    expect(loop.broken).toBe(true);
    const nested = rigOf({ packed: false, eventIndex: false, size: 4 });
    nested.queues[0].offer([{ address: DATA, length: 16 }], true);
    nested.memory.setU16(RAM + 0x4_0000 + 12, 4);
    nested.queues[0].notify();
    expect(nested.broken).toBe(true);
  });
});

describe('negotiation and registers', () => {
  const plain: RingChoice = { packed: false, eventIndex: false, size: 4 };
  test('the configuration can be read before features are agreed on, and by bytes', () => {
    const rig = rigOf(plain);
    rig.set(0x70, 0);
    expect([rig.device.read(0x100, 4), rig.device.read(0x102, 1), rig.device.read(0x104, 4)]).toEqual([0x0403_0201, 3, 0]);
  });
  test('a reset clears status, interrupts and queues, and nothing happens until the driver is back', () => {
    const rig = rigOf(plain);
    const [queue] = rig.queues;
    queue.offer([{ address: DATA, length: 4 }]);
    rig.set(0x50, 0);
    expect(rig.get(0x60)).toBe(1);
    queue.offer([{ address: DATA, length: 4 }]);
    rig.set(0x70, 0);
    rig.set(0x30, 0);
    rig.set(0x50, 0);
    expect([rig.get(0x70), rig.get(0x60), rig.get(0x44), rig.irq.level, queue.collect().length]).toEqual([0, 0, 0, false, 1]);
  });
  test('the same features are agreed on again after a reset', () => {
    const rig = rigOf({ ...plain, packed: true, eventIndex: true });
    rig.start({ ...plain, packed: true, eventIndex: true });
    expect(rig.get(0x70)).toBe(0xf);
  });
  test('buffers are not touched before DRIVER_OK, nor while the queue is not ready', () => {
    const rig = rigOf(plain);
    const [queue] = rig.queues;
    rig.set(0x70, 0xb);
    queue.offer([{ address: DATA, length: 4 }]);
    rig.set(0x50, 0);
    expect(queue.collect()).toEqual([]);
    rig.set(0x70, 0xf);
    rig.set(0x30, 0);
    rig.set(0x44, 0);
    rig.set(0x50, 0);
    expect([queue.collect(), rig.broken]).toEqual([[], false]);
  });
  test('interrupt status has only what happened, until it is acknowledged', () => {
    const rig = rigOf(plain);
    rig.queues[0].offer([{ address: DATA, length: 4 }]);
    rig.set(0x50, 0);
    rig.set(0x64, 2);
    expect([rig.get(0x60), rig.irq.level]).toEqual([1, true]);
    rig.set(0x64, 1);
    expect([rig.get(0x60), rig.irq.level]).toEqual([0, false]);
  });
  test('an indirect table may stand behind ordinary descriptors, and its WRITE flag says nothing', () => {
    const rig = rigOf(plain);
    const [queue] = rig.queues, table = RAM + 0x4_0000,
      put = (at: number, address: number, length: number, flags: number, next: number): void => {
      rig.memory.setU64(at, BigInt(address));
      rig.memory.setU32(at + 8, length);
      rig.memory.setU16(at + 12, flags);
      rig.memory.setU16(at + 14, next);
    };
    rig.memory.view(DATA, 4).set([1, 2, 3, 4]);
    put(queue.at, DATA, 2, 1, 1);
    put(queue.at + 16, table, 32, 4 | 2, 0);
    put(table, DATA + 2, 2, 1, 1);
    put(table + 16, DATA + 8, 4, 2, 0);
    rig.memory.setU16(queue.at + 0x802, 1);
    rig.set(0x50, 0);
    expect([...rig.memory.view(DATA + 8, 4)]).toEqual([4, 3, 2, 1]);
  });
});
}
