/**
 * `switch` on the microkernel: it replies to the thread that should run, and receives the next event: system call, fault, interrupt. One
 * process at a time is in user mode; the others wait for their replies.
 *
 *   event from T → kernel acts ─→ T resumes at once          reply and wait       (one message each way)
 *                             └→ T sleeps, U is ready        keep T's reply, send U's kept reply, wait
 */
import { Cause, IpcFlag, Mtd, Ops, Own, Resume, S, Status, U, type Sys } from '../../../microkernel/abi/index.ts';
import { KernelError, show, type Syscalls } from '../../../binding/index.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { Loaded, type Thread } from '../../kernel/thread.ts';
import { Runs } from '../../mm/around.ts';
import { glance } from '../../mm/glance.ts';
import { Access, type Mm } from '../../mm/mm.ts';
import { Outcome, Trap, type Entry, type Switch } from '../arch.ts';
import { OWN_LABEL, IRQ_LABEL, STUB_LABEL, type Shared } from './shared.ts';
import type { Slot, Slots } from './slots.ts';

const A0 = (S.x >> 2) + 20, REPLY = IpcFlag.reply | IpcFlag.receive, FETCH = 12, STORE = 15;
const NOTHING = 0, ITEMS = 0x1f00;
/** Time that the lock for interrupts stays open in the middle of work, ns, for a thread with a pending interrupt. */
const ADMISSION = 2000;
const TRAPS: Readonly<Record<number, Trap>> = { [Cause.illegal]: Trap.illegal, [Cause.breakpoint]: Trap.breakpoint,
  [Cause.misaligned]: Trap.misaligned };

export class L4Switch implements Switch {
  trap: Trap = Trap.access;
  trapAddress = 0;
  writeLog: (() => Sys<void>) | undefined;
  private readonly sys: Syscalls;
  private readonly k: Kernel;
  private readonly slots: Slots;
  private readonly shared: Shared;
  private readonly timer: number;
  private readonly entry: Entry;
  private readonly runs = new Runs();
  /** The slot whose thread waits for the implicit reply. */
  private held: Slot | undefined;
  private readonly handler = (): boolean => this.received();
  /** The outcome of the last message, unless it was answered at once. */
  private outcome: Outcome = Outcome.deferred;

  constructor(sys: Syscalls, k: Kernel, slots: Slots, shared: Shared, timer: number, entry: Entry) {
    this.sys = sys; this.k = k; this.slots = slots; this.shared = shared; this.timer = timer; this.entry = entry;
    show(sys.utcb, (label, va, length) => this.look(label, va, length));
  }

  get busy(): boolean { return this.shared.chores; }

  *switch(thread: Thread | undefined): Sys<Outcome> {
    if (this.shared.chores && (yield* this.doChores())) return Outcome.retry;
    if (thread === undefined) { yield* this.keep(); yield this.sys.ipc(IpcFlag.receive, 0); }
    else if (this.k.cpu.inUser) { if (this.held) yield* this.keep(); yield this.sys.ipc(IpcFlag.receive, 0); }
    else if (!(yield* this.resume(thread))) return Outcome.full;
    if (this.received()) {
      const status = yield this.sys.serve(this.handler);
      if (status !== 0) return yield* this.refused(status);
    }
    return this.outcome;
  }

  /** For tools outside: memory of the thread whose portal has this label. */
  private look(label: number, va: number, length: number): Uint8Array {
    const thread = this.slots.slots[label >> 1]?.t;
    return thread ? glance(thread.mm, va, length) : new Uint8Array(0);
  }

  /** A reply failed because the quota of kernel memory is used up. The thread still waits, and will fault again. */
  private *refused(status: number): Sys<Outcome> {
    const thread = this.k.cpu.current!;
    if (status !== Status.noQuota) throw new KernelError('reply to an event', status);
    this.entry.left(thread);
    return (yield* this.slots.reclaim(thread.mm, this.spaces())) ? Outcome.retry : Outcome.full;
  }
  private spaces(): Iterable<{ readonly mm: Mm }> { return this.k.pids.processes.values(); }

  // ── a message has arrived ────────────────────────────────────────────────────────────────────────────────────────────

