/**
 * Ports: everything a chip knows about the board or virtual machine around it. The board or the monitor passes them in; a chip knows
 * neither the processor nor other chips, nor whose memory it reaches.
 */

/** A level-triggered interrupt line. */
export interface Line { set(level: boolean): void }

/** Memory as chips reach it by DMA. Addresses are the numbers that drivers write into rings: physical, or guest-physical. */
export interface GuestMemory {
  /** True if all of [address, address + length) is memory. The other operations accept only such ranges. */
  isRam(address: number, length: number): boolean;
  u16(address: number): number;
  u32(address: number): number;
  setU16(address: number, value: number): void;
  setU32(address: number, value: number): void;
  /** Bytes to read at once; they may or may not be a copy. */
  view(address: number, length: number): Uint8Array;
  write(address: number, bytes: Uint8Array): void;
}

/** A run of guest memory that a request names. */
export interface Piece { readonly address: number; readonly length: number }

/** The far end of a character device. */
export interface CharPort {
  output(byte: number): void;
  /** The same for many bytes at once. The bytes belong to the chip: copy what you keep. */
  outputBytes?(bytes: Uint8Array): void;
  /** Up to `max` waiting bytes; empty when there are none. */
  take(max: number): Uint8Array;
  /** Registers the chip's function to call when input arrives. */
  onInput(notify: () => void): void;
  /** True while the chip should hold its output back; `onRoom` registers the function to call when there is room again. */
  readonly full?: boolean;
  onRoom?(notify: () => void): void;
}

/**
 * The far end of a network card. A frame runs from the destination address to the end of the payload, without preamble and check sequence.
 */
export interface FramePort {
  /** The chip sends a frame. The bytes belong to the chip: copy what you keep. */
  send(frame: Uint8Array): void;
  /** Registers the chip's function for arriving frames; a frame passed to it belongs to the chip. */
  onFrame(receive: (frame: Uint8Array) => void): void;
}

/** A disk, as a chip uses it. Offsets and lengths are bytes. */
export interface BlockPort {
  readonly size: number;
  readonly readOnly: boolean;
  /**
   * Starts a request that lies within the disk. Calls `done` exactly once, now or later; requests may finish in any order. ok = false is an
   * I/O error; after a failed read any part of the memory may have been written.
   */
  submit(request: BlockRequest, done: (ok: boolean) => void): void;
  /** Cancels every request: `done` is no longer called, and no memory changes once the processor that caused this continues. */
  cancel(): void;
}

export interface BlockRequest {
  readonly kind: 'read' | 'write' | 'zero' | 'flush';
  readonly offset: number;
  readonly length: number;
  /** Guest memory to fill or to write from, `length` bytes together; empty for zero and flush. */
  readonly pieces: readonly Piece[];
}

/** A file server: takes a 9P message and returns its answer. */
export interface FilePort {
  /** The mount tag. */
  readonly tag: Uint8Array;
  /** `message` belongs to the server. Calls `reply` exactly once, now or later; messages may be answered in any order. */
  request(message: Uint8Array, reply: (message: Uint8Array) => void): void;
}

/** Virtual time in ns, and one alarm. */
export interface Alarm {
  now(): number;
  /** Replaces the earlier alarm; Infinity cancels it. A time in the past rings now. */
  at(time: number, action: () => void): void;
}
