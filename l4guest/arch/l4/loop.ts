/**
 * The main thread of the server: it receives what happens (system calls, faults, interrupts), lets the kernel act, and answers the
 * thread that is to run next. One process is in user mode at a time; the others wait for their answers.
 *
 *   event from T → kernel acts ─→ T goes on at once          reply and wait       (one message each way)
 *                             └→ T sleeps, U is ready        keep T's reply, send U's kept reply, wait
 */
import { Cause, IpcFlag, KernelError, Mtd, Ops, Own, S, Status, U, type Sys, type Syscalls } from '../../../microkernel/abi/index.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { Sig } from '../../abi/linux.ts';
import type { Process } from '../../kernel/process.ts';
import { Loaded, Run, type Thread } from '../../kernel/thread.ts';
import { around, Runs } from '../../mm/around.ts';
import { glance } from '../../mm/glance.ts';
import { Access, Fault } from '../../mm/mm.ts';
import { tracedCall } from '../../syscalls/traced.ts';
import { byNumber, dispatch, LAST } from '../../syscalls/table.ts';
import { strace } from '../../syscalls/strace.ts';
import { IRQ_LABEL, type Shared } from './shared.ts';
import type { Slot, Slots } from './slots.ts';

const A0 = (S.x >> 2) + 20, REPLY = IpcFlag.reply | IpcFlag.receive, FETCH = 12, STORE = 15;
const NOTHING = 0;
/** Signal and si_code by cause. */
const EXCEPTIONS: Readonly<Record<number, readonly [number, number]>> = { [Cause.illegal]: [Sig.ILL, 1], [Cause.breakpoint]: [Sig.TRAP, 1], [Cause.misaligned]: [Sig.BUS, 1] };
const EXECVE = 221, EXECVEAT = 281, SIGRETURN = 139, CLONE = 220, CLONE3 = 435;

/** The process that holds most pages: who ends when there are no more. */
function largest(all: Iterable<Process>): Process | undefined {
  let best: Process | undefined;
  for (const p of all) if (p.alive && p.threads.size > 0 && (!best || p.mm.table.count > best.mm.table.count)) best = p;
  return best;
}

export class Loop {
  private readonly sys: Syscalls;
  private readonly k: Kernel;
  private readonly slots: Slots;
  private readonly shared: Shared;
  private readonly timer: number;
  private readonly runs = new Runs();
  /** The slot whose thread waits for the implicit reply. */
  private held: Slot | undefined;
  private readonly handler = (): boolean => this.quick();
  /** What the message that has just arrived needs beyond `quick`. */
  private slow: Sys<void> | undefined;
  ended = false;
  trace: ((line: string) => void) | undefined;
  /** A debugger's: the first process is about to get a signal, at this pc. It may have the machine stop; then it is asked whether the process gets it. */
  onSignal: ((sig: number, pc: number) => () => boolean) | undefined;
  writeLog: (() => Sys<void>) | undefined;

  constructor(sys: Syscalls, k: Kernel, slots: Slots, shared: Shared, timer: number) {
    this.sys = sys; this.k = k; this.slots = slots; this.shared = shared; this.timer = timer;
    sys.port.show?.((label, va, length) => this.look(label, va, length));
  }

  /**
   * Serves until `ended`. A system call that ends at once, and a page fault, go no further than `quick`: no generator is entered, nothing
   * is allocated.
   */
  *run(): Sys<void> {
    while (yield* this.turn()) {
      if (this.quick()) {
        const status = yield this.sys.serve(this.handler);
        if (status !== 0) yield* this.refused(status);
      }
      const slow = this.slow;
      if (slow === undefined) continue;
      this.slow = undefined;
      yield* slow;
    }
  }

  /** For tools outside: memory of the thread whose portal has this label. */
  private look(label: number, va: number, length: number): Uint8Array {
    const t = this.slots.slots[label >> 1]?.t;
    return t ? glance(t.mm, va, length) : new Uint8Array(0);
  }

