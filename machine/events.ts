/**
 * What will happen, in virtual time: a binary heap ordered by cycle, then by insertion. `at` makes a one-shot event;
 * a `Timer` is made once and set again and again (interrupt timers), without allocation.
 */
import type { EventQueue, TimerHandle } from './api.ts';

export class Timer implements TimerHandle {
  cycle = Infinity;
  order = 0;
  /** Position in the heap, -1 = not set. */
  index = -1;
  readonly action: () => void;
  readonly #queue: Events;

  constructor(queue: Events, action: () => void) {
    this.#queue = queue;
    this.action = action;
  }

  /** Fires at this cycle (Infinity = never); replaces the earlier setting. */
  set(cycle: number): void {
    this.#queue.remove(this);
    if (cycle < Infinity) this.#queue.insert(this, cycle);
  }

  cancel(): void { this.#queue.remove(this); }
}

/** Who knows what time it is, and wants to hear about an event earlier than those it knew. */
export interface Clock {
  readonly now: number;
  scheduled(cycle: number): void;
}

export class Events implements EventQueue {
  readonly #heap: Timer[] = [];
  readonly #clock: Clock;
  #order = 0;

  constructor(clock: Clock) { this.#clock = clock; }

  get now(): number { return this.#clock.now; }

  /** Cycle of the earliest event, Infinity when there is none. */
  get next(): number { return this.#heap.length > 0 ? this.#heap[0].cycle : Infinity; }

  at(cycle: number, action: () => void): TimerHandle {
    const timer = new Timer(this, action);
    timer.set(cycle);
    return timer;
  }

  timer(action: () => void): Timer { return new Timer(this, action); }

  /** Runs, in order, all that is due at `cycle`, also what those events schedule for then. */
  runDue(cycle: number): void {
    while (this.#heap.length > 0 && this.#heap[0].cycle <= cycle) {
      const first = this.#heap[0];
      this.remove(first);
      first.action();
    }
  }

  insert(timer: Timer, cycle: number): void {
    timer.cycle = cycle;
    timer.order = this.#order++;
    this.#heap.push(timer);
    this.#up(timer, this.#heap.length - 1);
    if (timer.index === 0) this.#clock.scheduled(cycle);
  }

  remove(timer: Timer): void {
    const i = timer.index;
    if (i < 0) return;
    timer.index = -1;
    timer.cycle = Infinity;
    const last = this.#heap.pop()!;
    if (last === timer) return;
    this.#up(last, i);
    this.#down(last, last.index);
  }

  #up(timer: Timer, from: number): void {
    let i = from;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (!before(timer, this.#heap[parent])) break;
      this.#put(this.#heap[parent], i);
      i = parent;
    }
    this.#put(timer, i);
  }

  #down(timer: Timer, from: number): void {
    let i = from;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= this.#heap.length) break;
      if (child + 1 < this.#heap.length && before(this.#heap[child + 1], this.#heap[child])) child++;
      if (!before(this.#heap[child], timer)) break;
      this.#put(this.#heap[child], i);
      i = child;
    }
    this.#put(timer, i);
  }

  #put(timer: Timer, i: number): void {
    this.#heap[i] = timer;
    timer.index = i;
  }
}

function before(a: Timer, b: Timer): boolean {
  return a.cycle < b.cycle || (a.cycle === b.cycle && a.order < b.order);
}
