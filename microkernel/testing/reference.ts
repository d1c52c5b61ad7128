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
    const o = { ...object, caps: new Set<MCap>(), dead: false } as unknown as T;
    this.objects.add(o);
    return o;
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
      for (const o of this.objects) if (o.caps.size === 0) { this.destroy(o); again = true; }
    }
  }
  destroy(o: MObject): void {
    if (o.dead) return;
    o.dead = true;
    this.objects.delete(o);
    for (const c of [...o.caps]) this.removeCap(c);
    if (o.kind === 'factory') for (const x of [...this.objects]) if (x.factory === o) this.destroy(x);
    if (o.kind === 'task') this.destroyTask(o);
    if (o.kind === 'thread') this.kill(o);
    if (o.kind === 'portal') {
      for (const t of o.thread.senders.filter(s => s.portal === o)) this.endWait(t, Status.dead);
      if (o.thread.onlyFrom === o) this.endWait(o.thread, Status.dead);
    }
    if (o.kind === 'semaphore') for (const t of [...o.waiters]) this.endWait(t, Status.dead);
    if (o.kind === 'schedContext' && o.thread) { o.thread.context = undefined; o.thread = undefined; }
    if (o.kind === 'reply') this.dropReply(o);
  }
  private destroyTask(task: MTask): void {
    for (const x of [...this.objects]) if (x.kind === 'thread' && x.task === task) this.destroy(x);
    for (const c of [...task.slots.values()]) this.revoke(c, 7, true);
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
  used(f: MFactory): number {
    let bytes = 0;
    for (const o of this.objects) {
      if (o.factory === f) bytes += o.bytes;
      if (o.kind === 'task' && o.factory === f) bytes += o.slots.size * BYTES.cap + o.chunks.size * BYTES.capChunk;
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
  removeCap(c: MCap): void {
    for (const child of c.children) { child.parent = c.parent; c.parent?.children.add(child); }
    c.parent?.children.delete(c);
    c.task.slots.delete(c.sel);
    c.object.caps.delete(c);
  }
  revoke(c: MCap, rights: number, self: boolean): void {
    for (const child of [...c.children]) this.revoke(child, rights, true);
    if (!self) return;
    c.rights &= ~rights;
    if (c.rights === 0) this.removeCap(c);
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
  leave(t: MThread): void {
    t.deadline = Infinity;
    if (t.state === 'sending') remove(t.partner!.senders, t);
    if (t.waitingAt) remove(t.waitingAt.waiters, t);
    if (t.partner?.currentCaller === t) t.partner.currentCaller = undefined;
    const kept = t.keptReply;
    if (kept) {
      t.keptReply = kept.caller = undefined;
      this.destroy(kept);
    }
    t.partner = t.waitingAt = t.onlyFrom = t.portal = undefined;
    t.event = -1;
  }
  /** Who waits in an event stops, unless it got its answer. */
  endWait(t: MThread, status: number): void {
    const stops = t.event >= 0 && status !== Status.ok;
    this.leave(t);
    t.status = status;
    t.state = stops ? 'stopped' : 'ready';
  }
  kill(t: MThread): void {
    if (t.state === 'dead') return;
    this.leave(t);
    t.state = 'dead';
    if (t.context) t.context.thread = undefined;
    t.context = undefined;
    if (t.currentCaller) this.endWait(t.currentCaller, Status.dead);
    for (const s of [...t.senders]) this.endWait(s, Status.dead);
  }
  /** Higher priority first, then who came first. */
  stand(queue: MThread[], t: MThread): void {
    let at = queue.length;
    t.rank = this.priority(t);
    while (at > 0 && queue[at - 1].rank < t.rank) at--;
    queue.splice(at, 0, t);
  }
  priority(t: MThread): number { return t.context ? t.context.priority : this.oracle.currentPriority(t.cpu); }

  /** Time-outs of a hart that are over at `now`, in the order in which they come. */
  expire(hart: number, now: number): void {
    const due = [...this.objects].filter(o => o.kind === 'thread' && o.cpu === hart && o.deadline <= now) as MThread[];
    for (const t of due.sort((a, b) => a.deadline - b.deadline)) this.endWait(t, Status.timeout);
  }
  /** The thread that gets a context's time, along the chain of calls. Undefined: a circle, or none. */
  endOfChain(from: MThread): MThread | undefined {
    const seen = new Set<MThread>();
    let t = from;
    while ((t.state === 'calling' || t.state === 'sending') && t.partner) {
      if (seen.has(t)) return undefined;
      seen.add(t);
      t = t.partner;
    }
    return t;
  }
}

export function remove<T>(list: T[], x: T): void {
  const i = list.indexOf(x);
  if (i >= 0) list.splice(i, 1);
}
