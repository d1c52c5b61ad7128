/**
 * The cost of a technique over a whole run, by the six sources that the literature on monitors names, and its exits by module of the
 * monitor. trace/degradation.ts counts five sources; the sixth, time elongation, is what the guest executes more than it does natively, and
 * what its accesses take longer: entries of page tables that walks read, at a price that the user names, since walks cost no cycles here.
 * Exits of the guest's kernel and of its programs are counted apart.
 */
import { Degradation, SOURCES, type RecordView, type Source, type TraceSource } from '../../trace/index.ts';
import { taskEntry, type ObjectKind, type TraceName } from '../../trace/names.ts';
import { Kind } from '../../microkernel/abi/index.ts';
import { exitOf, type Module } from './exits.ts';

export type Mode = 'kernel' | 'user';
/** Instructions of a mode, and exits from it by module. */
export interface ModeCosts { readonly instructions: number; readonly exits: Readonly<Record<Module, number>> }
export interface Costs {
  /** Cycles; undefined: natively. */
  readonly sources: Readonly<Record<Source, number>> | undefined;
  /** All that the guest has executed. */
  readonly instructions: number;
  /** Entries of page tables that the processor has read, of both stages. */
  readonly entries: number;
  readonly modes: Readonly<Record<Mode, ModeCosts>> | undefined;
}

/** Instructions that the machine has retired in U, VS and VU mode. */
export interface Modes { readonly u: number; readonly vs: number; readonly vu: number }
interface Part { cycles: number; readonly exits: Record<Module, number> }
const part = (): Part => ({ cycles: 0, exits: { dispatcher: 0, allocator: 0, interpreter: 0 } });

export class CostCounter {
  readonly #names = new Map<number, TraceName>();
  readonly #guests = new Set<number>();
  /** Tasks that the guest's programs run in, without the H extension. */
  readonly #programs = new Set<number>();
  readonly #since = new Map<number, { readonly time: number; readonly mode: Mode }>();
  readonly #parts: Readonly<Record<Mode, Part>> = { kernel: part(), user: part() };
  readonly #degradation: Degradation;
  constructor() {
    const names = this.#names, task = (id: number): string => taskEntry(names, id)?.text ?? `#${id}`;
    this.#degradation = new Degradation({ names, taskOf: task } as Pick<TraceSource, 'names' | 'taskOf'> as TraceSource);
  }

  name(kind: ObjectKind, id: number, parent: number, text: string): void {
    this.#names.set(id, { kind, id, parent, text });
    if (kind === 'thread' && /^vm vCPU \d+$/.test(text)) this.#guests.add(id);
    if (kind === 'task' && text.startsWith('vm shadow of user')) this.#programs.add(id);
  }
  /** How often the guest got a hart. */
  turns = 0;
  see(record: RecordView): void {
    this.#degradation.add(record);
    if (record.kind === Kind.schedule && this.#guests.has(record.actor)) this.turns++;
    if (record.kind === Kind.resume && this.#guests.has(record.object))
      this.#since.set(record.object, { time: record.time, mode: this.#programs.has(record.c) ? 'user' : 'kernel' });
    else if (record.kind === Kind.event && this.#guests.has(record.actor)) this.#left(record);
  }
  #left(record: RecordView): void {
    const since = this.#since.get(record.actor);
    if (!since) return;
    const there = this.#parts[since.mode];
    there.cycles += record.time - since.time;
    there.exits[exitOf(record.a, record.c).module]++;
  }

  /** By the H extension the machine counts the instructions of each mode; else the time in each shares them out. */
  result({ u: all, vs, vu }: Modes, entries: number): Costs {
    const { kernel, user } = this.#parts, isAssisted = vs + vu > 0, share = user.cycles / Math.max(1, kernel.cycles + user.cycles);
    const none = Object.fromEntries(SOURCES.map((s) => [s, 0])) as Record<Source, number>;
    const sources = this.#degradation.result().find(({ task: name }) => name === 'vm')?.sources ?? none;
    return { sources, instructions: all + vs + vu, entries, modes: {
      kernel: { instructions: isAssisted ? vs : Math.round(all * (1 - share)), exits: kernel.exits },
      user: { instructions: isAssisted ? vu : Math.round(all * share), exits: user.exits } } };
  }
}
