/**
 * Reads a trace file that is in memory. A file cut short or damaged in its middle gives all records of the chunks that are whole, and says what
 * was wrong in `damage`.
 */
import { TRACE_RECORD } from '../microkernel/abi/index.ts';
import { CHUNK_HEADER, Chunk, HEADER_BYTES, MAGIC, TraceFileError, VERSION, crc32, padded } from './format.ts';
import type { ObjectKind, TraceName } from './recorder.ts';
import { RecordView } from './record.ts';

/** `start` is the record number (from 0, without gaps) of the chunk's first record; `first` its sequence number. */
interface RecordChunk { first: number; start: number; count: number; bytes: Uint8Array }

/** What analyses and exporters need of a trace: its names and its records in order. */
export interface TraceSource {
  readonly names: ReadonlyMap<number, TraceName>;
  readonly damage: string | undefined;
  name(id: number): string;
  taskOf(id: number): string;
  records(): Generator<RecordView>;
}

export class TraceFile implements TraceSource {
  readonly names = new Map<number, TraceName>();
  /** One line when the file is not whole, else undefined. */
  damage: string | undefined;
  private readonly chunks: RecordChunk[] = [];
  private total = 0;
  /** The chunk that was asked for last: most questions are about it again. */
  private recent: RecordChunk | undefined;

  /** Byte of the file up to which chunks were taken. */
  end = HEADER_BYTES;
  /** True when the recorder has finished the file. */
  closed = false;
  private bad: string | undefined;

  /** Throws TraceFileError when this is not a trace file at all. */
  constructor(bytes: Uint8Array) {
    checkHeader(bytes);
    this.append(bytes.subarray(HEADER_BYTES));
  }

  /** Takes what a recording that goes on has written since: the file's bytes from `end`. */
  append(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = 0, cut: string | undefined;
    while (at < bytes.length) {
      const length = at + CHUNK_HEADER <= bytes.length ? view.getUint32(at + 4, true) : Infinity;
      if (at + CHUNK_HEADER + length > bytes.length) { cut = `the file ends inside a chunk at byte ${this.end + at}; the ${this.total} records before it are shown`; break; }
      const payload = bytes.subarray(at + CHUNK_HEADER, at + CHUNK_HEADER + length);
      if (crc32(payload) !== view.getUint32(at + 8, true)) this.bad = `a damaged chunk at byte ${this.end + at} was left out`;
      else this.closed = this.take(view.getUint32(at, true), payload) || this.closed;
      at += CHUNK_HEADER + padded(length);
    }
    this.end += at;
    this.damage = cut ?? this.bad ?? (this.closed ? undefined : 'the recording was not closed (still running, or cut short); everything up to its last chunk is shown');
  }

  get length(): number { return this.total; }
  name(id: number): string { return this.names.get(id)?.text ?? `#${id}`; }
  /** Name of the task that a thread or portal belongs to. */
  taskOf(id: number): string {
    let entry = this.names.get(id);
    while (entry && entry.kind !== 'task' && entry.parent !== 0) entry = this.names.get(entry.parent);
    return entry?.text ?? `#${id}`;
  }

  /** All records in order; the view is reused from one to the next. */
  *records(): Generator<RecordView> {
    const view = new RecordView();
    for (const c of this.chunks) for (let at = 0, n = 0; at < c.bytes.length; at += TRACE_RECORD, n++) yield view.at(c.bytes, at, c.first + n);
  }

  /** Points `view` at record number `index` (0 … length - 1); throws RangeError outside. */
  at(index: number, view: RecordView = new RecordView()): RecordView {
    const c = this.chunkOf(index);
    return view.at(c.bytes, (index - c.start) * TRACE_RECORD, c.first + index - c.start);
  }

  /** Number of the record with this sequence number; -1 when the file does not have it. */
  indexOf(sequence: number): number {
    let c = this.recent;
    if (!c || sequence < c.first || sequence >= c.first + c.count) c = this.chunks[last(this.chunks, (x) => x.first <= sequence)];
    return c && sequence >= c.first && sequence < c.first + c.count ? c.start + sequence - c.first : -1;
  }

  /** Number of the first record at or after `time` (cycles); `length` when all are before it. */
  indexAtTime(time: number): number {
    let low = 0, high = this.total;
    const view = new RecordView();
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.at(middle, view).time < time) low = middle + 1; else high = middle;
    }
    return low;
  }

  private chunkOf(index: number): RecordChunk {
    const near = this.recent;
    if (near && index >= near.start && index < near.start + near.count) return near;
    const c = this.chunks[last(this.chunks, (x) => x.start <= index)];
    if (!c || index < 0 || index >= this.total) throw new RangeError(`record ${index} of ${this.total}`);
    return (this.recent = c);
  }

  private take(type: number, payload: Uint8Array): boolean {
    if (type === Chunk.records && payload.length >= 8 && (payload.length - 8) % TRACE_RECORD === 0) {
      const count = (payload.length - 8) / TRACE_RECORD;
      this.chunks.push({ first: new DataView(payload.buffer, payload.byteOffset).getFloat64(0, true), start: this.total, count, bytes: payload.subarray(8) });
      this.total += count;
    } else if (type === Chunk.names) {
      for (const line of new TextDecoder().decode(payload).split('\n')) if (line) this.addName(line);
    }
    return type === Chunk.index;
  }
  private addName(line: string): void {
    const [kind, id, parent, text] = JSON.parse(line) as [ObjectKind, number, number, string];
    this.names.set(id, { kind, id, parent, text });
  }
}

/** Index of the last element that `holds`, in a list where it holds for a prefix; -1 for none. */
function last<T>(list: readonly T[], holds: (x: T) => boolean): number {
  let low = 0, high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(list[middle]!)) low = middle + 1; else high = middle;
  }
  return low - 1;
}

function checkHeader(bytes: Uint8Array): void {
  if (bytes.length === 0) throw new TraceFileError('the file is empty');
  const magic = String.fromCharCode(...bytes.subarray(0, MAGIC.length));
  if (magic !== MAGIC || bytes.length < HEADER_BYTES) throw new TraceFileError('not a Tessera trace file');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint16(8, true) !== VERSION || view.getUint16(10, true) !== TRACE_RECORD) throw new TraceFileError(`trace file version ${view.getUint16(8, true)} with ${view.getUint16(10, true)}-byte records is not known here (this is version ${VERSION}, ${TRACE_RECORD} bytes); record it again`);
}
