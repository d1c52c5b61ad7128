/** Deadlines: a binary heap ordered by cycle, then by the order of setting. It serves the machine's events and the kernel's time-outs. */
export interface Due {
  deadline: number;
  order: number;
  /** Position in the heap, -1 = not set. */
  heapIndex: number
}

const before = (a: Due, b: Due): boolean => a.deadline < b.deadline || (a.deadline === b.deadline && a.order < b.order);

export class Deadlines<T extends Due> {
  readonly #heap: T[] = [];
  #order = 0;

  get first(): T | undefined { return this.#heap[0]; }
  /** Cycle of the first, Infinity when there is none. */
  get next(): number { return this.#heap.length > 0 ? this.#heap[0].deadline : Infinity; }

  /** Sets (or moves) the deadline of `item`; Infinity = none. */
  set(item: T, deadline: number): void {
    if (item.heapIndex >= 0) this.cancel(item);
    if (deadline === Infinity) return;
    item.deadline = deadline;
    item.order = this.#order++;
    this.#heap.push(item);
    this.#up(item, this.#heap.length - 1);
  }

  cancel(item: T): void {
    const i = item.heapIndex;
    if (i < 0) return;
    item.heapIndex = -1;
    item.deadline = Infinity;
    const last = this.#heap.pop()!;
    if (last === item) return;
    this.#up(last, i);
    this.#down(last, last.heapIndex);
  }

  /** Removes and returns the first one that is due at `now`. */
  due(now: number): T | undefined {
    const first = this.#heap[0];
    if (!first || first.deadline > now) return undefined;
    this.cancel(first);
    return first;
  }

  #up(item: T, from: number): void {
    let i = from;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!before(item, this.#heap[parent])) break;
      this.#put(this.#heap[parent], i);
      i = parent;
    }
    this.#put(item, i);
  }

  #down(item: T, from: number): void {
    let i = from;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= this.#heap.length) break;
      if (child + 1 < this.#heap.length && before(this.#heap[child + 1], this.#heap[child])) child++;
      if (!before(this.#heap[child], item)) break;
      this.#put(this.#heap[child], i);
      i = child;
    }
    this.#put(item, i);
  }

  #put(item: T, i: number): void {
    this.#heap[i] = item;
    item.heapIndex = i;
  }
}
