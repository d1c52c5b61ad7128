/**
 * GDB's view of software on the microkernel: processors of guests, processes of Unix servers, native components, one or several at once.
 * Each is a `Debuggee`, which knows the owner of a hart's next instruction. This file has GDB's numbers, the points of each process, and
 * the queue of events. The whole machine stops while the debuggee stops, so virtual time does not pass.
 */
import { Debugger, type PointKind } from '../../machine/debug/debugger.ts';
import { REG } from '../../machine/debug/registers.ts';
import { walk } from '../../machine/debug/translate.ts';
import { walkLines } from '../../machine/debug/walked.ts';
import type { Hart } from '../../machine/hart/hart.ts';
import type { Machine } from '../../machine/index.ts';
import type { Thread } from '../../microkernel/objects/thread.ts';
import { ThreadState } from '../../microkernel/objects/object.ts';
import type { Being } from './being.ts';
import type { Debuggee, Happening } from './debuggee.ts';
import { guestDescription, registerBytes, userDescription } from './description.ts';
import { hexNumber } from './packets.ts';
import type { ClientFeatures, MonitorCommand, PointCondition, Target, TargetStop, ThreadAction, ThreadInfo } from './target.ts';

const SIGTRAP = 5;

/** A point of the machine, and the processes that have it. */
interface Shared { readonly of: Map<number, PointCondition | undefined> }

type MakeDebuggees = (happened: (what: Happening) => void, physical: () => boolean) => readonly Debuggee[];

export class KernelTarget implements Target {
  readonly coreRegisters = REG.f;
  readonly description: string;
  readonly debug: Debugger;
  readonly isMany = true;
  readonly auxv: Target['auxv'];
  readonly file: Target['file'];
  readonly program: Target['program'];
  isPhysical = false;
  readonly #machine: Machine;
  readonly #debuggees: readonly Debuggee[];
  /** Processes whose first instruction has been reported. */
  readonly #told = new Set<Debuggee>();
  /** Numbers that threads were given when they were first seen. */
  readonly #numbers = new Map<object, number>();
  readonly #points = new Map<string, Shared>();
  /** Told one after the other. */
  readonly #happened: Happening[] = [];
  #stepping = new Set<Thread>();
  /** The threads that reached the point where the machine has stopped. */
  #matched: Being | undefined;
  #features: ClientFeatures | undefined;
  #waits = false;
  readonly #bytes = new DataView(new ArrayBuffer(8));

