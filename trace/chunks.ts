/**
 * The chunks of a trace file: their positions and contents, found by the index at the file's end, or chunk by chunk where there is none
 * (yet). Their bytes are read and checked on demand, and cached while there is room.
 */
import { inflateSync } from 'fflate';
import { CHUNK_HEADER, Chunk, INDEX_ENTRY, MOST_CHUNK, PRELUDE, Packing, crc32, padded } from './format.ts';
import type { ByteSource, Unpack } from './source.ts';

/** `first`: sequence number; `second`: first time of records, last sequence number of payload; `bytes`: of the data, unpacked. */
export interface ChunkEntry {
  readonly offset: number;
  readonly type: number;
  readonly first: number;
  readonly second: number;
  readonly bytes: number;
  readonly packing: number;
  readonly length: number
}

const DAMAGED = new Uint8Array(0);
const defaultUnpack: Unpack = (data, bytes) => inflateSync(data, { out: new Uint8Array(bytes) });
/** Size of the cache of unpacked chunks in bytes. */
const ROOM = 2 ** 27;
/** How far a reader searches for the next whole chunk, in pieces of this many bytes. */
const RESYNC = 2 ** 26, PIECE = 2 ** 16;

/** Reads and checks chunks of one file. */
export class ChunkStore {
  private readonly source: ByteSource;
  private readonly unpack: Unpack;
  private readonly kept = new Map<number, Uint8Array>();
  private used = 0;
  /** Called with the offset of a chunk whose checksum is wrong. */
  onDamage: (offset: number) => void = () => undefined;
  constructor(source: ByteSource, unpack: Unpack = defaultUnpack) { this.source = source; this.unpack = unpack; }

  /** The header at `offset`; undefined when the file ends first, or when the header is invalid. */
  entry(offset: number): ChunkEntry | 'cut' | 'foreign' {
    const head = this.source.read(offset, CHUNK_HEADER + PRELUDE);
    if (head.length < CHUNK_HEADER) return 'cut';
    const view = new DataView(head.buffer, head.byteOffset, head.byteLength), type = view.getUint32(0, true),
      length = view.getUint32(4, true);
    if (length > MOST_CHUNK || type === 0 || type > 255) return 'foreign';
    if (offset + CHUNK_HEADER + length > this.source.size) return 'cut';
    if (!preluded(type)) return { offset, type, first: 0, second: 0, bytes: length, packing: 0, length };
    if (length < PRELUDE || head.length < CHUNK_HEADER + PRELUDE) return 'foreign';
    return {
      offset, type, first: view.getFloat64(16, true), second: view.getFloat64(24, true), bytes: view.getUint32(32, true),
      packing: view.getUint32(36, true), length
    };
  }

  /** The chunk's data, unpacked; empty when it is damaged. */
  data(chunkEntry: ChunkEntry): Uint8Array {
    const near = this.kept.get(chunkEntry.offset);
    if (near) return near;
    const data = this.load(chunkEntry);
    for (const [offset, old] of this.kept) {
      if (this.used + data.length <= ROOM) break;
      this.kept.delete(offset);
      this.used -= old.length;
    }
    this.kept.set(chunkEntry.offset, data);
    this.used += data.length;
    return data;
  }

  /** The same without the cache. */
  load(entry: ChunkEntry): Uint8Array {
    const all = this.source.read(entry.offset, CHUNK_HEADER + entry.length);
    if (all.length < CHUNK_HEADER + entry.length
        || crc32(all.subarray(CHUNK_HEADER)) !== new DataView(all.buffer, all.byteOffset).getUint32(8, true))
      return this.damaged(entry);
    if (!preluded(entry.type)) return all.subarray(CHUNK_HEADER);
    const data = all.subarray(CHUNK_HEADER + PRELUDE);
    if (entry.packing === Packing.none) return data.length === entry.bytes ? data : this.damaged(entry);
    try {
      const unpacked = entry.packing === Packing.deflate && entry.bytes <= MOST_CHUNK ? this.unpack(data, entry.bytes) : DAMAGED;
      return unpacked.length === entry.bytes ? unpacked : this.damaged(entry);
    } catch {
      return this.damaged(entry);
    }
  }

  /** Position of the next whole chunk after damage; undefined when there is none within `RESYNC` bytes. */
  resync(from: number): number | undefined {
    const end = Math.min(this.source.size, from + RESYNC);
    for (let base = from + 8; base < end; base += PIECE) {
      const piece = this.source.read(base, PIECE + CHUNK_HEADER), view = new DataView(piece.buffer, piece.byteOffset, piece.byteLength);
      for (let i = 0; i < PIECE && i + CHUNK_HEADER <= piece.length; i += 8) {
        const type = view.getUint32(i, true);
        if (type < 1 || type > 5 || view.getUint32(i + 12, true) !== 0) continue;
        const entry = this.entry(base + i);
        if (typeof entry !== 'string' && this.whole(entry)) return base + i;
      }
    }
    return undefined;
  }
  private whole(chunkEntry: ChunkEntry): boolean {
    const all = this.source.read(chunkEntry.offset, CHUNK_HEADER + chunkEntry.length);
    return chunkEntry.length > 0 && crc32(all.subarray(CHUNK_HEADER)) === new DataView(all.buffer, all.byteOffset).getUint32(8, true);
  }

  private damaged(chunkEntry: ChunkEntry): Uint8Array {
    this.onDamage(chunkEntry.offset);
    return DAMAGED;
  }

  /** All chunks by the index at the end of the file; undefined when there is none, or it does not fit the file. */
  byIndex(): ChunkEntry[] | undefined {
    const { size } = this.source, tail = this.source.read(size - 8, 8);
    if (tail.length < 8) return undefined;
    const at = new DataView(tail.buffer, tail.byteOffset).getFloat64(0, true);
    if (!Number.isInteger(at) || at < 16 || at >= size) return undefined;
    const entry = this.entry(at);
    if (typeof entry === 'string' || entry.type !== Chunk.index || at + CHUNK_HEADER + entry.length !== size
        || entry.length % (8 * INDEX_ENTRY) !== 8)
      return undefined;
    const body = this.load(entry), view = new DataView(body.buffer, body.byteOffset, body.byteLength), found: ChunkEntry[] = [];
    for (let i = 0; i + 8 < body.length; i += 8 * INDEX_ENTRY) {
      const [offset, type, first, second, bytes, packing, length] = Array.from({ length: INDEX_ENTRY },
        (_, n) => view.getFloat64(i + 8 * n, true)) as [number, number, number, number, number, number, number];
      if (![offset, type, bytes, packing, length].every((n) => Number.isSafeInteger(n) && n >= 0) || length > MOST_CHUNK
          || offset + CHUNK_HEADER + length > at)
        return undefined;
      found.push({ offset, type, first, second, bytes, packing, length });
    }
    return [...found, entry];
  }
}

export const preluded = (type: number): boolean => type === Chunk.records || type === Chunk.payload;
/** The byte after a chunk. */
export const endOf = (e: ChunkEntry): number => e.offset + CHUNK_HEADER + padded(e.length);
