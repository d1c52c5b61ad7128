/**
 * A switch: every port gets the frames for it, and frames for unknown addresses. Ports may belong to several cards of a machine; a loop is
 * a switch that also sends a frame back to its source.
 */
import type { EventQueue } from '../api.ts';
import type { NetPort, NetWiring } from '../devices/net-port.ts';
import { Wire } from './wire.ts';

/** Most learnt addresses; beyond this the oldest is dropped. */
const TABLE_MOST = 1024;

export class Hub {
  readonly #ports: Wire[] = [];
  readonly #known = new Map<string, number>();

  /** One more port. */
  readonly port: NetWiring = (events: EventQueue): NetPort => {
    const index = this.#ports.length;
    const wire = new Wire(events, (frame) => this.#arrived(index, frame));
    this.#ports.push(wire);
    return wire;
  };

  #arrived(from: number, frame: Uint8Array): void {
    const source = addressAt(frame, 6);
    if ((frame[6] & 1) === 0) {
      this.#known.delete(source);
      this.#known.set(source, from);
      if (this.#known.size > TABLE_MOST) this.#known.delete(this.#known.keys().next().value!);
    }
    const to = (frame[0] & 1) !== 0 ? undefined : this.#known.get(addressAt(frame, 0));
    this.#ports.forEach((wire, index) => {
      if (index !== from && (to === undefined || to === index)) wire.deliver(frame.slice());
    });
  }
}

/** A plug that sends everything back. */
export const loopback: NetWiring = (events) => {
  const wire: Wire = new Wire(events, (frame) => wire.deliver(frame));
  return wire;
};

function addressAt(frame: Uint8Array, at: number): string {
  return String.fromCharCode(...frame.subarray(at, at + 6));
}
