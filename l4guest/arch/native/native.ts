/**
 * The Unix kernel directly on the machine, in the place of the microkernel: the server runs in HS mode. A process's trap reaches the kernel
 * directly, and its pages are entries of the kernel's own tables. Nothing else differs from `arch/l4`, so the difference in cost is the
 * microkernel's price.
 *
 *   trap ─→ answered at once: back to user mode          put off: the driver's generator goes on where `switch` yielded
 */
import type { HartApi, PhysicalMemory, Supervisor } from '../../../machine/api.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import type { Thread } from '../../kernel/thread.ts';
import { Runs } from '../../mm/around.ts';
import type { Pool } from '../../mm/frames.ts';
import { Access, type Mm } from '../../mm/mm.ts';
import { Outcome, Trap, type Arch, type Entry, type Steps, type Switch } from '../arch.ts';
import { COSTS } from './costs.ts';
import { Slots, type Slot } from './slots.ts';
import { TableFrames, Tables } from './tables.ts';

const PAGE = 4096, ALL = 7;
/** Exceptions from user mode. @spec priv 12.1.8 */
const Cause = { ecall: 8, fetchPage: 12, loadPage: 13, storePage: 15 } as const;
const TRAPS: Readonly<Record<number, Trap>> = {
  0: Trap.misaligned, 2: Trap.illegal, 3: Trap.breakpoint, 4: Trap.misaligned, 6: Trap.misaligned
};
const ASIDS = 0xffff;

/** The kernel's part of the machine: frames for processes, and frames for tables. */
export interface Region { readonly pool: Pool; readonly tables: TableFrames }

export class NativeArch implements Arch, Switch {
  readonly pool: Pool;
  readonly maxThreads = 32_000;
  trap: Trap = Trap.access;
  trapAddress = 0;
  readonly #hart: HartApi;
  readonly #memory: PhysicalMemory;
  readonly #tables: TableFrames;
  readonly #slots: Slots;
  readonly #runs = new Runs();
  readonly #log: (line: string) => void;
  #kernel!: Kernel;
  #entry!: Entry;
  /** Resumes the kernel; the driver sets this. */
  proceed: () => void = () => {};
  #outcome: Outcome = Outcome.deferred;
  #recalled: Thread | undefined;
  #lastAsid = 0;
  readonly #freeAsids: number[] = [];
  #space: Tables | undefined;
  readonly #gone: { readonly threads: Thread[]; readonly spaces: Mm[] } = { threads: [], spaces: [] };
  /** Outside input that arrived while a process ran. */
  readonly #arrivals: (() => void)[] = [];

  constructor(hart: HartApi, memory: PhysicalMemory, region: Region, log: (line: string) => void) {
    this.#hart = hart;
    this.#memory = memory;
    this.pool = region.pool;
    this.#tables = region.tables;
    this.#slots = new Slots(hart);
    this.#log = log;
  }

  begin(kernel: Kernel, entry: Entry): this {
    this.#kernel = kernel;
    this.#entry = entry;
    return this;
  }

  // ── Arch ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

