/**
 * Ports: all that a chip knows of the board or the virtual machine around it. The board or the monitor passes them in; a chip knows no
 * processor, no other chip, and not whose memory it reaches.
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
  /** Bytes to look at now; whether they are a copy is open. */
  view(address: number, length: number): Uint8Array;
  write(address: number, bytes: Uint8Array): void;
}

/** A run of guest memory that a request names. */
export interface Piece { readonly address: number; readonly length: number }

/** Where characters go to and come from. */
export interface CharPort {
  output(byte: number): void;
  /** The same for many bytes at once. The bytes belong to the chip: copy what you keep. */
  outputBytes?(bytes: Uint8Array): void;
  /** Up to `max` bytes that wait, empty when none do. */
  take(max: number): Uint8Array;
  /** The chip registers here to be told that input has arrived. */
  onInput(notify: () => void): void;
  /** True while a chip that can wait with its output should; it registers with `onRoom` to be told when to go on. */
  readonly full?: boolean;
  onRoom?(notify: () => void): void;
}

/** Where frames go to and come from: from the destination address to the end of the payload, without preamble and check sequence. */
export interface FramePort {
  /** The chip sends a frame. The bytes belong to the chip: copy what you keep. */
  send(frame: Uint8Array): void;
  /** The chip registers here; a frame handed over belongs to the chip. */
  onFrame(receive: (frame: Uint8Array) => void): void;
}

/** A disk, as far as a chip asks for it. Offsets and lengths are bytes. */
export interface BlockPort {
  readonly size: number;
  readonly readOnly: boolean;
  /**
   * Starts a request that lies within the disk. Calls `done` once, at once or later, several requests in any order; ok = false: an I/O
   * error, and of a read nobody knows how much has arrived.
   */
  submit(request: BlockRequest, done: (ok: boolean) => void): void;
  /** Forgets every request: `done` is not called any more, and when the processor that caused this goes on, no memory is touched. */
  cancel(): void;
}

export interface BlockRequest {
  readonly kind: 'read' | 'write' | 'zero' | 'flush';
  readonly offset: number;
  readonly length: number;
  /** Guest memory to fill or to write from, `length` bytes together; empty for zero and flush. */
  readonly pieces: readonly Piece[];
}

/** A server of files: a message of 9P goes in, its answer comes out. */
export interface FilePort {
  /** The name by which it is mounted. */
  readonly tag: Uint8Array;
  /** `message` is the server's. Calls `reply` once, at once or later, several messages in any order. */
  request(message: Uint8Array, reply: (message: Uint8Array) => void): void;
}

/** Virtual time in ns, and one alarm. */
export interface Alarm {
  now(): number;
  /** Replaces the call that was asked for before; Infinity asks for none. A time that is past is now. */
  at(time: number, action: () => void): void;
}
