/**
 * The overhead of a virtual machine, by the six sources of the literature on monitors: setup, emulation, interrupt handling, state saving,
 * book-keeping, time elongation. It is computed from the records of each hart, like `Times`; exits and time are also counted by the module
 * of the monitor that handles them.
 *
 *   setup              the monitor's and the kernel's work until the guest executes its first instruction
 *   state saving       the kernel between the guest and the thread that answers it, in both directions
 *   emulation          that thread, for exits that the guest's own instructions cause
 *   interrupt handling the same for recalls and waits; and the kernel where an interrupt came while the guest ran
 *   book-keeping       the monitor's other threads (clock, terminals, disks), and the kernel among them
 *   time elongation    not in these figures: walks of two stages cost no cycles in this machine (`--stats` counts the entries they read,
 *                      and `tessera compare --walk CYCLES` prices them)
 */
import { Cause, Kind, Ops } from '../microkernel/abi/index.ts';
import type { TraceSource } from './reader.ts';
import type { RecordView } from './record.ts';

export const SOURCES = ['setup', 'emulation', 'interrupt handling', 'state saving', 'book-keeping'] as const;
export type Source = (typeof SOURCES)[number];
/** Modules of a monitor: scheduling, memory, emulation of instructions. */
export const MODULES = ['dispatcher', 'allocator', 'interpreter'] as const;
export type Module = (typeof MODULES)[number];

export interface DegradationRow {
  /** Task of the monitor. */
  readonly task: string;
  /** Cycles of the guest itself, and of the monitor by source. */
  readonly guest: number;
  readonly sources: Readonly<Record<Source, number>>;
  /** Exits, and cycles of the answering thread, by module. */
  readonly modules: Readonly<Record<Module, { exits: number; cycles: number }>>;
}

interface Monitor { readonly task: string; guest: number; began: boolean; sources: Record<Source, number>; modules: Record<Module,
  { exits: number; cycles: number }> }
/** The exit that a monitor's thread handles. */
interface Answering { readonly monitor: Monitor; readonly cause: number; readonly module: Module }
const DOWN = Ops.semaphore.down.label;

interface Hart { time: number; thread: number; waits: boolean; interrupted: boolean }

/** The module responsible for an exit, by cause. */
export const HANDLED: Readonly<Record<number, Module>> = {
  [Cause.startup]: 'dispatcher', [Cause.recall]: 'dispatcher', [Cause.wfi]: 'dispatcher', [Cause.guestTrap]: 'dispatcher',
  [Cause.sbi]: 'interpreter', [Cause.virtualInstruction]: 'interpreter', [Cause.guestPageFault]: 'interpreter',
    [Cause.illegal]: 'interpreter',
  [Cause.syscall]: 'interpreter', [Cause.pageFault]: 'allocator', [Cause.breakpoint]: 'interpreter',
  [Cause.misaligned]: 'interpreter', [Cause.accessFault]: 'interpreter',
};
const INTERRUPTS: ReadonlySet<number> = new Set([Cause.recall, Cause.wfi]);
/** Records at which the thread itself enters the kernel. */
const OWN: ReadonlySet<number> = new Set([Kind.event, Kind.call, Kind.send, Kind.reply, Kind.resume, Kind.invoke, Kind.create, Kind.map,
  Kind.unmap, Kind.destroy, Kind.recall]);
const WAITS: ReadonlySet<number> = new Set([Kind.event, Kind.call, Kind.reply, Kind.resume, Kind.invoke]);
/** Records that end an idle time, when the last thread waits. */
const ENDS_IDLE: ReadonlySet<number> = new Set([Kind.interrupt, Kind.timeout, Kind.wake]);

export class Degradation {
  private readonly trace: TraceSource;
  private readonly monitors = new Map<string, Monitor>();
  /** Cycles of tasks that may turn out to be monitors. */
  private readonly before = new Map<string, number>();
  private readonly harts = new Map<number, Hart>();
  /** By thread of a guest: its monitor; by thread of a monitor: the exit it handles. */
  private readonly guests = new Map<number, Monitor>();
  private readonly answering = new Map<number, Answering>();
  constructor(trace: TraceSource) { this.trace = trace; }

  /** All records, in order. */
  add(record: RecordView): void {
    if (record.kind === 0) return;
    const hart = this.hart(record), passed = Math.max(0, record.time - hart.time);
    hart.time = Math.max(hart.time, record.time);
    if (passed > 0) this.share(record, hart, passed);
    this.follow(record, hart);
  }

