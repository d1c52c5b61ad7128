/**
 * virtio 9P: carries messages of 9P to a server outside and its answers back, and understands neither.
 *
 *   request: a message, in device-readable buffers │ room for its answer, device-writable
 *
 * State: requests that wait for their answers; a reset drops them.
 * Features: mount tag. Missing: nothing known.
 * Documentation: virtio 1.2 names the device (5, number 9); Linux's net/9p/trans_virtio.c and QEMU's hw/9pfs show its use.
 */
import type { FilePort } from '../ports.ts';
import { InFlight, type Flying } from './in-flight.ts';
import { VirtioId } from './layout.ts';
import type { VirtioModel, VirtioPort } from './model.ts';
import { gather, scatter, totalLength } from './pieces.ts';

const FEATURE_MOUNT_TAG = 0;
const QUEUE = 0, QUEUE_SIZE = 128;
/** A message longer than this, which no server accepts, gets an empty answer. */
const MOST_BYTES = 0x2_0000;

export class VirtioFiles implements VirtioModel {
  readonly name = 'files';
  readonly id = VirtioId.FILES;
  readonly features = [FEATURE_MOUNT_TAG];
  readonly queueSizes = [QUEUE_SIZE];
  readonly #files: FilePort;
  #port!: VirtioPort;
  #flight!: InFlight;

  constructor(files: FilePort) {
    this.#files = files;
  }

  attach(port: VirtioPort): void {
    this.#port = port;
    this.#flight = new InFlight(port, QUEUE);
  }

  /** tag_len u16, tag. */
  config(): Uint8Array {
    const { tag } = this.#files;
    return Uint8Array.from([tag.length & 0xff, tag.length >> 8, ...tag]);
  }

  reset(): void { this.stopped(); }
  stopped(): void { this.#flight.forget(); }

  notify(): void {
    const queue = this.#port.queue(QUEUE);
    for (let chain = queue.pop(); chain !== undefined; chain = queue.pop()) this.#ask(this.#flight.take(chain));
  }

  /** `load` sends unanswered messages again. Wait for all answers before you save, or the server sees those messages twice. */
  save(): ReturnType<InFlight['save']> { return this.#flight.save(); }
  load(state: Parameters<InFlight['load']>[0]): void { for (const request of this.#flight.load(state)) this.#ask(request); }

  #ask(request: Flying): void {
    const { readable, writable } = request.chain, room = totalLength(writable), { memory } = this.#port;
    if (totalLength(readable) > MOST_BYTES) return this.#flight.done(request, () => 0);
    this.#files.request(gather(memory, readable), (reply) => {
      this.#flight.done(request, () => (reply.length <= room ? scatter(memory, writable, reply) : 0));
    });
  }
}
