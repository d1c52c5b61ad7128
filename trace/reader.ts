/**
 * Reads a trace file: from memory, or from a source that is read in pieces, so that a file may be larger than memory. A file that is cut
 * short or damaged gives all records of its whole chunks, and `damage` says what was wrong.
 */
import { TRACE_RECORD } from '../microkernel/abi/index.ts';
import { ChunkStore, endOf, type ChunkEntry } from './chunks.ts';
import { Chunk, HEADER_BYTES, MAGIC, MOST_CHUNK, TraceFileError, VERSION } from './format.ts';
import { fromVersion1 } from './older.ts';
import { addNames, taskEntry, type TraceName } from './names.ts';
import { payloadParts, type PayloadPart } from './payload.ts';
import { RecordView, type TraceSource } from './record.ts';
import { MemorySource, type ByteSource, type Unpack } from './source.ts';
import { vocabularyOf, type Vocabulary } from './vocabulary.ts';

export type { TraceSource };

/** `start` is the record number (from 0, without gaps) of the chunk's first record; `first` its sequence number. */
interface RecordChunk {
  readonly first: number;
  readonly start: number;
  readonly count: number;
  readonly time: number;
  readonly entry: ChunkEntry
}

/** Files up to this size are checked completely when opened; larger ones chunk by chunk on access. */
const CHECKED_AT_ONCE = 2 ** 26;
const NO_PARTS: readonly PayloadPart[] = [];

export class TraceFile implements TraceSource {
  readonly names = new Map<number, TraceName>();
  words: Vocabulary = {};
  /** One line when the file is not whole, else undefined. */
  damage: string | undefined;
  /** Byte of the file up to which chunks were taken. */
  end = HEADER_BYTES;
  /** True when the recorder has finished the file. */
  closed = false;
  private readonly source: ByteSource;
  private readonly store: ChunkStore;
  private readonly chunks: RecordChunk[] = [];
  private readonly payloads: ChunkEntry[] = [];
  private total = 0;
  private bad: string | undefined;
  private cut: string | undefined;
  /** The last chunk used: most accesses repeat it. */
  private recent: RecordChunk | undefined;
  private partsOf: { entry: ChunkEntry; parts: Map<number, PayloadPart[]> } | undefined;
  private readonly tasks = new Map<number, string>();

  /** Throws TraceFileError when this is not a trace file at all. `unpack`: a faster inflate, where the host has one. */
  constructor(from: Uint8Array | ByteSource, unpack?: Unpack) {
    const given = from instanceof Uint8Array ? new MemorySource(from) : from;
    this.source = checkHeader(given.read(0, HEADER_BYTES)) === 1 ? fromVersion1(given) : given;
    this.store = new ChunkStore(this.source, unpack);
    this.store.onDamage = (offset) => this.found(offset);
    const known = this.source.size > CHECKED_AT_ONCE ? this.store.byIndex() : undefined;
    if (known) for (const chunkEntry of known) this.take(chunkEntry);
    else this.scan();
    this.judge();
  }

  /** Takes what a running recording has written since. */
  refresh(): void {
    this.scan();
    this.judge();
  }
  /** The same for a file in memory, given its bytes from `end` on. */
  append(bytes: Uint8Array): void {
    if (this.source instanceof MemorySource) this.source.replaceFrom(this.end, bytes);
    this.refresh();
  }

  get length(): number { return this.total; }
  /** Whether the file has payload. */
  get hasPayload(): boolean { return this.payloads.length > 0; }
  name(id: number): string { return this.names.get(id)?.text ?? `#${id}`; }
  /** Name of the task that a thread or portal belongs to. */
  taskOf(id: number): string {
    let text = this.tasks.get(id);
    if (text === undefined) this.tasks.set(id, (text = taskEntry(this.names, id)?.text ?? `#${id}`));
    return text;
  }

  /** All records in order; the view is reused from one to the next. */
  *records(): Generator<RecordView> {
    const view = new RecordView();
    view.source = this;
    for (const chunk of this.chunks) {
      const bytes = this.bytesOf(chunk);
      for (let n = 0; n < chunk.count; n++) yield view.at(bytes, n * TRACE_RECORD, chunk.first + n);
    }
  }

  /** Points `view` at record number `index` (0 … length - 1); throws RangeError outside. */
  at(index: number, view: RecordView = new RecordView()): RecordView {
    const chunk = this.chunkOf(index);
    view.source = this;
    return view.at(this.bytesOf(chunk), (index - chunk.start) * TRACE_RECORD, chunk.first + index - chunk.start);
  }

  /** Number of the record with this sequence number; -1 when the file does not have it. */
  indexOf(sequence: number): number {
    let chunk = this.recent;
    if (!chunk || sequence < chunk.first || sequence >= chunk.first + chunk.count)
      chunk = this.chunks[last(this.chunks, (x) => x.first <= sequence)];
    return chunk && sequence >= chunk.first && sequence < chunk.first + chunk.count ? chunk.start + sequence - chunk.first : -1;
  }