  readonly passage = COSTS.trap;
  now(): number { return this.#hart.cycles; }
  charge(cycles: number): void { this.#hart.charge(cycles); }
  changedCode(pfn: number): void { this.#memory.writable(pfn * PAGE, PAGE); }
  log(line: string): void { this.#log(line); }
  threadGone(t: Thread): void { if (t.hardware) this.#gone.threads.push(t); }
  spaceGone(mm: Mm): void { if (mm.space) this.#gone.spaces.push(mm); }
  adoptSpace(old: Mm, next: Mm): void {
    next.space = old.space;
    old.space = undefined;
    next.flushes.length = 0;
    next.owe(0, 2 ** 26, ALL);
  }
  recall(t: Thread): void { this.#recalled = t; }
  setAlarm(at: number): void { this.#hart.setTimer(at); }

  /** Outside input: the kernel runs `act` soon. */
  arrive(act: () => void): void {
    this.#arrivals.push(act);
    this.#hart.kick();
  }

  // ── Switch ───────────────────────────────────────────────────────────────────────────────────────────────────────────

  get busy(): boolean { return this.#recalled !== undefined || this.#gone.threads.length > 0 || this.#gone.spaces.length > 0; }

  *switch(thread: Thread | undefined): Steps<Outcome> {
    this.#tidy();
    if (thread === undefined) this.#hart.idle();
    else if (!this.#kernel.cpu.inUser) {
      if (!this.#enter(thread)) return Outcome.full;
    } else if (this.#recalled === thread) return this.#back(thread);
    else this.#hart.resume(0, false);
    yield;
    return this.#outcome;
  }
  *load(t: Thread): Steps<void> { this.#slots.load(t); }
  *finish(): Steps<void> { this.#tidy(); }
  /** A charge passes at once here, so no interrupt can have come meanwhile. */
  *open(): Steps<boolean> { return false; }
  *pause(_t: Thread, act: () => void): Steps<void> { act(); }

  /** An interrupt brings the recalled `t` into the server. */
  #back(thread: Thread): Outcome {
    this.#recalled = undefined;
    this.#entry.left(thread);
    return Outcome.recalled;
  }
  #enter(thread: Thread): boolean {
    const space = this.#spaceOf(thread.mm);
    if (!space) return false;
    for (const flush of thread.mm.flushes.splice(0)) this.#flush(space, flush.from, flush.to, flush.rights);
    this.#entry.entered(thread);
    this.#recalled = undefined; // the recalled process is already in the server
    if (this.#slots.enter(thread)) this.#hart.charge(COSTS.switchThread);
    if (space !== this.#space) this.#switchSpace(space);
    this.#hart.resume(0, false);
    return true;
  }
  #flush(space: Tables, from: number, to: number, rights: number): void {
    if (from === 0 && to >= 2 ** 26 && rights === ALL) space.clear(this.#hart);
    else space.unmap(from, to, rights, this.#hart);
  }
  #switchSpace(space: Tables): void {
    this.#space = space;
    this.#hart.switchSpace(space.root, space.asid);
    this.#hart.charge(COSTS.switchSpace);
  }

  #spaceOf(mm: Mm): Tables | undefined {
    if (mm.space) return mm.space as Tables;
    const root = this.#tables.take(), asid = this.#freeAsids.pop() ?? (this.#lastAsid < ASIDS ? ++this.#lastAsid : 0);
    if (root === 0 || asid === 0) return undefined;
    const space = new Tables(this.#memory, this.#tables, root, asid);
    mm.space = space;
    return space;
  }
  /** Frees the resources of ended threads and spaces. */
  #tidy(): void {
    for (const thread of this.#gone.threads.splice(0)) this.#slots.drop(thread);
    for (const mm of this.#gone.spaces.splice(0)) {
      const space = mm.space as Tables | undefined;
      mm.space = undefined;
      if (!space) continue;
      space.clear(this.#hart);
      if (this.#space === space) this.#space = undefined;
      this.#tables.give(space.root);
      this.#freeAsids.push(space.asid);
    }
  }

  // ── Supervisor ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The supervisor interface for the machine. */
  readonly supervisor: Supervisor = { trap: (hart) => this.#trapped(hart), wake: () => this.#interrupt() };

  #interrupt(): void {
    for (const act of this.#arrivals.splice(0)) act();
    this.#outcome = Outcome.interrupt;
    this.proceed();
  }

  /** A trap of the hart: answers it at once if possible, otherwise passes it to the kernel. */
  #trapped(hart: HartApi): void {
    hart.charge(COSTS.trap);
    if (hart.causeIsInterrupt) { this.#interrupt(); return; }
    const slot = this.#slots.owner as Slot, thread = slot.t, code = hart.causeCode;
    if (code === Cause.ecall) this.#call(hart, thread);
    else if (code === Cause.fetchPage || code === Cause.loadPage || code === Cause.storePage) this.#fault(hart, thread, code);
    else {
      this.#entry.left(thread);
      this.trap = TRAPS[code] ?? Trap.access;
      this.trapAddress = hart.tvalNum;
      this.#putOff(Outcome.trap);
    }
  }
  #call(hart: HartApi, thread: Thread): void {
    hart.advance(4);
    const result = this.#entry.call(thread, hart.num(17), hart.num(10), hart.num(11), hart.num(12), hart.num(13), hart.num(14),
      hart.num(15));
    if (result !== undefined) {
      hart.setNum(10, result);
      hart.resume(0, false);
      return;
    }
    this.#slots.saveArguments(thread);
    this.#putOff(Outcome.deferred);
  }
  #fault(hart: HartApi, thread: Thread, code: number): void {
    const access = code === Cause.storePage ? Access.write : code === Cause.fetchPage ? Access.exec : Access.read;
    if (!this.#entry.fault(thread, hart.tvalNum, access, this.#runs)) { this.#putOff(Outcome.deferred); return; }
    if ((thread.mm.space as Tables).map(this.#runs, hart)) { hart.resume(0, false); return; }
    this.#entry.left(thread);
    this.#putOff(Outcome.full);
  }
  #putOff(outcome: Outcome): void {
    this.#outcome = outcome;
    this.proceed();
  }
}
