/**
 * Counts trace records per task, for the table at the end of a run. It sits between the kernel and a recorder. Its size is bounded: once
 * there are many ended tasks, they share one line.
 *
 * Every record of a run passes through here, so counting is an index into typed arrays: COLUMN[kind] names the column, the cache finds the
 * row of the thread.
 */
import { RecordView } from '../trace/record.ts';
import { ShadowCounter } from '../trace/shadows.ts';
import { visible } from '../trace/visible.ts';
import { Kind, TRACE_RECORD, type TraceSink } from '../microkernel/abi/index.ts';

export interface TaskRow { readonly task: number; readonly name: string; readonly tasks: number; readonly threads: number;
  readonly messages: number; readonly events: number; readonly replies: number; readonly maps: number; readonly switches: number }

/** Columns of counts; records that are not counted go to column 0, which is never read. */
const MESSAGES = 1, EVENTS = 2, REPLIES = 3, MAPS = 4, SWITCHES = 5, COLUMNS = 8;
const COLUMN = new Uint8Array(1 << 16);
for (const [kind, column] of [[Kind.send, MESSAGES], [Kind.call, MESSAGES], [Kind.event, EVENTS], [Kind.reply, REPLIES],
  [Kind.resume, REPLIES], [Kind.schedule, SWITCHES], [Kind.map, MAPS]]) COLUMN[kind!] = column!;
const WORDS = TRACE_RECORD / 4, MOST_ROWS = 48, CACHE = 1024;

/** One row: a task (or all that have ended), and where its counts are. */
interface TaskCounts { readonly task: number; name: string; tasks: number; threads: number; readonly at: number }

export class Tally implements TraceSink {
  private readonly next: TraceSink | undefined;
  private counts = new Float64Array(64 * COLUMNS);
  private readonly freeRows: number[] = [];
  private usedRows = 0;
  private readonly rowsByTask = new Map<number, TaskCounts>();
  private readonly threads = new Map<number, TaskCounts>();
  private readonly ended: TaskCounts;
  /** Rows of the threads seen last, by the low bits of their number. */
  private readonly cachedIds = new Uint32Array(CACHE);
  private readonly cachedRows = new Uint32Array(CACHE);
  records = 0;
  /** Guests that run deprivileged; searched once one of their spaces has been named. */
  readonly shadows = new ShadowCounter();
  private readonly view = new RecordView();

  constructor(next: TraceSink | undefined) {
    this.next = next;
    this.ended = this.newRow(0, 'other tasks, ended', 0);
  }

  drain(records: Uint8Array, firstSequence: number): void {
    const words = new Uint32Array(records.buffer, records.byteOffset, records.length >> 2), { cachedIds, cachedRows } = this;
    for (let at = 0; at < words.length; at += WORDS) {
      const kind = words[at + 2]! & 0xffff, thread = words[at + 3]!, slot = thread % CACHE;
      if (kind === Kind.destroy) this.destroyed(words[at + 4]!);
      else this.counts[(cachedIds[slot] === thread ? cachedRows[slot]! : this.find(thread)) + COLUMN[kind]!]!++;
    }
    if (this.shadows.any) for (let at = 0; at < records.length; at += TRACE_RECORD)
      this.shadows.see(this.view.at(records, at, firstSequence + at / TRACE_RECORD));
    this.records += words.length / WORDS;
    this.next?.drain(records, firstSequence);
  }
  name(kind: 'task' | 'thread' | 'portal' | 'semaphore', id: number, parent: number, text: string): void {
    if (kind === 'task') this.rowFor(id).name = visible(text);
    this.shadows.name(kind, id, text);
    if (kind === 'thread' && !this.threads.has(id)) {
      const row = this.rowFor(parent);
      row.threads++;
      this.threads.set(id, row);
    }
    this.next?.name(kind, id, parent, text);
  }
  /** The name of a task. */
  nameOf(task: number): string { return this.rowsByTask.get(task)?.name ?? `task ${task}`; }
  /** The number of the youngest task of this name. */
  taskNamed(name: string): number | undefined {
    let found: number | undefined;
    for (const row of this.rowsByTask.values()) if (row.name === name) found = row.task;
    return found;
  }
  /** Rows in the order of their numbers; the combined ended tasks come last. */
  rows(): TaskRow[] {
    const rows = [...this.rowsByTask.values()].filter(r => r.threads > 0).sort((a, b) => a.task - b.task);
    return (this.ended.tasks > 0 ? [...rows, this.ended] : rows).map(r => this.shown(r));
  }

  private shown({ task, name, tasks, threads, at }: TaskCounts): TaskRow {
    const n = (column: number): number => this.counts[at + column]!;
    return { task, name, tasks, threads, messages: n(MESSAGES), events: n(EVENTS), replies: n(REPLIES), maps: n(MAPS),
      switches: n(SWITCHES) };
  }
  private newRow(task: number, name: string, tasks: number): TaskCounts {
    const at = this.freeRows.pop() ?? this.usedRows++ * COLUMNS;
    if (at >= this.counts.length) {
      const grown = new Float64Array(2 * this.counts.length);
      grown.set(this.counts);
      this.counts = grown;
    }
    return { task, name, tasks, threads: 0, at };
  }
  private rowFor(task: number): TaskCounts {
    let row = this.rowsByTask.get(task);
    if (!row) this.rowsByTask.set(task, (row = this.newRow(task, `task ${task}`, 1)));
    return row;
  }
  /** The position of this thread's counts; the cache stores it. */
  private find(thread: number): number {
    const slot = thread % CACHE, { at } = this.threads.get(thread) ?? this.ended;
    this.cachedIds[slot] = thread;
    return (this.cachedRows[slot] = at);
  }
  /** Drops a thread (its counts belong to its task); drops a task too, when there are many. */
  private destroyed(id: number): void {
    if (this.threads.delete(id)) { this.cachedIds[id % CACHE] = 0; this.cachedRows[id % CACHE] = this.ended.at; return; }
    const row = this.rowsByTask.get(id);
    if (!row || this.rowsByTask.size <= MOST_ROWS) return;
    this.rowsByTask.delete(id);
    this.ended.tasks++;
    this.ended.threads += row.threads;
    for (let column = 0; column < COLUMNS; column++) this.counts[this.ended.at + column]! += this.counts[row.at + column]!;
    this.counts.fill(0, row.at, row.at + COLUMNS);
    this.freeRows.push(row.at);
  }
}
