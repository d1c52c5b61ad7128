/** A cable: frames put in at one end come out at the other a little later, in order, through the machine's events. */
import type { EventQueue } from '../api.ts';
import { type NetPort, WIRE_CYCLES } from '../devices/net-port.ts';

/** Most frames in transit, both directions together: three megabytes of the longest. */
const MOST_UNDER_WAY = 2048;

export class Wire implements NetPort {
  readonly #events: EventQueue;
  readonly #far: (frame: Uint8Array) => void;
  #near: (frame: Uint8Array) => void = () => {};
  #underWay = 0;

  /** `far`: receives the card's frames, each a separate copy. */
  constructor(events: EventQueue, far: (frame: Uint8Array) => void) {
    this.#events = events;
    this.#far = far;
  }

  send(frame: Uint8Array): void {
    const copy = frame.slice();
    this.#travel(() => this.#far(copy));
  }

  onFrame(receive: (frame: Uint8Array) => void): void {
    this.#near = receive;
  }

  /** A frame from the far end, which is delayed too. */
  deliver(frame: Uint8Array): void {
    this.#travel(() => this.#near(frame));
  }

  /** A full cable loses further frames. */
  #travel(arrive: () => void): void {
    if (this.#underWay >= MOST_UNDER_WAY) return;
    this.#underWay++;
    this.#events.at(this.#events.now + WIRE_CYCLES, () => {
      this.#underWay--;
      arrive();
    });
  }
}
