/**
 * A virtqueue as transports and models see it: the driver's settings, and behind them a split or a packed ring.
 *
 *   for (let chain = queue.pop(); chain; chain = queue.pop()) { …; queue.push(chain, bytesWritten); }
 *
 * Checks everything the driver wrote; a malformed ring raises `QueueBroken`, and the transport answers with DEVICE_NEEDS_RESET.
 */
import type { GuestMemory } from '../ports.ts';
import { PackedRing } from './packed.ts';
import type { Chain } from './pieces.ts';
import type { Ring, RingCounts, RingSetup } from './ring.ts';
import { SplitRing } from './split.ts';

/** The driver's settings of a queue and, once it is enabled, its ring. */
export type QueueState = {
  readonly size: number;
  readonly descriptors: number;
  readonly driver: number;
  readonly device: number;
  readonly wasReset: boolean;
  readonly ring: { readonly setup: RingSetup; readonly counts: RingCounts } | null;
};

export class Virtqueue {
  readonly maxSize: number;
  readonly #memory: GuestMemory;
  size: number;
  descriptors = 0;
  driver = 0;
  device = 0;
  /** Set by negotiation before the queue is enabled. */
  eventIndex = false;
  indirect = false;
  packed = false;
  /** The driver has reset this queue and has not enabled it since. */
  wasReset = false;
  #ring: Ring | undefined;
  #setup: RingSetup | undefined;

  constructor(memory: GuestMemory, maxSize: number) {
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

  /** The driver has configured the whole queue. @throws QueueBroken when a part is not in memory. */
  enable(): void {
    const { packed, size, descriptors, driver, device, eventIndex, indirect } = this;
    this.wasReset = false;
    if (!this.#ring) this.#make({ packed, size, descriptors, driver, device, eventIndex, indirect });
  }

  disable(): void {
    this.#ring = undefined;
  }

  #make(setup: RingSetup, counts?: RingCounts): void {
    this.#ring = new (setup.packed ? PackedRing : SplitRing)(this.#memory, setup, counts);
    this.#setup = setup;
  }

  save(): QueueState {
    const { size, descriptors, driver, device, wasReset } = this;
    return {
      size, descriptors, driver, device, wasReset,
      ring: this.#ring && this.#setup ? { setup: this.#setup, counts: this.#ring.counts } : null
    };
  }

  /** @throws QueueBroken when a part is not in memory. */
  load(state: QueueState): void {
    ({ size: this.size, descriptors: this.descriptors, driver: this.driver, device: this.device, wasReset: this.wasReset } = state);
    this.#ring = undefined;
    if (state.ring !== null) this.#make(state.ring.setup, state.ring.counts);
  }

  get waiting(): boolean { return this.#ring?.waiting ?? false; }
  pop(): Chain | undefined { return this.#ring?.pop(); }
  unpop(chain: Chain): void { this.#ring?.unpop(chain); }
  push(chain: Chain, written: number): void { this.#ring?.push(chain, written); }
  wantsInterrupt(): boolean { return this.#ring?.wantsInterrupt() ?? false; }
}
