/** Things to do at a time: a binary heap by deadline (ns of virtual time), ties in order of arrival. */
export interface Timer { readonly at: number; readonly order: number; fire: (() => void) | undefined }

export class Timers {
  private readonly heap: Timer[] = [];
  private order = 0;

  /** Deadline of the earliest timer, Infinity when there is none. */
  get next(): number {
    while (this.heap.length && this.heap[0]!.fire === undefined) this.pop();
    return this.heap[0]?.at ?? Infinity;
  }
  add(at: number, fire: () => void): Timer {
    const timer: Timer = { at, order: this.order++, fire };
    this.heap.push(timer);
    this.up(this.heap.length - 1);
    return timer;
  }
  cancel(timer: Timer | undefined): void { if (timer) timer.fire = undefined; }
  /** Runs all that is due. */
  run(now: number): void {
    while (this.next <= now) this.pop().fire?.();
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
