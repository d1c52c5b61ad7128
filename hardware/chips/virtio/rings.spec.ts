/** Runs the suite on both kinds of ring, and tests the rest of the transport. */
import { describe, expect, test } from 'vitest';
import { ringSuite } from '../../../test/virtio-rings.ts';
import type { VirtioModel, VirtioPort } from './model.ts';
import { Feature } from './layout.ts';
import { gather, scatter, totalLength } from './pieces.ts';
import { rigOf, type RingChoice } from './testing.ts';

/** Returns the bytes it reads, reversed; at most `most` requests per notification. */
class Mirror implements VirtioModel {
  readonly name = 'mirror';
  readonly id = 42;
  readonly features = [];
  readonly queueSizes = [64];
  #port!: VirtioPort;
  attach(port: VirtioPort): void { this.#port = port; }
  config(): Uint8Array { return Uint8Array.of(1, 2, 3, 4); }
  notify(index: number): void {
    const queue = this.#port.queue(index);
    for (let chain = queue.pop(); chain; chain = queue.pop()) {
      // A device may look at a request and take it only later.
      queue.unpop(chain);
      const again = queue.pop()!;
      const bytes = totalLength(again.readable) > 4096 ? new Uint8Array(0) : gather(this.#port.memory, again.readable);
      queue.push(again, scatter(this.#port.memory, again.writable, bytes.reverse()));
    }
    this.#port.usedBuffers(index);
  }
}

ringSuite((choice, features) => rigOf(new Mirror(), choice, features));

describe('the transport', () => {
  const plain: RingChoice = { packed: false, eventIndex: false, size: 4 };
  test('may reset a single queue and use it again', () => {
    const rig = rigOf(new Mirror(), { packed: true, eventIndex: false, size: 3 }, [Feature.RING_RESET]);
    rig.set(0x30, 0);
    rig.set(0xc0, 1);
    expect([rig.get(0x44), rig.get(0xc0), rig.get(0x70), rig.get(0x34)]).toEqual([0, 1, 0xf, 64]);
    rig.set(0x50, 0);
    expect([rig.broken, rig.irq.level]).toEqual([false, false]);
    rig.memory.fill(rig.queues[0].at, 0x1000, 0);
    for (const [register, value] of [
      [0x38, 5], [0x80, rig.queues[0].at], [0x90, rig.queues[0].at + 0x800], [0xa0, rig.queues[0].at + 0xa00], [0x44, 1]
    ])
      rig.set(register, value);
    expect([rig.get(0x44), rig.get(0xc0)]).toEqual([1, 0]);
    rig.set(0xc0, 1);
    rig.set(0x70, 0);
    expect(rig.get(0xc0)).toBe(0);
  });
  test('magic, version and the reserved features are those of the specification', () => {
    const { device } = rigOf(new Mirror(), plain);
    device.write(0x14, 1, 4);
    expect([device.read(0, 4), device.read(4, 4), device.read(0x10, 4) & 0x10d]).toEqual([0x7472_6976, 2, 0x10d]);
  });
  test('there are no shared memory regions', () => {
    const rig = rigOf(new Mirror(), plain);
    expect([0xb0, 0xb4, 0xb8, 0xbc].map((r) => rig.get(r))).toEqual([0xffff_ffff, 0xffff_ffff, 0xffff_ffff, 0xffff_ffff]);
  });
});