  /** Number of the first record at or after `time` (cycles); `length` when all are before it. */
  indexAtTime(time: number): number {
    const near = Math.max(0, last(this.chunks, (x) => x.time < time)), view = new RecordView();
    let low = this.chunks[near]?.start ?? 0, high = Math.min(this.total, low + (this.chunks[near]?.count ?? 0));
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.at(middle, view).time < time) low = middle + 1; else high = middle;
    }
    return low;
  }

  payload(sequence: number): readonly PayloadPart[] {
    const entry = this.payloads[last(this.payloads, (x) => x.first <= sequence)];
    if (!entry || sequence > entry.second) return NO_PARTS;
    if (this.partsOf?.entry !== entry) this.partsOf = { entry, parts: grouped(this.store.data(entry)) };
    return this.partsOf.parts.get(sequence) ?? NO_PARTS;
  }

  /** All payload of one kind, in order. */
  *allParts(part: number): Generator<PayloadPart> {
    for (const entry of this.payloads) for (const p of payloadParts(this.store.data(entry))) if (p.part === part) yield p;
  }

  private chunkOf(index: number): RecordChunk {
    const near = this.recent;
    if (near && index >= near.start && index < near.start + near.count) return near;
    const chunk = this.chunks[last(this.chunks, (x) => x.start <= index)];
    if (!chunk || index < 0 || index >= this.total) throw new RangeError(`record ${index} of ${this.total}`);
    return (this.recent = chunk);
  }

  /** The records of a chunk; of a damaged one, as many empty records (kind `lost`). */
  private bytesOf(chunk: RecordChunk): Uint8Array {
    if (chunk === this.holding && this.held) return this.held;
    let data = this.store.data(chunk.entry);
    if (data.length !== chunk.count * TRACE_RECORD) { data = lostRecords(chunk); this.judge(); }
    this.holding = chunk;
    return (this.held = data);
  }
  private holding: RecordChunk | undefined;
  private held: Uint8Array | undefined;

  /** Takes the chunks from `end` on, one after the other. */
  private scan(): void {
    this.cut = undefined;
    const whole = this.source.size <= CHECKED_AT_ONCE;
    while (this.end < this.source.size) {
      const entry = this.store.entry(this.end);
      if (typeof entry !== 'string') {
        if (!whole || this.checks(entry)) this.take(entry);
        this.end = endOf(entry);
        continue;
      }
      const next = this.store.resync(this.end);
      if (next === undefined) {
        this.cut = `the file ends inside a chunk at byte ${this.end}; the ${this.total} records before it are shown`;
        return;
      }
      this.found(this.end);
      this.end = next;
    }
  }
  private checks(e: ChunkEntry): boolean { return e.length === 0 || this.store.load(e).length > 0; }

  private take(chunkEntry: ChunkEntry): void {
    this.end = Math.max(this.end, endOf(chunkEntry));
    if (chunkEntry.type === Chunk.records) this.takeRecords(chunkEntry);
    else if (chunkEntry.type === Chunk.payload) this.payloads.push(chunkEntry);
    else if (chunkEntry.type === Chunk.names) {
      this.tasks.clear();
      if (!addNames(this.names, this.store.load(chunkEntry))) this.found(chunkEntry.offset);
    } else if (chunkEntry.type === Chunk.words) this.words = vocabularyOf(new TextDecoder().decode(this.store.load(chunkEntry)));
    else if (chunkEntry.type === Chunk.index) this.closed = true;
  }
  private takeRecords(entry: ChunkEntry): void {
    const before = this.chunks.at(-1), count = entry.bytes / TRACE_RECORD;
    if (!Number.isInteger(count) || count === 0 || entry.bytes > MOST_CHUNK || !(entry.first >= (before ? before.first + before.count : 1))
        || !Number.isInteger(entry.first))
      return this.found(entry.offset);
    this.chunks.push({ first: entry.first, start: this.total, count, time: entry.second, entry: entry });
    this.total += count;
  }

  private found(offset: number): void { this.bad = `a damaged chunk at byte ${offset} was left out`; }
  private judge(): void {
    this.damage = this.cut ?? this.bad
      ?? (this.closed ? undefined : 'the recording was not closed (still running, or cut short); everything up to its last chunk is shown');
  }
}

/** Records of kind 0 in place of those of a damaged chunk, all at its time. */
function lostRecords(chunk: RecordChunk): Uint8Array {
  const bytes = new Uint8Array(chunk.count * TRACE_RECORD), view = new DataView(bytes.buffer);
  for (let at = 0; at < bytes.length; at += TRACE_RECORD) view.setFloat64(at, chunk.time, true);
  return bytes;
}

function grouped(data: Uint8Array): Map<number, PayloadPart[]> {
  const parts = new Map<number, PayloadPart[]>();
  for (const payloadPart of payloadParts(data)) {
    const list = parts.get(payloadPart.sequence);
    if (list) list.push(payloadPart);
    else parts.set(payloadPart.sequence, [payloadPart]);
  }
  return parts;
}

/** Index of the last element for which `holds` is true, in a list where it is true for a prefix; -1 for none. */
function last<T>(list: readonly T[], holds: (x: T) => boolean): number {
  let low = 0, high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(list[middle]!)) low = middle + 1; else high = middle;
  }
  return low - 1;
}

/** Checks that this reader supports the version of a file. */
function checkHeader(bytes: Uint8Array): number {
  if (bytes.length === 0) throw new TraceFileError('the file is empty');
  const magic = String.fromCharCode(...bytes.subarray(0, MAGIC.length));
  if (magic !== MAGIC || bytes.length < HEADER_BYTES) throw new TraceFileError('not a Tessera trace file');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = view.getUint16(8, true), bytesOfRecord = view.getUint16(10, true);
  if ((version !== VERSION && version !== 1) || bytesOfRecord !== TRACE_RECORD)
    throw new TraceFileError(`trace file version ${version} with ${bytesOfRecord}-byte records is not known `
      + `here (this is version ${VERSION}, ${TRACE_RECORD} bytes); record it again`);
  return version;
}
