/** Writes the chunks of a trace file to a byte sink, and the index at the end. */
import { Chunk, HEADER_BYTES, PRELUDE, Packing, chunk, chunkHead, header, padded, type Checksum } from './format.ts';
import type { Vocabulary } from './vocabulary.ts';

/** A byte sink: appends, or throws (disk full). */
export interface ByteSink { write(bytes: Uint8Array): void; close(): void }

/** Receives the data of chunks: a writer in this thread, or a proxy of one in another. It copies the bytes before a call returns. */
export interface ChunkSink {
  records(first: number, records: Uint8Array): void;
  /** Lines of JSON. */
  names(lines: Uint8Array): void;
  payload(first: number, last: number, entries: Uint8Array): void;
  close(): void;
}

export interface WriterOptions {
  /** Raw deflate: chunks are packed with it. */
  readonly pack?: (data: Uint8Array) => Uint8Array;
  /** CRC-32, where the host has a faster one. */
  readonly checksum?: Checksum;
  /** The meaning of numbers in this recording; the file begins with it. */
  readonly words?: Vocabulary;
  /** The file already has its header. */
  readonly begun?: boolean;
}

const PADDING = new Uint8Array(8);

export class ChunkWriter implements ChunkSink {
  private file: ByteSink | undefined;
  private readonly pack: WriterOptions['pack'];
  private readonly checksum: Checksum | undefined;
  private offset: number;
  private readonly index: number[] = [];
  /** A write failed: recording stops, and the written part stays readable. */
  onFailed: (error: Error) => void = () => undefined;

  /** Throws the first write's exception. */
  constructor(file: ByteSink, options: WriterOptions = {}) {
    this.file = file;
    this.pack = options.pack;
    this.checksum = options.checksum;
    this.offset = HEADER_BYTES;
    if (!options.begun) file.write(header());
    if (options.words) this.put(Chunk.words, chunk(Chunk.words, new TextEncoder().encode(JSON.stringify(options.words))));
  }

  records(first: number, records: Uint8Array): void {
    this.data(Chunk.records, first, new DataView(records.buffer, records.byteOffset).getFloat64(0, true), records);
  }
  names(lines: Uint8Array): void { this.put(Chunk.names, chunk(Chunk.names, lines)); }
  payload(first: number, last: number, entries: Uint8Array): void { this.data(Chunk.payload, first, last, entries); }
  close(): void {
    this.index.push(this.offset);
    this.write(chunk(Chunk.index, new Uint8Array(new Float64Array(this.index).buffer)));
    this.file?.close();
    this.file = undefined;
  }

  private data(type: number, first: number, second: number, data: Uint8Array): void {
    if (!this.file) return;
    const packed = this.pack?.(data), smaller = packed !== undefined && packed.length < data.length,
      packing = smaller ? Packing.deflate : Packing.none;
    const body = smaller ? packed : data;
    this.put(type, chunkHead(type, first, second, body, data.length, packing, this.checksum), first, second, data.length, packing);
    this.write(body);
    if (body.length % 8 !== 0) this.write(PADDING.subarray(0, padded(PRELUDE + body.length) - PRELUDE - body.length));
  }
  private put(type: number, bytes: Uint8Array, first = 0, second = 0, unpacked = 0, packing = 0): void {
    this.index.push(this.offset, type, first, second, unpacked, packing, new DataView(bytes.buffer).getUint32(4, true));
    this.write(bytes);
  }
  private write(bytes: Uint8Array): void {
    try {
      this.file?.write(bytes);
      this.offset += bytes.length;
    } catch (error) {
      this.file?.close();
      this.file = undefined;
      this.onFailed(error as Error);
    }
  }
}
