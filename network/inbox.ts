/**
 * Datagrams that wait for a socket's reader, bounded in bytes per socket and by the budget of the whole stack. Datagrams beyond the bound
 * are dropped, as the protocols allow.
 */
import type { Budget } from './budget.ts';

/** Host memory of an item besides its bytes: objects, addresses, buffers. */
const OVERHEAD_BYTES = 768;

export abstract class Inbox<T> {
  /** Bytes that may wait, each item with an overhead. */
  limit = 212_992;
  dropped = 0;
  onChange: () => void = () => {};
  readonly queue: T[] = [];
  #held = 0;
  readonly #budget: Budget;
  constructor(budget: Budget) { this.#budget = budget; }

  /** Bytes of an item without the overhead. */
  protected abstract bytesOf(item: T): number;

  /** Whether the socket's own limit allows an item of this many bytes: asked before the item is created. */
  hasRoom(bytes: number): boolean {
    if (this.queue.length === 0 || this.#held + bytes + OVERHEAD_BYTES <= this.limit) return true;
    this.dropped++;
    return false;
  }
  deliver(item: T): void {
    const size = this.bytesOf(item) + OVERHEAD_BYTES;
    if ((this.#held + size > this.limit && this.queue.length > 0) || !this.#budget.take(size)) { this.dropped++; return; }
    this.#held += size;
    this.queue.push(item);
    this.onChange();
  }
  take(): T | undefined {
    const item = this.queue.shift();
    if (item) this.#release(this.bytesOf(item) + OVERHEAD_BYTES);
    return item;
  }
  #release(size: number): void {
    this.#held -= size;
    this.#budget.give(size);
  }
  /** Drops unread datagrams. */
  clear(): void { while (this.take()); }
}
