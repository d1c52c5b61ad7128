/**
 * Requests as models see them, whatever ring they came through: runs of guest memory, first those to read, then those to write.
 */
import type { GuestRam } from '../../ram.ts';

/** The driver broke the rules of the ring. */
export class BadQueue extends Error {}

/** A run of guest memory. */
export interface Span { readonly gpa: number; readonly length: number }

/** A request: what the device reads (`out`, with respect to the driver), then what it writes (`in`). */
export interface Request {
  /** By which the driver knows it again: its first descriptor (split), its buffer id (packed). */
  readonly id: number;
  /** Places that it takes in the ring. */
  readonly places: number;
  readonly out: readonly Span[];
  readonly in: readonly Span[];
}

/** @spec virtio 2.7.5, 2.8.13 */
export const Flag = { next: 1, write: 2, indirect: 4 } as const;
export const DESCRIPTOR = 16;

/** Puts a request together, descriptor by descriptor. */
export class RequestBuilder {
  readonly #out: Span[] = [];
  readonly #in: Span[] = [];
  readonly #ram: GuestRam;
  constructor(ram: GuestRam) { this.#ram = ram; }

  /** Adds what the descriptor at `at` names. What is read comes before what is written. @spec virtio 2.7.4.2 */
  add(at: number, write: boolean): void {
    if (!write && this.#in.length > 0) throw new BadQueue('a readable descriptor behind a writable one');
    (write ? this.#in : this.#out).push(spanAt(this.#ram, at));
  }
  finish(id: number, places: number): Request { return { id, places, out: this.#out, in: this.#in }; }
}

/** Address and length, as every descriptor begins. */
export function spanAt(ram: GuestRam, at: number): Span {
  const gpa = ram.u64(at), length = ram.u32(at + 8);
  if (!ram.contains(gpa, length)) throw new BadQueue('a descriptor outside of memory');
  return { gpa, length };
}

/** Longer than the ring a table may not be, but drivers make such ones. @spec virtio 2.7.5.3.1 */
const TABLE_MOST = 1024;

/** The table that an indirect descriptor names: at least one whole descriptor. */
export function tableAt(ram: GuestRam, at: number): { readonly table: number; readonly count: number } {
  const { gpa, length } = spanAt(ram, at), count = length / DESCRIPTOR;
  if (!Number.isInteger(count) || count === 0 || count > TABLE_MOST) throw new BadQueue('an indirect table of a size that may not be');
  return { table: gpa, count };
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
    if (at === bytes.length) break;
    const part = bytes.subarray(at, at + s.length);
    ram.write(s.gpa, part);
    at += part.length;
  }
  return at;
}