  /** A reply could not be given: the quota of kernel memory is used up. The thread still waits, and will fault again. */
  private *refused(status: number): Sys<void> {
    const { k } = this, t = k.current!;
    if (status !== Status.noQuota) throw new KernelError('reply to an event', status);
    k.inUser = false;
    if (yield* this.slots.reclaim(t.mm, k.processes.values())) return;
    k.arch.log(`l4guest: kernel memory is used up: ended ${t.name}[${t.tid}]`);
    k.endProcess(t.proc, Sig.KILL);
  }

  /** Lets somebody run and waits for the next message. False: the server has ended. */
  private *turn(): Sys<boolean> {
    const { k, shared } = this;
    if (k.inUser) {
      if (shared.chores) yield* this.doChores();
      yield this.sys.ipc(IpcFlag.receive, 0);
      return true;
    }
    for (;;) {
      const next = yield* this.choose();
      if (shared.chores) yield* this.doChores();
      if (this.ended) return false;
      if (!next) { yield* this.keep(); yield this.sys.ipc(IpcFlag.receive, 0); return true; }
      if (yield* this.resume(next)) return true;
    }
  }

  /** Acts on the message that has arrived. True: the reply that lets the same thread go on stands in the UTCB. */
  private quick(): boolean {
    const { k, slots } = this, u = this.sys.utcb, badge = u.u32[U.badge >> 2]!;
    if (badge === IRQ_LABEL) { this.interrupt(); return false; }
    const slot = slots.slots[badge >> 1]!, t = slot.t!;
    this.held = slot;
    k.inUser = false;
    if ((badge & 1) !== 0) {
      if (u.label === Cause.pageFault) return this.pageFault(t, u.word(1), u.word(0));
      this.slow = this.exception(t, u.label, u.word(1));
      return false;
    }
    return this.systemCall(t, u.x(17));
  }
  private systemCall(t: Thread, nr: number): boolean {
    const { k } = this, u = this.sys.utcb, row = nr >= 0 && nr < LAST ? byNumber[nr] : undefined;
    if (t.traced !== undefined || (row !== undefined && (row.regs || this.trace !== undefined))) { this.slow = this.slowCall(t, nr); return false; }
    const result = dispatch(t, nr, u.x(10), u.x(11), u.x(12), u.x(13), u.x(14), u.x(15));
    if (typeof result !== 'number' || t.work || k.resched || t.state !== Run.current || t.loaded !== Loaded.none || result <= -512 || t.mm.flushes.length !== 0 || this.shared.chores) {
      this.saveArgs(t);
      this.settle(t, nr, result);
      return false;
    }
    u.setX(10, result);
    u.setTag(NOTHING, 0);
    u.mtd = Mtd.result;
    k.inUser = true;
    return true;
  }
  private saveArgs(t: Thread): void {
    if (t.loaded !== Loaded.none) return;
    const from = this.sys.utcb.i32, to = t.regs.i32;
    for (let i = 0; i < 16; i++) to[20 + i] = from[A0 + i]!;
    t.loaded = Loaded.args;
  }
  /** The call has ended or sleeps: notes what is needed to end it or start it again. */
  private settle(t: Thread, nr: number, result: ReturnType<typeof dispatch>): void {
    const { k } = this;
    this.k.account(t);
    // These have given the thread new registers.
    if (result === 0 && (nr === EXECVE || nr === EXECVEAT || nr === SIGRETURN)) { t.call = -1; return; }
    t.call = nr;
    t.arg0 = t.regs.big[10]!;
    if (typeof result !== 'number') k.continueCall(t, result);
    else if (t.state === Run.current) k.finish(t, result);
  }
  private *slowCall(t: Thread, nr: number): Sys<void> {
    this.saveArgs(t);
    if (t.traced || byNumber[nr]!.regs) yield* this.slots.load(t);
    if (t.traced?.wantsCall(nr)) { this.settle(t, nr, tracedCall(t, nr)); return; }
    const r = t.regs, args = [10, 11, 12, 13, 14, 15].map((i) => r.x(i)) as [number, number, number, number, number, number];
    const line = this.trace && strace(t, nr, args), result = dispatch(t, nr, ...args);
    if (line !== undefined) this.trace!(`${line}${typeof result === 'number' ? ` = ${result}` : ' …'}`);
    if (nr === CLONE || nr === CLONE3) t.loaded = Loaded.args;
    this.settle(t, nr, result);
  }

