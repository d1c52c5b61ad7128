/** Counts of what the kernel's trace says, per thread and task: the table at the end of a run. Sits between the kernel and a recorder. */
import { Kind, TRACE_RECORD, type TraceSink } from '../microkernel/abi/index.ts';

export interface TaskRow { readonly task: number; name: string; threads: number; messages: number; events: number; replies: number; maps: number; switches: number }

const COUNTED: Readonly<Record<number, 'messages' | 'events' | 'replies' | 'maps' | 'switches'>> = {
  [Kind.send]: 'messages', [Kind.call]: 'messages', [Kind.event]: 'events', [Kind.reply]: 'replies', [Kind.resume]: 'replies',
  [Kind.schedule]: 'switches', [Kind.map]: 'maps',
};
const KINDS = 32, DOUBLES = TRACE_RECORD / 4;

export class Tally implements TraceSink {
  private readonly next: TraceSink | undefined;
  /** Records by thread × kind. */
  private counts = new Float64Array(KINDS * 256);
  private readonly threads = new Map<number, { task: number; name: string }>();
  private readonly tasks = new Map<number, string>();
  readonly byKind = new Float64Array(KINDS);
  records = 0;

  constructor(next: TraceSink | undefined) { this.next = next; }

  drain(records: Uint8Array, firstSequence: number): void {
    const words = new Uint32Array(records.buffer, records.byteOffset, records.length >> 2);
    for (let at = 0; at < words.length; at += DOUBLES) {
      const kind = words[at + 2]! & 0xffff, actor = words[at + 3]!;
      if (kind >= KINDS) continue;
      if ((actor + 1) * KINDS > this.counts.length) this.grow(actor);
      this.counts[actor * KINDS + kind]!++;
      this.byKind[kind]!++;
    }
    this.records += words.length / DOUBLES;
    this.next?.drain(records, firstSequence);
  }
  name(kind: 'task' | 'thread' | 'portal' | 'semaphore', id: number, parent: number, text: string): void {
    if (kind === 'thread') this.threads.set(id, { task: parent, name: text });
    if (kind === 'task') this.tasks.set(id, text);
    this.next?.name(kind, id, parent, text);
  }

  /** One row per task that had a thread, in the order of their numbers. */
  rows(): TaskRow[] {
    const rows = new Map<number, TaskRow>();
    for (const [thread, { task, name }] of this.threads) {
      const row = rows.get(task) ?? { task, name: this.tasks.get(task) || name || `task ${task}`, threads: 0, messages: 0, events: 0, replies: 0, maps: 0, switches: 0 };
      rows.set(task, row);
      row.threads++;
      for (const [kind, column] of Object.entries(COUNTED)) row[column] += this.counts[thread * KINDS + Number(kind)] ?? 0;
    }
    return [...rows.values()].sort((a, b) => a.task - b.task);
  }
  private grow(actor: number): void {
    const bigger = new Float64Array(Math.max(this.counts.length * 2, (actor + 1) * KINDS));
    bigger.set(this.counts);
    this.counts = bigger;
  }
}
