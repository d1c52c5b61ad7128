/**
 * The reference model of the whole kernel: plain, slow, obviously right. Objects are records; a capability is a record in the table of a
 * task; memory is single pages (model.ts); a queue is an array; nothing is cached, nothing is counted. reference-calls.ts is what the
 * system call does to it (with reference-items.ts and reference-operations.ts); director.ts runs it beside the kernel.
 *
 * It leaves open: the kernel's page sizes, when exactly a quota is too small (it knows when it may be), and which of several scheduling
 * contexts of the highest priority is next.
 */
import { Status } from '../abi/index.ts';
import { BYTES } from '../costs.ts';
import { mapPages, put, unmapPages, type Poverty, type Table } from './model.ts';

export type Kind = 'factory' | 'task' | 'thread' | 'portal' | 'semaphore' | 'schedContext' | 'reply';
/** What every object has. `bytes` were charged to `factory`. */
interface Base {
  readonly kind: Kind;
  readonly factory: MFactory | undefined;
  readonly bytes: number;
  readonly caps: Set<MCap>;
  dead: boolean
}
export interface MFactory extends Base {
  readonly kind: 'factory';
  readonly limit: number;
  readonly highest: number;
  readonly harts: readonly boolean[]
}
export interface MTask extends Base {
  readonly kind: 'task';
  readonly slots: Map<number, MCap>;
  readonly chunks: Set<number>;
  readonly pages: Table;
  readonly guest: boolean;
  readonly levels: number
}
export interface MPortal extends Base { readonly kind: 'portal'; readonly thread: MThread; readonly label: number; readonly mtd: number }
export interface MSemaphore extends Base { readonly kind: 'semaphore'; count: number; readonly waiters: MThread[] }
export interface MContext extends Base {
  readonly kind: 'schedContext';
  priority: number;
  thread: MThread | undefined;
  consumed: number;
  limited: boolean;
  slice: number;
  used: number
}
export interface MReply extends Base { readonly kind: 'reply'; caller: MThread | undefined }
export interface MThread extends Base {
  readonly kind: 'thread'; readonly task: MTask; cpu: number;
  state: 'inactive' | 'ready' | 'receiving' | 'sending' | 'calling' | 'semaphore' | 'stopped' | 'dead';
  begun: boolean;
  /** The body is over, and the thread ends when it runs next; a context's time went to it before it was started. */
  over: boolean; mayBegin: boolean;
  /** Its priority when it began to wait in a queue. */
  rank: number;
  context: MContext | undefined; consumed: number; readonly events: (MPortal | undefined)[];
  /** The call that it makes, or has made: its message, what it waits for. */
  message: Message; sendsCall: boolean; thenReceives: boolean; receiveTimeout: number; event: number;
  portal: MPortal | undefined;
  partner: MThread | undefined;
  onlyFrom: MPortal | undefined;
  waitingAt: MSemaphore | undefined;
  deadline: number;
  keptReply: MReply | undefined; currentCaller: MThread | undefined; readonly senders: MThread[];
  /** What it finds when it runs next. */
  status: number; utcb: { label: number; words: readonly number[] | undefined; badge: number | undefined };
  window: number; capWindow: number;
}
export type MObject = MFactory | MTask | MThread | MPortal | MSemaphore | MContext | MReply;
export interface MCap {
  readonly object: MObject;
  rights: number;
  readonly task: MTask;
  readonly sel: number;
  parent: MCap | undefined;
  readonly children: Set<MCap>
}
export interface MItem { readonly flexpage: number; readonly dest: number; readonly flags: number }
export interface Message { readonly label: number; readonly words: readonly number[]; readonly items: readonly MItem[] }
/** A system call, with the contents of the UTCB; `body`: of a new thread. */
export interface Request {
  readonly flags: number;
  readonly cap: number;
  readonly sendTimeout: number;
  readonly receiveTimeout: number;
  readonly message: Message;
  readonly window: number;
  readonly capWindow: number;
  readonly body: boolean
}

export const SELECTORS = 2 ** 20;
export const NOTHING: Message = { label: 0, words: [], items: [] };

