/**
 * Use of time by task and mode, from the records of each hart. A record marks an entry into the kernel: the time since the previous record
 * belongs to the running thread when that thread entered (event, message, operation) or was interrupted, and to the kernel when the kernel
 * switched threads. Time before the first thread runs, and while none does, is idle.
 */
import { Cause, Kind, Ops } from '../microkernel/abi/index.ts';
import type { TraceSource } from './reader.ts';
import type { RecordView } from './record.ts';

export type Mode = 'process' | 'guest' | 'server' | 'kernel' | 'idle';
/** Cycles by task; the kernel's own and idle time have no task. `share`: of all harts' time. */
export interface TimeRow { task: string; mode: Mode; cycles: number; share: number }

interface Hart { time: number; thread: number; waits: boolean; started: boolean }

/** The thread itself enters the kernel, or is interrupted. */
const OWN: ReadonlySet<number> = new Set([
  Kind.event, Kind.call, Kind.send, Kind.reply, Kind.resume, Kind.invoke, Kind.create, Kind.map, Kind.unmap, Kind.destroy, Kind.recall
]);
/** After these the thread waits, unless its next record shows otherwise. */
const WAITS: ReadonlySet<number> = new Set([Kind.event, Kind.call, Kind.reply, Kind.resume, Kind.invoke]);

const DOWN = Ops.semaphore.down.label;

export class Times {
  private readonly trace: TraceSource;
  private readonly harts = new Map<number, Hart>();
  /** Cycles by thread. */
  private readonly threads = new Map<number, number>();
  private readonly modes = new Map<string, Mode>();
  private kernel = 0;
  private idle = 0;
  constructor(trace: TraceSource) { this.trace = trace; }

  /** All records, in order. */
  add(record: RecordView): void {
    if (record.kind === 0) return;
    const hart = this.hart(record), passed = Math.max(0, record.time - hart.time);
    hart.time = Math.max(hart.time, record.time);
    if (!hart.started || passed === 0) { /* nothing to distribute */ }
    else if (record.actor === hart.thread && OWN.has(record.kind))
      this.threads.set(hart.thread, (this.threads.get(hart.thread) ?? 0) + passed);
    else if (record.kind === Kind.interrupt || record.kind === Kind.timeout || record.kind === Kind.wake
      || (record.kind === Kind.schedule && !hart.waits))
      this.other(hart, passed);
    else this.kernel += passed;
    this.follow(record, hart);
  }
  private other(hart: Hart, passed: number): void {
    if (hart.waits || hart.thread === 0) this.idle += passed;
    else this.threads.set(hart.thread, (this.threads.get(hart.thread) ?? 0) + passed);
  }
  private follow(record: RecordView, hart: Hart): void {
    if (record.kind === Kind.schedule) { hart.thread = record.actor; hart.waits = false; hart.started = true; }
    else if (record.actor === hart.thread) hart.waits = WAITS.has(record.kind) && !(record.kind === Kind.invoke && record.a !== DOWN);
    if (record.kind === Kind.event) this.learn(record);
  }
  /** A task whose threads raise exits is a guest; a task whose system calls another task answers is a process. */
  private learn(record: RecordView): void {
    const task = this.trace.taskOf(record.actor);
    if (record.a === Cause.syscall) this.modes.set(task, 'process');
    else if (record.a >= Cause.sbi) this.modes.set(task, 'guest');
  }
  private hart(record: RecordView): Hart {
    let hart = this.harts.get(record.hart);
    if (!hart) this.harts.set(record.hart, (hart = { time: record.time, thread: 0, waits: true, started: false }));
    return hart;
  }

  result(): TimeRow[] {
    const tasks = new Map<string, number>();
    for (const [thread, cycles] of this.threads) {
      const task = this.trace.taskOf(thread);
      tasks.set(task, (tasks.get(task) ?? 0) + cycles);
    }
    const rows: TimeRow[] = [...tasks].map(([task, cycles]) => ({ task, mode: this.modes.get(task) ?? 'server', cycles, share: 0 }));
    if (this.kernel > 0) rows.push({ task: '', mode: 'kernel', cycles: this.kernel, share: 0 });
    if (this.idle > 0) rows.push({ task: '', mode: 'idle', cycles: this.idle, share: 0 });
    const all = rows.reduce((n, r) => n + r.cycles, 0);
    for (const timeRow of rows) timeRow.share = timeRow.cycles / all;
    return rows.sort((a, b) => b.cycles - a.cycles);
  }
}
