/** A queue of bytes in a ring buffer. The buffer doubles when it is full; a large one is freed when the queue runs empty. */
import { UNBOUNDED, type Budget } from './budget.ts';

const FIRST_BYTES = 2048;
/** A ring of this size is kept when it runs empty. */
const KEPT_BYTES = 65_536;

export class ByteQueue {
  readonly #budget: Budget;
  #ring = new Uint8Array(0);
  #start = 0;
  #length = 0;

  constructor(budget: Budget = UNBOUNDED) { this.#budget = budget; }

  get length(): number { return this.#length; }
  /** Bytes of memory that the queue occupies. */
  get held(): number { return this.#ring.length; }

  /** Appends `bytes[from … to)`; false when the budget does not allow it. */
  push(bytes: Uint8Array, from = 0, to = bytes.length): boolean {
    const count = to - from;
    if (!this.#budget.take(count)) return false;
    if (this.#length + count > this.#ring.length) this.#grow(this.#length + count);
    const at = (this.#start + this.#length) & (this.#ring.length - 1);
    const first = Math.min(count, this.#ring.length - at);
    this.#ring.set(bytes.subarray(from, from + first), at);
    if (first < count) this.#ring.set(bytes.subarray(from + first, to), 0);
    this.#length += count;
    return true;
  }

  /** Copies up to `count` bytes from `offset` on to `into[at …)`; returns how many. The queue does not change. */
  copy(offset: number, into: Uint8Array, at: number, count: number): number {
    const n = Math.max(0, Math.min(count, this.#length - offset));
    if (n === 0) return 0;
    const from = (this.#start + offset) & (this.#ring.length - 1);
    const first = Math.min(n, this.#ring.length - from);
    into.set(this.#ring.subarray(from, from + first), at);
    if (first < n) into.set(this.#ring.subarray(0, n - first), at + first);
    return n;
  }

  /** Removes up to `count` bytes from the front. */
  drop(count: number): void {
    const n = Math.min(count, this.#length);
    this.#budget.give(n);
    this.#length -= n;
    if (this.#length === 0) this.#empty();
    else this.#start = (this.#start + n) & (this.#ring.length - 1);
  }

  clear(): void {
    this.#budget.give(this.#length);
    this.#empty();
  }

  #empty(): void {
    this.#start = this.#length = 0;
    if (this.#ring.length > KEPT_BYTES) this.#ring = new Uint8Array(0);
  }

  #grow(least: number): void {
    let size = Math.max(FIRST_BYTES, this.#ring.length);
    while (size < least) size *= 2;
    const ring = new Uint8Array(size);
    this.copy(0, ring, 0, this.#length);
    this.#ring = ring;
    this.#start = 0;
  }
}
