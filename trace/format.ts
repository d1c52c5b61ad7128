/**
 * The trace file. Little-endian; everything after the header is chunks, so that a file cut short by a crash or a full disk is
 * good up to its last whole chunk.
 *
 *   header   'TESSERA\n' | u16 version | u16 record bytes | u32 0
 *   chunk    u32 type | u32 payload bytes | u32 crc32 of the payload | u32 0 | payload (padded to 8)
 *
 *   type 1 records   f64 sequence number of the first record, then records as microkernel/abi/trace.ts lays them out
 *   type 2 names     UTF-8, one JSON array a line: [kind, id, parent, text]
 *   type 3 index     f64 triples: file offset of a record chunk, its first sequence number, its first time; always the last chunk
 */
import { TRACE_RECORD } from '../microkernel/abi/index.ts';

export const MAGIC = 'TESSERA\n';
export const VERSION = 1;
export const HEADER_BYTES = 16;
export const CHUNK_HEADER = 16;
export const Chunk = { records: 1, names: 2, index: 3 } as const;

export function header(): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES), view = new DataView(bytes.buffer);
  for (let i = 0; i < MAGIC.length; i++) bytes[i] = MAGIC.charCodeAt(i);
  view.setUint16(8, VERSION, true);
  view.setUint16(10, TRACE_RECORD, true);
  return bytes;
}

/** One chunk, ready to be written: header, payload, padding. */
export function chunk(type: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(CHUNK_HEADER + padded(payload.length)), view = new DataView(bytes.buffer);
  view.setUint32(0, type, true);
  view.setUint32(4, payload.length, true);
  view.setUint32(8, crc32(payload), true);
  bytes.set(payload, CHUNK_HEADER);
  return bytes;
}

export const padded = (n: number): number => (n + 7) & ~7;

/** Eight tables: a byte followed by none, one, … seven zero bytes; so eight bytes are taken at a time. */
const TABLES = Array.from({ length: 8 }, () => new Uint32Array(256));
for (let n = 0; n < 256; n++) {
  let value = n;
  for (const table of TABLES) {
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
    table[n] = value;
  }
}
const [T0, T1, T2, T3, T4, T5, T6, T7] = TABLES as [Uint32Array, Uint32Array, Uint32Array, Uint32Array, Uint32Array, Uint32Array, Uint32Array, Uint32Array];

/** CRC-32 as in zip and PNG. */
export function crc32(bytes: Uint8Array): number {
  let crc = -1, i = 0;
  for (const end = bytes.length - 7; i < end; i += 8) {
    crc ^= bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    crc = T7[crc & 255]! ^ T6[(crc >>> 8) & 255]! ^ T5[(crc >>> 16) & 255]! ^ T4[crc >>> 24]! ^ T3[bytes[i + 4]!]! ^ T2[bytes[i + 5]!]! ^ T1[bytes[i + 6]!]! ^ T0[bytes[i + 7]!]!;
  }
  for (; i < bytes.length; i++) crc = T0[(crc ^ bytes[i]!) & 255]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** Why a file cannot be used, in one line. */
export class TraceFileError extends Error {}
