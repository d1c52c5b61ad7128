/**
 * virtio 9P: carries messages of 9P to a server outside and its answers back, and understands neither.
 *
 *   request: a message, in device-readable buffers │ room for its answer, device-writable
 *
 * State: requests whose answers are awaited; a reset forgets them.
 * Features: mount tag. Missing: nothing known.
 * Documentation: virtio 1.2 names the device (5, number 9); Linux's net/9p/trans_virtio.c and QEMU's hw/9pfs are how it is used.
 */
import type { FilesBackend } from '../device.ts';
import { VirtioId, type VirtioModel, type VirtioPort } from './model.ts';
import { gather, scatter, totalLength, type Chain } from './pieces.ts';

const FEATURE_MOUNT_TAG = 0;
const QUEUE_SIZE = 128;
/** A longer message than any server takes: it is answered with nothing. */
const MOST_BYTES = 1 << 20;

export class VirtioFiles implements VirtioModel {
  readonly name = 'files';
  readonly id = VirtioId.FILES;
  readonly features = [FEATURE_MOUNT_TAG];
  readonly queueSizes = [QUEUE_SIZE];
  readonly #backend: FilesBackend;
  #port!: VirtioPort;
  /** Answers to requests from before a reset are nobody's. */
  #life = 0;

  constructor(backend: FilesBackend) {
    this.#backend = backend;
  }

  attach(port: VirtioPort): void {
    this.#port = port;
  }

  /** tag_len u16, tag. */
  config(): Uint8Array {
    const { tag } = this.#backend;
    return Uint8Array.from([tag.length & 0xff, tag.length >> 8, ...tag]);
  }

  notify(index: number): void {
    const queue = this.#port.queue(index);
    for (let chain = queue.pop(); chain !== undefined; chain = queue.pop()) this.#ask(index, chain);
  }

  reset(): void {
    this.#life++;
  }

  #ask(index: number, chain: Chain): void {
    if (totalLength(chain.readable) > MOST_BYTES) return this.#answer(index, chain, new Uint8Array(0));
    const life = this.#life;
    this.#backend.request(gather(this.#port.memory, chain.readable), (reply) => {
      if (life === this.#life) this.#port.guarded(() => this.#answer(index, chain, reply));
    });
  }

  #answer(index: number, chain: Chain, reply: Uint8Array): void {
    const whole = reply.length <= totalLength(chain.writable);
    this.#port.queue(index).push(chain, whole ? scatter(this.#port.memory, chain.writable, reply) : 0);
    this.#port.usedBuffers(index);
  }
}