  /** `make` builds the debuggees from a receiver of their events and a function that says whether addresses are physical. */
  constructor(machine: Machine, make: MakeDebuggees, guests: boolean) {
    this.#machine = machine;
    this.description = guests ? guestDescription : userDescription;
    this.#debuggees = make((what) => { this.#happened.push(what); this.debug.request(); }, () => this.isPhysical);
    const vectors = this.#debuggees.filter((d) => d.auxv !== undefined);
    const holders = this.#debuggees.filter((d) => d.file !== undefined);
    if (holders.length > 0) this.program = (process) => holders.map((d) => d.program?.(process)).find((path) => path !== undefined);
    if (holders.length > 0) this.file = (path) => holders.map((d) => d.file!(path)).find((f) => f !== undefined);
    if (vectors.length > 0) this.auxv = (process) => vectors.map((d) => d.auxv!(process)).find((v) => v !== undefined);
    this.commands = Object.assign({}, this.#commands, ...this.#debuggees.map((d) => d.commands ?? {})) as typeof this.commands;
    this.debug = new Debugger(machine, { concerns: (h) => this.#at(h).length > 0, arrives: (h) => this.#arrives(h),
      steps: (h) => this.#at(h).some(({ thread }) => thread !== undefined && this.#stepping.has(thread)) });
    machine.debug = this.debug;
  }

  /** Nothing stops before `reached`. */
  wait(): void { this.#waits = true; }

  /** What was waited for has come, by the thread (or to the thread) with this number: it is shown. */
  reached(actor: number, object: number): void {
    this.#waits = false;
    if (this.#beings().length === 0) return; // before its first instruction then
    for (const debuggee of this.#debuggees) this.#told.add(debuggee);
    const turned = [actor, object].flatMap((id) => this.#debuggees.map((d) => d.turnTo?.(id)));
    this.#matched = turned.find((b) => b !== undefined) ?? this.#beings().find((b) => b.thread?.id === actor || b.thread?.id === object);
    this.debug.request();
  }

  client(features: ClientFeatures | undefined): void {
    this.#features = features;
    if (features === undefined) this.#happened.length = 0;
    for (const debuggee of this.#debuggees) debuggee.client?.(features);
  }

  release(process: number): boolean {
    if (!this.#debuggees.some((d) => d.release?.(process))) return false;
    for (const key of [...this.#points.keys()]) this.#drop(key, process);
    const rest = this.#happened.filter((e) => e.thread?.process !== process);
    this.#happened.splice(0, this.#happened.length, ...rest);
    return true;
  }

  threads(): ThreadInfo[] {
    const all = this.#beings().map((b) => ({ id: this.#numberOf(b), process: b.process, name: b.name, state: b.state }));
    return this.#features?.multiprocess ? all : all.filter((t) => t.process === all[0]!.process);
  }

  get current(): number {
    const { stop } = this.debug, told = stop?.kind === 'request' ? this.#happened[0]?.thread : undefined;
    if (told !== undefined) return this.#numberOf(told);
    if (this.#matched && stop !== undefined && stop.kind !== 'step') return this.#numberOf(this.#matched);
    const hart = stop === undefined ? undefined : this.#machine.harts[stop.hart], beings = this.#beings();
    const here = hart && this.#at(hart)[0];
    const shown = here ?? beings.find(({ thread: t }) => t !== undefined && t.cpu.running === t)
      ?? beings.find(({ thread: t }) => t?.state === ThreadState.ready) ?? beings[0];
    return shown === undefined ? 0 : this.#numberOf(shown);
  }

  stopped(): TargetStop {
    const { stop } = this.debug;
    if (stop?.kind === 'request' && this.#happened.length > 0) return this.#numbered(this.#happened[0]!);
    if (stop === undefined || stop.kind === 'step' || stop.kind === 'first' || stop.kind === 'request')
      return { kind: 'signal', thread: this.current, signal: SIGTRAP };
    return { kind: 'point', thread: this.current, point: stop.kind, address: stop.address };
  }

  readRegister(thread: number, register: number): Uint8Array | 'unknown' | undefined {
    const being = this.#being(thread), value = being?.register(register);
    if (value === undefined) return being !== undefined && this.description.includes(`regnum="${register}"`) ? 'unknown' : undefined;
    this.#bytes.setBigUint64(0, BigInt.asUintN(64, value), true);
    return new Uint8Array(this.#bytes.buffer.slice(0, registerBytes(register)));
  }

  writeRegister(thread: number, register: number, bytes: Uint8Array): boolean {
    const being = this.#being(thread);
    if (being === undefined || bytes.length !== registerBytes(register)) return false;
    this.#bytes.setBigUint64(0, 0n, true);
    bytes.forEach((byte, i) => this.#bytes.setUint8(i, byte));
    return being.setRegister(register, this.#bytes.getBigUint64(0, true));
  }

  readMemory(thread: number, address: bigint, length: number): Uint8Array | undefined { return this.#being(thread)?.read(address, length); }
  writeMemory(thread: number, address: bigint, bytes: Uint8Array): boolean { return this.#being(thread)?.write(address, bytes) ?? false; }

  // ---- points ------------------------------------------------------------------------------------------------------

  insert(kind: PointKind, address: bigint, length: number, condition?: PointCondition, process = this.#firstProcess): void {
    const key = `${kind} ${address} ${length}`, known = this.#points.get(key);
    if (known) { known.of.set(process, condition); return; }
    const shared: Shared = { of: new Map([[process, condition]]) };
    this.#points.set(key, shared);
    this.debug.insert(kind, address, length, (h) => this.#meets(h, shared));
  }

  remove(kind: PointKind, address: bigint, length: number, process = this.#firstProcess): boolean {
    return this.#drop(`${kind} ${address} ${length}`, process);
  }

  removeAll(): void {
    this.#points.clear();
    this.debug.removeAll();
  }

  /** Is it a point of the process that the hart executes? */
  #meets(hart: Hart, { of }: Shared): boolean {
    this.#matched = this.#at(hart).find((being) => {
      const condition = of.get(being.process);
      return of.has(being.process) && (condition === undefined || condition(this.#numberOf(being)));
    });
    return this.#matched !== undefined;
  }

  #drop(key: string, process: number): boolean {
    const shared = this.#points.get(key);
    if (!shared?.of.delete(process)) return false;
    if (shared.of.size > 0) return true;
    this.#points.delete(key);
    const [kind, address, length] = key.split(' ');
    return this.debug.remove(kind as PointKind, BigInt(address!), Number(length));
  }

  get #firstProcess(): number { return this.#beings()[0]?.process ?? 0; }

  // ---- running -----------------------------------------------------------------------------------------------------

  /** Threads that are not named run too, because the kernel decides which thread is on which hart. */
  resume(actions: readonly ThreadAction[]): void {
    const told = this.debug.stop?.kind === 'request' ? this.#happened.shift() : undefined;
    if (told?.deliver !== undefined) told.deliver = actions.find((a) => a.thread === this.#numberOf(told.thread!))?.signalled ?? true;
    const stepping = actions.filter((a) => a.step).flatMap((a) => this.#being(a.thread)?.thread ?? []);
    this.#stepping = new Set(stepping);
    this.#matched = undefined;
    this.debug.resume(stepping.map((t) => ({ hart: t.cpu.id, step: true })));
  }

  hold(processes: ReadonlySet<number>): string | undefined {
    const fixed = this.#debuggees.find((d) => d.hold === undefined && d.beings().some((b) => processes.has(b.process)));
    if (fixed) return "guests and native components cannot stand still while others run: say 'set schedule-multiple on'";
    for (const debuggee of this.#debuggees) debuggee.hold?.(processes);
    return undefined;
  }

  /** Other pending events are reported before anything runs. */
  pending(): TargetStop | undefined {
    if (this.#happened.length === 0) return undefined;
    this.debug.request();
    return this.stopped();
  }

  physical(on: boolean): boolean {
    if (on && this.description === userDescription) return false;
    this.isPhysical = on;
    return true;
  }

  readonly commands: Readonly<Record<string, MonitorCommand>>;
  readonly #commands: Record<string, MonitorCommand> = {
    info: { help: 'the threads, and virtual time', run: () => this.#info() },
    translate: { help: "translate ADDRESS: where the selected thread's memory is, level by level", run: (words, thread) =>
      this.#translate(words, thread) },
  };

  // ---- inside ------------------------------------------------------------------------------------------------------

  #at(h: Hart): Being[] { return this.#debuggees.flatMap((d) => d.at(h)); }
  #beings(): Being[] { return this.#debuggees.flatMap((d) => d.beings()); }

  /** The very first instruction is always reported; those of other components only to clients that support several processes. */
  #arrives(hart: Hart): boolean {
    for (const debuggee of this.#debuggees) debuggee.seen?.(hart);
    const comes = this.#debuggees.find((d) => !this.#told.has(d) && d.at(hart).length > 0);
    if (comes === undefined) return false;
    if (this.#waits) return false;
    const isFirst = this.#told.size === 0;
    this.#told.add(comes);
    return isFirst || this.#features?.multiprocess === true;
  }

  /** An event with the numbers of its threads. */
  #numbered({ stop, thread }: Happening): TargetStop {
    const number = thread === undefined ? 0 : this.#numberOf(thread);
    if (stop.kind === 'over') return stop;
    if (stop.kind !== 'fork') return { ...stop, thread: number };
    return { ...stop, thread: number, child: { process: stop.child.process, id: this.#numberOf(stop.child as Being) } };
  }

  #numberOf({ key }: Being): number {
    const known = this.#numbers.get(key);
    if (known === undefined) this.#numbers.set(key, this.#numbers.size + 1);
    return known ?? this.#numbers.size;
  }

  #being(number: number): Being | undefined { return this.#beings().find((b) => this.#numberOf(b) === number); }

  #info(): string {
    const lines = this.#beings().map((b) => `${b.name}: pc 0x${(b.register(REG.pc) ?? 0n).toString(16)}, ${b.state}`);
    return `${lines.join('\n')}\n${this.#machine.instructions} instructions of all, cycle ${this.#machine.events.now}\n`;
  }

  #translate([text = '']: readonly string[], thread: number): string {
    const address = hexNumber(text.replace(/^0x/, '')), view = this.#being(thread)?.view;
    if (address === undefined || view === undefined || typeof view === 'string'
      || !('first' in view)) return 'give an address in hexadecimal\n';
    return `${walkLines(walk(this.#machine.linear, view, address)).join('\n')}\n`;
  }
}