  /** Recall, or an exception that no page can cure. */
  private *exception(t: Thread, cause: number, address: number): Sys<void> {
    this.k.account(t);
    if (cause === Cause.recall) return;
    yield* this.slots.load(t);
    const [sig, code] = EXCEPTIONS[cause] ?? [Sig.SEGV, 2];
    this.k.signals.force(t, sig, code, cause === Cause.illegal || cause === Cause.breakpoint ? t.regs.pc : address);
  }
  /** True when the reply with the missing pages stands in the UTCB. */
  private pageFault(t: Thread, va: number, scause: number): boolean {
    const { k } = this, mm = t.mm, write = scause === STORE, access = write ? Access.write : scause === FETCH ? Access.exec : Access.read;
    const fault = va >= 0 && va < 0x40_0000_0000 ? mm.fault(va, access) : Fault.mapErr;
    if (fault !== Fault.none) { this.badAccess(t, fault, va); return false; }
    const vpn = Math.floor(va / 4096), only = mm.flushes[0];
    // The old page of a copy-on-write is replaced by the item itself.
    if (mm.flushes.length === 1 && only!.from === vpn && only!.to === vpn + 1) mm.flushes.length = 0;
    if (t.work || k.resched || this.shared.chores || mm.flushes.length !== 0) return false;
    this.putItems(t, va, write);
    this.sys.utcb.mtd = 0;
    k.inUser = true;
    return true;
  }
  private putItems(t: Thread, va: number, write: boolean): void {
    const u = this.sys.utcb, runs = this.runs;
    around(t.mm, va, write, runs);
    for (let i = 0; i < runs.count; i++) u.setItem(i, runs.pfn[i]! * 4096 + (12 + runs.order[i]!) * 16 + runs.rights[i]!, runs.vpn[i]! * 4096);
    u.setTag(NOTHING, 0, runs.count);
  }
  private badAccess(t: Thread, fault: Fault, va: number): void {
    const { k } = this;
    this.k.account(t);
    if (fault === Fault.noMemory) {
      const victim = largest(k.processes.values()) ?? t.proc;
      k.arch.log(`l4guest: out of memory: ended ${victim.name}[${victim.pid}], which held ${victim.mm.table.count} pages`);
      k.endProcess(victim, Sig.KILL);
    } else k.signals.force(t, fault === Fault.busErr ? Sig.BUS : Sig.SEGV, fault === Fault.busErr ? 2 : fault, va);
  }

  /** An interrupt thread has brought something. */
  private interrupt(): void {
    const { shared, k } = this;
    for (const arrival of shared.arrivals.splice(0)) arrival();
    k.tick();
  }

