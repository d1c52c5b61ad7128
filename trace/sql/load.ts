/** Fills the tables of schema.ts from a trace in one pass: inserts at a record, completes at its answer. */
import { Cause, Kind, causeName, statusName } from '../../microkernel/abi/index.ts';
import { originOf, sentence } from '../decode.ts';
import { labelName } from '../labels.ts';
import { ExitWord, Part, wordsOfPart } from '../payload.ts';
import type { TraceFile } from '../reader.ts';
import { accessOf, stateBytes, RecordView } from '../record.ts';
import { callName, callText, eventWords, mappedRange, registerOf, requestText } from '../said.ts';
import { INDEXES, SCHEMA } from './schema.ts';
import type { SqlDatabase, SqlStatement, SqlValue } from './engine.ts';

/** Most records of a database in memory, where they take about a gigabyte. */
export const MOST_RECORDS = 2_500_000;

type Tables = Record<'objects' | 'records' | 'events' | 'syscalls' | 'faults' | 'exits' | 'messages' | 'maps' | 'operations' | 'runs',
  SqlStatement>;
const COLUMNS: Readonly<Record<keyof Tables, number>> = {
  objects: 5, records: 14, events: 10, syscalls: 10, faults: 9, exits: 11, messages: 11, maps: 11, operations: 8, runs: 7
};

/** An unanswered request; `maps` and `bytes` come with the answer to a fault. */
interface Open { readonly index: number; readonly time: number; maps: number; bytes: number }

export interface LoadOptions {
  /** Which records become rows. */
  readonly keep?: ((r: RecordView, index: number) => boolean) | undefined;
  /** Which tables are filled; the others stay empty. */
  readonly tables?: ((name: string) => boolean) | undefined;
  /** Indexes grow with the rows: slower, but nothing is sorted in memory at the end. */
  readonly indexFirst?: boolean;
  /** Called now and then with the share that is done, from 0 to 1. */
  readonly progress?: ((share: number) => void) | undefined;
}
/** Records between two calls of `progress`. */
const STEP = 100_000;

export function loadTrace(db: SqlDatabase, trace: TraceFile, options: LoadOptions = {}): void {
  const { keep = () => true, tables = () => true, indexFirst = false, progress } = options;
  db.run(SCHEMA);
  if (indexFirst && tables('records')) db.run(INDEXES);
  db.run('begin');
  new Loader(db, trace, tables).load(keep, progress);
  db.run('commit');
  if (!indexFirst && tables('records')) db.run(INDEXES);
  db.create_function('what', (seq) => {
    const index = typeof seq === 'number' ? trace.indexOf(seq) : -1;
    if (index < 0) return null;
    const record = trace.at(index);
    return sentence(record, originOf(trace, record));
  });
}

/** Takes the rows of a table that no query uses. */
const NOWHERE: SqlStatement = { run: () => undefined, step: () => false, get: () => [], getColumnNames: () => [], free: () => true };

class Loader {
  private readonly trace: TraceFile;
  private readonly tables: Tables;
  private readonly open = new Map<number, Open>();
  private readonly runs = new Map<number, { seq: number; time: number; row: SqlValue[] }>();
  private readonly view = new RecordView();
  private lastTime = 0;
  constructor(db: SqlDatabase, trace: TraceFile, isWanted: (table: string) => boolean) {
    this.trace = trace;
    this.tables = Object.fromEntries(Object.entries(COLUMNS).map(([t, n]) => [
      t, isWanted(t) ? db.prepare(`insert into ${t} values (${Array(n).fill('?').join()})`) : NOWHERE
    ])) as Tables;
  }

  load(keep: (record: RecordView, index: number) => boolean, progress: LoadOptions['progress']): void {
    const { trace } = this, record = new RecordView();
    for (const n of trace.names.values()) this.tables.objects.run([n.id, n.kind, n.text, n.parent || null, trace.taskOf(n.id)]);
    for (let i = 0; i < trace.length; i++) {
      trace.at(i, record);
      this.lastTime = record.time;
      if (progress && i % STEP === 0) progress(i / trace.length);
      if (keep(record, i)) this.record(record, i);
    }
    for (const open of this.open.values()) this.request(trace.at(open.index, this.view), open, undefined);
    for (const run of this.runs.values()) this.tables.runs.run([...run.row, this.lastTime - run.time]);
    for (const sqlStatement of Object.values(this.tables)) sqlStatement.free();
  }

