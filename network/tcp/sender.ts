/**
 * The sending half of a connection: stores bytes until they are acknowledged, and decides which may be sent now and which again.
 *
 *        una │ in flight … next │ not sent yet         max: the furthest ever sent (a timeout takes `next` back to `una`)
 *
 * Documentation: RFC 9293 3.8, RFC 5681 (fast retransmit), RFC 6582 (NewReno), RFC 6675 (recovery with SACK), RFC 896 and 1122 4.2.3.4
 * (when to wait).
 */
import type { Budget } from '../budget.ts';
import { ByteQueue } from '../byte-queue.ts';
import { congestionControl, type Congestion } from './congestion.ts';
import { RoundTrip } from './rtt.ts';
import { DUPLICATES, Scoreboard } from './scoreboard.ts';
import { before, distance, earlier, later, plus, upTo, type Range } from './segment.ts';

/** Bytes to send: first number, count, and whether the FIN goes with them. */
export interface Piece { readonly seq: number; readonly length: number; readonly fin: boolean }

export class Sender {
  readonly queue: ByteQueue;
  readonly trip = new RoundTrip();
  readonly scoreboard = new Scoreboard();
  congestion: Congestion;
  limit: number;
  iss = 0;
  una = 0;
  next = 0;
  max = 0;
  /** The peer's window in bytes, the largest ever announced, and the segment that announced it. */
  window = 0;
  widest = 0;
  wl1 = 0;
  wl2 = 0;
  scale = 0;
  mss: number;
  /** The user sends no more: a FIN follows the last byte. */
  finished = false;
  nodelay = false;
  cork = false;
  withSack = false;
  duplicates = 0;
  /** During loss recovery: the end of the bytes that were in flight when the loss was found. */
  recoverUntil: number | undefined;
  /** Counters of TCP_INFO. */
  retransmitted = 0;
  total = 0;
  #mended = 0;
  /** Number of the first byte of the queue. */
  #start = 0;
  /** The segment whose acknowledgement is timed, by the number after it. */
  #timed: { readonly behind: number; readonly at: number } | undefined;

  constructor(mss: number, limit: number, budget: Budget) {
    this.queue = new ByteQueue(budget);
    this.mss = mss;
    this.limit = limit;
    this.congestion = congestionControl('cubic', mss);
  }

  begin(iss: number): void {
    this.iss = this.una = this.next = this.max = iss;
    this.#start = plus(iss, 1);
  }

  setCongestion(name: 'reno' | 'cubic'): void {
    const { window, threshold } = this.congestion;
    this.congestion = Object.assign(congestionControl(name, this.mss), { window, threshold });
  }

  setMss(mss: number): void {
    this.mss = mss;
    this.congestion = congestionControl(this.congestion.name, mss);
  }

