/**
 * The two halves of a virtio device: the transport (virtio-mmio: registers, queues, interrupt) and the model behind it
 * (block, net, console, entropy, 9p). A model sees its queues and its configuration space, never the transport.
 */
import type { Plain } from '../chip.ts';
import type { GuestMemory } from '../ports.ts';
import type { Virtqueue } from './queue.ts';

/** The transport, as a model uses it. */
export interface VirtioPort {
  readonly memory: GuestMemory;
  queue(index: number): Virtqueue;
  /** True when driver and device agreed on this feature bit. */
  negotiated(feature: number): boolean;
  /** Interrupts the driver because of used buffers in queue `index`, unless the driver has switched that off. */
  usedBuffers(index: number): void;
  /** Tells the driver that the configuration space has changed. */
  configChanged(): void;
  /**
   * Runs work on queues that no notification started (input has arrived, a disk has finished): a broken ring stops the device, not the
   * machine.
   */
  guarded(work: () => void): void;
}

export interface VirtioModel {
  readonly name: string;
  readonly id: number;
  /** Feature bits that the device offers beyond those of the transport. */
  readonly features: readonly number[];
  /** Features that require another one. */
  readonly featureNeeds?: Readonly<Record<number, number>>;
  /** Largest size of each queue: a power of two. */
  readonly queueSizes: readonly number[];
  /** Configuration space as it reads now. Drivers may write where `writeConfig` is. */
  config(): Uint8Array;
  writeConfig?(offset: number, value: number, size: number): void;
  attach(port: VirtioPort): void;
  /** The driver has made buffers available in queue `index`. */
  notify(index: number): void;
  /** The driver has reset the device: drop every request in flight. */
  reset?(): void;
  /** The driver has stopped one queue: drop its requests. */
  stopped?(index: number): void;
  /** State besides the queues. `load` runs after the queues are restored. */
  save?(): Plain;
  load?(state: never): void;
}
