/** Where the bytes of a trace file come from: memory here, a file that is read in pieces in the command. */
export interface ByteSource {
  /** Bytes there are now; a recording that goes on makes it grow. */
  readonly size: number;
  /** Up to `length` bytes from `offset`; fewer at the end. The result may be a view: do not write to it. */
  read(offset: number, length: number): Uint8Array;
}

/** Bytes in memory, to which more may be added. */
export class MemorySource implements ByteSource {
  private bytes: Uint8Array;
  constructor(bytes: Uint8Array) { this.bytes = bytes; }
  get size(): number { return this.bytes.length; }
  read(offset: number, length: number): Uint8Array { return this.bytes.subarray(offset, offset + length); }
  /** What stands from byte `offset` on is this now. */
  replaceFrom(offset: number, more: Uint8Array): void {
    const all = new Uint8Array(offset + more.length);
    all.set(this.bytes.subarray(0, offset));
    all.set(more, offset);
    this.bytes = all;
  }
}

/** Raw deflate undone; the library's own is portable, the command's faster. */
export type Unpack = (data: Uint8Array, bytes: number) => Uint8Array;
