/**
 * A split ring in guest memory, from the device's side.
 *
 *   descriptors  size × { address u64, length u32, flags u16, next u16 }
 *   driver area  flags u16, index u16, ring u16 × size, used_event u16
 *   device area  flags u16, index u16, ring { head u32, length u32 } × size, avail_event u16
 *
 * @spec virtio 2.7 (v1.2)
 */
import type { GuestRam } from '../../ram.ts';
import type { Ring, RingPlace } from './queue.ts';
import { BadQueue, DESCRIPTOR, Flag, type Request, RequestBuilder, tableAt } from './spans.ts';

const NO_INTERRUPT = 1;

export class SplitRing implements Ring {
  readonly #ram: GuestRam;
  readonly #p: RingPlace;
  #taken = 0;
  #returned = 0;
  #announced = 0;

  constructor(ram: GuestRam, place: RingPlace) {
    const { size } = place, parts = [[place.descriptors, DESCRIPTOR * size], [place.driver, 6 + 2 * size], [place.device, 6 + 8 * size]];
    if (!parts.every(([at, length]) => ram.contains(at, length))) throw new BadQueue('the queue is not in memory');
    this.#ram = ram;
    this.#p = place;
  }

  /** With event index the driver is asked to notify again before there is nothing. */
  next(): Request | undefined {
    const { size, driver, device, eventIndex } = this.#p;
    if (this.#available() === 0) {
      if (!eventIndex) return undefined;
      this.#ram.setU16(device + 4 + 8 * size, this.#taken);
      if (this.#available() === 0) return undefined;
    }
    const head = this.#ram.u16(driver + 4 + 2 * (this.#taken & (size - 1))), request = this.#chain(head);
    this.#taken = (this.#taken + 1) & 0xffff;
    return request;
  }
  putBack(): void { this.#taken = (this.#taken - 1) & 0xffff; }

  done(request: Request, written: number): void {
    const { size, device } = this.#p, entry = device + 4 + 8 * (this.#returned & (size - 1));
    this.#ram.setU32(entry, request.id);
    this.#ram.setU32(entry + 4, written);
    this.#returned = (this.#returned + 1) & 0xffff;
    this.#ram.setU16(device + 2, this.#returned);
  }

  /** @spec virtio 2.7.7.2 */
  shouldInterrupt(): boolean {
    const { size, driver, eventIndex } = this.#p, since = (this.#returned - this.#announced) & 0xffff;
    this.#announced = this.#returned;
    if (since === 0) return false;
    if (!eventIndex) return (this.#ram.u16(driver) & NO_INTERRUPT) === 0;
    const event = this.#ram.u16(driver + 4 + 2 * size);
    return ((this.#returned - event - 1) & 0xffff) < since;
  }

  #available(): number {
    const count = (this.#ram.u16(this.#p.driver + 2) - this.#taken) & 0xffff;
    if (count > this.#p.size) throw new BadQueue('more requests than the queue has places');
    return count;
  }

  #chain(head: number): Request {
    const { size, descriptors, indirect } = this.#p, builder = new RequestBuilder(this.#ram);
    let table = descriptors, count = size, index = head, nested = false;
    for (let steps = 0; ; steps++) {
      if (index >= count || steps >= count) throw new BadQueue('a chain of descriptors leaves its table, or is endless');
      const at = table + DESCRIPTOR * index, flags = this.#ram.u16(at + 12);
      if (flags & Flag.indirect) {
        if (!indirect || nested || flags & Flag.next) throw new BadQueue('an indirect table that may not be here');
        ({ table, count } = tableAt(this.#ram, at));
        index = 0; nested = true; steps = -1;
        continue;
      }
      builder.add(at, (flags & Flag.write) !== 0);
      if (!(flags & Flag.next)) return builder.finish(head, 1);
      index = this.#ram.u16(at + 14);
    }
  }
}