  get room(): number { return Math.max(0, this.limit - this.queue.length); }
  /** Sequence numbers in flight, a SYN and a FIN included. */
  get flight(): number { return distance(this.next, this.una); }
  /** The number after the last byte in the queue, which is the FIN's. */
  get end(): number { return plus(this.#start, this.queue.length); }
  get finAcknowledged(): boolean { return this.finished && before(this.end, this.una); }
  /** Bytes or a FIN that were never sent, or that a timeout reset. */
  get hasMore(): boolean { return before(this.next, this.finished ? plus(this.end, 1) : this.end); }

  copy(seq: number, into: Uint8Array, at: number, length: number): void {
    this.queue.copy(distance(seq, this.#start), into, at, length);
  }

  // ── permission to send ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The next piece to send, if any may be sent. `force`: at least one segment, whatever the congestion window says. */
  choose(force = false): Piece | undefined {
    if (this.recoverUntil !== undefined) return this.#chooseInRecovery();
    const allowed = Math.min(this.window, force ? this.mss : this.congestion.window + this.#limitedTransmit());
    return this.#fresh(allowed - this.flight);
  }

  /** Each of the first two duplicates permits one new segment. @spec RFC 3042 */
  #limitedTransmit(): number { return Math.min(this.duplicates, DUPLICATES - 1) * this.mss; }

  /** New bytes, or those that a timeout reset, as far as `usable` allows. */
  #fresh(usable: number): Piece | undefined {
    const left = distance(this.end, this.next), length = Math.max(0, Math.min(left, usable, this.mss));
    const fin = this.finished && length === left && left >= 0 && before(this.next, plus(this.end, 1));
    if (length === 0) return fin && usable >= 0 ? { seq: this.next, length: 0, fin } : undefined;
    return length === this.mss || fin || this.#mayGoShort(length, left) ? { seq: this.next, length, fin } : undefined;
  }

  /** A short segment waits for more bytes while others are in flight (Nagle), while corked, and while only the window makes it short. */
  #mayGoShort(length: number, left: number): boolean {
    if (length < left) return length >= this.widest / 2 || this.flight === 0;
    if (this.cork) return false;
    return this.nodelay || this.flight === 0 || before(this.next, this.max);
  }

  #chooseInRecovery(): Piece | undefined {
    const room = this.congestion.window - this.#pipe();
    if (room < this.mss) return undefined;
    const hole = this.withSack ? this.#nextHole() : undefined;
    if (hole) return this.#again(hole.from, distance(hole.to, hole.from));
    return this.#fresh(this.window - this.flight);
  }

  /** Estimated bytes in flight; without SACK each duplicate means that one segment has arrived (RFC 6582). @spec RFC 6675 4, SetPipe */
  #pipe(): number {
    if (!this.withSack) return Math.max(0, this.flight - this.duplicates * this.mss);
    let pipe = this.flight - this.scoreboard.bytes;
    for (const hole of this.scoreboard.holes(this.una)) {
      const unmended = before(later(hole.from, this.#mended), hole.to) ? distance(hole.to, later(hole.from, this.#mended)) : 0;
      if (unmended > 0 && Scoreboard.isLost(hole, this.mss)) pipe -= unmended;
    }
    return pipe;
  }

  /** The first lost bytes that have not been resent yet. */
  #nextHole(): Range | undefined {
    for (const hole of this.scoreboard.holes(this.una)) {
      const from = later(hole.from, this.#mended);
      if (before(from, hole.to) && Scoreboard.isLost(hole, this.mss)) return { from, to: hole.to };
    }
    return undefined;
  }

  #again(seq: number, most: number): Piece {
    const data = Math.max(0, distance(this.end, seq)), length = Math.min(this.mss, most, data);
    return { seq, length, fin: this.finished && length === data };
  }

  /** The first unacknowledged segment again. */
  first(): Piece { return this.#again(this.una, Math.max(1, distance(this.max, this.una))); }

  /** Records that a piece was sent at `now`. */
  sent({ seq, length, fin }: Piece, now: number): void {
    const behind = plus(seq, length + (fin ? 1 : 0));
    if (before(seq, this.max)) {
      this.retransmitted++;
      this.#mended = later(this.#mended, behind);
      if (this.#timed && before(seq, this.#timed.behind)) this.#timed = undefined;
    } else this.#timed ??= { behind, at: now };
    this.next = later(this.next, behind);
    this.max = later(this.max, behind);
  }

  // ── acknowledgements ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** New bytes are acknowledged, up to `ack`. */
  acknowledge(ack: number, now: number): void {
    const bytes = distance(ack, this.una);
    if (this.#timed && upTo(this.#timed.behind, ack)) {
      this.trip.sample(now - this.#timed.at);
      this.#timed = undefined;
    } else this.trip.backoff = 0;
    const data = Math.max(0, Math.min(distance(ack, this.#start), this.queue.length));
    this.queue.drop(data);
    this.total += data;
    this.#start = plus(this.#start, data);
    this.una = ack;
    this.next = later(this.next, ack);
    this.scoreboard.acknowledge(ack);
    if (this.recoverUntil === undefined) {
      this.duplicates = 0;
      this.congestion.acknowledged(bytes, now, this.trip.smoothed);
    } else this.#partly(ack, bytes);
  }

  /** An acknowledgement during recovery. */
  #partly(ack: number, bytes: number): void {
    if (upTo(this.recoverUntil!, ack)) {
      this.recoverUntil = undefined;
      this.duplicates = 0;
      return;
    }
    this.duplicates = Math.max(0, this.duplicates - Math.ceil(bytes / this.mss));
    this.#mended = later(this.#mended, ack);
  }

  /** Counts a duplicate. Returns whether recovery begins with it, in which case the first segment is resent. */
  duplicate(now: number): boolean {
    this.duplicates++;
    const hole = this.scoreboard.holes(this.una).next().value;
    const isLoss = this.duplicates >= DUPLICATES || (this.withSack && hole !== undefined && Scoreboard.isLost(hole, this.mss));
    if (this.recoverUntil !== undefined || !isLoss) return false;
    this.recoverUntil = this.max;
    this.#mended = this.una;
    this.congestion.lost(this.flight, now);
    return true;
  }

  /** Nothing was acknowledged for a whole timeout: everything in flight counts as lost. @spec RFC 6298 5.4 to 5.7 */
  timedOut(now: number): void {
    if (this.trip.backoff === 0) this.congestion.timedOut(this.flight, now);
    this.trip.backoff++;
    this.recoverUntil = undefined;
    this.duplicates = 0;
    this.scoreboard.clear();
    this.#timed = undefined;
    this.next = earlier(this.next, this.una);
  }

  /** Takes the window of a header that is not older than the last one used. */
  updateWindow(seq: number, ack: number, window: number): boolean {
    const isNewer = before(this.wl1, seq) || (this.wl1 === seq && upTo(this.wl2, ack));
    const changed = isNewer && this.window !== window;
    if (!isNewer) return false;
    this.window = window;
    this.widest = Math.max(this.widest, window);
    this.wl1 = seq;
    this.wl2 = ack;
    return changed;
  }
}
