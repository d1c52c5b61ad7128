/**
 * A split virtqueue, from the device's side.
 *
 *   descriptors  16 bytes each: address u64, length u32, flags u16, next u16
 *   available    flags u16, index u16, ring[size] u16, used_event u16        written by the driver
 *   used         flags u16, index u16, ring[size] (id u32, length u32), avail_event u16   written by the device
 *
 * @spec virtio 2.7 (v1.2)
 */
import type { GuestMemory } from '../ports.ts';
import { Avail, Desc, DescFlag, Used } from './layout.ts';
import { ChainBuilder, QueueBroken, indirectTable, type Chain } from './pieces.ts';
import type { Ring, RingCounts, RingSetup } from './ring.ts';

export class SplitRing implements Ring {
  readonly #memory: GuestMemory;
  readonly #s: RingSetup;
  #nextAvailable = 0;
  #nextUsed = 0;
  /** Used index when the driver was last told. */
  #signalledUsed = 0;

  /** `counts`: the position of a saved ring. @throws QueueBroken when a part is not in memory. */
  constructor(memory: GuestMemory, setup: RingSetup, counts?: RingCounts) {
    const { size, descriptors, driver, device } = setup;
    const inRam =
      memory.isRam(descriptors, Desc.BYTES * size) && memory.isRam(driver, Avail.bytes(size)) && memory.isRam(device, Used.bytes(size));
    if (!inRam) throw new QueueBroken('the queue lies outside of memory');
    this.#memory = memory;
    this.#s = setup;
    if (counts)
      [
        this.#nextAvailable, this.#nextUsed, this.#signalledUsed
      ] = [counts.taken & 0xffff, counts.returned & 0xffff, counts.signalled & 0xffff];
    else memory.setU16(device + Used.FLAGS, 0); // notifications are wanted. @spec virtio 2.7.10.2
  }

  get counts(): RingCounts { return { taken: this.#nextAvailable, returned: this.#nextUsed, signalled: this.#signalledUsed }; }

  get waiting(): boolean {
    return this.#memory.u16(this.#s.driver + Avail.INDEX) !== this.#nextAvailable;
  }

  pop(): Chain | undefined {
    if (!this.waiting) {
      this.#askForNotification();
      if (!this.waiting) return undefined;
    }
    const { size, driver } = this.#s;
    const offered = (this.#memory.u16(driver + Avail.INDEX) - this.#nextAvailable) & 0xffff,
      inFlight = (this.#nextAvailable - this.#nextUsed) & 0xffff;
    // Otherwise a driver that offers a buffer again before its return could make the device hold requests without bound.
    if (offered > size || inFlight >= size) throw new QueueBroken('more buffers available than the queue holds');
    const head = this.#memory.u16(driver + Avail.RING + 2 * (this.#nextAvailable & (size - 1)));
    this.#nextAvailable = (this.#nextAvailable + 1) & 0xffff;
    return this.#walk(head);
  }

  unpop(): void {
    this.#nextAvailable = (this.#nextAvailable - 1) & 0xffff;
  }

  push(chain: Chain, written: number): void {
    const { size, device } = this.#s;
    const slot = device + Used.RING + Used.ENTRY * (this.#nextUsed & (size - 1));
    this.#memory.setU32(slot, chain.id);
    this.#memory.setU32(slot + Used.ENTRY_LENGTH, written);
    this.#nextUsed = (this.#nextUsed + 1) & 0xffff;
    this.#memory.setU16(device + Used.INDEX, this.#nextUsed);
  }

  /** @spec virtio 2.7.7.2 */
  wantsInterrupt(): boolean {
    const before = this.#signalledUsed;
    this.#signalledUsed = this.#nextUsed;
    if (before === this.#nextUsed) return false;
    const { size, driver, eventIndex } = this.#s;
    if (!eventIndex) return (this.#memory.u16(driver + Avail.FLAGS) & Avail.NO_INTERRUPT) === 0;
    const event = this.#memory.u16(driver + Avail.usedEvent(size));
    return ((this.#nextUsed - event - 1) & 0xffff) < ((this.#nextUsed - before) & 0xffff);
  }

  /** With event index: notify us as soon as anything more is available. @spec virtio 2.7.10 */
  #askForNotification(): void {
    const { size, device, eventIndex } = this.#s;
    if (eventIndex) this.#memory.setU16(device + Used.availEvent(size), this.#nextAvailable);
  }

  #walk(head: number): Chain {
    const builder = new ChainBuilder(this.#memory);
    const { size, descriptors, indirect } = this.#s;
    let [table, count, index, inIndirect] = [descriptors, size, head, false];
    for (let steps = 0; ; steps++) {
      if (index >= count || steps >= count) throw new QueueBroken('a descriptor chain leaves its table or loops');
      const at = table + Desc.BYTES * index;
      const flags = this.#memory.u16(at + Desc.FLAGS);
      if ((flags & DescFlag.INDIRECT) !== 0) {
        // Not in a table, and nothing behind it. @spec virtio 2.7.5.3.1
        if (!indirect || inIndirect || (flags & DescFlag.NEXT) !== 0) throw new QueueBroken('an indirect descriptor where none may be');
        ({ table, count } = indirectTable(this.#memory, at));
        [index, inIndirect, steps] = [0, true, -1];
        continue;
      }
      builder.take(at, flags);
      if ((flags & DescFlag.NEXT) === 0) return builder.finish(head, 1);
      index = this.#memory.u16(at + Desc.NEXT);
    }
  }
}
