/**
 * A split virtqueue, from the device's side.
 *
 *   descriptors  16 bytes each: address u64, length u32, flags u16, next u16
 *   available    flags u16, index u16, ring[size] u16, used_event u16        written by the driver
 *   used         flags u16, index u16, ring[size] (id u32, length u32), avail_event u16   written by the device
 *
 * @spec virtio 2.7 (v1.2)
 */
import type { PhysicalMemory } from '../../api.ts';
import { ChainBuilder, DESC, DESC_BYTES, QueueBroken, indirectTable, type Chain } from './pieces.ts';
import type { Ring, RingSetup } from './queue.ts';

const AVAIL_NO_INTERRUPT = 1;

export class SplitRing implements Ring {
  readonly #memory: PhysicalMemory;
  readonly #s: RingSetup;
  #nextAvailable = 0;
  #nextUsed = 0;
  /** Used index when the driver was last told. */
  #signalledUsed = 0;

  /** @throws QueueBroken when a part is not in memory. */
  constructor(memory: PhysicalMemory, setup: RingSetup) {
    const { size, descriptors, driver, device } = setup;
    const inRam = memory.isRam(descriptors, DESC_BYTES * size) && memory.isRam(driver, 6 + 2 * size) && memory.isRam(device, 6 + 8 * size);
    if (!inRam) throw new QueueBroken('the queue lies outside of memory');
    this.#memory = memory;
    this.#s = setup;
    memory.setU16(device, 0); // notifications are wanted. @spec virtio 2.7.10.2
  }

  get waiting(): boolean {
    return this.#memory.u16(this.#s.driver + 2) !== this.#nextAvailable;
  }

  pop(): Chain | undefined {
    if (!this.waiting) {
      this.#askForNotification();
      if (!this.waiting) return undefined;
    }
    const { size, driver } = this.#s;
    const outstanding = (this.#memory.u16(driver + 2) - this.#nextAvailable) & 0xffff;
    if (outstanding > size) throw new QueueBroken('more buffers available than the queue holds');
    const head = this.#memory.u16(driver + 4 + 2 * (this.#nextAvailable & (size - 1)));
    this.#nextAvailable = (this.#nextAvailable + 1) & 0xffff;
    return this.#walk(head);
  }

  unpop(): void {
    this.#nextAvailable = (this.#nextAvailable - 1) & 0xffff;
  }

  push(chain: Chain, written: number): void {
    const { size, device } = this.#s;
    const slot = device + 4 + 8 * (this.#nextUsed & (size - 1));
    this.#memory.setU32(slot, chain.id);
    this.#memory.setU32(slot + 4, written);
    this.#nextUsed = (this.#nextUsed + 1) & 0xffff;
    this.#memory.setU16(device + 2, this.#nextUsed);
  }

  /** @spec virtio 2.7.7.2 */
  wantsInterrupt(): boolean {
    const before = this.#signalledUsed;
    this.#signalledUsed = this.#nextUsed;
    if (before === this.#nextUsed) return false;
    const { size, driver, eventIndex } = this.#s;
    if (!eventIndex) return (this.#memory.u16(driver) & AVAIL_NO_INTERRUPT) === 0;
    const event = this.#memory.u16(driver + 4 + 2 * size);
    return ((this.#nextUsed - event - 1) & 0xffff) < ((this.#nextUsed - before) & 0xffff);
  }

  /** With event index: notify us as soon as anything more is available. @spec virtio 2.7.10 */
  #askForNotification(): void {
    const { size, device, eventIndex } = this.#s;
    if (eventIndex) this.#memory.setU16(device + 4 + 8 * size, this.#nextAvailable);
  }

  #walk(head: number): Chain {
    const builder = new ChainBuilder(this.#memory);
    const { size, descriptors, indirect } = this.#s;
    let [table, count, index, inIndirect] = [descriptors, size, head, false];
    for (let steps = 0; ; steps++) {
      if (index >= count || steps >= count) throw new QueueBroken('a descriptor chain leaves its table or loops');
      const at = table + DESC_BYTES * index;
      const flags = this.#memory.u16(at + 12);
      if ((flags & DESC.INDIRECT) !== 0) {
        // Not in a table, and nothing behind it. @spec virtio 2.7.5.3.1
        if (!indirect || inIndirect || (flags & DESC.NEXT) !== 0) throw new QueueBroken('an indirect descriptor where none may be');
        ({ table, count } = indirectTable(this.#memory, at));
        [index, inIndirect, steps] = [0, true, -1];
        continue;
      }
      builder.take(at, flags);
      if ((flags & DESC.NEXT) === 0) return builder.finish(head, 1);
      index = this.#memory.u16(at + 14);
    }
  }
}
