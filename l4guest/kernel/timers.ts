/** Functions to call at a time: a binary heap by deadline (ns of virtual time), ties in order of arrival. */
export interface Timer { readonly at: number; readonly order: number; fire: (() => void) | undefined }

export class Timers {
  private readonly heap: Timer[] = [];
  private order = 0;
  /** Cancelled timers that are still in the heap. */
  private empty = 0;

  /** Deadline of the earliest timer, Infinity when there is none. */
  get next(): number {
    while (this.heap.length && this.heap[0]!.fire === undefined) { this.pop(); this.empty--; }
    return this.heap[0]?.at ?? Infinity;
  }
  add(at: number, fire: () => void): Timer {
    const timer: Timer = { at, order: this.order++, fire };
    this.heap.push(timer);
    this.up(this.heap.length - 1);
    return timer;
  }
  /** Cancels a timer. Its entry leaves the heap when it reaches the top, or when more than half of all entries are cancelled. */
  cancel(timer: Timer | undefined): void {
    if (timer?.fire === undefined) return;
    timer.fire = undefined;
    if (++this.empty > 64 && this.empty * 2 > this.heap.length) this.compact();
  }
  get size(): number { return this.heap.length; }
  private compact(): void {
    const rest = this.heap.filter((x) => x.fire !== undefined).sort((a, b) => (this.before(a, b) ? -1 : 1)); // a sorted list is a heap
    this.heap.length = 0;
    for (const x of rest) this.heap.push(x);
    this.empty = 0;
  }
  /** Runs everything that is due. */
  run(now: number): void {
    while (this.next <= now) {
      const timer = this.pop(), fire = timer.fire;
      timer.fire = undefined; // cancelling it now has no effect
      fire?.();
    }
  }
  private before(a: Timer, b: Timer): boolean { return a.at < b.at || (a.at === b.at && a.order < b.order); }
  private pop(): Timer {
    const top = this.heap[0]!, last = this.heap.pop()!;
    if (this.heap.length) { this.heap[0] = last; this.down(0); }
    return top;
  }
  private up(i: number): void {
    const heap = this.heap, x = heap[i]!;
    while (i > 0 && this.before(x, heap[(i - 1) >> 1]!)) { heap[i] = heap[(i - 1) >> 1]!; i = (i - 1) >> 1; }
    heap[i] = x;
  }
  private down(i: number): void {
    const heap = this.heap, x = heap[i]!;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && this.before(heap[child + 1]!, heap[child]!)) child++;
      if (!this.before(heap[child]!, x)) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = x;
  }
}
