/**
 * A trace as tracks: a process for each task, a track for each of its threads, and a process for the harts with the running threads. A
 * request is a slice of its thread up to the answer; its handling is a slice of the server, and a flow connects the two. Both Perfetto
 * formats use this. Slices of a track end in the reverse order of their beginnings.
 */
import { Kind, causeName } from '../../microkernel/abi/index.ts';
import { sentence } from '../decode.ts';
import { Degradation } from '../degradation.ts';
import type { TraceSource } from '../reader.ts';
import { RecordView } from '../record.ts';
import { eventWords, requestText } from '../said.ts';

export type Args = Readonly<Record<string, string | number>>;
export type TrackEvent =
  | { readonly type: 'process'; readonly pid: number; readonly name: string }
  | { readonly type: 'thread'; readonly pid: number; readonly tid: number; readonly name: string }
  /** `flowOut`, `flowIn`: a flow of this number starts or ends here. */
  | {
    readonly type: 'begin'; readonly pid: number; readonly tid: number; readonly time: number; readonly name: string;
    readonly category: string; readonly args: Args; readonly flowOut?: number; readonly flowIn?: number
  }
  | { readonly type: 'end'; readonly pid: number; readonly tid: number; readonly time: number; readonly args: Args }
  | {
    readonly type: 'instant'; readonly pid: number; readonly tid: number; readonly time: number; readonly name: string;
    readonly category: string; readonly args: Args
  };

/** Values over time, drawn as bars: a monitor's cycles so far, by source. */
export interface CounterEvent { readonly type: 'counter'; readonly pid: number; readonly time: number; readonly name: string;
  readonly values: Args }

/** Processes other than tasks. Tasks and threads keep their numbers. */
export const KERNEL_PID = 1_000_000_000, HARTS_PID = 1_000_000_001;
const HART_TID = 1_000_000_100, KERNEL_TID = 1_000_000_002;
/** Most unanswered requests whose texts are stored. */
const MOST_OPEN = 65_536;
const QUIET: ReadonlySet<number> = new Set([Kind.receive, Kind.schedule, Kind.spaceSwitch, 0]);

export function* tracksOf(trace: TraceSource): Generator<TrackEvent> { yield* new Tracks(trace).events(); }

/** Records between two values of a counter. */
const SAMPLE = 512;
/** The monitors' cycles over time (docs/scenarios/state-mgmt.md explains the sources); empty without a monitor. */
export function* countersOf(trace: TraceSource): Generator<CounterEvent> {
  const spent = new Degradation(trace), pids = new Map<string, number>();
  for (const n of trace.names.values()) if (n.kind === 'task') pids.set(n.text, pids.get(n.text) ?? n.id);
  let n = 0, last = 0;
  const sample = function* (time: number): Generator<CounterEvent> {
    for (const { task, sources } of spent.result()) {
      const values = Object.fromEntries(Object.entries(sources).map(([name, cycles]) => [name, Math.round(cycles)]));
      yield { type: 'counter', pid: pids.get(task) ?? KERNEL_PID, time, name: `${task}: cycles`, values };
    }
  };
  for (const record of trace.records()) {
    spent.add(record);
    last = record.time;
    if (++n % SAMPLE === 0) yield* sample(last);
  }
  yield* sample(last);
}

class Tracks {
  private readonly trace: TraceSource;
  /** By thread: the sequence numbers of its open slices, negative for handled requests. */
  private readonly stacks = new Map<number, number[]>();
  private readonly pids = new Map<string, number>();
  private readonly known = new Set<number>();
  private readonly running = new Map<number, number>();
  /** Unanswered requests, for the text of the answer. */
  private readonly requests = new Map<number, Uint8Array>();
  private readonly origin = new RecordView();
  constructor(trace: TraceSource) { this.trace = trace; }

  *events(): Generator<TrackEvent> {
    for (const n of this.trace.names.values()) if (n.kind === 'task') this.pids.set(n.text, this.pids.get(n.text) ?? n.id);
    yield { type: 'process', pid: KERNEL_PID, name: 'kernel' };
    yield { type: 'thread', pid: KERNEL_PID, tid: KERNEL_TID, name: 'interrupts' };
    yield { type: 'process', pid: HARTS_PID, name: 'harts' };
    for (const [name, pid] of this.pids) yield { type: 'process', pid, name };
    for (const record of this.trace.records()) yield* this.record(record);
  }

