/**
 * The guest of a monitor: its processors are the threads of GDB's first process, whatever mode they are in. A process of the guest is an
 * address space to us: `monitor spaces` lists those that user code ran in, `monitor follow N` makes one of them a process of GDB's, with
 * breakpoints of its own.
 */
import type { View } from '../../machine/debug/memory.ts';
import { REG } from '../../machine/debug/registers.ts';
import type { Hart } from '../../machine/hart/hart.ts';
import type { Machine } from '../../machine/index.ts';
import { ThreadState } from '../../microkernel/objects/object.ts';
import type { Thread } from '../../microkernel/objects/thread.ts';
import { modeOfGuest, rootsOfThread, runsGuest, softwareOf, supervisorRegister } from '../../system/panic/roots.ts';
import { readAs, ThreadBeing, writeAs, type Being } from './being.ts';
import type { Debuggee, DebugScope } from './debuggee.ts';
import type { MonitorCommand } from './target.ts';

const CSR = { satp: 0x180, sepc: 0x141 } as const;
/** Mode and root of a translation register, without the number of the address space. */
const TABLES = 0xf000_0fff_ffff_ffffn;
/** Number of spaces to remember; the oldest one that no client follows is dropped. */
const MOST_SPACES = 256;

/** An address space of the guest in which user code was seen. */
interface Space {
  readonly number: number;
  readonly tables: bigint;
  /** Where user code was seen last. */
  pc: bigint;
  isFollowed: boolean;
}

export class GuestDebuggee implements Debuggee {
  readonly #machine: Machine;
  readonly #place: DebugScope;
  readonly #physical: () => boolean;
  readonly #spaces = new Map<bigint, Space>();
  #last = 0;

  constructor(machine: Machine, place: DebugScope, physical: () => boolean) {
    this.#machine = machine; this.#place = place; this.#physical = physical;
  }

