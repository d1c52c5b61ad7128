/** The two halves of a virtio device: the transport with registers and queues, and the model (block, console, …) behind it. */
import type { GuestRam } from '../../ram.ts';
import type { Waits } from '../device.ts';
import type { Queue } from './queue.ts';

/** @spec virtio 5 (v1.2) */
export const DeviceId = { net: 1, block: 2, console: 3, entropy: 4 } as const;

/** What a model finds in front of it. */
export interface Port {
  readonly ram: GuestRam;
  readonly queues: readonly Queue[];
  /** Driver and device have agreed on this feature bit. */
  negotiated(feature: number): boolean;
  /** Interrupts the driver if it waits for what queue `index` has returned. */
  announce(index: number): void;
  /** The configuration space reads differently now. */
  configChanged(): void;
  /** Work that no notification started (input has come): a broken queue stops the device and nothing else. */
  guarded(work: () => void): void;
}

export interface Model {
  readonly name: string;
  readonly id: number;
  /** Feature bits besides those of the transport. */
  readonly features: readonly number[];
  /** Places of each queue, a power of two. */
  readonly queueSizes: readonly number[];
  config(): Uint8Array;
  attach(port: Port): void;
  /** The driver has reset the device: what is on its way is forgotten. */
  reset?(): void;
  /** There are requests in queue `index`. A model that has to wait for a server answers with what is to be waited for. */
  notify(index: number): void | Waits;
}
