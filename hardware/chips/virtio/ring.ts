/** A ring, split or packed, as a queue sees it: its addresses, its positions, its operations. */
import type { Chain } from './pieces.ts';

/** Where a ring is and how it is used: fixed once the queue is enabled. */
export type RingSetup = {
  readonly packed: boolean;
  readonly size: number;
  /** Physical addresses of the three parts. */
  readonly descriptors: number;
  readonly driver: number;
  readonly device: number;
  readonly eventIndex: boolean;
  readonly indirect: boolean;
};

/** Position of a ring: requests (split) or descriptors (packed) taken, returned, and returned at the last interrupt. */
export type RingCounts = { readonly taken: number; readonly returned: number; readonly signalled: number };

export interface Ring {
  readonly counts: RingCounts;
  /** True when the driver has made something available. */
  readonly waiting: boolean;
  /** The next request, or `undefined` when there is none. @throws QueueBroken */
  pop(): Chain | undefined;
  /** Undoes the last `pop`, for a device that cannot serve the request yet. Several are undone last first. */
  unpop(chain: Chain): void;
  /** Returns a request with the number of bytes written into it; in any order. */
  push(chain: Chain, written: number): void;
  /** After pushes: does the driver want an interrupt? */
  wantsInterrupt(): boolean;
}
