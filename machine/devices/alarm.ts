/** One alarm over the machine's events, for chips that know time: a cycle is a nanosecond. */
import type { Alarm } from '../../hardware/chips/ports.ts';
import type { EventQueue, TimerHandle } from '../api.ts';

export class EventAlarm implements Alarm {
  readonly #events: EventQueue;
  #timer: TimerHandle | undefined;

  constructor(events: EventQueue) {
    this.#events = events;
  }

  now(): number { return this.#events.now; }

  at(time: number, action: () => void): void {
    this.#timer?.cancel();
    this.#timer = time === Infinity ? undefined : this.#events.at(time, action);
  }
}
