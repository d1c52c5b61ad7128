/**
 * Kernel objects of processes: a Space is the task that mirrors one address space; a Slot is a thread of the microkernel with its
 * scheduling context, two portals and a selector for its kept reply. Portals and contexts outlive their threads.
 */
import {
  CapRight, Cause, Mtd, Ops, Own, S, Status, ThreadFlag, U, capPage, memoryPage, type Operation, type Sys
} from '../../../microkernel/abi/index.ts';
import { KernelError, flexpages, type Syscalls } from '../../../binding/index.ts';
import type { Env } from '../../../roottask/client/index.ts';
import { Loaded, type Thread } from '../../kernel/thread.ts';
import type { Mm } from '../../mm/mm.ts';
import { IRQ_LABEL, OWN_LABEL, STUB_LABEL } from './shared.ts';

/**
 * Processes run below the server and its writers; a process with its own kernel calls runs above the others, so that such a call starts at
 * once.
 */
const userPriority = (env: Env): number => Math.max(0, env.priority - 10);
const ownPriority = (env: Env): number => userPriority(env) + 1;
const OWN_CAUSES = (1 << Cause.ownCall) | (1 << Cause.ownCalled);
const USER_STATE = Mtd.args | Mtd.regs | Mtd.pc | Mtd.fpu;
const SYSCALL_CAUSES = 1 << Cause.syscall;
const OTHER_CAUSES = (1 << Cause.recall) | (1 << Cause.pageFault) | (1 << Cause.illegal) | (1 << Cause.breakpoint)
  | (1 << Cause.misaligned) | (1 << Cause.accessFault);
/** First selector of the portals for system calls as messages, by slot number, if the server offers them. */
export const stubSelector = (tid: number): number => 0x200 + (tid & 0xff);
/** Halves of registers in the state area, as `Registers` has them; bytes of a name. */
const STATE_WORDS = 132, NAME_BYTES = 32;
const SPACE_PAGES = 2 ** 26, SUPERPAGE = 2 ** 21;

export interface Space { readonly task: number }
export interface Slot {
  readonly index: number;
  readonly thread: number;
  readonly context: number;
  readonly callPortal: number;
  readonly eventPortal: number;
  readonly reply: number;
  /** The portal that reports its own calls, once a thread of this slot has had a message buffer. */
  ownPortal: number;
  /** The portal for its system calls as messages, once a thread of this slot has made one. */
  stubPortal: number;
  /** The message buffer of its thread, 0 for none. */
  utcb: number;
  /** The context's priority is that of threads with calls of their own. */
  raised: boolean;
  /** Called at the end of its thread's own kernel call. */
  over: ((status: number) => void) | undefined;
  t: Thread | undefined;
  space: Space | undefined;
  /** The thread waits for an answer through the capability in `reply`. */
  kept: boolean;
}

export class Slots {
  readonly slots: Slot[] = [];
  /** The portal that interrupts come through. */
  irq = 0;
  private readonly free: Slot[] = [];
  private readonly sys: Syscalls;
  private readonly env: Env;
  /** The state that a system call and its answer carry. `fullState`: all state, to measure the cost. */
  private readonly callGroups: number;
  readonly answerGroups: number;
  /** Threads with message buffers are no aliens: they may send their system calls as messages, and their other calls are unwatched. */
  private readonly stubs: boolean;
  /** The registers of the state area, and the words of a name. */
  private readonly state: Int32Array;
  private readonly text: Uint8Array;
  constructor(sys: Syscalls, env: Env, fullState = false, stubs = false) {
    const { i32 } = sys.utcb;
    this.state = i32.subarray(S.x >> 2, (S.x >> 2) + STATE_WORDS);
    this.text = new Uint8Array(i32.buffer as ArrayBuffer, i32.byteOffset + U.words, NAME_BYTES);
    this.stubs = stubs;
    this.sys = sys;
    this.env = env;
    this.callGroups = fullState ? USER_STATE : Mtd.args;
    this.answerGroups = fullState ? USER_STATE : Mtd.result;
  }

