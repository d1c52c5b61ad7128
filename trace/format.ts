/**
 * The trace file. Little-endian; everything after the header is chunks, so that a file cut short by a crash or a full disk is
 * good up to its last whole chunk.
 *
 *   header   'TESSERA\n' | u16 version | u16 record bytes | u32 0
 *   chunk    u32 type | u32 body bytes | u32 crc32 of the body | u32 0 | body (padded to 8)
 *
 *   type 1 records   prelude, then records as microkernel/abi/trace.ts lays them out
 *   type 2 names     UTF-8, one JSON array a line: [kind, id, parent, text]
 *   type 3 index     seven f64 a chunk: offset in the file, type, first, second, unpacked, packing (as in its prelude), body bytes; then
 *                    one f64: the offset of this chunk. Always the last chunk, so the file's last eight bytes lead to it
 *   type 4 words     UTF-8 JSON: what numbers mean in this recording (vocabulary.ts); the first chunk, where there is one
 *   type 5 payload   prelude, then entries (payload.ts)
 *
 *   prelude f64 first sequence number | f64 first time (payload: last sequence number) | u32 bytes unpacked | u32 packing (0 none, 1 raw
 *   deflate)
 */
import { TRACE_RECORD } from '../microkernel/abi/index.ts';

export const MAGIC = 'TESSERA\n';
export const VERSION = 2;
export const HEADER_BYTES = 16;
export const CHUNK_HEADER = 16;
export const PRELUDE = 24;
/** Numbers per chunk in the index. */
export const INDEX_ENTRY = 7;
export const Chunk = { records: 1, names: 2, index: 3, words: 4, payload: 5 } as const;
export const Packing = { none: 0, deflate: 1 } as const;
/** Recorders write no larger chunk, so a longer one is damage. */
export const MOST_CHUNK = 2 ** 28;

export function header(): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES), view = new DataView(bytes.buffer);
  for (let i = 0; i < MAGIC.length; i++) bytes[i] = MAGIC.charCodeAt(i);
  view.setUint16(8, VERSION, true);
  view.setUint16(10, TRACE_RECORD, true);
  return bytes;
}

/** One chunk, ready to be written: header, body, padding. */
export function chunk(type: number, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(CHUNK_HEADER + padded(body.length));
  const view = new DataView(bytes.buffer);
  bytes.set(body, CHUNK_HEADER);
  view.setUint32(0, type, true);
  view.setUint32(4, body.length, true);
  view.setUint32(8, crc32(body), true);
  return bytes;
}

/** CRC-32 of bytes after others with the checksum `before`. */
export type Checksum = (bytes: Uint8Array, before?: number) => number;

/** The prelude before the data of a chunk; `data` may be packed, and has `unpacked` bytes when unpacked. */
export function chunkHead(type: number, first: number, second: number, data: Uint8Array, unpacked: number, packing: number,
    checksum: Checksum = crc32): Uint8Array {
  const bytes = new Uint8Array(CHUNK_HEADER + PRELUDE), view = new DataView(bytes.buffer);
  view.setUint32(0, type, true);
  view.setUint32(4, PRELUDE + data.length, true);
  view.setFloat64(CHUNK_HEADER, first, true);
  view.setFloat64(CHUNK_HEADER + 8, second, true);
  view.setUint32(CHUNK_HEADER + 16, unpacked, true);
  view.setUint32(CHUNK_HEADER + 20, packing, true);
  view.setUint32(8, checksum(data, checksum(bytes.subarray(CHUNK_HEADER))), true);
  return bytes;
}

export const padded = (n: number): number => Math.ceil(n / 8) * 8;

/** Eight tables: a byte followed by none, one, … seven zero bytes; for eight bytes at a time. */
const TABLES = Array.from({ length: 8 }, () => new Uint32Array(256));
for (let n = 0; n < 256; n++) {
  let value = n;
  for (const table of TABLES) {
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
    table[n] = value;
  }
}
type Tables = [Uint32Array, Uint32Array, Uint32Array, Uint32Array, Uint32Array, Uint32Array, Uint32Array, Uint32Array];
const [T0, T1, T2, T3, T4, T5, T6, T7] = TABLES as Tables;

/** CRC-32 as in zip and PNG. */
export function crc32(bytes: Uint8Array, before = 0): number {
  let crc = ~before, i = 0;
  for (const end = bytes.length - 7; i < end; i += 8) {
    crc ^= bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    crc = T7[crc & 255]! ^ T6[(crc >>> 8) & 255]! ^ T5[(crc >>> 16) & 255]! ^ T4[crc >>> 24]! ^ T3[bytes[i + 4]!]! ^ T2[bytes[i + 5]!]!
      ^ T1[bytes[i + 6]!]! ^ T0[bytes[i + 7]!]!;
  }
  for (; i < bytes.length; i++) crc = T0[(crc ^ bytes[i]!) & 255]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** A file that cannot be used; the message says why in one line. */
export class TraceFileError extends Error {}
