/**
 * A device of the board: a window of registers, interrupt lines, a device-tree node. Devices know the bus, the event queue, memory for DMA,
 * and their interrupt line; never each other, never a hart.
 */
import type { CharPort, FilePort, Line } from '../../hardware/chips/ports.ts';
import type { EventQueue, PhysicalMemory } from '../api.ts';

export type IrqLine = Line;
export type CharBackend = CharPort;
export type FilesBackend = FilePort;

export interface DeviceContext {
  readonly memory: PhysicalMemory;
  readonly events: EventQueue;
  /** Interrupt line number `n` of this device (0 for most). */
  irq(n?: number): IrqLine;
  /** Asks the machine to stop: test finisher, HTIF. */
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

/** The backend of a block device. Offsets and lengths in bytes, multiples of 512. */
export interface BlockBackend {
  readonly size: number;
  readonly readOnly: boolean;
  read(offset: number, into: Uint8Array): void;
  write(offset: number, from: Uint8Array): void;
  flush(): void;
}