/** What the model asks of who runs it: time, the hart, and the answers that it leaves open. */
export interface Oracle {
  /** Cycles on the hart that executes. */
  now(): number;
  /** Priority of the scheduling context that runs on a hart; 0: none. */
  currentPriority(hart: number): number;
  /** Has the kernel said to this thread that a quota is too small? It must not, if each of these factories has this many bytes left. */
  saysNoQuota(t: MThread, bytes: number, factories: readonly MFactory[]): boolean;
  harts: number;
  poverty(from: MTask, to: MTask): Poverty;
}

export class World {
  readonly objects = new Set<MObject>();
  readonly oracle: Oracle;
  /** Memory has changed since this was last cleared. */
  memoryChanged = true;
  constructor(oracle: Oracle) { this.oracle = oracle; }

  // ---- objects -----------------------------------------------------------------------------------------------------------

  make<T extends MObject>(object: Omit<T, 'caps' | 'dead'>): T {
    const made = { ...object, caps: new Set<MCap>(), dead: false } as unknown as T;
    this.objects.add(made);
    return made;
  }
  makeThread(factory: MFactory, task: MTask, cpu: number, bytes: number): MThread {
    return this.make<MThread>({
      kind: 'thread', factory, bytes, task, cpu, state: 'inactive', begun: false, over: false, mayBegin: false, context: undefined,
      consumed: 0, rank: 0, events: [], message: NOTHING, sendsCall: false, thenReceives: false,
      receiveTimeout: 0, event: -1, portal: undefined, partner: undefined, onlyFrom: undefined, waitingAt: undefined, deadline: Infinity,
      keptReply: undefined, currentCaller: undefined,
      senders: [], status: 0, utcb: { label: 0, words: undefined, badge: undefined }, window: 0, capWindow: 0,
    });
  }
  /** Objects without a capability end, with everything that depends on them. */
  settle(): void {
    for (let again = true; again; ) {
      again = false;
      for (const object of this.objects) if (object.caps.size === 0) { this.destroy(object); again = true; }
    }
  }
  destroy(object: MObject): void {
    if (object.dead) return;
    object.dead = true;
    this.objects.delete(object);
    for (const cap of [...object.caps]) this.removeCap(cap);
    if (object.kind === 'factory') for (const x of [...this.objects]) if (x.factory === object) this.destroy(x);
    if (object.kind === 'task') this.destroyTask(object);
    if (object.kind === 'thread') this.kill(object);
    if (object.kind === 'portal') {
      for (const thread of object.thread.senders.filter(s => s.portal === object)) this.endWait(thread, Status.dead);
      if (object.thread.onlyFrom === object) this.endWait(object.thread, Status.dead);
    }
    if (object.kind === 'semaphore') for (const thread of [...object.waiters]) this.endWait(thread, Status.dead);
    if (object.kind === 'schedContext' && object.thread) { object.thread.context = undefined; object.thread = undefined; }
    if (object.kind === 'reply') this.dropReply(object);
  }
  private destroyTask(task: MTask): void {
    for (const x of [...this.objects]) if (x.kind === 'thread' && x.task === task) this.destroy(x);
    for (const cap of [...task.slots.values()]) this.revoke(cap, 7, true);
    unmapPages(task.pages, 0, 0, 7, true);
    for (const at of [...task.pages.keys()]) unmapPages(task.pages, at, 4096, 7, true);
    this.memoryChanged = true;
  }
  private dropReply(reply: MReply): void {
    const { caller } = reply;
    reply.caller = undefined;
    if (!caller) return;
    caller.keptReply = undefined;
    this.endWait(caller, Status.dead);
  }

  /** Bytes of this factory that are spoken for, but for those of memory mappings. */
  used(factory: MFactory): number {
    let bytes = 0;
    for (const object of this.objects) {
      if (object.factory === factory) bytes += object.bytes;
      if (object.kind === 'task' && object.factory === factory)
        bytes += object.slots.size * BYTES.cap + object.chunks.size * BYTES.capChunk;
    }
    return bytes;
  }

  // ---- capabilities ------------------------------------------------------------------------------------------------------

