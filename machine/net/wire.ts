/** A cable: frames put in at one end come out at the other a little later, in order, through the machine's events. */
import type { EventQueue } from '../api.ts';
import { type NetPort, WIRE_CYCLES } from '../devices/net-port.ts';

export class Wire implements NetPort {
  readonly #events: EventQueue;
  readonly #far: (frame: Uint8Array) => void;
  #near: (frame: Uint8Array) => void = () => {};

  /** `far`: who takes what the card sends; the frame is a copy of its own. */
  constructor(events: EventQueue, far: (frame: Uint8Array) => void) {
    this.#events = events;
    this.#far = far;
  }

  send(frame: Uint8Array): void {
    const copy = frame.slice();
    this.#events.at(this.#events.now + WIRE_CYCLES, () => this.#far(copy));
  }

  onFrame(receive: (frame: Uint8Array) => void): void {
    this.#near = receive;
  }

  /** A frame from the far end, which has a way to go too. */
  deliver(frame: Uint8Array): void {
    this.#events.at(this.#events.now + WIRE_CYCLES, () => this.#near(frame));
  }
}