  /** Handles the message. True: the UTCB holds the reply that resumes the same thread. */
  private received(): boolean {
    const utcb = this.sys.utcb, badge = utcb.u32[U.badge >> 2]!;
    if (badge >= OWN_LABEL) {
      if (badge !== IRQ_LABEL) return badge >= STUB_LABEL ? this.stub(this.slots.slots[badge - STUB_LABEL]!.t!)
        : this.own(this.slots.slots[badge - OWN_LABEL]!);
      this.interrupt();
      return false;
    }
    const slot = this.slots.slots[badge >> 1]!, thread = slot.t!;
    this.held = slot;
    if ((badge & 1) === 0) return this.systemCall(thread, utcb.x(17));
    if (utcb.label === Cause.pageFault) return this.pageFault(thread, utcb.word(1), utcb.word(0));
    this.entry.left(thread);
    this.trap = TRAPS[utcb.label] ?? Trap.access;
    this.trapAddress = utcb.word(1);
    this.outcome = utcb.label === Cause.recall ? Outcome.recalled : Outcome.trap;
    return false;
  }
  private systemCall(thread: Thread, nr: number): boolean {
    const utcb = this.sys.utcb,
      result = this.entry.call(thread, nr, utcb.x(10), utcb.x(11), utcb.x(12), utcb.x(13), utcb.x(14), utcb.x(15));
    if (result === undefined) {
      this.saveArgs(thread);
      this.outcome = Outcome.deferred;
      return false;
    }
    utcb.setX(10, result);
    utcb.setTag(NOTHING, 0);
    utcb.mtd = this.slots.answerGroups;
    return true;
  }
  /**
   * A system call as a message: its number is the label, arguments are words. A call that cannot be answered at once gets label 1: trap
   * instead.
   */
  private stub(thread: Thread): boolean {
    const utcb = this.sys.utcb, result = this.entry.quick(thread, utcb.label, utcb.word(0));
    utcb.setTag(result === undefined ? 1 : 0, 1);
    utcb.setWord(0, result ?? 0);
    utcb.mtd = 0;
    return true;
  }
  /** A thread is about to make its own kernel call, or has made it. */
  private own(slot: Slot): boolean {
    const utcb = this.sys.utcb, thread = slot.t!;
    this.held = slot;
    if (utcb.label === Cause.ownCalled) {
      const { over } = slot;
      slot.over = undefined;
      thread.loaded = Loaded.none;
      over!(utcb.word(0));
      this.outcome = Outcome.interrupt;
      return false;
    }
    const gate = this.k.gates!.beyond.gateOf(utcb.x(11)), items = (utcb.word(1) & ITEMS) !== 0 || utcb.word(2) !== 0;
    const refused = this.entry.own(thread, { flags: utcb.x(10), gate, label: utcb.word(0), items });
    if (refused === undefined) {
      this.saveArgs(thread);
      this.outcome = Outcome.deferred;
      return false;
    }
    utcb.setX(10, refused);
    utcb.setTag(NOTHING, 0);
    utcb.mtd = Mtd.result;
    return true;
  }
  private saveArgs(thread: Thread): void {
    if (thread.loaded !== Loaded.none) return;
    const from = this.sys.utcb.i32, to = thread.regs.i32;
    for (let i = 0; i < 16; i++) to[20 + i] = from[A0 + i]!;
    thread.loaded = Loaded.args;
  }
  /** True when the reply with the missing pages is in the UTCB. */
  private pageFault(thread: Thread, va: number, scause: number): boolean {
    const utcb = this.sys.utcb, runs = this.runs;
    const access = scause === STORE ? Access.write : scause === FETCH ? Access.exec : Access.read;
    if (!this.entry.fault(thread, va, access, runs)) {
      this.outcome = Outcome.deferred;
      return false;
    }
    for (let i = 0; i < runs.count; i++) utcb.setItem(i, runs.pfn[i]! * 4096 + (12 + runs.order[i]!) * 16 + runs.rights[i]!,
      runs.vpn[i]! * 4096);
    utcb.setTag(NOTHING, 0, runs.count);
    utcb.mtd = 0;
    return true;
  }
  /** An interrupt thread has delivered an event. */
  private interrupt(): void {
    for (const arrival of this.shared.arrivals.splice(0)) arrival();
    this.outcome = Outcome.interrupt;
  }

  // ── a thread resumes ─────────────────────────────────────────────────────────────────────────────────────────────────

  *load(t: Thread): Sys<void> { yield* this.slots.load(t); }

  *open(): Sys<boolean> {
    yield* this.keep();
    if ((yield this.sys.ipc(IpcFlag.receive, this.slots.irq, 0, ADMISSION)) !== 0) return false;
    this.interrupt();
    return true;
  }

  *pause(thread: Thread, act: () => void): Sys<void> {
    yield* this.keep();
    act();
    yield this.sys.ipc(IpcFlag.receive, (thread.hardware as Slot).eventPortal, 0, 1);
  }

