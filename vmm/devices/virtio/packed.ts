/**
 * A packed ring in guest memory, from the device's side: descriptors that both sides write.
 *
 *   ring         size × { address u64, length u32, id u16, flags u16 }      flags: bit 7 available, bit 15 used
 *   driver area  event u16 (place, bit 15 lap), mode u16                     when we shall interrupt
 *   device area  the same                                                    when the driver shall notify
 *
 * Places are counted on and on; the bit that marks a lap is odd and even of lap. A descriptor is the device's when its available bit
 * is that of the lap and its used bit is not.
 *
 * @spec virtio 2.8 (v1.2)
 */
import type { GuestRam } from '../../ram.ts';
import type { Ring, RingPlace } from './queue.ts';
import { BadQueue, DESCRIPTOR, Flag, type Request, RequestBuilder, tableAt } from './spans.ts';

const AVAILABLE = 1 << 7, USED = 1 << 15, LAP = 1 << 15, AREA = 4;
const Mode = { never: 1, atEvent: 2 } as const;

export class PackedRing implements Ring {
  readonly #ram: GuestRam;
  readonly #p: RingPlace;
  #taken = 0;
  #returned = 0;
  #announced = 0;

  constructor(ram: GuestRam, place: RingPlace) {
    const parts = [[place.descriptors, DESCRIPTOR * place.size], [place.driver, AREA], [place.device, AREA]];
    if (!parts.every(([at, length]) => ram.contains(at, length))) throw new BadQueue('the queue is not in memory');
    this.#ram = ram;
    this.#p = place;
  }

  next(): Request | undefined {
    if (!this.#isOurs(this.#taken)) {
      if (!this.#p.eventIndex) return undefined;
      this.#ram.setU16(this.#p.device, (this.#taken % this.#p.size) | (this.#lap(this.#taken) ? LAP : 0));
      this.#ram.setU16(this.#p.device + 2, Mode.atEvent);
      if (!this.#isOurs(this.#taken)) return undefined;
    }
    const request = this.#chain();
    if (this.#taken + request.places - this.#returned > this.#p.size) throw new BadQueue('more requests than the queue has places');
    this.#taken += request.places;
    return request;
  }
  putBack(request: Request): void { this.#taken -= request.places; }

  /** One descriptor says it for the whole request. @spec virtio 2.8.6 */
  done(request: Request, written: number): void {
    const at = this.#at(this.#returned);
    this.#ram.setU32(at + 8, written);
    this.#ram.setU16(at + 12, request.id);
    this.#ram.setU16(at + 14, (this.#lap(this.#returned) ? AVAILABLE | USED : 0) | (written > 0 ? Flag.write : 0));
    this.#returned += request.places;
  }

  /** @spec virtio 2.8.10 */
  shouldInterrupt(): boolean {
    const { size, driver, eventIndex } = this.#p, since = this.#announced, mode = this.#ram.u16(driver + 2) & 3;
    this.#announced = this.#returned;
    if (since === this.#returned) return false;
    if (mode !== Mode.atEvent || !eventIndex) return mode !== Mode.never;
    const event = this.#ram.u16(driver), sameLap = ((event & LAP) !== 0) === this.#lap(this.#returned);
    const place = (event & ~LAP) + (Math.floor(this.#returned / size) - (sameLap ? 0 : 1)) * size;
    return since <= place && place < this.#returned;
  }

  #lap(place: number): boolean { return Math.floor(place / this.#p.size) % 2 === 0; }
  #at(place: number): number { return this.#p.descriptors + DESCRIPTOR * (place % this.#p.size); }
  #isOurs(place: number): boolean {
    const flags = this.#ram.u16(this.#at(place) + 14), lap = this.#lap(place);
    return ((flags & AVAILABLE) !== 0) === lap && ((flags & USED) !== 0) !== lap;
  }

  /** The id stands in the last descriptor. @spec virtio 2.8.6 */
  #chain(): Request {
    const builder = new RequestBuilder(this.#ram);
    for (let places = 1; ; places++) {
      const place = this.#taken + places - 1, at = this.#at(place), flags = this.#ram.u16(at + 14);
      if (places > this.#p.size || !this.#isOurs(place)) throw new BadQueue('a chain of descriptors that does not end');
      if (flags & Flag.indirect) this.#addTable(builder, at, places > 1 || (flags & Flag.next) !== 0);
      else builder.add(at, (flags & Flag.write) !== 0);
      if (!(flags & Flag.next)) return builder.finish(this.#ram.u16(at + 12), places);
    }
  }

  /** All descriptors of a table; of their flags only `write` counts. @spec virtio 2.8.7 */
  #addTable(builder: RequestBuilder, at: number, inChain: boolean): void {
    if (!this.#p.indirect || inChain) throw new BadQueue('an indirect table that may not be here');
    const { table, count } = tableAt(this.#ram, at);
    for (let i = 0; i < count; i++) builder.add(table + DESCRIPTOR * i, (this.#ram.u16(table + DESCRIPTOR * i + 14) & Flag.write) !== 0);
  }
}
