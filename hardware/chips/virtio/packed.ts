/**
 * A packed virtqueue, from the device's side: one ring of descriptors that both sides write.
 *
 *   ring      16 bytes each: address u64, length u32, id u16, flags u16 (bit 7 AVAIL, bit 15 USED)
 *   driver    desc u16 (offset, bit 15 wrap), flags u16: when the device should interrupt    written by the driver
 *   device    the same: when the driver should notify                                        written by the device
 *
 * A descriptor is available when its AVAIL bit equals the wrap counter and its USED bit does not; it is used when both
 * equal the device's counter. Positions here only count up; ring index and wrap counter follow from them.
 *
 * @spec virtio 2.8 (v1.2)
 */
import type { GuestMemory } from '../ports.ts';
import { Desc, DescFlag, Event } from './layout.ts';
import { ChainBuilder, QueueBroken, indirectTable, type Chain } from './pieces.ts';
import type { Ring, RingCounts, RingSetup } from './ring.ts';

export class PackedRing implements Ring {
  readonly #memory: GuestMemory;
  readonly #s: RingSetup;
  /** Descriptors taken, returned, and returned when the driver was last told. */
  #taken = 0;
  #returned = 0;
  #signalled = 0;

  /** `counts`: the position of a saved ring. @throws QueueBroken when a part is not in memory. */
  constructor(memory: GuestMemory, setup: RingSetup, counts?: RingCounts) {
    const { size, descriptors, driver, device } = setup;
    const inRam = memory.isRam(descriptors, Desc.BYTES * size) && memory.isRam(driver, Event.BYTES) && memory.isRam(device, Event.BYTES);
    if (!inRam) throw new QueueBroken('the queue lies outside of memory');
    this.#memory = memory;
    this.#s = setup;
    if (counts) [this.#taken, this.#returned, this.#signalled] = [counts.taken, counts.returned, counts.signalled];
    else memory.setU32(device, 0); // notifications are wanted
  }

  get counts(): RingCounts { return { taken: this.#taken, returned: this.#returned, signalled: this.#signalled }; }

  get waiting(): boolean {
    return this.#isAvailable(this.#taken);
  }

  pop(): Chain | undefined {
    if (!this.waiting) {
      this.#askForNotification();
      if (!this.waiting) return undefined;
    }
    const chain = this.#walk();
    this.#taken += chain.slots;
    if (this.#taken - this.#returned > this.#s.size) throw new QueueBroken('more buffers available than the queue holds');
    return chain;
  }

  unpop(chain: Chain): void {
    this.#taken -= chain.slots;
  }

  /** Writes one used descriptor at the next position and skips the rest of the chain. @spec virtio 2.8.6 */
  push(chain: Chain, written: number): void {
    const at = this.#address(this.#returned);
    this.#memory.setU32(at + Desc.LENGTH, written);
    this.#memory.setU16(at + Desc.PACKED_ID, chain.id);
    const both = this.#wrap(this.#returned) ? DescFlag.AVAIL | DescFlag.USED : 0;
    this.#memory.setU16(at + Desc.PACKED_FLAGS, both | (written > 0 ? DescFlag.WRITE : 0));
    this.#returned += chain.slots;
  }

  /** @spec virtio 2.8.14 */
  wantsInterrupt(): boolean {
    const before = this.#signalled;
    this.#signalled = this.#returned;
    if (before === this.#returned) return false;
    const { size, driver, eventIndex } = this.#s;
    const flags = this.#memory.u16(driver + Event.FLAGS) & 3;
    if (flags !== Event.AT || !eventIndex) return flags !== Event.DISABLE;
    const event = this.#memory.u16(driver + Event.POSITION);
    const lap = Math.floor(this.#returned / size) * size;
    const position = (event & ~Event.WRAP) + lap - (((event & Event.WRAP) !== 0) === this.#wrap(this.#returned) ? 0 : size);
    return before <= position && position < this.#returned;
  }

  /** With event index: notify us when the next descriptor is available. @spec virtio 2.8.10 */
  #askForNotification(): void {
    const { size, device, eventIndex } = this.#s;
    if (!eventIndex) return;
    this.#memory.setU16(device + Event.POSITION, (this.#taken % size) | (this.#wrap(this.#taken) ? Event.WRAP : 0));
    this.#memory.setU16(device + Event.FLAGS, Event.AT);
  }

  #wrap(position: number): boolean {
    return Math.floor(position / this.#s.size) % 2 === 0;
  }

  #address(position: number): number {
    return this.#s.descriptors + Desc.BYTES * (position % this.#s.size);
  }

  #isAvailable(position: number): boolean {
    const flags = this.#memory.u16(this.#address(position) + Desc.PACKED_FLAGS);
    const wrap = this.#wrap(position);
    return ((flags & DescFlag.AVAIL) !== 0) === wrap && ((flags & DescFlag.USED) !== 0) !== wrap;
  }

  /** The last descriptor of a chain carries the id. @spec virtio 2.8.6, 2.8.13 */
  #walk(): Chain {
    const builder = new ChainBuilder(this.#memory);
    for (let slots = 1; ; slots++) {
      if (slots > this.#s.size) throw new QueueBroken('a descriptor chain is longer than the queue');
      const position = this.#taken + slots - 1;
      const at = this.#address(position);
      const flags = this.#memory.u16(at + Desc.PACKED_FLAGS);
      if (slots > 1 && !this.#isAvailable(position)) throw new QueueBroken('a descriptor chain goes on into what is not available');
      if ((flags & DescFlag.INDIRECT) !== 0) this.#takeTable(builder, at, flags, slots);
      else builder.take(at, flags);
      if ((flags & DescFlag.NEXT) === 0) return builder.finish(this.#memory.u16(at + Desc.PACKED_ID), slots);
    }
  }

  /** All descriptors of a table, one after the other; only their WRITE flag counts. @spec virtio 2.8.7 */
  #takeTable(builder: ChainBuilder, at: number, flags: number, slots: number): void {
    if (!this.#s.indirect || slots > 1 || (flags & DescFlag.NEXT) !== 0) throw new QueueBroken('an indirect descriptor where none may be');
    const { table, count } = indirectTable(this.#memory, at);
    for (let i = 0; i < count; i++)
      builder.take(table + Desc.BYTES * i, this.#memory.u16(table + Desc.BYTES * i + Desc.PACKED_FLAGS) & DescFlag.WRITE);
  }
}
