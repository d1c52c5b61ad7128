/**
 * A packed virtqueue, from the device's side: one ring of descriptors that both sides write.
 *
 *   ring      16 bytes each: address u64, length u32, id u16, flags u16 (bit 7 AVAIL, bit 15 USED)
 *   driver    desc u16 (offset, bit 15 wrap), flags u16: when the device shall interrupt    written by the driver
 *   device    the same: when the driver shall notify                                        written by the device
 *
 * A descriptor is available when its AVAIL bit equals the wrap counter and its USED bit does not; it is used when both
 * equal the device's counter. Positions are counted without end here; place and wrap counter follow from them.
 *
 * @spec virtio 2.8 (v1.2)
 */
import type { PhysicalMemory } from '../../api.ts';
import { ChainBuilder, DESC, DESC_BYTES, QueueBroken, indirectTable, type Chain } from './pieces.ts';
import type { Ring, RingSetup } from './queue.ts';

const FLAG = { AVAIL: 1 << 7, USED: 1 << 15 } as const;
const EVENT = { ENABLE: 0, DISABLE: 1, DESC: 2 } as const;
const EVENT_BYTES = 4;
const WRAP = 1 << 15;

export class PackedRing implements Ring {
  readonly #memory: PhysicalMemory;
  readonly #s: RingSetup;
  /** Descriptors taken, returned, and returned when the driver was last told. */
  #taken = 0;
  #returned = 0;
  #signalled = 0;

  /** @throws QueueBroken when a part is not in memory. */
  constructor(memory: PhysicalMemory, setup: RingSetup) {
    const { size, descriptors, driver, device } = setup;
    const inRam = memory.isRam(descriptors, DESC_BYTES * size) && memory.isRam(driver, EVENT_BYTES) && memory.isRam(device, EVENT_BYTES);
    if (!inRam) throw new QueueBroken('the queue lies outside of memory');
    this.#memory = memory;
    this.#s = setup;
    memory.setU32(device, 0); // notifications are wanted
  }

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

  /** One used descriptor, at the place where the next is to be; the rest of the chain is skipped. @spec virtio 2.8.6 */
  push(chain: Chain, written: number): void {
    const at = this.#address(this.#returned);
    this.#memory.setU32(at + 8, written);
    this.#memory.setU16(at + 12, chain.id);
    const both = this.#wrap(this.#returned) ? FLAG.AVAIL | FLAG.USED : 0;
    this.#memory.setU16(at + 14, both | (written > 0 ? DESC.WRITE : 0));
    this.#returned += chain.slots;
  }

  /** @spec virtio 2.8.14 */
  wantsInterrupt(): boolean {
    const before = this.#signalled;
    this.#signalled = this.#returned;
    if (before === this.#returned) return false;
    const { size, driver, eventIndex } = this.#s;
    const flags = this.#memory.u16(driver + 2) & 3;
    if (flags !== EVENT.DESC || !eventIndex) return flags !== EVENT.DISABLE;
    const event = this.#memory.u16(driver);
    const lap = Math.floor(this.#returned / size) * size;
    const position = (event & ~WRAP) + lap - (((event & WRAP) !== 0) === this.#wrap(this.#returned) ? 0 : size);
    return before <= position && position < this.#returned;
  }

  /** With event index: notify us when the next descriptor is available. @spec virtio 2.8.10 */
  #askForNotification(): void {
    const { size, device, eventIndex } = this.#s;
    if (!eventIndex) return;
    this.#memory.setU16(device, (this.#taken % size) | (this.#wrap(this.#taken) ? WRAP : 0));
    this.#memory.setU16(device + 2, EVENT.DESC);
  }

  #wrap(position: number): boolean {
    return Math.floor(position / this.#s.size) % 2 === 0;
  }

  #address(position: number): number {
    return this.#s.descriptors + DESC_BYTES * (position % this.#s.size);
  }

  #isAvailable(position: number): boolean {
    const flags = this.#memory.u16(this.#address(position) + 14);
    const wrap = this.#wrap(position);
    return ((flags & FLAG.AVAIL) !== 0) === wrap && ((flags & FLAG.USED) !== 0) !== wrap;
  }

  /** The id stands in the last descriptor of a chain. @spec virtio 2.8.6, 2.8.13 */
  #walk(): Chain {
    const builder = new ChainBuilder(this.#memory);
    for (let slots = 1; ; slots++) {
      if (slots > this.#s.size) throw new QueueBroken('a descriptor chain is longer than the queue');
      const position = this.#taken + slots - 1;
      const at = this.#address(position);
      const flags = this.#memory.u16(at + 14);
      if (slots > 1 && !this.#isAvailable(position)) throw new QueueBroken('a descriptor chain goes on into what is not available');
      if ((flags & DESC.INDIRECT) !== 0) this.#takeTable(builder, at, flags, slots);
      else builder.take(at, flags);
      if ((flags & DESC.NEXT) === 0) return builder.finish(this.#memory.u16(at + 12), slots);
    }
  }

  /** All descriptors of a table, one after the other; only their WRITE flag counts. @spec virtio 2.8.7 */
  #takeTable(builder: ChainBuilder, at: number, flags: number, slots: number): void {
    if (!this.#s.indirect || slots > 1 || (flags & DESC.NEXT) !== 0) throw new QueueBroken('an indirect descriptor where none may be');
    const { table, count } = indirectTable(this.#memory, at);
    for (let i = 0; i < count; i++) builder.take(table + DESC_BYTES * i, this.#memory.u16(table + DESC_BYTES * i + 14) & DESC.WRITE);
  }
}
