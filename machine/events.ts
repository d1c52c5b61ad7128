/**
 * Future events in virtual time. `at` creates a one-shot event; a `Timer` is created once and set again and again (interrupt timers),
 * without allocation.
 */
import type { EventQueue, TimerHandle } from './api.ts';
import { Deadlines, type Due } from './deadlines.ts';

export class Timer implements TimerHandle, Due {
  deadline = Infinity;
  order = 0;
  heapIndex = -1;
  readonly action: () => void;
  readonly #queue: Events;

  constructor(queue: Events, action: () => void) {
    this.#queue = queue;
    this.action = action;
  }

  /** Fires at this cycle (Infinity = never); replaces the earlier setting. */
  set(cycle: number): void { this.#queue.set(this, cycle); }

  cancel(): void { this.#queue.cancel(this); }
}

/** The owner of the clock: it is called when a new event is earlier than all others. */
export interface Clock {
  readonly now: number;
  scheduled(cycle: number): void;
}

export class Events extends Deadlines<Timer> implements EventQueue {
  readonly #clock: Clock;

  constructor(clock: Clock) {
    super();
    this.#clock = clock;
  }

  get now(): number { return this.#clock.now; }

  at(cycle: number, action: () => void): TimerHandle {
    const timer = new Timer(this, action);
    timer.set(cycle);
    return timer;
  }

  timer(action: () => void): Timer { return new Timer(this, action); }

  override set(timer: Timer, cycle: number): void {
    super.set(timer, cycle);
    if (timer.heapIndex === 0) this.#clock.scheduled(cycle);
  }

  /** Runs, in order, all events due at `cycle`, including those that these events schedule for the same cycle. */
  runDue(cycle: number): void { for (let timer = this.due(cycle); timer; timer = this.due(cycle)) timer.action(); }
}