  /** A slot that has never been used; undefined when the quota does not allow it. */
  private *newSlot(): Sys<Slot | undefined> {
    const { env } = this, index = this.slots.length, selector = (): number => env.selector();
    const slot: Slot = { index, thread: selector(), context: selector(), callPortal: selector(), eventPortal: selector(), reply: selector(),
      ownPortal: 0, stubPortal: 0, utcb: 0, raised: false, over: undefined, t: undefined, space: undefined, kept: false };
    for (const [op, words] of [
      [Ops.factory.createPortal, [slot.callPortal, Own.thread, index * 2, this.callGroups]],
        [Ops.factory.createPortal, [slot.eventPortal, Own.thread, index * 2 + 1, Mtd.exit]],
      [Ops.factory.createSchedContext, [slot.context, userPriority(env), 0, 0]],
    ] as const) if (!(yield* this.make(op, words))) { yield* this.discard(slot); return undefined; }
    this.slots.push(slot);
    return slot;
  }
  private *make(op: Operation, words: readonly number[]): Sys<boolean> {
    const status = yield* this.sys.invoke(Own.factory, op, words);
    if (status !== 0 && status !== Status.noQuota) throw new KernelError(op.doc.slice(0, 30), status);
    return status === 0;
  }
  private *discard(slot: Slot): Sys<void> {
    for (const selector of [slot.callPortal, slot.eventPortal, slot.context, slot.thread, slot.reply]) {
      yield* this.sys.invoke(Own.task, Ops.task.unmap, [capPage(selector), 1]);
      this.env.freeSelector(selector);
    }
  }
  *irqPortal(): Sys<number> {
    this.irq = this.env.selector();
    yield* this.sys.must(Own.factory, Ops.factory.createPortal, [this.irq, Own.thread, IRQ_LABEL, 0]);
    return this.irq;
  }

  /** The task of an address space, made at its first use; undefined when the quota does not allow it. */
  private *spaceOf(mm: Mm, name: string): Sys<Space | undefined> {
    if (mm.space) return mm.space as Space;
    const space: Space = { task: this.env.selector() };
    if (!(yield* this.make(Ops.factory.createTask, [space.task, 0]))) { this.env.freeSelector(space.task); return undefined; }
    yield* this.name(space.task, name);
    mm.space = space;
    return space;
  }
  private *name(task: number, text: string): Sys<void> {
    for (let i = 0; i < NAME_BYTES; i++) this.text[i] = i < text.length && i < NAME_BYTES - 1 ? text.charCodeAt(i) : 0;
    this.sys.utcb.setTag(Ops.task.name.label, NAME_BYTES / 8);
    yield this.sys.ipc(7, task);
  }

  /** A slot for a thread that has none, or whose process has a new address space. Not started yet; undefined: no quota for it. */
  *create(thread: Thread): Sys<Slot | undefined> {
    const { sys } = this, space = yield* this.spaceOf(thread.mm, `${thread.proc.name} ${thread.proc.pid}`),
      slot = space && (this.free.pop() ?? (yield* this.newSlot()));
    if (!space || !slot) return undefined;
    const flags = thread.utcb !== 0 && this.stubs ? 0 : ThreadFlag.alien;
    if (!(yield* this.make(Ops.factory.createThread, [slot.thread, space.task, flags, thread.utcb, 0]))) {
      this.free.push(slot);
      return undefined;
    }
    yield* sys.must(slot.thread, Ops.thread.bind, [slot.context]);
    yield* sys.must(slot.thread, Ops.thread.setEvents, [slot.callPortal, SYSCALL_CAUSES]);
    yield* sys.must(slot.thread, Ops.thread.setEvents, [slot.eventPortal, OTHER_CAUSES]);
    if (thread.utcb !== 0 && this.stubs) yield* this.giveStub(slot, thread, space);
    if (thread.utcb !== 0 && !slot.ownPortal) yield* this.makeOwnPortal(slot);
    if (thread.utcb !== 0) yield* sys.must(slot.thread, Ops.thread.setEvents, [slot.ownPortal, OWN_CAUSES]);
    if (slot.raised !== (thread.utcb !== 0)) {
      slot.raised = thread.utcb !== 0;
      yield* sys.must(slot.context, Ops.schedContext.set, [slot.raised ? ownPriority(this.env) : userPriority(this.env), 0, 0]);
    }
    slot.t = thread;
    slot.space = space;
    slot.utcb = thread.utcb;
    slot.kept = false;
    thread.hardware = slot;
    return slot;
  }
  /** The portal for system calls as messages, in the thread's task. */
  private *giveStub(slot: Slot, thread: Thread, space: Space): Sys<void> {
    const { sys } = this, at = capPage(stubSelector(thread.tid));
    if (!slot.stubPortal) {
      slot.stubPortal = this.env.selector();
      yield* sys.must(Own.factory, Ops.factory.createPortal, [slot.stubPortal, Own.thread, STUB_LABEL + slot.index, 0]);
    }
    yield* sys.invoke(space.task, Ops.task.unmap, [at, 1]);
    yield* sys.must(space.task, Ops.task.map, [0, capPage(slot.stubPortal, 0, CapRight.use), stubSelector(thread.tid), 0]);
  }
  private *makeOwnPortal(slot: Slot): Sys<void> {
    slot.ownPortal = this.env.selector();
    yield* this.sys.must(Own.factory, Ops.factory.createPortal, [slot.ownPortal, Own.thread, OWN_LABEL + slot.index, Mtd.args | Mtd.exit]);
  }
  /** Starts the thread of a fresh slot with the registers that the server holds. */
  *start(slot: Slot): Sys<void> {
    const { sys } = this, registers = slot.t!.regs;
    this.putRegisters(slot.t!);
    yield* sys.must(slot.thread, Ops.thread.setState, [USER_STATE]);
    yield* sys.must(slot.thread, Ops.thread.start, [registers.pc, registers.big[2]!, registers.big[10]!]);
  }
  /** Ends the thread of a slot; the slot may be used again. */
  *destroy(slot: Slot): Sys<void> {
    const { sys } = this;
    yield* sys.must(slot.thread, Ops.thread.kill);
    yield* sys.must(Own.task, Ops.task.unmap, [capPage(slot.thread), 1]);
    if (slot.kept) yield* sys.must(Own.task, Ops.task.unmap, [capPage(slot.reply), 1]);
    slot.t = undefined;
    slot.space = undefined;
    slot.over = undefined;
    slot.kept = false;
    this.free.push(slot);
  }
  *destroySpace(mm: Mm): Sys<void> {
    const space = mm.space as Space | undefined;
    if (!space) return;
    mm.space = undefined;
    yield* this.sys.must(Own.task, Ops.task.unmap, [capPage(space.task), 1]);
    this.env.freeSelector(space.task);
  }

