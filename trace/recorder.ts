/**
 * The recorder: the kernel's trace sink. It passes what it is given to a byte sink (the file) and to typed subscribers. With neither, a
 * drain costs nothing but the call.
 *
 *   const recorder = new TraceRecorder(file);
 *   recorder.on('record', (r) => …);
 */
import { EventEmitter } from 'eventemitter3';
import type TypedEmitter from 'typed-emitter';
import type { TraceSink } from '../microkernel/abi/index.ts';
import { TRACE_RECORD } from '../microkernel/abi/index.ts';
import { Chunk, Packing, chunk, header, preludedChunk } from './format.ts';
import { PayloadBuffer } from './payload.ts';
import { RecordView } from './record.ts';
import type { Vocabulary } from './vocabulary.ts';

export type ObjectKind = Parameters<TraceSink['name']>[0];
export interface TraceName { kind: ObjectKind; id: number; parent: number; text: string }

export type TraceEvents = {
  /** One decoded record. The view is reused: copy what you keep. */
  record: (record: RecordView) => void;
  name: (name: TraceName) => void;
  /** The file could not be written; recording to it has stopped, what is there stays readable. */
  failed: (error: Error) => void;
};

/** Where bytes go: appends, or throws (disk full). */
export interface ByteSink { write(bytes: Uint8Array): void; close(): void }

export interface RecorderOptions {
  /** Raw deflate: chunks are packed with it. */
  readonly pack?: (data: Uint8Array) => Uint8Array;
  /** What numbers mean in this recording; stands at its beginning. */
  readonly words?: Vocabulary;
}

export class TraceRecorder extends (EventEmitter as unknown as new () => TypedEmitter<TraceEvents>) implements TraceSink {
  private file: ByteSink | undefined;
  private readonly pack: RecorderOptions['pack'];
  private offset = 0;
  private names: string[] = [];
  private readonly index: number[] = [];
  private readonly parts = new PayloadBuffer();
  private count = 0;
  constructor(file?: ByteSink, options: RecorderOptions = {}) {
    super();
    this.file = file;
    this.pack = options.pack;
    if (!file) return;
    this.write(header());
    if (options.words) this.put(Chunk.words, chunk(Chunk.words, new TextEncoder().encode(JSON.stringify(options.words))));
  }
  /** Records seen so far. */
  get records(): number { return this.count; }

  drain(records: Uint8Array, firstSequence: number): void {
    this.count += records.length / TRACE_RECORD;
    if (this.file && records.length > 0) {
      this.flushNames();
      this.putData(Chunk.records, firstSequence, new DataView(records.buffer, records.byteOffset).getFloat64(0, true), records);
      this.flushPayload();
    }
    if (this.asEmitter().listenerCount('record') > 0) this.publish(records, firstSequence);
  }

  name(kind: ObjectKind, id: number, parent: number, text: string): void {
    if (this.file) this.names.push(JSON.stringify([kind, id, parent, text]));
    if (this.asEmitter().listenerCount('name') > 0) this.emit('name', { kind, id, parent, text });
  }

  /** A part of what the record with this sequence number was about (`Part`). Sequence numbers never go back. */
  payload(sequence: number, part: number, index: number, data: Uint8Array): void {
    if (this.file) this.parts.add(sequence, part, index, data);
  }

  /** Writes the names and payload that are left, and the index. */
  close(): void {
    this.flushNames();
    this.flushPayload();
    if (this.file) {
      this.index.push(this.offset);
      this.write(chunk(Chunk.index, new Uint8Array(new Float64Array(this.index).buffer)));
    }
    this.file?.close();
    this.file = undefined;
  }

  private asEmitter(): EventEmitter { return this as unknown as EventEmitter; }
  private publish(records: Uint8Array, firstSequence: number): void {
    const view = new RecordView();
    for (let at = 0, seq = firstSequence; at < records.length; at += TRACE_RECORD, seq++) this.emit('record', view.at(records, at, seq));
  }
  private flushNames(): void {
    if (this.names.length === 0 || !this.file) return;
    const text = this.names.join('\n') + '\n';
    this.names = [];
    this.put(Chunk.names, chunk(Chunk.names, new TextEncoder().encode(text)));
  }
  private flushPayload(): void {
    if (this.parts.length > 0) this.putData(Chunk.payload, this.parts.first, this.parts.last, this.parts.take());
  }
  private putData(type: number, first: number, second: number, data: Uint8Array): void {
    const packed = this.pack?.(data), smaller = packed !== undefined && packed.length < data.length, packing = smaller ? Packing.deflate : Packing.none;
    this.put(type, preludedChunk(type, first, second, smaller ? packed : data, data.length, packing), first, second, data.length, packing);
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
      this.file = undefined;
      this.emit('failed', error as Error);
    }
  }
}
