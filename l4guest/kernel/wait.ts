/**
 * Sleeping. A system call that must wait is a generator (its frames are the thread's kernel stack); it yields whenever it sleeps, and
 * is resumed when something woke its thread. Who sleeps stands in wait queues; who wakes calls `wakeAll`.
 */
export type Co<T> = Generator<void, T, void>;

export interface Waiter { wake(): void }

export class WaitQueue {
  private readonly waiters = new Set<Waiter>();
  get empty(): boolean { return this.waiters.size === 0; }
  add(w: Waiter): void { this.waiters.add(w); }
  remove(w: Waiter): void { this.waiters.delete(w); }
  wakeAll(): void { if (this.waiters.size !== 0) for (const w of [...this.waiters]) w.wake(); }
}

/** First in, first out, without moving the rest: for run queues. */
export class Fifo<T> {
  private items: (T | undefined)[] = [];
  private head = 0;
  get length(): number { return this.items.length - this.head; }
  push(x: T): void { this.items.push(x); }
  pushFront(x: T): void { if (this.head > 0) this.items[--this.head] = x; else this.items.unshift(x); }
  shift(): T | undefined {
    if (this.head === this.items.length) return undefined;
    const x = this.items[this.head];
    this.items[this.head++] = undefined;
    if (this.head > 64 && this.head * 2 > this.items.length) { this.items = this.items.slice(this.head); this.head = 0; }
    return x;
  }
  remove(x: T): void {
    const i = this.items.indexOf(x, this.head);
    if (i >= 0) this.items.splice(i, 1);
  }
}
