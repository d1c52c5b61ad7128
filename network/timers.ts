/**
 * Timers in virtual time: a heap of deadlines. The owner of the stack asks for the earliest one, waits until then, and calls `run`.
 * Times are microseconds.
 */

/** One timer: set and stopped any number of times; `ring` is called at most once for each time that it was set. */
export class Timer {
  readonly ring: () => void;
  /** When it rings; Infinity while it is stopped. */
  at = Infinity;
  /** Index in the heap; -1 while it is stopped. */
  place = -1;
  /** Order of setting: of two timers for the same time the one set first rings first. */
  order = 0;
  constructor(ring: () => void) { this.ring = ring; }
}

const isEarlier = (a: Timer, b: Timer): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);

export class Timers {
  readonly #heap: Timer[] = [];
  #set = 0;

  /** The earliest deadline; Infinity when no timer is set. */
  get next(): number { return this.#heap[0]?.at ?? Infinity; }

  set(timer: Timer, at: number): void {
    timer.at = at;
    timer.order = this.#set++;
    if (timer.place < 0) timer.place = this.#heap.push(timer) - 1;
    this.#down(this.#up(timer.place));
  }

  stop(timer: Timer): void {
    const { place } = timer;
    timer.at = Infinity;
    if (place < 0) return;
    timer.place = -1;
    const last = this.#heap.pop()!;
    if (last === timer) return;
    this.#put(last, place);
    this.#down(this.#up(place));
  }

  /** Rings all timers due at `now`, in the order of their deadlines; a timer set again for `now` rings in the next call. */
  run(now: number): void {
    const last = this.#set;
    for (let timer = this.#heap[0]; timer && timer.at <= now && timer.order < last; timer = this.#heap[0]) {
      this.stop(timer);
      timer.ring();
    }
  }

  #put(timer: Timer, place: number): void {
    this.#heap[place] = timer;
    timer.place = place;
  }

  #up(place: number): number {
    const timer = this.#heap[place]!;
    for (let above = (place - 1) >> 1; place > 0 && isEarlier(timer, this.#heap[above]!); above = (place - 1) >> 1) {
      this.#put(this.#heap[above]!, place);
      place = above;
    }
    this.#put(timer, place);
    return place;
  }

  #down(place: number): void {
    const timer = this.#heap[place]!;
    for (;;) {
      let below = 2 * place + 1;
      if (below + 1 < this.#heap.length && isEarlier(this.#heap[below + 1]!, this.#heap[below]!)) below++;
      if (below >= this.#heap.length || !isEarlier(this.#heap[below]!, timer)) break;
      this.#put(this.#heap[below]!, place);
      place = below;
    }
    this.#put(timer, place);
  }
}
