/** Bytes that must be fetched piece by piece: a disk, or a file that stands for one. */
import type { Co, Sleeper } from '../kernel/wait.ts';

export interface ByteSource {
  readonly size: number;
  /** Exactly `length` bytes at `pos`, or -errno (-EIO beyond the end). */
  read(t: Sleeper, pos: number, length: number): Co<Uint8Array | number>;
}
