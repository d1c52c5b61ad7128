/**
 * What a virtual device is: a window of registers, interrupt lines, a node in the device tree. A device knows its lines, the guest's
 * memory and its backends; never another device, a vCPU or the kernel.
 */
import type { Sys, Syscalls } from '../../microkernel/abi/index.ts';

/** System calls that the thread which made the access has to make before the access is over. */
export type Waits = (sys: Syscalls) => Sys<void>;

/** A level-triggered line into the interrupt controller. */
export interface Line { set(level: boolean): void }

/**
 * Registers at offsets 0 … size-1. Accesses are of 1, 2 or 4 bytes, naturally aligned, and lie inside the window; values are unsigned.
 * A write that has to wait for somebody (a disk) answers with what is to be waited for.
 */
export interface Device {
  readonly name: string;
  readonly size: number;
  read(offset: number, size: number): number;
  write(offset: number, value: number, size: number): void | Waits;
}

/** Where a network card's frames go to and come from. */
export interface FramePort {
  /** The card's address: six bytes. */
  readonly mac: Uint8Array;
  /** Takes a frame: from the addresses to the end of the payload. */
  send(frame: Uint8Array): void;
  /** Called with each frame that arrives. */
  onFrame(receive: (frame: Uint8Array) => void): void;
}

/** Where characters go to and come from. */
export interface CharPort {
  /** Takes one byte of output. */
  output(byte: number): void;
  /** The next byte of input, or -1. */
  next(): number;
  /** Up to `max` bytes of input. */
  take(max: number): Uint8Array;
  /** Called whenever input has arrived. */
  onInput(notify: () => void): void;
}
