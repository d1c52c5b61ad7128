/**
 * A split virtqueue in guest memory, from the device's side.
 *
 *   descriptors  size × { address u64, length u32, flags u16, next u16 }
 *   driver area  flags u16, index u16, ring u16 × size, used_event u16
 *   device area  flags u16, index u16, ring { head u32, length u32 } × size, avail_event u16
 *
 *   for (let request; (request = queue.next()); ) queue.done(request, serve(request));
 *   if (queue.shouldInterrupt()) …
 *
 * The driver may write anything there at any time: every address and length is checked when it is read, and what makes no
 * sense throws `BadQueue`, which the transport turns into DEVICE_NEEDS_RESET.
 * @spec virtio 2.7 (v1.2)
 */
import type { GuestRam } from '../../ram.ts';

/** The driver broke the rules of the ring. */
export class BadQueue extends Error {}

/** A run of guest memory. */
export interface Span { readonly gpa: number; readonly length: number }

/** A request: what the device reads (`out`, with respect to the driver), then what it writes (`in`). */
export interface Request { readonly head: number; readonly out: readonly Span[]; readonly in: readonly Span[] }

const Flag = { next: 1, write: 2, indirect: 4 } as const;
const DESCRIPTOR = 16, NO_INTERRUPT = 1;

export class Queue {
  readonly maximum: number;
  readonly #ram: GuestRam;
  size: number;
  ready = false;
  /** Guest-physical addresses of the three parts. */
  descriptors = 0;
  driver = 0;
  device = 0;
  /** What was negotiated. */
  eventIndex = false;
  indirect = false;
  #taken = 0;
  #returned = 0;
  #announced = 0;

  constructor(ram: GuestRam, maximum: number) {
    this.#ram = ram;
    this.maximum = this.size = maximum;
  }

  reset(): void {
    this.size = this.maximum;
    this.ready = this.eventIndex = this.indirect = false;
    this.descriptors = this.driver = this.device = this.#taken = this.#returned = this.#announced = 0;
  }

  /** The driver has set the addresses: are the three parts in memory? */
  enable(): void {
    const { size } = this, parts = [[this.descriptors, DESCRIPTOR * size], [this.driver, 6 + 2 * size], [this.device, 6 + 8 * size]];
    if (!parts.every(([at, length]) => this.#ram.contains(at, length))) throw new BadQueue('the queue is not in memory');
    this.ready = true;
  }

  /** The driver's next request, or undefined. With event index it is asked to notify again first. */
  next(): Request | undefined {
    if (!this.ready) return undefined;
    if (this.#available() === 0) {
      if (!this.eventIndex) return undefined;
      this.#ram.setU16(this.device + 4 + 8 * this.size, this.#taken);
      if (this.#available() === 0) return undefined;
    }
    const head = this.#ram.u16(this.driver + 4 + 2 * (this.#taken & (this.size - 1))), request = this.#chain(head);
    this.#taken = (this.#taken + 1) & 0xffff;
    return request;
  }
  /** Puts the request that `next` gave last back to the front. */
  putBack(): void { this.#taken = (this.#taken - 1) & 0xffff; }

  /** Gives a request back; `written` = bytes that were put into its `in` spans. */
  done(request: Request, written: number): void {
    const entry = this.device + 4 + 8 * (this.#returned & (this.size - 1));
    this.#ram.setU32(entry, request.head);
    this.#ram.setU32(entry + 4, written);
    this.#returned = (this.#returned + 1) & 0xffff;
    this.#ram.setU16(this.device + 2, this.#returned);
  }

  /** Whether the driver wants to be told of what was done since the last time it was asked. @spec virtio 2.7.7.2 */
  shouldInterrupt(): boolean {
    const since = (this.#returned - this.#announced) & 0xffff;
    this.#announced = this.#returned;
    if (since === 0) return false;
    if (!this.eventIndex) return (this.#ram.u16(this.driver) & NO_INTERRUPT) === 0;
    const event = this.#ram.u16(this.driver + 4 + 2 * this.size);
    return ((this.#returned - event - 1) & 0xffff) < since;
  }

  #available(): number {
    const count = (this.#ram.u16(this.driver + 2) - this.#taken) & 0xffff;
    if (count > this.size) throw new BadQueue('more requests than the queue has places');
    return count;
  }

  #chain(head: number): Request {
    const out: Span[] = [], into: Span[] = [];
    let table = this.descriptors, count = this.size, index = head, nested = false;
    for (let steps = 0; ; steps++) {
      // No chain is longer than the queue, in a table of its own neither. @spec virtio 2.7.5.3.1
      if (index >= count || steps > this.size) throw new BadQueue('a chain of descriptors leaves its table, or is endless');
      const at = table + DESCRIPTOR * index, flags = this.#ram.u16(at + 12), span = this.#span(at);
      if (flags & Flag.indirect) {
        if (!this.indirect || nested || flags & Flag.next || span.length % DESCRIPTOR !== 0) throw new BadQueue('an indirect table that may not be here');
        table = span.gpa; count = span.length / DESCRIPTOR; index = 0; nested = true;
        continue;
      }
      if (!(flags & Flag.write) && into.length > 0) throw new BadQueue('a readable descriptor behind a writable one');
      (flags & Flag.write ? into : out).push(span);
      if (!(flags & Flag.next)) return { head, out, in: into };
      index = this.#ram.u16(at + 14);
    }
  }

  #span(at: number): Span {
    const gpa = this.#ram.u64(at), length = this.#ram.u32(at + 8);
    if (!this.#ram.contains(gpa, length)) throw new BadQueue('a descriptor outside of memory');
    return { gpa, length };
  }
}

export const totalOf = (spans: readonly Span[]): number => spans.reduce((sum, s) => sum + s.length, 0);

/** `length` bytes of `spans` from `skip` on, as spans. */
export function slice(spans: readonly Span[], skip: number, length: number): Span[] {
  const result: Span[] = [];
  let from = skip, left = length;
  for (const s of spans) {
    const start = Math.min(from, s.length), n = Math.min(left, s.length - start);
    if (n > 0) result.push({ gpa: s.gpa + start, length: n });
    from -= start;
    left -= n;
  }
  return result;
}

/** A copy of the bytes of `spans`. The caller bounds how many that may be. */
export function gather(ram: GuestRam, spans: readonly Span[]): Uint8Array {
  const bytes = new Uint8Array(totalOf(spans));
  let at = 0;
  for (const s of spans) { bytes.set(ram.bytes(s.gpa, s.length), at); at += s.length; }
  return bytes;
}

/** Writes bytes into `spans`; answers how many had room. */
export function scatter(ram: GuestRam, spans: readonly Span[], bytes: Uint8Array): number {
  let at = 0;
  for (const s of spans) {
    const part = bytes.subarray(at, at + s.length);
    ram.write(s.gpa, part);
    at += part.length;
    if (at === bytes.length) break;
  }
  return at;
}