  /** Resumes `t` in user mode and waits for the next message. False: it could not be started, and nothing has arrived. */
  private *resume(thread: Thread): Sys<boolean> {
    const { sys, slots, entry } = this, mm = thread.mm;
    if (mm.flushes.length > 0) yield* slots.flush(mm);
    let slot = thread.hardware as Slot | undefined;
    if (slot && (slot.space !== mm.space || slot.utcb !== thread.utcb)) {
      yield* this.drop(slot);
      slot = undefined;
      thread.hardware = undefined;
    }
    entry.entered(thread);
    if (!slot) {
      yield* this.keep();
      slot = (yield* slots.create(thread)) ?? ((yield* slots.reclaim(mm, this.spaces())) ? yield* slots.create(thread) : undefined);
      if (!slot) { entry.left(thread); return false; }
      yield* slots.start(slot);
      thread.loaded = Loaded.none;
      yield sys.ipc(IpcFlag.receive, 0);
      return true;
    }
    if (slot !== this.held) yield* this.keep();
    const mtd = slots.putRegisters(thread);
    thread.loaded = Loaded.none;
    sys.utcb.setTag(NOTHING, 0);
    sys.utcb.mtd = mtd;
    if (slot === this.held) { this.held = undefined; yield sys.ipc(REPLY, 0); return true; }
    slot.kept = false;
    yield sys.ipc(IpcFlag.send, slot.reply);
    yield* this.dropCap(slot.reply);
    yield sys.ipc(IpcFlag.receive, 0);
    return true;
  }
  /** The thread makes its own call now, and is watched. */
  private *letThrough(slot: Slot): Sys<void> {
    const { sys } = this, isHeld = slot === this.held;
    sys.utcb.setTag(Resume.watch, 0);
    sys.utcb.mtd = 0;
    yield sys.ipc(isHeld ? IpcFlag.reply : IpcFlag.send, isHeld ? 0 : slot.reply);
    if (isHeld) this.held = undefined;
    else { slot.kept = false; yield* this.dropCap(slot.reply); }
  }
  /** An answered reply capability leaves its slot. */
  private *dropCap(selector: number): Sys<void> {
    const utcb = this.sys.utcb;
    utcb.setWord(0, selector);
    utcb.setTag(Ops.task.delete.label, 1);
    yield this.sys.ipc(7, Own.task);
  }
  /** Keeps the implicit reply, so that another thread can be answered first. */
  private *keep(): Sys<void> {
    const held = this.held, utcb = this.sys.utcb;
    this.held = undefined;
    if (!held?.t) return;
    utcb.setWord(0, held.reply);
    utcb.setTag(Ops.thread.keepReply.label, 1);
    const status = yield this.sys.ipc(7, Own.thread);
    held.kept = status === 0;
  }
  /** The remaining threads of a space leave it and start again in another. */
  private *desert(space: unknown): Sys<void> {
    for (const slot of this.slots.slots) {
      if (slot.space !== space || !slot.t) continue;
      slot.t.hardware = undefined;
      yield* this.drop(slot);
    }
  }
  private *drop(slot: Slot): Sys<void> {
    if (this.held === slot) this.held = undefined;
    yield* this.slots.destroy(slot);
  }

  // ── owed work ─────────────────────────────────────────────────────────────────────────────────────────────────────

  *finish(): Sys<void> { if (this.shared.chores) yield* this.doChores(); }

  /** Performs kernel decisions that only this thread can carry out. True: another thread may have become ready. */
  private *doChores(): Sys<boolean> {
    const { shared, sys, k: { cpu } } = this;
    shared.chores = false;
    if (shared.deadThreads.length > 0) for (const thread of shared.deadThreads.splice(0)) {
      const slot = thread.hardware as Slot | undefined;
      thread.hardware = undefined;
      if (slot) yield* this.drop(slot);
    }
    for (const space of shared.deserted.splice(0)) yield* this.desert(space);
    for (const mm of shared.deadSpaces.splice(0)) yield* this.slots.destroySpace(mm);
    for (const thread of shared.passing.splice(0)) yield* this.letThrough(thread.hardware as Slot);
    for (const semaphore of shared.kicks.splice(0)) yield* sys.must(semaphore, Ops.semaphore.up);
    if (shared.alarm < shared.armed) { shared.armed = shared.alarm; yield* sys.must(this.timer, Ops.semaphore.up); }
    if (shared.lines.length > 0 && this.writeLog) yield* this.writeLog();
    const recalled = shared.recall;
    shared.recall = undefined;
    if (recalled && cpu.inUser && recalled === cpu.current && recalled.hardware)
      yield* sys.must((recalled.hardware as Slot).thread, Ops.thread.recall);
    if (shared.jobs.length === 0) return false;
    yield* this.keep();
    for (const job of shared.jobs.splice(0)) yield* job();
    return true;
  }
}
