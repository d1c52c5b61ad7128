/**
 * Counts of what the kernel's trace says, per task: the table at the end of a run. Sits between the kernel and a recorder. Its size is
 * bounded: tasks that have ended share one row once there are many.
 */
import { Kind, TRACE_RECORD, type TraceSink } from '../microkernel/abi/index.ts';

export interface TaskRow { readonly task: number; name: string; tasks: number; threads: number; messages: number; events: number; replies: number; maps: number; switches: number }
type Column = 'messages' | 'events' | 'replies' | 'maps' | 'switches';

const COUNTED: Readonly<Record<number, Column>> = {
  [Kind.send]: 'messages', [Kind.call]: 'messages', [Kind.event]: 'events', [Kind.reply]: 'replies', [Kind.resume]: 'replies',
  [Kind.schedule]: 'switches', [Kind.map]: 'maps',
};
const COLUMNS = Array.from({ length: 32 }, (_, kind) => COUNTED[kind]);
const WORDS = TRACE_RECORD / 4, MOST_ROWS = 48, CACHE = 1024;

export class Tally implements TraceSink {
  private readonly next: TraceSink | undefined;
  private readonly rowsByTask = new Map<number, TaskRow>();
  private readonly threads = new Map<number, TaskRow>();
  private readonly ended: TaskRow = emptyRow(0, 'other tasks, ended', 0);
  /** Rows of the threads seen last, by the low bits of their number. */
  private readonly cachedIds = new Uint32Array(CACHE);
  private readonly cachedRows = new Array<TaskRow | undefined>(CACHE).fill(undefined);
  records = 0;

  constructor(next: TraceSink | undefined) { this.next = next; }

  drain(records: Uint8Array, firstSequence: number): void {
    const words = new Uint32Array(records.buffer, records.byteOffset, records.length >> 2);
    for (let at = 0; at < words.length; at += WORDS) {
      const kind = words[at + 2]! & 0xffff, column = COLUMNS[kind];
      if (column) this.rowOf(words[at + 3]!)[column]++;
      else if (kind === Kind.destroy) this.destroyed(words[at + 4]!);
    }
    this.records += words.length / WORDS;
    this.next?.drain(records, firstSequence);
  }
  name(kind: 'task' | 'thread' | 'portal' | 'semaphore', id: number, parent: number, text: string): void {
    if (kind === 'task') this.rowFor(id).name = text;
    if (kind === 'thread' && !this.threads.has(id)) {
      const row = this.rowFor(parent);
      row.threads++;
      this.threads.set(id, row);
    }
    this.next?.name(kind, id, parent, text);
  }
  /** In the order of their numbers; tasks that nobody names any more come last, as one. */
  rows(): TaskRow[] {
    const rows = [...this.rowsByTask.values()].filter(r => r.threads > 0).sort((a, b) => a.task - b.task);
    return this.ended.tasks > 0 ? [...rows, this.ended] : rows;
  }

  private rowFor(task: number): TaskRow {
    let row = this.rowsByTask.get(task);
    if (!row) this.rowsByTask.set(task, (row = emptyRow(task, `task ${task}`, 1)));
    return row;
  }
  private rowOf(thread: number): TaskRow {
    const slot = thread % CACHE;
    if (this.cachedIds[slot] === thread && this.cachedRows[slot]) return this.cachedRows[slot];
    const row = this.threads.get(thread) ?? this.ended;
    this.cachedIds[slot] = thread;
    this.cachedRows[slot] = row;
    return row;
  }
  /** A thread is forgotten (its counts are its task's); a task too, when there are many. */
  private destroyed(id: number): void {
    if (this.threads.delete(id)) return void (this.cachedRows[id % CACHE] = undefined);
    const row = this.rowsByTask.get(id);
    if (!row || this.rowsByTask.size <= MOST_ROWS) return;
    this.rowsByTask.delete(id);
    this.ended.tasks++;
    for (const column of ['threads', 'messages', 'events', 'replies', 'maps', 'switches'] as const) this.ended[column] += row[column];
  }
}
const emptyRow = (task: number, name: string, tasks: number): TaskRow => ({ task, name, tasks, threads: 0, messages: 0, events: 0, replies: 0, maps: 0, switches: 0 });
