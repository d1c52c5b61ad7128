/**
 * The recorder: the kernel's trace sink. It passes records to a byte sink (the file) and to typed subscribers. Without either, a drain
 * costs only the call.
 *
 *   const recorder = new TraceRecorder(file);
 *   recorder.on('record', (r) => …);
 */
import { EventEmitter } from 'eventemitter3';
import type TypedEmitter from 'typed-emitter';
import type { TraceSink } from '../microkernel/abi/index.ts';
import { TRACE_RECORD } from '../microkernel/abi/index.ts';
import { ChunkWriter, type ByteSink, type ChunkSink, type WriterOptions } from './chunk-writer.ts';
import type { ObjectKind, TraceName } from './names.ts';
import { PayloadBuffer } from './payload.ts';
import { RecordView } from './record.ts';

export type { ObjectKind, TraceName };

export type TraceEvents = {
  /** One decoded record. The view is reused: copy what you keep. */
  record: (record: RecordView) => void;
  name: (name: TraceName) => void;
  /** The file could not be written; recording to it has stopped, and the written part stays readable. */
  failed: (error: Error) => void;
};

/** Bytes of collected payload that are written without waiting for records. */
const MOST_PAYLOAD = 2 ** 22;

export class TraceRecorder extends (EventEmitter as unknown as new () => TypedEmitter<TraceEvents>) implements TraceSink {
  private chunks: ChunkSink | undefined;
  private names: string[] = [];
  private readonly parts = new PayloadBuffer();
  private count = 0;
  /** `to`: the file, or a receiver of chunks; without one, only subscribers are served. */
  constructor(to?: ByteSink | ChunkSink, options: WriterOptions = {}) {
    super();
    this.chunks = to && 'write' in to ? this.writer(to, options) : to;
  }
  private writer(file: ByteSink, options: WriterOptions): ChunkSink | undefined {
    try {
      const writer = new ChunkWriter(file, options);
      writer.onFailed = (error) => { this.chunks = undefined; this.emit('failed', error); };
      return writer;
    } catch (error) {
      this.emit('failed', error as Error);
      return undefined;
    }
  }
  /** Records seen so far. */
  get records(): number { return this.count; }

  drain(records: Uint8Array, firstSequence: number): void {
    this.count += records.length / TRACE_RECORD;
    if (this.chunks && records.length > 0) {
      this.flushNames();
      this.chunks?.records(firstSequence, records);
      this.flushPayload();
    }
    if (this.asEmitter().listenerCount('record') > 0) this.publish(records, firstSequence);
  }

  name(kind: ObjectKind, id: number, parent: number, text: string): void {
    if (this.chunks) this.names.push(JSON.stringify([kind, id, parent, text]));
    if (this.asEmitter().listenerCount('name') > 0) this.emit('name', { kind, id, parent, text });
  }

  /** Adds a part of the payload of the record with this sequence number (`Part`). Sequence numbers never decrease. */
  payload(sequence: number, part: number, index: number, data: Uint8Array): void {
    if (!this.chunks) return;
    this.parts.add(sequence, part, index, data);
    if (this.parts.length > MOST_PAYLOAD) this.flushPayload();
  }

  /** The same for 64-bit words in halves (registers): `count` of them from word `first` on. */
  payloadWords(sequence: number, part: number, halves: Int32Array, first: number, count: number): void {
    if (!this.chunks) return;
    this.parts.addWords(sequence, part, halves, first, count);
    if (this.parts.length > MOST_PAYLOAD) this.flushPayload();
  }

  /** Writes the remaining names and payload, and the index. */
  close(): void {
    this.flushNames();
    this.flushPayload();
    this.chunks?.close();
    this.chunks = undefined;
  }

  private asEmitter(): EventEmitter { return this as unknown as EventEmitter; }
  private publish(records: Uint8Array, firstSequence: number): void {
    const view = new RecordView();
    for (let at = 0, seq = firstSequence; at < records.length; at += TRACE_RECORD, seq++) this.emit('record', view.at(records, at, seq));
  }
  private flushNames(): void {
    if (this.names.length === 0) return;
    const text = this.names.join('\n') + '\n';
    this.names = [];
    this.chunks?.names(new TextEncoder().encode(text));
  }
  private flushPayload(): void {
    const { first, last, length } = this.parts;
    if (length > 0) this.chunks?.payload(first, last, this.parts.take());
  }
}
