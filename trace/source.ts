/** The source of a trace file's bytes: memory here, a file read in pieces in the command. */
import type { ByteSink } from './chunk-writer.ts';
export interface ByteSource {
  /** Present size in bytes; a running recording grows. */
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
  /** Replaces the bytes from `offset` on. */
  replaceFrom(offset: number, more: Uint8Array): void {
    const all = new Uint8Array(offset + more.length);
    all.set(this.bytes.subarray(0, offset));
    all.set(more, offset);
    this.bytes = all;
  }
}

/** Inflates raw deflate; the library's is portable, the command's faster. */
export type Unpack = (data: Uint8Array, bytes: number) => Uint8Array;

/** Bytes that arrive in pieces, as a recorder writes them: each piece is stored unchanged, and growth copies nothing. */
export class PiecesSource implements ByteSource, ByteSink {
  private readonly pieces: Uint8Array[] = [];
  private readonly starts: number[] = [];
  private readonly most: number;
  size = 0;

  /** `most`: limit in bytes; a write beyond it throws. */
  constructor(most = Infinity) { this.most = most; }

  /** Takes a copy. @throws Error when there is no room for it */
  write(bytes: Uint8Array): void {
    if (this.size + bytes.length > this.most) throw new Error(`the trace has reached its limit of ${this.most} bytes`);
    this.append(bytes.slice());
  }
  /** Stores the piece itself. */
  append(piece: Uint8Array): void {
    if (piece.length === 0) return;
    this.pieces.push(piece);
    this.starts.push(this.size);
    this.size += piece.length;
  }
  close(): void { /* the existing part stays readable */ }
  /** Drops everything written. */
  clear(): void { this.pieces.length = this.starts.length = this.size = 0; }

  read(offset: number, length: number): Uint8Array {
    const end = Math.min(this.size, offset + length);
    if (offset >= end) return new Uint8Array(0);
    let n = this.pieceAt(offset);
    const first = this.pieces[n]!, from = offset - this.starts[n]!;
    if (from + end - offset <= first.length) return first.subarray(from, from + end - offset);
    const bytes = new Uint8Array(end - offset);
    for (let at = offset; at < end; n++) {
      const part = this.pieces[n]!.subarray(at - this.starts[n]!, end - this.starts[n]!);
      bytes.set(part, at - offset);
      at += part.length;
    }
    return bytes;
  }
  /** The piece that holds this byte. */
  private pieceAt(offset: number): number {
    let low = 0, high = this.starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.starts[middle]! <= offset) low = middle; else high = middle - 1;
    }
    return low;
  }
}

/** Writes to both. When the second has no room for more it drops everything, and the first one continues. */
export class TeeSink implements ByteSink {
  private readonly first: ByteSink;
  private readonly second: PiecesSource;
  private full = false;
  constructor(first: ByteSink, second: PiecesSource) { this.first = first; this.second = second; }
  write(bytes: Uint8Array): void {
    this.first.write(bytes);
    if (this.full) return;
    try { this.second.write(bytes); } catch { this.full = true; this.second.clear(); }
  }
  close(): void { this.first.close(); }
}
