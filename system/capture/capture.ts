/**
 * Payload capture: adds to each record of the named tasks the data beyond its 40 bytes (trace/payload.ts). It reads threads and memory from
 * outside when the kernel writes the record, so the run and its records are the same with and without it.
 */
import { Kind, Ops, U, type Operation, type RecordWatch, type TraceSink, type Utcb } from '../../microkernel/abi/index.ts';
import type { Core } from '../../microkernel/index.ts';
import type { Thread } from '../../microkernel/objects/thread.ts';
import { ThreadState } from '../../microkernel/objects/object.ts';
import type { Captured } from '../../machine/net/capture.ts';
import { INCOMING, Part } from '../../trace/index.ts';
import { runsGuest } from '../panic/roots.ts';
import { EventCapture, type PayloadSink } from './event.ts';
import { TableCapture } from './tables.ts';

export type { PayloadSink };

const ALL = 'all', MOST_WORDS = 64, MOST_ITEMS = 16;
const encoder = new TextEncoder();
const operations = new Map<number, Operation>(Object.values(Ops).flatMap((rows) => Object.values(rows as Record<string, Operation>))
  .map((o) => [o.label, o]));

export class Capture implements TraceSink {
  private readonly sink: PayloadSink;
  /** Each given name, with the tasks it matches, and whether any task had that name. */
  private readonly patterns: { readonly name: string; readonly pattern: RegExp; met: boolean }[];
  private readonly taskNames = new Map<number, string>();
  /** By thread: the thread itself, and whether it belongs to a named task. */
  private readonly threads = new Map<number, Thread>();
  private readonly selected = new Map<number, boolean>();
  /** Takes the name that an operation has just given to an object. */
  private lastName = '';
  private kernel: Core | undefined;
  private events: EventCapture | undefined;
  private tables: TableCapture | undefined;

  /** `tasks`: names, in which * matches any text; 'all' for every task. */
  constructor(sink: PayloadSink, tasks: readonly string[]) {
    this.sink = sink;
    this.patterns = tasks.map((text) => ({
      name: text, met: text === ALL,
      pattern: new RegExp(`^${text === ALL ? '.*' : text.split('*').map((p) => p.replace(/[.+?^${}()|[\]\\]/g, '\\$&')).join('.*')}$`)
    }));
  }

  /** Names that no task has had. */
  get unmet(): string[] { return this.patterns.filter((p) => !p.met).map((p) => p.name); }

  /** The kernel's `watch` option. */
  readonly watch = (k: Core): RecordWatch => {
    this.kernel = k;
    this.events = new EventCapture(k.memory, this.sink);
    this.tables = new TableCapture(k.memory, this.sink);
    return (sequence, kind, actor, object, cause, a) => this.see(sequence, kind, actor, object, cause, a);
  };

  drain(records: Uint8Array, firstSequence: number): void { this.sink.drain(records, firstSequence); }
  name(kind: Parameters<TraceSink['name']>[0], id: number, parent: number, text: string): void {
    this.lastName = text;
    if (kind === 'task') {
      this.taskNames.set(id, text);
      this.selected.clear();
      this.wanted(text);
    }
    this.sink.name(kind, id, parent, text);
  }

  /** Captures data that exists only at the end of a run, or of its part so far: page tables of guests that still run. */
  finish(): void { if (this.kernel) this.tables!.all(this.kernel.trace.count); }

  /** A frame has passed card number `card`; it belongs to the latest record. */
  frame(card: number, { cycle, direction, frame }: Captured): void {
    const sequence = this.kernel?.trace.count ?? 0, bytes = new Uint8Array(8 + frame.length);
    if (sequence === 0) return;
    new DataView(bytes.buffer).setFloat64(0, cycle, true);
    bytes.set(frame, 8);
    this.sink.payload(sequence, Part.frame, card | (direction === 'in' ? INCOMING : 0), bytes);
  }

  private see(sequence: number, kind: number, actor: number, object: number, cause: number, argument: number): void {
    switch (kind) {
      case Kind.send: case Kind.call:
      case Kind.reply: {
        const thread = this.threadOf(actor);
        if (thread?.utcb && this.takes(thread)) this.message(sequence, thread.utcb);
        return;
      }
      case Kind.invoke: {
        const thread = this.threadOf(actor);
        if (thread?.utcb && this.takes(thread)) this.operation(sequence, thread, thread.utcb, argument);
        return;
      }
      case Kind.event: {
        const thread = this.threadOf(actor);
        if (!thread || !(this.takes(thread) || this.servedBySelected(thread, argument))) return;
        this.events!.raised(sequence, thread, argument);
        if (runsGuest(thread)) this.tables!.left(thread);
        return;
      }
      case Kind.resume: { const thread = this.threadOf(object); if (thread) this.events!.resumed(sequence, thread, cause); return; }
      case Kind.destroy:
        if (this.threads.has(object)) this.tables!.ended(sequence, this.threads.get(object)!);
        this.threads.delete(object);
        this.selected.delete(object);
        this.events!.gone(object);
        this.taskNames.delete(object);
        return;
    }
  }
  /** Naming a monitor includes the exits of its guest, naming a Unix server the calls of all its processes. */
  private servedBySelected(thread: Thread, cause: number): boolean {
    const server = thread.events[cause]?.thread;
    return server !== undefined && this.takes(server);
  }

  private message(sequence: number, utcb: Utcb): void {
    const words = Math.min(utcb.i32[0]! & 0x7f, MOST_WORDS), items = Math.min((utcb.i32[0]! >>> 8) & 0x1f, MOST_ITEMS);
    if (words > 0) this.sink.payloadWords(sequence, Part.words, utcb.i32, U.words >> 3, words);
    if (items > 0) this.sink.payloadWords(sequence, Part.items, utcb.i32, U.items >> 3, 3 * items);
  }
  /** The UTCB still holds the operands, unless the answer has words. */
  private operation(sequence: number, thread: Thread, utcb: Utcb, label: number): void {
    const row = operations.get(label);
    if (!row || thread.state === ThreadState.semaphore) return;
    if (row.in[0] === 'text') return this.sink.payload(sequence, Part.text, 0, encoder.encode(this.lastName));
    const answers = row.out.length, words = answers || row.in.length;
    if (words > 0) this.sink.payloadWords(sequence, answers ? Part.result : Part.words, utcb.i32, U.words >> 3, words);
  }

  private wanted(task: string): boolean {
    let yes = false;
    for (const entry of this.patterns) if (entry.pattern.test(task)) yes = entry.met = true;
    return yes;
  }
  private takes(thread: Thread): boolean {
    let yes = this.selected.get(thread.id);
    if (yes === undefined) this.selected.set(thread.id,
      (yes = this.wanted(this.taskNames.get(thread.task.id) ?? `task ${thread.task.id}`)));
    return yes;
  }
  private threadOf(id: number): Thread | undefined {
    let thread = this.threads.get(id);
    if (thread || id === 0) return thread;
    for (const task of this.kernel!.tasks)
      for (thread of task.threads) if (thread.id === id) { this.threads.set(id, thread); return thread; }
    return undefined;
  }
}
