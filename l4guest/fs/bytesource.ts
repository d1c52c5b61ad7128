/** Bytes that must be fetched piece by piece: a disk, or a file used as one. */
import type { Co, Sleeper } from '../kernel/wait.ts';

export interface ByteSource {
  readonly size: number;
  /** Exactly `length` bytes at `pos`, or -errno (-EIO beyond the end). */
  read(t: Sleeper, pos: number, length: number): Co<Uint8Array | number>;
}

/** The contents of a block device: bytes that may be written too. */
export interface BlockSource extends ByteSource {
  readonly readOnly: boolean;
  /** Writes all of `bytes` at `pos`, which lies inside: 0, or -errno (-EROFS, -EIO). */
  write(t: Sleeper, pos: number, bytes: Uint8Array): Co<number>;
  /** Flushes written bytes: 0 or -errno. */
  flush(t: Sleeper): Co<number>;
}

/** Bytes [start, start + size) of another source: a partition. */
export class PartOf implements BlockSource {
  readonly size: number;
  readonly start: number;
  private readonly whole: BlockSource;
  constructor(whole: BlockSource, start: number, size: number) { this.whole = whole; this.start = start; this.size = size; }
  get readOnly(): boolean { return this.whole.readOnly; }
  read(t: Sleeper, pos: number, length: number): Co<Uint8Array | number> { return this.whole.read(t, this.start + pos, length); }
  write(t: Sleeper, pos: number, bytes: Uint8Array): Co<number> { return this.whole.write(t, this.start + pos, bytes); }
  flush(t: Sleeper): Co<number> { return this.whole.flush(t); }
}
