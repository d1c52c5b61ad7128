/**
 * Counts and latencies of a trace: by task, by pair of tasks, by event cause, by system call, by kernel-object operation. Latency of an
 * event is the time from it to the reply that resumes its thread; of a call, from the call to its reply. Times are cycles.
 */
import { Cause, Kind, causeName, kindName } from '../microkernel/abi/index.ts';
import { Degradation, type DegradationRow } from './degradation.ts';
import { Exits, type DeviceRow, type SbiRow } from './exits.ts';
import { labelName } from './labels.ts';
import type { TraceSource } from './reader.ts';
import { stateBytes, type RecordView } from './record.ts';
import { callName } from './said.ts';
import { ShadowCounter, type ShadowRow } from './shadows.ts';
import { Samples, type Latency } from './samples.ts';

export type { Latency };
import { Times, type TimeRow } from './time.ts';

export interface TaskRow {
  task: string;
  threads: number;
  sent: number;
  events: number;
  replies: number;
  mapped: number;
  unmapped: number;
  scheduled: number
}
export interface PairRow { from: string; to: string; messages: number; replies: number; words: number; latency: Latency | undefined }
export interface CauseRow { task: string; cause: string; events: number; replies: number; bytes: number; latency: Latency | undefined }
export interface SyscallRow {
  task: string;
  number: number;
  name: string;
  events: number;
  replies: number;
  kernelEntriesPerCall: number;
  spaceSwitchesPerCall: number;
  latency: Latency | undefined
}
export interface OperationRow { task: string; operation: string; count: number; failed: number }
export interface Stats {
  records: number;
  firstTime: number;
  lastTime: number;
  kinds: Record<string, number>;
  tasks: TaskRow[];
  pairs: PairRow[];
  causes: CauseRow[];
  syscalls: SyscallRow[];
  /** Operations of kernel objects by task. */
  operations: OperationRow[];
  /** Accesses of guests to devices by register, and their SBI calls (by function where payload was captured). */
  devices: DeviceRow[];
  sbi: SbiRow[];
  /** The use of all harts' time, over the whole trace, whatever the filter. */
  time: TimeRow[];
  /** Overhead of monitors, by source and by module, over the whole trace. */
  monitors: DegradationRow[];
  /** Faults and spaces of deprivileged guests, by monitor, over the whole trace. */
  shadows: ShadowRow[];
  damage?: string;
}

/** The records of a kernel entry: each system call or trap writes exactly one of these. */
const ENTRIES: ReadonlySet<number> = new Set([Kind.send, Kind.call, Kind.reply, Kind.event, Kind.resume, Kind.invoke]);

interface Open { time: number; row: { replies: number; samples: Samples } }
/** The counts in a call's window; `sequence` is the event that opened it last. */
interface Window { entries: number; switches: number; sequence: number }
interface Sampled { samples: Samples }
type Mutable<T> = Omit<T, 'latency'> & Sampled;

/** Which records count; all by default. Kernel entries and space switches within a call are counted in any case. */
export type Keep = (r: RecordView, index: number) => boolean;