  canPut(task: MTask, sel: number): number {
    if (sel >>> 0 !== sel || sel >= SELECTORS) return Status.badArgument;
    return task.slots.has(sel) ? Status.busy : Status.ok;
  }
  putCap(task: MTask, sel: number, object: MObject, rights: number, parent: MCap | undefined): void {
    const cap: MCap = { object, rights, task, sel, parent, children: new Set() };
    task.slots.set(sel, cap);
    task.chunks.add(sel >>> 8);
    object.caps.add(cap);
    parent?.children.add(cap);
  }
  /** One goes; what was derived from it becomes its parent's. */
  removeCap(cap: MCap): void {
    for (const child of cap.children) { child.parent = cap.parent; cap.parent?.children.add(child); }
    cap.parent?.children.delete(cap);
    cap.task.slots.delete(cap.sel);
    cap.object.caps.delete(cap);
  }
  revoke(cap: MCap, rights: number, self: boolean): void {
    for (const child of [...cap.children]) this.revoke(child, rights, true);
    if (!self) return;
    cap.rights &= ~rights;
    if (cap.rights === 0) this.removeCap(cap);
  }

  // ---- memory ------------------------------------------------------------------------------------------------------------

  map(from: MTask, base: number, size: number, rights: number, to: MTask, dest: number, grant: boolean): number {
    this.memoryChanged = true;
    return mapPages(from.pages, base, size, rights, to.pages, dest, grant, this.oracle.poverty(from, to));
  }
  unmap(task: MTask, base: number, size: number, rights: number, self: boolean): void {
    this.memoryChanged = true;
    if (size > 4096 * task.pages.size)
      for (const at of [...task.pages.keys()].filter(a => a >= base && a < base + size)) unmapPages(task.pages, at, 4096, rights, self);
    else unmapPages(task.pages, base, size, rights, self);
  }
  /** The first task's memory: its own address is its address. */
  give(task: MTask, base: number, size: number): void {
    for (let at = base; at < base + size; at += 4096) put(task.pages, at, at, 7, undefined);
  }

  // ---- threads -----------------------------------------------------------------------------------------------------------

  /** Ends its wait. */
  leave(thread: MThread): void {
    thread.deadline = Infinity;
    if (thread.state === 'sending') remove(thread.partner!.senders, thread);
    if (thread.waitingAt) remove(thread.waitingAt.waiters, thread);
    if (thread.partner?.currentCaller === thread) thread.partner.currentCaller = undefined;
    const kept = thread.keptReply;
    if (kept) {
      thread.keptReply = kept.caller = undefined;
      this.destroy(kept);
    }
    thread.partner = thread.waitingAt = thread.onlyFrom = thread.portal = undefined;
    thread.event = -1;
  }
  /** A thread that waits in an event stops, unless it got its answer. */
  endWait(thread: MThread, status: number): void {
    const stops = thread.event >= 0 && status !== Status.ok;
    this.leave(thread);
    thread.status = status;
    thread.state = stops ? 'stopped' : 'ready';
  }
  kill(thread: MThread): void {
    if (thread.state === 'dead') return;
    this.leave(thread);
    thread.state = 'dead';
    if (thread.context) thread.context.thread = undefined;
    thread.context = undefined;
    if (thread.currentCaller) this.endWait(thread.currentCaller, Status.dead);
    for (const sender of [...thread.senders]) this.endWait(sender, Status.dead);
  }
  /** Higher priority first, then who came first. */
  stand(queue: MThread[], thread: MThread): void {
    let at = queue.length;
    thread.rank = this.priority(thread);
    while (at > 0 && queue[at - 1].rank < thread.rank) at--;
    queue.splice(at, 0, thread);
  }
  priority(t: MThread): number { return t.context ? t.context.priority : this.oracle.currentPriority(t.cpu); }

  /** Time-outs of a hart that are over at `now`, in the order in which they come. */
  expire(hart: number, now: number): void {
    const due = [...this.objects].filter(o => o.kind === 'thread' && o.cpu === hart && o.deadline <= now) as MThread[];
    for (const thread of due.sort((a, b) => a.deadline - b.deadline)) this.endWait(thread, Status.timeout);
  }
  /** The thread that gets a context's time, along the chain of calls. Undefined: a circle, or none. */
  endOfChain(from: MThread): MThread | undefined {
    const seen = new Set<MThread>();
    let thread = from;
    while ((thread.state === 'calling' || thread.state === 'sending') && thread.partner) {
      if (seen.has(thread)) return undefined;
      seen.add(thread);
      thread = thread.partner;
    }
    return thread;
  }
}

export function remove<T>(list: T[], x: T): void {
  const i = list.indexOf(x);
  if (i >= 0) list.splice(i, 1);
}
