/**
 * What a device of the board is: a card, a window of registers, interrupt lines, a device-tree node.
 * Devices know the bus, the event queue, memory for DMA, and their interrupt line; never each other, never a hart.
 */
import type { EventQueue, PhysicalMemory } from '../api.ts';

/** A level-triggered interrupt line into the interrupt controller. */
export interface IrqLine { set(level: boolean): void; }

export interface DeviceContext {
  readonly memory: PhysicalMemory;
  readonly events: EventQueue;
  /** Interrupt line number `n` of this device (0 for most). */
  irq(n?: number): IrqLine;
  /** Ask the machine to stop: test finisher, HTIF. */
  stop(reason: { kind: 'poweroff' | 'reset'; code: number }): void;
}

/** A device: registers at offsets 0 … size-1 from its base. Reads and writes are of 1, 2, 4 (or 8) bytes. */
export interface Device {
  readonly name: string;
  readonly size: number;
  read(offset: number, size: number): number;
  write(offset: number, value: number, size: number): void;
  reset?(): void;
}

/** The outside of a character device: what it transmits goes to `onOutput`; `input` offers bytes and says how many were taken. */
export interface CharBackend {
  output(byte: number): void;
  /** The same for many bytes, for devices that have them together; they are the device's: copy what you keep. */
  outputBytes?(bytes: Uint8Array): void;
  /** Called by the device: up to `max` bytes that wait, empty when none. */
  take(max: number): Uint8Array;
  /** The device registers here to be told that input has arrived. */
  onInput(notify: () => void): void;
}

/** The outside of a 9P device: a message goes in, its answer comes out, at once or later, exactly once. `tag`: the name by which it is mounted. */
export interface FilesBackend {
  readonly tag: Uint8Array;
  request(message: Uint8Array, reply: (message: Uint8Array) => void): void;
}

/** The outside of a block device. Offsets and lengths in bytes, multiples of 512. */
export interface BlockBackend {
  readonly size: number;
  readonly readOnly: boolean;
  read(offset: number, into: Uint8Array): void;
  write(offset: number, from: Uint8Array): void;
  flush(): void;
}
