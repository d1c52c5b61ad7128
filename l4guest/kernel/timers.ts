/** Things to do at a time: a binary heap by deadline (ns of virtual time), ties in order of arrival. */
export interface Timer { readonly at: number; readonly order: number; fire: (() => void) | undefined }

export class Timers {
  private readonly heap: Timer[] = [];
  private order = 0;
  /** Places of timers that were taken back. */
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
  /** Takes a timer back. Its place in the heap goes when it comes to the top, or when more than half of all places are empty. */
  cancel(timer: Timer | undefined): void {
    if (timer?.fire === undefined) return;
    timer.fire = undefined;
    if (++this.empty > 64 && this.empty * 2 > this.heap.length) this.compact();
  }
  get size(): number { return this.heap.length; }
  private compact(): void {
    const rest = this.heap.filter((x) => x.fire !== undefined).sort((a, b) => (this.before(a, b) ? -1 : 1)); // sorted is a heap
    this.heap.length = 0;
    for (const x of rest) this.heap.push(x);
    this.empty = 0;
  }
  /** Runs all that is due. */
  run(now: number): void {
    while (this.next <= now) {
      const timer = this.pop(), fire = timer.fire;
      timer.fire = undefined; // to cancel it now is nothing
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
    const h = this.heap, x = h[i]!;
    while (i > 0 && this.before(x, h[(i - 1) >> 1]!)) { h[i] = h[(i - 1) >> 1]!; i = (i - 1) >> 1; }
    h[i] = x;
  }
  private down(i: number): void {
    const h = this.heap, x = h[i]!;
    for (;;) {
      let c = 2 * i + 1;
      if (c >= h.length) break;
      if (c + 1 < h.length && this.before(h[c + 1]!, h[c]!)) c++;
      if (!this.before(h[c]!, x)) break;
      h[i] = h[c]!;
      i = c;
    }
    h[i] = x;
  }
}
