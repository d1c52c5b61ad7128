/**
 * A virtqueue as transports and models see it: what the driver has set, and behind it a split or a packed ring.
 *
 *   for (let chain = queue.pop(); chain; chain = queue.pop()) { …; queue.push(chain, bytesWritten); }
 *
 * Everything the driver wrote is checked; a ring that makes no sense raises `QueueBroken`, and the transport answers
 * with DEVICE_NEEDS_RESET.
 */
import type { PhysicalMemory } from '../../api.ts';
import { PackedRing } from './packed.ts';
import type { Chain } from './pieces.ts';
import { SplitRing } from './split.ts';

/** Where a ring is and how it is to be used: fixed from the moment that the queue is enabled. */
export interface RingSetup {
  readonly size: number;
  /** Physical addresses of the three parts. */
  readonly descriptors: number;
  readonly driver: number;
  readonly device: number;
  readonly eventIndex: boolean;
  readonly indirect: boolean;
}

export interface Ring {
  /** True when the driver has made something available. */
  readonly waiting: boolean;
  /** The next request, or `undefined` when there is none. @throws QueueBroken */
  pop(): Chain | undefined;
  /** Takes back the last `pop`, for a device that cannot serve the request yet. Several go back last first. */
  unpop(chain: Chain): void;
  /** Returns a request with the number of bytes written into it; in the order of the pops. */
  push(chain: Chain, written: number): void;
  /** After pushes: does the driver want an interrupt? */
  wantsInterrupt(): boolean;
}

export class Virtqueue {
  readonly maxSize: number;
  readonly #memory: PhysicalMemory;
  size: number;
  descriptors = 0;
  driver = 0;
  device = 0;
  /** Set by negotiation before the queue is enabled. */
  eventIndex = false;
  indirect = false;
  packed = false;
  /** The driver has reset this queue and not yet enabled it again. */
  wasReset = false;
  #ring: Ring | undefined;

  constructor(memory: PhysicalMemory, maxSize: number) {
    this.#memory = memory;
    this.maxSize = maxSize;
    this.size = maxSize;
  }

  get ready(): boolean {
    return this.#ring !== undefined;
  }

  reset(): void {
    this.size = this.maxSize;
    this.descriptors = this.driver = this.device = 0;
    this.#ring = undefined;
    this.wasReset = false;
  }

  /** The driver has set everything. @throws QueueBroken when a part is not in memory. */
  enable(): void {
    const { size, descriptors, driver, device, eventIndex, indirect } = this;
    this.wasReset = false;
    this.#ring ??= new (this.packed ? PackedRing : SplitRing)(this.#memory, { size, descriptors, driver, device, eventIndex, indirect });
  }

  disable(): void {
    this.#ring = undefined;
  }

  get waiting(): boolean { return this.#ring?.waiting ?? false; }
  pop(): Chain | undefined { return this.#ring?.pop(); }
  unpop(chain: Chain): void { this.#ring?.unpop(chain); }
  push(chain: Chain, written: number): void { this.#ring?.push(chain, written); }
  wantsInterrupt(): boolean { return this.#ring?.wantsInterrupt() ?? false; }
}
