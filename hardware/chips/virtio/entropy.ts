/**
 * virtio entropy: every buffer comes back full of the machine's seeded randomness, up to 64 KiB at a time.
 *
 * State: the generator. Features: all of the device. Missing: nothing known.
 * Documentation: virtio 1.2, 5.4. Requirements met, clause by clause: README.md.
 */
import type { SeededRandom } from '../random.ts';
import { VirtioId } from './layout.ts';
import type { VirtioModel, VirtioPort } from './model.ts';
import { scatter, totalLength } from './pieces.ts';

const QUEUE_SIZE = 8;
/** A buffer may name all of memory many times over; the device fills as much as it likes. */
const MOST_BYTES = 0x1_0000;

export class VirtioEntropy implements VirtioModel {
  readonly name = 'entropy';
  readonly id = VirtioId.ENTROPY;
  readonly features = [];
  readonly queueSizes = [QUEUE_SIZE];
  readonly #random: SeededRandom;
  #port!: VirtioPort;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  attach(port: VirtioPort): void {
    this.#port = port;
  }

  config(): Uint8Array {
    return new Uint8Array(0);
  }

  save(): readonly number[] { return this.#random.save(); }
  load(state: readonly number[]): void { this.#random.load(state); }

  notify(index: number): void {
    const queue = this.#port.queue(index);
    for (let chain = queue.pop(); chain !== undefined; chain = queue.pop()) {
      const length = Math.min(totalLength(chain.writable), MOST_BYTES);
      queue.push(chain, scatter(this.#port.memory, chain.writable, this.#random.bytes(length)));
    }
    this.#port.usedBuffers(index);
  }
}
