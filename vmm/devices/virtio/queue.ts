/**
 * A virtqueue as transport and models see it: what the driver has set, and behind it a split or a packed ring.
 *
 *   for (let request; (request = queue.next()); ) queue.done(request, serve(request));
 *   if (queue.shouldInterrupt()) …
 *
 * The driver may write anything into a ring at any time: every address and length is checked when it is read, and what makes no
 * sense throws `BadQueue`, which the transport turns into DEVICE_NEEDS_RESET.
 */
import type { GuestRam } from '../../ram.ts';
import { PackedRing } from './packed.ts';
import type { Request } from './spans.ts';
import { SplitRing } from './split.ts';

/** Where a ring is, and how it is used: fixed from the moment that the queue is enabled. */
export interface RingPlace {
  readonly size: number;
  /** Guest-physical addresses of the three parts. */
  readonly descriptors: number;
  readonly driver: number;
  readonly device: number;
  readonly eventIndex: boolean;
  readonly indirect: boolean;
}

export interface Ring {
  /** The driver's next request, or undefined. Throws BadQueue. */
  next(): Request | undefined;
  /** Puts the request that `next` gave last back to the front; several go back last first. */
  putBack(request: Request): void;
  /** Gives a request back; `written` = bytes that were put into its `in` spans. */
  done(request: Request, written: number): void;
  /** Whether the driver wants to be told of what was done since the last time it was asked. */
  shouldInterrupt(): boolean;
}

export class Queue {
  readonly maximum: number;
  readonly #ram: GuestRam;
  size: number;
  descriptors = 0;
  driver = 0;
  device = 0;
  /** What was negotiated. */
  eventIndex = false;
  indirect = false;
  packed = false;
  /** How often it was enabled: requests of another time are not given back. */
  generation = 0;
  #ring: Ring | undefined;

  constructor(ram: GuestRam, maximum: number) {
    this.#ram = ram;
    this.maximum = this.size = maximum;
  }

  get ready(): boolean { return this.#ring !== undefined; }

  reset(): void {
    this.size = this.maximum;
    this.eventIndex = this.indirect = this.packed = false;
    this.descriptors = this.driver = this.device = 0;
    this.#ring = undefined;
  }

  /** The driver has set the addresses. Throws BadQueue when a part is not in memory. */
  enable(): void {
    if (this.#ring) return;
    this.#ring = this.packed ? new PackedRing(this.#ram, this) : new SplitRing(this.#ram, this);
    this.generation++;
  }
  disable(): void { this.#ring = undefined; }

  next(): Request | undefined { return this.#ring?.next(); }
  putBack(request: Request): void { this.#ring?.putBack(request); }
  done(request: Request, written: number): void { this.#ring?.done(request, written); }
  shouldInterrupt(): boolean { return this.#ring?.shouldInterrupt() ?? false; }
}