  private share(record: RecordView, hart: Hart, passed: number): void {
    const guest = this.guests.get(hart.thread), own = (record.actor === hart.thread && OWN.has(record.kind))
      || (!hart.waits && record.kind !== Kind.schedule && record.kind !== Kind.spaceSwitch);
    if (guest) {
      if (own || (record.kind === Kind.schedule && !hart.waits && !hart.interrupted)) guest.guest += passed;
      else guest.sources[hart.interrupted ? 'interrupt handling' : 'state saving'] += passed;
      return;
    }
    if (hart.thread === 0 || (hart.waits && ENDS_IDLE.has(record.kind))) return; // no thread runs
    const answers = this.answering.get(hart.thread), name = this.trace.taskOf(hart.thread),
      task = answers?.monitor ?? this.monitors.get(name);
    if (!task) { this.before.set(name, (this.before.get(name) ?? 0) + passed); return; }
    if (!task.began) task.sources.setup += passed;
    else if (!answers) task.sources['book-keeping'] += passed;
    else if (hart.waits) task.sources['state saving'] += passed;
    else {
      task.sources[INTERRUPTS.has(answers.cause) ? 'interrupt handling' : 'emulation'] += passed;
      task.modules[answers.module].cycles += passed;
    }
  }

  private follow(record: RecordView, hart: Hart): void {
    if (record.kind === Kind.schedule) { hart.thread = record.actor; hart.waits = hart.interrupted = false; }
    else if (record.kind === Kind.interrupt) hart.interrupted = true;
    else if (record.actor === hart.thread) hart.waits = WAITS.has(record.kind) && !(record.kind === Kind.invoke && record.a !== DOWN);
    if (record.kind === Kind.event) this.exit(record);
    else if (record.kind === Kind.resume) this.resumed(record);
  }

  private exit(record: RecordView): void {
    const server = this.trace.names.get(record.object)?.parent ?? 0, module = HANDLED[record.a];
    let monitor = this.guests.get(record.actor);
    if (!monitor && record.a >= Cause.sbi && server !== 0)
      this.guests.set(record.actor, (monitor = this.monitor(this.trace.taskOf(server))));
    if (!monitor && record.a === Cause.startup && server !== 0) monitor = this.monitor(this.trace.taskOf(server));
    if (!monitor || module === undefined) return;
    this.guests.set(record.actor, monitor);
    monitor.modules[module].exits++;
    this.answering.set(server, { monitor, cause: record.a, module });
  }
  private resumed(record: RecordView): void {
    const monitor = this.guests.get(record.object);
    if (monitor) monitor.began = true;
    this.answering.delete(record.actor);
  }

  private monitor(task: string): Monitor {
    let monitor = this.monitors.get(task);
    if (!monitor) this.monitors.set(task, (monitor = { task, guest: 0, began: false,
      sources: { ...of(SOURCES, () => 0), setup: this.before.get(task) ?? 0 }, modules: of(MODULES, () => ({ exits: 0, cycles: 0 })) }));
    return monitor;
  }
  private hart(record: RecordView): Hart {
    let hart = this.harts.get(record.hart);
    if (!hart) this.harts.set(record.hart, (hart = { time: record.time, thread: 0, waits: true, interrupted: false }));
    return hart;
  }

  /** Monitors that had a guest. */
  result(): DegradationRow[] { return [...this.monitors.values()].filter((m) => m.guest > 0); }
}

const of = <K extends string, V>(keys: readonly K[], make: () => V): Record<K,
  V> => Object.fromEntries(keys.map((k) => [k, make()])) as Record<K, V>;

const LETTERS: Readonly<Record<Source, string>> = { setup: 's', emulation: 'e', 'interrupt handling': 'i', 'state saving': 'v',
  'book-keeping': 'b' }, BAR = 60;
/** Sources as a bar of letters, proportional to their parts and rounded to fit. */
export function bar({ sources }: DegradationRow): string {
  const all = SOURCES.reduce((n, s) => n + sources[s], 0);
  let done = 0, text = '';
  for (const source of SOURCES) {
    done += sources[source];
    text = text.padEnd(Math.round((BAR * done) / Math.max(all, 1)), LETTERS[source]);
  }
  return text;
}