  at(hart: Hart): Being[] {
    const thread = this.#runs(hart);
    if (thread === undefined) return [];
    const space = modeOfGuest(thread) === 0 ? this.#spaces.get(tablesOf(thread)) : undefined;
    return [...(space?.isFollowed ? [this.#being(space)] : []), this.#processor(thread)];
  }

  beings(): Being[] {
    const threads = this.#threads();
    if (threads.length === 0) return [];
    return [...threads.map((t) => this.#processor(t)),
      ...[...this.#spaces.values()].filter((s) => s.isFollowed).map((s) => this.#being(s))];
  }

  seen(hart: Hart): void {
    const thread = this.#runs(hart);
    if (thread === undefined || modeOfGuest(thread) !== 0) return;
    const tables = tablesOf(thread), known = this.#spaces.get(tables);
    if (known) known.pc = hart.pc;
    else this.#remember({ number: ++this.#last, tables, pc: hart.pc, isFollowed: false });
  }

  client(features: unknown): void { if (features === undefined) for (const s of this.#spaces.values()) s.isFollowed = false; }

  release(process: number): boolean {
    const space = this.#numbered(process - this.#place.base - 1);
    if (!space?.isFollowed) return false;
    space.isFollowed = false;
    return true;
  }

  readonly commands: Record<string, MonitorCommand> = {
    spaces: { help: "the guest's address spaces in which user code was seen", run: () => this.#list() },
    follow: { help: 'follow N: address space N is a process of its own from now on', run: ([n = '']) => this.#follow(n) },
  };

  #remember(space: Space): void {
    this.#spaces.set(space.tables, space);
    if (this.#spaces.size <= MOST_SPACES) return;
    const idle = [...this.#spaces.values()].find((known) => !known.isFollowed && known !== space);
    if (idle) this.#spaces.delete(idle.tables);
  }

  #numbered(n: number): Space | undefined { return [...this.#spaces.values()].find((s) => s.number === n); }

  #list(): string {
    const lines = [...this.#spaces.values()].map((s) =>
      `${s.number}: satp 0x${s.tables.toString(16)}, user code last seen at 0x${s.pc.toString(16)}${s.isFollowed ? ', followed' : ''}`);
    return lines.length === 0 ? 'no user code has run yet\n' : `${lines.join('\n')}\n`;
  }

  #follow(text: string): string {
    const space = this.#numbered(Number(text));
    if (!space) return `there is no address space '${text}'; monitor spaces lists them\n`;
    space.isFollowed = true;
    return `address space ${space.number} is process ${this.#place.base + 1 + space.number}; info threads shows it\n`;
  }

  /** The guest's thread whose next instruction the hart is about to execute; not while it is in code of its monitor's. */
  #runs(hart: Hart): Thread | undefined {
    const thread = this.#place.kernel.cpus[hart.id]!.running;
    if (thread === undefined || !(hart.virt ? thread.guest : hart.priv === 0) || !this.#isOurs(thread)) return undefined;
    return softwareOf(thread)?.processor.hides(hart.pc) ? undefined : thread;
  }
  #isOurs(t: Thread): boolean { return runsGuest(t) && (!this.#place.mayBe || this.#place.mayBe(t.task)); }

  #threads(): Thread[] {
    const found: Thread[] = [];
    for (const task of this.#place.kernel.tasks) for (const thread of task.threads)
      if (thread.state !== ThreadState.dead && this.#isOurs(thread))
      found.push(thread);
    return found.sort((a, b) => a.id - b.id);
  }

  #processor(t: Thread): ThreadBeing {
    return new ThreadBeing(this.#machine, this.#place.base + 1, t, `processor ${this.#threads().indexOf(t)}`, this.#physical);
  }

  #being(space: Space): SpaceBeing {
    const threads = this.#threads(), inside = threads.filter((t) => tablesOf(t) === space.tables);
    return new SpaceBeing(this.#machine, this.#place.base + 1 + space.number, space, threads, inside);
  }
}

const tablesOf = (t: Thread): bigint => supervisorRegister(t, CSR.satp)! & TABLES;

/** A process of the guest. It has registers while it is on a processor in user mode; its memory is always there. */
class SpaceBeing implements Being {
  readonly process: number;
  readonly key: object;
  readonly name: string;
  readonly state: string;
  readonly thread: Thread | undefined;
  readonly view: View | undefined;
  readonly #machine: Machine;
  readonly #space: Space;
  readonly #on: ThreadBeing | undefined;
  readonly #inside: Thread | undefined;
  readonly #any: Thread | undefined;

  constructor(machine: Machine, process: number, space: Space, processors: readonly Thread[], inside: readonly Thread[]) {
    const on = inside.find((t) => modeOfGuest(t) === 0), any = on ?? inside[0];
    this.#machine = machine; this.#space = space; this.#inside = any;
    this.process = process; this.key = space; this.thread = on;
    this.name = `space ${space.number}`;
    this.state = any === undefined ? 'on no processor' : `${on ? '' : 'in the kernel '}on processor ${processors.indexOf(any)}`;
    this.#on = on && new ThreadBeing(machine, process, on, this.name);
    const [processor] = processors;
    this.#any = processor;
    this.view = processor && { ...rootsOfThread(processor), first: space.tables };
  }

  /** Off the processors only its place is known: where it entered the kernel, or where it was seen last. */
  register(n: number): bigint | undefined {
    if (this.#on) return this.#on.register(n);
    if (n !== REG.pc) return undefined;
    return this.#inside ? supervisorRegister(this.#inside, CSR.sepc) : this.#space.pc;
  }
  setRegister(n: number, value: bigint): boolean { return this.#on?.setRegister(n, value) ?? false; }
  read(address: bigint, length: number): Uint8Array | undefined {
    return this.view && readAs(this.#machine, this.#any!, this.view, address, length);
  }
  write(address: bigint, bytes: Uint8Array): boolean {
    return this.view !== undefined && writeAs(this.#machine, this.#any!, this.view, address, bytes);
  }
}