  private *record(record: RecordView): Generator<TrackEvent> {
    const { kind, time, sequence } = record;
    if (record.actor !== 0) yield* this.introduce(record.actor);
    if (kind === Kind.schedule) { yield* this.hart(record); return; }
    if (kind === Kind.event || kind === Kind.call) {
      const server = this.trace.names.get(record.object)?.parent ?? 0;
      yield* this.begin(record.actor, time, sequence, kind === Kind.event ? eventWords(record) : requestText(record),
        kind === Kind.event ? causeName(record.a) : 'message', { record: sequence }, server !== 0 ? { flowOut: sequence } : {});
      if (this.requests.size < MOST_OPEN) this.requests.set(sequence, record.copy());
      if (kind === Kind.event && server !== 0) yield* this.serve(server, record, sequence);
    } else if (kind === Kind.receive && record.cause !== 0 && !this.serves(record.actor, record.cause))
      yield* this.serve(record.actor, record, record.cause);
    else if (kind === Kind.reply || kind === Kind.resume) yield* this.answer(record);
    else if (!QUIET.has(kind))
      yield {
        type: 'instant', ...this.place(record.actor), time, name: sentence(record), category: record.kindName,
        args: { record: sequence, ...(record.cause ? { follows: record.cause } : {}) }
      };
  }

  /** The server starts to handle a request and suspends the one before. */
  private *serve(server: number, record: RecordView, request: number): Generator<TrackEvent> {
    yield* this.introduce(server);
    const open = this.stacks.get(server)?.find((s) => s < 0);
    if (open !== undefined) yield* this.end(server, record.time, open, {});
    yield* this.begin(server, record.time,
      -request, `serves ${this.trace.taskOf(record.kind === Kind.receive ? record.object : record.actor)}`, 'service',
      { request }, this.requests.has(request) ? { flowIn: request } : {});
  }
  private serves(server: number, request: number): boolean { return this.stacks.get(server)?.includes(-request) ?? false; }

  private *answer(record: RecordView): Generator<TrackEvent> {
    const bytes = this.requests.get(record.cause), request = bytes && this.origin.at(bytes, 0, record.cause);
    this.requests.delete(record.cause);
    if (request) request.source = record.source;
    yield* this.end(record.actor, record.time, -record.cause, { answer: record.sequence });
    yield* this.end(record.object, record.time, record.cause, { answer: record.sequence, result: sentence(record, request) });
  }

  private *hart(record: RecordView): Generator<TrackEvent> {
    const tid = HART_TID + record.hart;
    if (!this.running.has(record.hart)) yield { type: 'thread', pid: HARTS_PID, tid, name: `hart ${record.hart}` };
    else yield { type: 'end', pid: HARTS_PID, tid, time: record.time, args: {} };
    this.running.set(record.hart, record.actor);
    yield {
      type: 'begin', pid: HARTS_PID, tid, time: record.time, name: this.trace.name(record.actor), category: 'hart',
      args: { task: this.trace.taskOf(record.actor), record: record.sequence }
    };
  }

  private *begin(thread: number, time: number, id: number, name: string, category: string, args: Args,
      flow: { flowOut?: number; flowIn?: number }): Generator<TrackEvent> {
    const stack = this.stacks.get(thread);
    if (stack) stack.push(id); else this.stacks.set(thread, [id]);
    yield { type: 'begin', ...this.place(thread), time, name, category, args, ...flow };
  }
  /** Ends a slice and those within it, if it is open. */
  private *end(thread: number, time: number, id: number, args: Args): Generator<TrackEvent> {
    const stack = this.stacks.get(thread), at = stack?.lastIndexOf(id) ?? -1;
    if (!stack || at < 0) return;
    while (stack.length > at) {
      const own = stack.length === at + 1;
      stack.pop();
      yield { type: 'end', ...this.place(thread), time, args: own ? args : {} };
    }
  }
  private *introduce(thread: number): Generator<TrackEvent> {
    if (this.known.has(thread)) return;
    this.known.add(thread);
    const { pid, tid } = this.place(thread);
    yield { type: 'thread', pid, tid, name: this.trace.name(thread) };
  }
  private place(thread: number): { pid: number; tid: number } {
    return thread === 0
      ? { pid: KERNEL_PID, tid: KERNEL_TID }
      : { pid: this.pids.get(this.trace.taskOf(thread)) ?? KERNEL_PID, tid: thread };
  }
}
