/**
 * virtio entropy: buffers come back full of randomness.
 *
 * State: the generator. Features: all. Missing: nothing. Documentation: virtio 1.2, 5.4.
 */
import type { Random } from '../../random.ts';
import { DeviceId, type Model, type Port } from './model.ts';
import { scatter, totalOf } from './spans.ts';

/** A buffer may name any length; a request gets at most this much. */
const MOST = 0x1_0000;

export class VirtioEntropy implements Model {
  readonly name = 'entropy';
  readonly id = DeviceId.entropy;
  readonly features = [];
  readonly queueSizes = [8];
  readonly #random: Random;
  #port!: Port;
  constructor(random: Random) { this.#random = random; }

  attach(port: Port): void { this.#port = port; }
  config(): Uint8Array { return new Uint8Array(0); }
  notify(): void {
    const queue = this.#port.queues[0];
    for (let r = queue.next(); r; r = queue.next()) queue.done(r, scatter(this.#port.ram, r.in, this.#random.bytes(Math.min(MOST, totalOf(r.in)))));
    this.#port.announce(0);
  }
}
