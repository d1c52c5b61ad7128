/**
 * Trace files of version 1, as recorders wrote them before there were payloads, packing and an index of all chunks. They are read whole and
 * converted to the present format:
 *
 *   type 1 records   f64 sequence number of the first record, then records
 *   type 2 names     as today
 *   type 3 index     f64 triples: file offset of a record chunk, its first sequence number, its first time; the last chunk
 */
import { TRACE_RECORD } from '../microkernel/abi/index.ts';
import { ChunkWriter } from './chunk-writer.ts';
import { CHUNK_HEADER, Chunk, HEADER_BYTES, TraceFileError, crc32, padded } from './format.ts';
import { PiecesSource, type ByteSource } from './source.ts';

/** Larger ones do not fit into memory together with their conversion. */
const MOST_BYTES = 2 ** 29, FIRST = 8;

/** The contents of a version 1 file as a source of the present version. Throws TraceFileError when it is too large. */
export function fromVersion1(old: ByteSource): ByteSource {
  if (old.size > MOST_BYTES) throw new TraceFileError(`a trace file of version 1 with more than ${MOST_BYTES} bytes is not read here`);
  const out = new PiecesSource();
  let isDamaged = false;
  // Damage is preserved: its chunk gets a wrong checksum.
  const writer = new ChunkWriter(out, { checksum: (bytes, before) => crc32(bytes, before) ^ (isDamaged ? 1 : 0) });
  let at = HEADER_BYTES, isClosed = false;
  while (at + CHUNK_HEADER <= old.size) {
    const head = new DataView(new Uint8Array(old.read(at, CHUNK_HEADER)).buffer);
    const type = head.getUint32(0, true), length = head.getUint32(4, true);
    if (at + CHUNK_HEADER + length > old.size) break;
    const body = new Uint8Array(old.read(at + CHUNK_HEADER, length)); // a copy: a view of a file may be used again
    isDamaged = crc32(body) !== head.getUint32(8, true);
    if (type === Chunk.records && length > FIRST && (length - FIRST) % TRACE_RECORD === 0)
      writer.records(new DataView(body.buffer).getFloat64(0, true), body.subarray(FIRST));
    else if (type === Chunk.names && !isDamaged) writer.names(body);
    isClosed ||= type === Chunk.index;
    at += CHUNK_HEADER + padded(length);
  }
  isDamaged = false;
  if (isClosed) writer.close();
  return out;
}
