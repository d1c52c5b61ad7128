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
import { Chunk, chunk, header } from './format.ts';
import { RecordView } from './record.ts';

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

export class TraceRecorder extends (EventEmitter as unknown as new () => TypedEmitter<TraceEvents>) implements TraceSink {
  private file: ByteSink | undefined;
  private offset = 0;
  private names: string[] = [];
  private readonly index: number[] = [];
  private count = 0;
  constructor(file?: ByteSink) {
    super();
    this.file = file;
    if (file) this.put(header());
  }
  /** Records seen so far. */
  get records(): number { return this.count; }

  drain(records: Uint8Array, firstSequence: number): void {
    this.count += records.length / TRACE_RECORD;
    if (this.file && records.length > 0) {
      this.flushNames();
      const payload = new Uint8Array(8 + records.length), view = new DataView(payload.buffer);
      view.setFloat64(0, firstSequence, true);
      payload.set(records, 8);
      this.index.push(this.offset, firstSequence, view.getFloat64(8, true));
      this.put(chunk(Chunk.records, payload));
    }
    if (this.asEmitter().listenerCount('record') > 0) this.publish(records, firstSequence);
  }

  name(kind: ObjectKind, id: number, parent: number, text: string): void {
    if (this.file) this.names.push(JSON.stringify([kind, id, parent, text]));
    if (this.asEmitter().listenerCount('name') > 0) this.emit('name', { kind, id, parent, text });
  }

  /** Writes the names that are left and the index. */
  close(): void {
    this.flushNames();
    if (this.file) this.put(chunk(Chunk.index, new Uint8Array(new Float64Array(this.index).buffer)));
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
    this.put(chunk(Chunk.names, new TextEncoder().encode(text)));
  }
  private put(bytes: Uint8Array): void {
    try {
      this.file?.write(bytes);
      this.offset += bytes.length;
    } catch (error) {
      this.file = undefined;
      this.emit('failed', error as Error);
    }
  }
}