  private record(record: RecordView, index: number): void {
    const { trace, tables } = this, { sequence, time, kind, cause } = record, opener = cause === 0 ? undefined : this.open.get(cause);
    const answers = kind === Kind.reply || kind === Kind.resume, latency = opener ? time - opener.time : null;
    const task = record.actor ? trace.taskOf(record.actor) : 'kernel', thread = record.actor ? trace.name(record.actor) : 'kernel';
    tables.records.run([
      sequence, time, record.kindName, record.hart, statusName(record.status), record.actor, record.object, task, thread,
      cause || null, record.a, record.b, record.c, latency
    ]);
    switch (kind) {
      case Kind.event: case Kind.call: case Kind.send: this.open.set(sequence, { index, time, maps: 0, bytes: 0 }); break;
      case Kind.map:
        if (opener && record.status === 0) { opener.maps++; opener.bytes += record.a & 8 ? 0 : 2 ** record.b; }
        this.map(record, task);
        break;
      case Kind.unmap: this.map(record, task); break;
      case Kind.invoke:
        tables.operations.run([sequence, time, task, thread, labelName(record.a), record.object, record.c, statusName(record.status)]);
        break;
      case Kind.schedule: this.schedule(record, task, thread); break;
    }
    if (answers && opener) { this.open.delete(cause); this.request(trace.at(opener.index, this.view), opener, record); }
  }

  private request(other: RecordView, open: Open, answer: RecordView | undefined): void {
    const latency = answer ? answer.time - other.time : null, { trace, tables } = this, task = trace.taskOf(other.actor),
      thread = trace.name(other.actor), server = other.object ? trace.taskOf(other.object) : null;
    if (other.kind !== Kind.event) {
      tables.messages.run([
        other.sequence, other.time, task, server, trace.words.labels?.[other.a]?.[0] ?? labelName(other.a), requestText(other),
          other.b & 0xff, other.b >>> 8,
        answer ? statusName(answer.status) : null, answer?.sequence ?? null, latency
      ]);
      return;
    }
    const cause = causeName(other.a);
    tables.events.run([other.sequence, other.time, task, thread, server, cause, other.c, stateBytes(other.b), answer?.sequence ?? null,
      latency]);
    if (other.a === Cause.syscall) this.systemCall(other, answer, task, thread, latency);
    else if (other.a === Cause.pageFault)
      tables.faults.run([other.sequence, other.time, task, other.c, accessOf(other.b) || null, server, open.maps, open.bytes, latency]);
    else if (other.a >= Cause.sbi) this.exit(other, answer, task, cause, latency);
  }
  private systemCall(other: RecordView, answer: RecordView | undefined, task: string, thread: string, latency: number | null): void {
    const result = answer && this.word(answer, Part.result, 0), value = result === undefined ? null : Number(BigInt.asIntN(64, result));
    const error = value !== null && value < 0 && value > -4096 ? this.trace.words.errors?.[-value] ?? `E${-value}` : null;
    this.tables.syscalls.run([
      other.sequence, other.time, task, thread, other.c, callName(this.trace.words, other.c), this.has(other) ? callText(other, answer)
        : null, value, error,
      latency
    ]);
  }
  private exit(other: RecordView, answer: RecordView | undefined, task: string, cause: string, latency: number | null): void {
    const at = registerOf(other), fault = other.a === Cause.guestPageFault,
      value = fault ? this.word(other, Part.words, ExitWord.value) ?? (answer && this.word(answer, Part.result, 0)) : undefined;
    this.tables.exits.run([other.sequence, other.time, task, cause, fault ? other.c : null, at?.device ?? null, at?.register ?? null,
      fault ? accessOf(other.b) || null : null,
      value === undefined ? null : Number(BigInt.asIntN(64, value)), other.a === Cause.sbi ? eventWords(other, answer) : null, latency]);
  }
  private map(record: RecordView, task: string): void {
    const mapped = mappedRange(record);
    this.tables.maps.run([
      record.sequence, record.time, record.kindName, task, this.trace.taskOf(record.object), mapped.capability ? 'capability' : 'memory',
      mapped.base, mapped.capability ? null : 2 ** record.b, mapped.rights, statusName(record.status), record.cause || null
    ]);
  }
  private schedule(record: RecordView, task: string, thread: string): void {
    const before = this.runs.get(record.hart);
    if (before) this.tables.runs.run([...before.row, record.time - before.time]);
    this.runs.set(record.hart, { seq: record.sequence, time: record.time, row: [record.sequence, record.time, record.hart, task, thread,
      record.a] });
  }

  private has(r: RecordView): boolean { return this.trace.payload(r.sequence).length > 0; }
  private word(record: RecordView, part: number, index: number): bigint | undefined {
    const payloadPart = this.trace.payload(record.sequence).find((x) => x.part === part);
    return payloadPart && wordsOfPart(payloadPart)[index];
  }
}