  // ── who runs next ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A thread ready for user mode, its signals looked at. */
  private *choose(): Sys<Thread | undefined> {
    const { k } = this;
    for (;;) {
      let t: Thread | undefined = k.current;
      if (t && (t.state !== Run.current || t.co)) t = undefined;
      if (t && k.resched && k.ready.length > 0) { k.account(t); k.yieldCpu(t); t = undefined; }
      k.resched = false;
      t ??= k.pick();
      if (!t || this.ended) { k.rearm(); return undefined; }
      if (t.work) {
        if (t.hardware) yield* this.slots.load(t);
        if (this.onSignal && t.hardware && t.proc.pid === k.mainPid) yield* this.showSignal(t, this.onSignal);
        k.signals.deliver(t);
        if (t.state !== Run.current) { k.current = undefined; continue; }
        if (t.work) continue;
      }
      t.call = -1;
      k.rearm();
      return t;
    }
  }
  /** Nothing has come of the signal yet when the machine stops: that it does while this thread waits, for as little as can be. Then it may be dropped. */
  private *showSignal(t: Thread, show: (sig: number, pc: number) => () => boolean): Sys<void> {
    const sig = t.pending.next(t.mask) || t.proc.pending.next(t.mask);
    if (sig === 0 || t.proc.stopped) return;
    yield* this.keep();
    const wanted = show(sig, t.regs.pc);
    yield this.sys.ipc(IpcFlag.receive, (t.hardware as Slot).eventPortal, 0, 1);
    if (!wanted() && !t.pending.take(t.mask)) t.proc.pending.take(t.mask);
    t.loaded = t.call >= 0 ? Loaded.args : Loaded.none; // the debugger may have changed registers
    yield* this.slots.load(t);
  }
  /** Lets `t` go on in user mode and waits for the next message. False: it could not be started, nothing has arrived. */
  private *resume(t: Thread): Sys<boolean> {
    const { sys, k, slots } = this, mm = t.mm;
    if (mm.flushes.length > 0) yield* slots.flush(mm);
    let slot = t.hardware as Slot | undefined;
    if (slot && slot.space !== mm.space) { yield* this.drop(slot); slot = undefined; t.hardware = undefined; }
    k.current = t;
    k.inUser = true;
    t.startedAt = k.now();
    if (!slot) {
      yield* this.keep();
      slot = (yield* slots.create(t)) ?? ((yield* slots.reclaim(mm, k.processes.values())) ? yield* slots.create(t) : undefined);
      if (!slot) { this.refuseStart(t); return false; }
      yield* slots.start(slot);
      t.loaded = Loaded.none;
      yield sys.ipc(IpcFlag.receive, 0);
      return true;
    }
    if (slot !== this.held) yield* this.keep();
    const mtd = slots.putRegisters(t);
    t.loaded = Loaded.none;
    sys.utcb.setTag(NOTHING, 0);
    sys.utcb.mtd = mtd;
    if (slot === this.held) { this.held = undefined; yield sys.ipc(REPLY, 0); return true; }
    slot.kept = false;
    yield sys.ipc(IpcFlag.send, slot.reply);
    yield* this.dropCap(slot.reply);
    yield sys.ipc(IpcFlag.receive, 0);
    return true;
  }
  /** No kernel memory for another thread, even after all other mirrors were dropped. */
  private refuseStart(t: Thread): void {
    this.k.inUser = false;
    this.k.arch.log(`l4guest: kernel memory is used up: ${t.name}[${t.tid}] cannot start`);
    this.k.endProcess(t.proc, Sig.KILL);
  }
  /** An answered reply capability leaves its slot. */
  private *dropCap(selector: number): Sys<void> {
    const u = this.sys.utcb;
    u.setWord(0, selector);
    u.setTag(Ops.task.delete.label, 1);
    yield this.sys.ipc(7, Own.task);
  }
  /** Puts the implicit reply away, so that another thread may be answered first. */
  private *keep(): Sys<void> {
    const held = this.held, u = this.sys.utcb;
    this.held = undefined;
    if (!held?.t) return;
    u.setWord(0, held.reply);
    u.setTag(Ops.thread.keepReply.label, 1);
    const status = yield this.sys.ipc(7, Own.thread);
    held.kept = status === 0;
  }
  private *drop(slot: Slot): Sys<void> {
    if (this.held === slot) this.held = undefined;
    yield* this.slots.destroy(slot);
  }

  /** What the kernel has decided and only this thread can do. */
  private *doChores(): Sys<void> {
    const { shared, sys, k } = this;
    shared.chores = false;
    for (const t of shared.deadThreads.splice(0)) {
      const slot = t.hardware as Slot | undefined;
      t.hardware = undefined;
      if (slot) yield* this.drop(slot);
    }
    for (const mm of shared.deadSpaces.splice(0)) yield* this.slots.destroySpace(mm);
    for (const semaphore of shared.kicks.splice(0)) yield* sys.must(semaphore, Ops.semaphore.up);
    if (shared.alarm < shared.armed) { shared.armed = shared.alarm; yield* sys.must(this.timer, Ops.semaphore.up); }
    if (shared.lines.length > 0 && this.writeLog) yield* this.writeLog();
    const t = shared.recall;
    shared.recall = undefined;
    if (t && k.inUser && t === k.current && t.hardware) yield* sys.must((t.hardware as Slot).thread, Ops.thread.recall);
  }
}
