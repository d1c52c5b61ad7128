/**
 * The receiving half of a connection: bytes in order for the reader, pieces that came too early, and the window for further bytes. It never
 * stores more than its limit.
 *
 *        read by the user │ queue │ next … gaps and pieces … │ edge
 *
 * Documentation: RFC 9293 3.10.7.4, 3.8.6 (window), RFC 2018 (SACK blocks).
 */
import type { Budget } from '../budget.ts';
import { ByteQueue } from '../byte-queue.ts';
import { before, distance, later, plus, upTo, type Range, type Segment } from './segment.ts';

const PIECES_MOST = 256, SACKS_MOST = 4;

interface Piece { readonly from: number; readonly bytes: Uint8Array }

export class Receiver {
  readonly queue: ByteQueue;
  readonly #budget: Budget;
  /** The next expected number; everything before it has arrived. */
  next = 0;
  /** The right edge of the announced window. */
  edge = 0;
  /** Window scale of our headers. */
  scale = 0;
  /** Bytes that may be held. */
  limit: number;
  /** The number of the peer's FIN, once it is known. */
  finAt: number | undefined;
  /** The reader has closed: bytes are accepted and discarded. */
  discards = false;
  /** All bytes ever received in order. */
  total = 0;
  #pieces: Piece[] = [];
  #early = 0;
  /** Position of the latest early piece, whose range is announced first. */
  #latest = 0;

  constructor(limit: number, budget: Budget) {
    this.limit = limit;
    this.#budget = budget;
    this.queue = new ByteQueue(budget);
  }

  begin(irs: number): void {
    this.next = plus(irs, 1);
    this.edge = this.next;
  }

  /** Stored bytes, early ones included. */
  get held(): number { return this.queue.length + this.#early; }

  /** The window to announce, in bytes; an announced edge never moves back, and small steps are not announced (RFC 1122 4.2.3.3). */
  window(mss: number): number {
    const room = Math.max(0, Math.min(this.limit - this.queue.length, 65535 * 2 ** this.scale));
    const told = Math.max(0, distance(this.edge, this.next)), step = Math.min(this.limit / 2, mss);
    const window = room - told >= step ? room : told;
    return Math.floor(window / 2 ** this.scale) * 2 ** this.scale;
  }

  /** Records that `window` was announced; returns the value for the header. */
  tell(window: number): number {
    this.edge = later(this.edge, plus(this.next, window));
    return Math.min(65535, window >>> this.scale);
  }

  /** Does a read by the user open the window far enough to announce it? */
  opens(mss: number): boolean {
    return this.limit - this.queue.length - Math.max(0, distance(this.edge, this.next)) >= Math.min(this.limit / 2, 2 * mss);
  }

  /** Is any part of the segment inside the window? @spec RFC 9293 3.10.7.4, first check */
  accepts(seq: number, length: number): boolean {
    const size = Math.max(0, distance(this.edge, this.next));
    const inside = (number: number): boolean => upTo(this.next, number) && before(number, plus(this.next, size));
    if (length === 0) return size === 0 ? seq === this.next : inside(seq);
    return size > 0 && (inside(seq) || inside(plus(seq, length - 1)) || (before(seq, this.next) && before(this.next, plus(seq, length))));
  }

  /** Takes the data of an acceptable segment; returns whether it came in order. */
  take(segment: Segment, seq: number): boolean {
    const skip = Math.max(0, distance(this.next, seq)), most = Math.max(0, distance(this.edge, seq));
    const bytes = segment.payload.subarray(Math.min(skip, segment.payload.length), Math.min(segment.payload.length, most));
    if (bytes.length === 0) return skip > 0 || segment.payload.length === 0;
    const from = plus(seq, skip);
    if (from !== this.next) { this.#keep(from, bytes); return false; }
    const gaps = this.#pieces.length > 0;
    if (!this.#append(bytes)) return false; // as if it had been lost
    this.#join();
    return !gaps;
  }

  #append(bytes: Uint8Array): boolean {
    if (!this.discards && !this.queue.push(bytes)) return false;
    this.next = plus(this.next, bytes.length);
    this.total += bytes.length;
    return true;
  }

  /** Stores early bytes, each number once. */
  #keep(from: number, bytes: Uint8Array): void {
    this.#latest = from;
    let at = from, rest = bytes;
    for (const piece of [...this.#pieces]) {
      if (rest.length === 0) return;
      const ahead = Math.min(rest.length, Math.max(0, distance(piece.from, at)));
      if (ahead > 0) this.#insert(at, rest.subarray(0, ahead));
      const covered = Math.min(rest.length, Math.max(ahead, distance(plus(piece.from, piece.bytes.length), at)));
      at = plus(at, covered);
      rest = rest.subarray(covered);
    }
    if (rest.length > 0) this.#insert(at, rest);
  }

  #insert(from: number, bytes: Uint8Array): void {
    if (this.#pieces.length >= PIECES_MOST || this.held + bytes.length > this.limit || !this.#budget.take(bytes.length)) return;
    const place = this.#pieces.findIndex((piece) => before(from, piece.from));
    this.#pieces.splice(place < 0 ? this.#pieces.length : place, 0, { from, bytes: bytes.slice() });
    this.#early += bytes.length;
  }

  /** Moves early pieces that the gap no longer separates. */
  #join(): void {
    for (let piece = this.#pieces[0]; piece && upTo(piece.from, this.next); piece = this.#pieces[0]) {
      this.#pieces.shift();
      this.#early -= piece.bytes.length;
      this.#budget.give(piece.bytes.length);
      const skip = distance(this.next, piece.from);
      if (skip < piece.bytes.length) this.#append(piece.bytes.subarray(skip));
    }
  }

  /** Ranges to announce, the latest first. @spec RFC 2018 4 */
  sacks(most = SACKS_MOST): Range[] {
    if (this.#pieces.length === 0) return [];
    const ranges: { from: number; to: number }[] = [];
    for (const piece of this.#pieces) {
      const last = ranges.at(-1), to = plus(piece.from, piece.bytes.length);
      if (last?.to === piece.from) last.to = to;
      else ranges.push({ from: piece.from, to });
    }
    const latest = ranges.findIndex((range) => upTo(range.from, this.#latest) && before(this.#latest, range.to));
    return [...ranges.slice(Math.max(0, latest)), ...ranges.slice(0, Math.max(0, latest))].slice(0, most);
  }

  clear(): void {
    this.queue.clear();
    this.dropEarly();
  }
  /** Drops early pieces: nothing will arrive any more to close the gaps. */
  dropEarly(): void {
    this.#budget.give(this.#early);
    this.#pieces = [];
    this.#early = 0;
  }
}