export function analyse(file: TraceSource, keep?: Keep): Stats {
  const steps = analysis(file, keep);
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/** The same in slices: yields every few thousand records, so that a terminal stays responsive. */
export function* analysis(file: TraceSource, keep: Keep = () => true): Generator<void, Stats> {
  const counter = new Counter(file);
  let n = 0;
  for (const record of file.records()) {
    if (keep(record, n)) counter.add(record);
    counter.always(record);
    if ((++n & 1023) === 0) yield;
  }
  return counter.result();
}

class Counter {
  private readonly kinds = new Map<number, number>();
  private readonly tasks = new Map<string, TaskRow & { seen: Set<number> }>();
  private readonly pairs = new Map<string, Mutable<PairRow>>();
  private readonly causes = new Map<string, Mutable<CauseRow>>();
  private readonly syscalls = new Map<string, Mutable<SyscallRow> & Window>();
  private readonly open = new Map<number, Open[]>();
  /** By hart: the system call whose window is open (from its event to the thread's next event on that hart). */
  private readonly window = new Map<number, Mutable<SyscallRow> & Window>();
  private readonly operations = new Map<string, OperationRow>();
  private readonly exits: Exits;
  private readonly times: Times;
  private readonly degradation: Degradation;
  private readonly shadows = new ShadowCounter();
  private records = 0;
  private first = 0;
  private last = 0;
  private readonly file: TraceSource;
  constructor(file: TraceSource) {
    this.file = file;
    this.exits = new Exits(file);
    this.times = new Times(file);
    this.degradation = new Degradation(file);
    for (const [id, { kind, text }] of file.names) this.shadows.name(kind, id, text);
  }

  add(record: RecordView): void {
    if (this.records++ === 0) this.first = record.time;
    this.last = Math.max(this.last, record.time);
    this.kinds.set(record.kind, (this.kinds.get(record.kind) ?? 0) + 1);
    const task = this.task(record.actor);
    this.exits.add(record);
    switch (record.kind) {
      case Kind.send: case Kind.call: task.sent++; this.message(record); break;
      case Kind.event: task.events++; this.event(record); break;
      case Kind.reply: case Kind.resume: task.replies++; this.answer(record); break;
      case Kind.invoke: this.operation(record, task.task); break;
      case Kind.map: task.mapped++; break;
      case Kind.unmap: task.unmapped++; break;
      case Kind.schedule: task.scheduled++; break;
    }
  }

  /** Counts that ignore the filter: time, and the open system call on this hart. */
  always(record: RecordView): void {
    this.times.add(record);
    this.degradation.add(record);
    this.shadows.see(record);
    const window = this.window.get(record.hart);
    if (!window) return;
    if (record.kind === Kind.event && record.sequence !== window.sequence) this.window.delete(record.hart);
    else if (ENTRIES.has(record.kind)) window.entries++;
    else if (record.kind === Kind.spaceSwitch) window.switches++;
  }

  private operation(record: RecordView, task: string): void {
    const operation = labelName(record.a),
      row = at(this.operations, `${task}\0${operation}`, () => ({ task, operation, count: 0, failed: 0 }));
    row.count++;
    if (record.status !== 0) row.failed++;
  }

  private message(record: RecordView): void {
    const from = this.file.taskOf(record.actor), to = this.file.taskOf(record.object);
    const row = at(this.pairs, `${from}\0${to}`, () => ({ from, to, messages: 0, replies: 0, words: 0, samples: new Samples() }));
    row.messages++;
    row.words += record.b & 0xff;
    if (record.kind === Kind.call) this.open.set(record.sequence, [{ time: record.time, row }]);
  }

  private event(record: RecordView): void {
    const task = this.file.taskOf(record.actor), cause = causeName(record.a);
    const row = at(this.causes, `${task}\0${cause}`, () => ({ task, cause, events: 0, replies: 0, bytes: 0, samples: new Samples() }));
    row.events++;
    row.bytes += stateBytes(record.b);
    const opened: Open[] = [{ time: record.time, row }];
    this.window.delete(record.hart);
    if (record.a === Cause.syscall) {
      const call = at(this.syscalls, `${task}\0${record.c}`, () => ({
        task, number: record.c, name: callName(this.file.words, record.c), events: 0, replies: 0, kernelEntriesPerCall: 0,
          spaceSwitchesPerCall: 0,
        samples: new Samples(), entries: 0, switches: 0, sequence: 0
      }));
      call.events++;
      call.sequence = record.sequence;
      opened.push({ time: record.time, row: call });
      this.window.set(record.hart, call);
    }
    this.open.set(record.sequence, opened);
  }

  private answer(record: RecordView): void {
    const opened = this.open.get(record.cause);
    if (!opened) return;
    this.open.delete(record.cause);
    for (const { time, row } of opened) { row.replies++; row.samples.add(record.time - time); }
  }

  private task(thread: number): TaskRow {
    const name = this.file.taskOf(thread);
    const row = at(this.tasks, name, () => ({
      task: name, threads: 0, sent: 0, events: 0, replies: 0, mapped: 0, unmapped: 0, scheduled: 0, seen: new Set<number>()
    }));
    if (!row.seen.has(thread)) { row.seen.add(thread); row.threads++; }
    return row;
  }

  result(): Stats {
    return {
      records: this.records, firstTime: this.first, lastTime: this.last,
      kinds: Object.fromEntries([...this.kinds].sort((x, y) => x[0] - y[0]).map(([k, n]) => [kindName(k), n])),
      tasks: [...this.tasks.values()].map(({ seen: _, ...row }) => row),
      pairs: [...this.pairs.values()].map(withLatency),
      causes: [...this.causes.values()].map(withLatency),
      syscalls: [...this.syscalls.values()].map(({ entries, switches, sequence: _, ...row }) => ({
        ...withLatency(row), kernelEntriesPerCall: entries / row.events, spaceSwitchesPerCall: switches / row.events
      })),
      operations: [...this.operations.values()], devices: this.exits.deviceRows, sbi: this.exits.sbiRows, time: this.times.result(),
      monitors: this.degradation.result(), shadows: this.shadows.rows(),
      ...(this.file.damage ? { damage: this.file.damage } : {}),
    };
  }
}


function at<T>(map: Map<string, T>, key: string, make: () => T): T {
  let row = map.get(key);
  if (row === undefined) map.set(key, (row = make()));
  return row;
}

function withLatency<T extends Sampled>({ samples, ...row }: T): Omit<T, 'samples'> & { latency: Latency | undefined } {
  return { ...row, latency: samples.latency() };
}