  // ── state ────────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Loads all registers of `t` into the server's image, except arguments of a call and a0 of a finished one. */
  *load(thread: Thread): Sys<void> {
    if (thread.loaded === Loaded.all) return;
    const slot = thread.hardware as Slot,
      args = thread.loaded === Loaded.args ? thread.regs.i32.slice(20, 36) : undefined;
    yield* this.sys.must(slot.thread, Ops.thread.getState, [USER_STATE]);
    thread.regs.i32.set(this.state);
    if (args) thread.regs.i32.set(args, 20);
    thread.loaded = Loaded.all;
  }
  /** Stores the server's image into the state area; returns its MTD. */
  putRegisters(thread: Thread): number {
    const utcb = this.sys.utcb;
    if (thread.loaded === Loaded.none) return 0;
    if (thread.loaded === Loaded.args) {
      const to = (S.x >> 2) + 20, from = thread.regs.i32;
      for (let i = 0; i < 16; i++) utcb.i32[to + i] = from[20 + i]!;
      return Mtd.args;
    }
    utcb.i32.set(thread.regs.i32, S.x >> 2);
    return USER_STATE;
  }

  /** Unmaps below what the kernel has removed from its own tables. */
  *flush(mm: Mm): Sys<void> {
    const space = mm.space as Space | undefined, list = mm.flushes.splice(0);
    if (!space) return;
    if (list.length > 24) {
      const all = list.reduce((r, f) => r | f.rights, 0);
      yield* this.unmap(space, 0, 38, all);
      if (all === 7) forgetAll(mm);
      return;
    }
    for (const { from, to, rights } of list)
      for (const { page } of flexpages(from * 4096, (to - from) * 4096, rights)) yield* this.unmapPage(space, page);
  }
  /**
   * Drops the mirrors of all other address spaces to free kernel memory; faults rebuild them page by page. False: there was nothing to
   * drop.
   */
  *reclaim(keep: Mm, processes: Iterable<{ readonly mm: Mm }>): Sys<boolean> {
    let any = false;
    for (const { mm } of [...processes]) {
      const space = mm.space as Space | undefined;
      if (mm === keep || !space) continue;
      any ||= isMirrored(mm);
      yield* this.unmap(space, 0, 38, 7);
      forgetAll(mm);
    }
    return any;
  }
  private unmap(space: Space, base: number, order: number, rights: number): Sys<void> {
    return this.unmapPage(space, memoryPage(base, order, rights));
  }
  /** Kernel memory does not suffice to split a superpage: drops all of it, and faults map it again page by page. */
  private *unmapPage(space: Space, page: number): Sys<void> {
    if ((yield* this.unmapFrom(space, page)) === Status.noQuota) yield* this.unmapFrom(space, memoryPage(page - (page % SUPERPAGE), 21, 7));
  }
  private *unmapFrom(space: Space, page: number): Sys<number> {
    const utcb = this.sys.utcb;
    utcb.setWord(0, page);
    utcb.setWord(1, 1);
    utcb.setTag(Ops.task.unmap.label, 2);
    return yield this.sys.ipc(7, space.task);
  }
}
/** After everything was unmapped below, no page is mirrored any more. */
function isMirrored(mm: Mm): boolean {
  let any = false;
  mm.table.update(0, SPACE_PAGES, (_vpn, pte) => { any ||= (pte & 2) !== 0; return pte; });
  return any;
}
function forgetAll(mm: Mm): void { mm.table.update(0, SPACE_PAGES, (_vpn, pte) => pte & ~2); }
