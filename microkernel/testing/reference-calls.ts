/** The system call of the reference model: what each does to the world (reference.ts), and which status it answers. */
import { CAUSES, IpcFlag, Ops, Status, flexBase, flexOrder, flexRights, flexSelector, flexSize, isCapPage } from '../abi/index.ts';
import { BYTES } from '../costs.ts';
import { NOTHING, SELECTORS, type MCap, type MContext, type MFactory, type MObject, type MPortal, type MReply, type MSemaphore, type MTask, type MThread, type Message, type World } from './reference.ts';

export interface Request { readonly flags: number; readonly cap: number; readonly sendTimeout: number; readonly receiveTimeout: number; readonly message: Message; readonly window: number; readonly capWindow: number; readonly body: boolean }

/** `t` makes a system call; what it changes, and `t.status` unless it waits. */
export function systemCall(w: World, t: MThread, r: Request): void {
  t.message = r.message;
  t.window = r.window;
  t.capWindow = r.capWindow;
  t.utcb = { label: r.message.label, words: undefined, badge: undefined };
  const has = (flag: number): boolean => (r.flags & flag) !== 0;
  if (has(IpcFlag.reply)) {
    const status = reply(w, t, t.currentCaller);
    if (!has(IpcFlag.receive) || (status !== Status.ok && t.currentCaller)) t.status = status;
    else receive(w, t, r.cap, r.receiveTimeout);
  } else if (has(IpcFlag.send)) send(w, t, r);
  else if (has(IpcFlag.receive)) receive(w, t, r.cap, r.receiveTimeout);
  else t.status = Status.badArgument;
  w.settle();
}

function send(w: World, t: MThread, r: Request): void {
  const cap = t.task.slots.get(r.cap);
  if (!cap) { t.status = Status.badCap; return; }
  const o = cap.object;
  if (o.kind !== 'portal' && o.kind !== 'reply') return invoke(w, t, cap, r);
  if ((cap.rights & 1) === 0) { t.status = Status.badRights; return; }
  if (o.kind === 'reply') { t.status = reply(w, t, o.caller); return; }
  const server = o.thread;
  if (server.state === 'dead') { t.status = Status.dead; return; }
  Object.assign(t, { portal: o, event: -1, sendsCall: (r.flags & IpcFlag.call) !== 0, thenReceives: (r.flags & IpcFlag.call) === 0 && (r.flags & IpcFlag.receive) !== 0, receiveTimeout: r.receiveTimeout });
  if (server.state === 'receiving' && (!server.onlyFrom || server.onlyFrom === o)) {
    const status = deliver(w, t, server);
    if (status !== Status.ok) { t.status = status; t.portal = undefined; return; }
    Object.assign(server, { state: 'ready', onlyFrom: undefined, status: Status.ok, deadline: Infinity });
  } else if (r.sendTimeout <= 0) { t.status = Status.timeout; t.portal = undefined; } else stand(w, t, server, r.sendTimeout);
}

function stand(w: World, t: MThread, server: MThread, timeout: number): void {
  t.state = 'sending';
  t.partner = server;
  w.stand(server.senders, t);
  t.deadline = w.oracle.now() + timeout;
}

/** The message of `t`, or its event, is with the server now. */
function deliver(w: World, t: MThread, server: MThread): number {
  if (t.event >= 0) server.utcb = { label: t.event, words: undefined, badge: t.portal!.label };
  else {
    const status = transfer(w, t, server, t.portal);
    if (status !== Status.ok) return status;
  }
  if (t.sendsCall) {
    Object.assign(t, { state: 'calling', partner: server, deadline: t.event >= 0 ? Infinity : w.oracle.now() + t.receiveTimeout });
    server.currentCaller = t;
    return Status.ok;
  }
  Object.assign(t, { portal: undefined, partner: undefined, status: Status.ok, state: 'ready', deadline: Infinity });
  if (t.thenReceives) receiveFrom(w, t, undefined, t.receiveTimeout);
  return Status.ok;
}

function receive(w: World, t: MThread, sel: number, timeout: number): void {
  const cap = sel === 0 ? undefined : t.task.slots.get(sel);
  if (sel !== 0 && !cap) t.status = Status.badCap;
  else if (cap && cap.object.kind !== 'portal') t.status = Status.badKind;
  else if (cap && (cap.object as MPortal).thread !== t) t.status = Status.badArgument;
  else receiveFrom(w, t, cap?.object as MPortal | undefined, timeout);
}
function receiveFrom(w: World, t: MThread, only: MPortal | undefined, timeout: number): void {
  if (t.currentCaller) w.endWait(t.currentCaller, Status.dead); // forgotten
  for (;;) {
    const sender = t.senders.find(s => !only || s.portal === only);
    if (!sender) break;
    t.senders.splice(t.senders.indexOf(sender), 1);
    sender.deadline = Infinity;
    const status = deliver(w, sender, t);
    if (status === Status.ok) { t.status = Status.ok; return; }
    w.endWait(sender, status);
  }
  if (timeout <= 0) { t.status = Status.timeout; return; }
  Object.assign(t, { state: 'receiving', onlyFrom: only, deadline: w.oracle.now() + timeout });
}

/** Answers a call; or an event: then the thread goes on, stops, or (what is asked cannot be done) waits on. */
function reply(w: World, t: MThread, caller: MThread | undefined): number {
  if (!caller) return Status.dead;
  if (caller.event >= 0) {
    const { items } = t.message;
    if (items.some(i => isCapPage(i.flexpage))) return Status.badArgument;
    const status = items.length > 0 ? place(w, t.task, caller.task, items.map(i => ({ ...i })), t) : Status.ok;
    if (status !== Status.ok) return status;
    w.leave(caller);
    caller.status = Status.ok;
    caller.state = t.message.label === 2 ? 'stopped' : 'ready';
    return Status.ok;
  }
  const status = transfer(w, t, caller, undefined);
  w.leave(caller);
  caller.status = status;
  caller.state = 'ready';
  return status;
}

// ---- what travels --------------------------------------------------------------------------------------------------------

function transfer(w: World, from: MThread, to: MThread, portal: MPortal | undefined): number {
  const places: Place[] = [];
  for (const { flexpage, dest, flags } of from.message.items) {
    const caps = isCapPage(flexpage), window = caps ? to.capWindow : to.window;
    if (window === 0 || isCapPage(window) !== caps || flexOrder(flexpage) > flexOrder(window)) return Status.fault;
    const size = flexSize(window);
    places.push({ flexpage, dest: (caps ? flexSelector(window) : flexBase(window)) + (((dest % size) + size) % size), flags });
  }
  const status = places.length > 0 ? place(w, from.task, to.task, places, from) : Status.ok;
  if (status !== Status.ok) return status;
  to.utcb = { label: from.message.label, words: from.message.words, badge: portal ? portal.label : to.utcb.badge };
  return Status.ok;
}

interface Place { readonly flexpage: number; readonly dest: number; readonly flags: number }
/** Every question is asked before the first is mapped. `asker`: whose status says that a quota is too small. */
function place(w: World, from: MTask, to: MTask, places: readonly Place[], asker: MThread): number {
  for (const [i, p] of places.entries()) {
    const status = isCapPage(p.flexpage) ? checkCaps(w, from, p, to) : checkMemory(from, p, to);
    if (status !== Status.ok) return status;
    if (isCapPage(p.flexpage) && places.some((q, j) => j < i && isCapPage(q.flexpage) && q.dest < p.dest + flexSize(p.flexpage) && p.dest < q.dest + flexSize(q.flexpage))) return Status.badArgument;
  }
  if (w.oracle.saysNoQuota(asker, places.reduce((sum, p) => sum + cost(p.flexpage), 0), [from.factory!, to.factory!])) return Status.noQuota;
  for (const p of places) map(w, from, p, to);
  return Status.ok;
}
/** What mapping a flexpage costs at most. */
const cost = (page: number): number => isCapPage(page) ? flexSize(page) * (BYTES.cap + 8) + 2 * BYTES.capChunk : (flexSize(page) / 4096) * (BYTES.node + 16) + 8 * BYTES.frame;
function map(w: World, from: MTask, p: Place, to: MTask): void {
  const grant = (p.flags & 1) !== 0;
  if (!isCapPage(p.flexpage)) { w.map(from, flexBase(p.flexpage), flexSize(p.flexpage), flexRights(p.flexpage), to, p.dest, grant); return; }
  for (const cap of capsOf(from, p.flexpage)) {
    const at = p.dest + cap.sel - flexSelector(p.flexpage);
    if (to.slots.has(at)) continue; // taken by an item before
    w.putCap(to, at, cap.object, cap.rights & flexRights(p.flexpage), cap);
    if (grant) w.removeCap(cap);
  }
}
const capsOf = (task: MTask, page: number): MCap[] => {
  const first = flexSelector(page), n = flexSize(page);
  return [...task.slots.values()].filter(c => c.sel >= first && c.sel < first + n).sort((a, b) => a.sel - b.sel);
};
function checkCaps(w: World, from: MTask, p: Place, to: MTask): number {
  const first = flexSelector(p.flexpage), n = flexSize(p.flexpage), all = capsOf(from, p.flexpage);
  if (first + n > SELECTORS || p.dest + n > SELECTORS || p.dest >>> 0 !== p.dest) return Status.badArgument;
  for (const cap of all) {
    if ((cap.rights & 4) === 0 || (cap.rights & flexRights(p.flexpage)) === 0) return Status.badRights;
    const status = w.canPut(to, p.dest + cap.sel - first);
    if (status !== Status.ok) return status;
  }
  return all.length === 0 ? Status.badCap : Status.ok;
}
const legal = (rights: number): number => (rights & 1) !== 0 ? rights & 7 : rights & 4;
function checkMemory(from: MTask, p: Place, to: MTask): number {
  const base = flexBase(p.flexpage), order = flexOrder(p.flexpage), size = 2 ** order, rights = legal(flexRights(p.flexpage)), limit = (t: MTask): number => t.guest ? 2 ** 41 : 2 ** 38;
  if (order < 12 || order > 41 || base % size !== 0 || base + size > limit(from)) return Status.badArgument;
  if (rights === 0 || !(p.dest >= 0) || p.dest % 4096 !== 0 || p.dest + size > limit(to)) return Status.badArgument;
  for (const [at, e] of from.pages) if (at >= base && at < base + size && legal(e.rights & rights) !== 0) return Status.ok;
  return Status.fault;
}

// ---- operations of objects -------------------------------------------------------------------------------------------------

interface Call { readonly w: World; readonly t: MThread; readonly o: MObject; readonly a: readonly number[]; readonly r: Request }
/** An answer: a status, or words with status ok; undefined: the caller waits. */
type Answer = number | readonly number[] | undefined;

function invoke(w: World, t: MThread, cap: MCap, r: Request): void {
  const { label } = r.message, found = ROWS.get(label);
  t.status = !found ? Status.badOp : found.kind !== cap.object.kind ? Status.badKind : (cap.rights & found.right) === 0 ? Status.badRights : Status.ok;
  if (t.status !== Status.ok) return;
  const answer = found!.run({ w, t, o: cap.object, a: r.message.words, r });
  if (answer === undefined) return;
  t.status = typeof answer === 'number' ? answer : Status.ok;
  t.utcb = { label: 0, words: typeof answer === 'number' ? [] : answer, badge: undefined };
}

/** The object of this kind that a selector of the caller names. */
function named<K extends MObject['kind']>(c: Call, sel: number, kind: K, right: number): Extract<MObject, { kind: K }> | number {
  const cap = c.t.task.slots.get(sel);
  if (!cap) return Status.badCap;
  if (cap.object.kind !== kind) return Status.badKind;
  return (cap.rights & right) === 0 ? Status.badRights : cap.object as Extract<MObject, { kind: K }>;
}
const count = (v: number, limit: number): boolean => Number.isInteger(v) && v >= 0 && v < limit;
const parameters = (p: number, b: number, per: number): boolean => count(p, 256) && count(b, 2 ** 46) && count(per, 2 ** 46) && (per === 0 || (b > 0 && b <= per));

/** Makes an object for the caller's slot, unless the slot or the quota says no. */
function create(c: Call, bytes: number, make: (factory: MFactory) => MObject): number {
  const status = c.w.canPut(c.t.task, c.a[0]);
  if (status !== Status.ok) return status;
  if (c.w.oracle.saysNoQuota(c.t, bytes + BYTES.cap + BYTES.capChunk, [c.o as MFactory, c.t.task.factory!])) return Status.noQuota;
  const object = make(c.o as MFactory);
  if (object.bytes !== bytes) throw new Error(`${object.kind}: ${object.bytes} bytes, not ${bytes}`);
  c.w.putCap(c.t.task, c.a[0], object, 7, undefined);
  return Status.ok;
}

const factory = {
  createTask: (c: Call): Answer => {
    const guest = c.a[1] === 1;
    if (c.a[1] !== 0 && !guest) return Status.badArgument;
    return create(c, BYTES.task + BYTES.frame * (guest ? 4 : 1), f => c.w.make<MTask>({ kind: 'task', factory: f, bytes: BYTES.task + BYTES.frame * (guest ? 4 : 1), slots: new Map(), chunks: new Set(), pages: new Map(), guest }));
  },
  createThread: (c: Call): Answer => {
    const task = named(c, c.a[1], 'task', 2), [, , flags, utcb, hart] = c.a;
    if (typeof task === 'number') return task;
    if (!count(hart, c.w.oracle.harts) || flags !== 4 || task.guest || !c.r.body || utcb !== 0) return Status.badArgument; // (the director asks for TypeScript threads only)
    return create(c, BYTES.thread + BYTES.frame, f => c.w.makeThread(f, task, hart, BYTES.thread + BYTES.frame));
  },
  createPortal: (c: Call): Answer => {
    const thread = named(c, c.a[1], 'thread', 2);
    if (typeof thread === 'number') return thread;
    if (thread.state === 'dead') return Status.dead;
    return create(c, BYTES.portal, f => c.w.make<MPortal>({ kind: 'portal', factory: f, bytes: BYTES.portal, thread, label: c.a[2], mtd: c.a[3] & 0xffff }));
  },
  createSemaphore: (c: Call): Answer => count(c.a[1], 2 ** 32) ? create(c, BYTES.semaphore, f => c.w.make<MSemaphore>({ kind: 'semaphore', factory: f, bytes: BYTES.semaphore, count: c.a[1], waiters: [] })) : Status.badArgument,
  createSchedContext: (c: Call): Answer => {
    const [, priority, budget, period] = c.a;
    if (!parameters(priority, budget, period)) return Status.badArgument;
    return create(c, BYTES.schedContext, f => c.w.make<MContext>({ kind: 'schedContext', factory: f, bytes: BYTES.schedContext, priority, thread: undefined, consumed: 0, limited: period > 0, slice: budget || 10_000_000, used: 0 }));
  },
  createFactory: (c: Call): Answer => count(c.a[1], 2 ** 40) ? create(c, BYTES.factory + c.a[1], f => c.w.make<MFactory>({ kind: 'factory', factory: f, bytes: BYTES.factory + c.a[1], limit: c.a[1] })) : Status.badArgument,
  account: (c: Call): Answer => [(c.o as MFactory).limit, NaN],
};

/** What splitting a superpage twice costs at most, directories included. */
const SPLITS = 2 * (BYTES.frame + 511 * BYTES.node + BYTES.parts);

const task = {
  map: (c: Call): Answer => {
    const [source, flexpage, dest, flags] = c.a, from = source === 0 ? c.t.task : named(c, source, 'task', 2);
    return typeof from === 'number' ? from : place(c.w, from, c.o as MTask, [{ flexpage, dest, flags }], c.t);
  },
  unmap: (c: Call): Answer => {
    const [page, flags] = c.a, o = c.o as MTask, order = flexOrder(page), self = flags === 1;
    if (!(page >= 0) || flags > 1 || flags < 0) return Status.badArgument;
    if (isCapPage(page)) {
      for (const cap of capsOf(o, page)) if (o.slots.get(cap.sel) === cap) c.w.revoke(cap, flexRights(page) || 7, self);
      return Status.ok;
    }
    if (order < 12 || order > 41 || flexBase(page) % 2 ** order !== 0) return Status.badArgument;
    if (c.w.oracle.saysNoQuota(c.t, SPLITS, [o.factory!])) return Status.noQuota;
    c.w.unmap(o, flexBase(page), 2 ** order, flexRights(page), self);
    return Status.ok;
  },
  lookup: (c: Call): Answer => {
    const [va] = c.a, o = c.o as MTask;
    if (!(va >= 0) || va >= (o.guest ? 2 ** 41 : 2 ** 38)) return Status.badArgument;
    return o.pages.has(va - (va % 4096)) ? [NaN] : [0];
  },
  delete: (c: Call): Answer => {
    const cap = (c.o as MTask).slots.get(c.a[0]);
    if (!cap) return Status.badCap;
    c.w.removeCap(cap);
    return Status.ok;
  },
  name: (): Answer => Status.ok,
  fence: (c: Call): Answer => (c.o as MTask).guest ? Status.ok : Status.badArgument,
};

const thread = {
  start: (c: Call): Answer => {
    const t = c.o as MThread;
    if (t.state === 'dead') return Status.dead;
    if ((t.state !== 'inactive' && t.state !== 'stopped') || t.begun) return Status.busy;
    Object.assign(t, { status: Status.ok, state: 'ready' });
    return Status.ok;
  },
  getState: (c: Call): Answer => (c.o as MThread).state === 'dead' ? Status.dead : Status.busy,
  setState: (c: Call): Answer => (c.o as MThread).state === 'dead' ? Status.dead : Status.busy,
  setEvents: (c: Call): Answer => {
    const portal = c.a[0] === 0 ? undefined : named(c, c.a[0], 'portal', 1), causes = c.a[1];
    if (typeof portal === 'number') return portal;
    if (!(causes >= 0) || causes >= 2 ** CAUSES) return Status.badArgument;
    for (let i = 0; i < CAUSES; i++) if (((causes >> i) & 1) !== 0) (c.o as MThread).events[i] = portal;
    return Status.ok;
  },
  bind: (c: Call): Answer => {
    const t = c.o as MThread;
    if (c.a[0] === 0) {
      if (t.context) t.context.thread = undefined;
      t.context = undefined;
      return Status.ok;
    }
    const context = named(c, c.a[0], 'schedContext', 2);
    if (typeof context === 'number') return context;
    if (t.state === 'dead') return Status.dead;
    if (t.context || context.thread) return Status.busy;
    t.context = context;
    context.thread = t;
    standAnew(c.w, t);
    return Status.ok;
  },
  recall: (c: Call): Answer => {
    const t = c.o as MThread;
    if (t.state === 'dead') return Status.dead;
    if (t.state !== 'ready' && t.state !== 'inactive' && t.state !== 'stopped' && t.event < 0) c.w.endWait(t, Status.aborted);
    return Status.ok;
  },
  kill: (c: Call): Answer => { c.w.kill(c.o as MThread); return Status.ok; },
  cancel: (c: Call): Answer => {
    const t = c.o as MThread;
    if (t.state === 'dead') return Status.dead;
    if (['receiving', 'sending', 'calling', 'semaphore'].includes(t.state)) c.w.endWait(t, Status.aborted);
    return Status.ok;
  },
  keepReply: (c: Call): Answer => {
    const { t } = c, caller = t.currentCaller;
    if (c.o !== t) return Status.badArgument;
    if (!caller) return Status.dead;
    const status = c.w.canPut(t.task, c.a[0]);
    if (status !== Status.ok) return status;
    if (c.w.oracle.saysNoQuota(t, 2 * BYTES.cap + BYTES.capChunk, [t.task.factory!])) return Status.noQuota;
    const kept = c.w.make<MReply>({ kind: 'reply', factory: t.task.factory, bytes: BYTES.cap, caller });
    c.w.putCap(t.task, c.a[0], kept, 7, undefined);
    Object.assign(caller, { keptReply: kept, partner: undefined });
    t.currentCaller = undefined;
    return Status.ok;
  },
  info: (c: Call): Answer => [['inactive', 'ready', 'receiving', 'sending', 'calling', 'semaphore', 'stopped', 'dead'].indexOf((c.o as MThread).state), (c.o as MThread).consumed],
  resume: (c: Call): Answer => {
    const t = c.o as MThread;
    if (t.state !== 'stopped') return t.state === 'dead' ? Status.dead : Status.busy;
    t.state = 'ready';
    return Status.ok;
  },
  name: (): Answer => Status.ok,
  migrate: (c: Call): Answer => {
    const t = c.o as MThread;
    if (!count(c.a[0], c.w.oracle.harts)) return Status.badArgument;
    if (t.state === 'dead') return Status.dead;
    t.cpu = c.a[0];
    return Status.ok;
  },
};

const semaphore = {
  up: (c: Call): Answer => {
    const s = c.o as MSemaphore, first = s.waiters[0];
    if (!first) { s.count++; return Status.ok; }
    first.utcb = { label: 0, words: [1], badge: undefined };
    c.w.endWait(first, Status.ok);
    return Status.ok;
  },
  down: (c: Call): Answer => {
    const s = c.o as MSemaphore, { t } = c, all = c.a.length > 0 && c.a[0] === 1;
    if (s.count > 0) {
      const taken = all ? s.count : 1;
      s.count -= taken;
      return [taken];
    }
    if (c.r.receiveTimeout <= 0) { t.status = Status.timeout; return undefined; }
    Object.assign(t, { state: 'semaphore', waitingAt: s, deadline: c.w.oracle.now() + c.r.receiveTimeout });
    c.w.stand(s.waiters, t);
    return undefined;
  },
  ack: (): Answer => Status.badKind, mask: (): Answer => Status.badKind, route: (): Answer => Status.badKind,
};

/** Who waits stands where its priority belongs now. */
function standAnew(w: World, t: MThread | undefined): void {
  const queue = t?.state === 'sending' ? t.partner!.senders : t?.waitingAt?.waiters;
  if (!t || !queue) return;
  queue.splice(queue.indexOf(t), 1);
  w.stand(queue, t);
}

const schedContext = {
  set: (c: Call): Answer => {
    const [priority, budget, period] = c.a;
    if (!parameters(priority, budget, period)) return Status.badArgument;
    Object.assign(c.o, { priority, limited: period > 0, slice: budget || 10_000_000, used: 0 });
    standAnew(c.w, (c.o as MContext).thread);
    return Status.ok;
  },
  consumed: (c: Call): Answer => {
    const o = c.o as MContext, cycles = o.consumed;
    o.consumed = 0;
    return [cycles];
  },
};

/** By label. Every operation of the ABI must be here. */
const groups = { factory, task, thread, semaphore, schedContext } satisfies { [G in keyof typeof Ops]: Record<keyof (typeof Ops)[G], (c: Call) => Answer> };
const ROWS = new Map<number, { kind: MObject['kind']; right: number; run: (c: Call) => Answer }>();
for (const [kind, ops] of Object.entries(groups)) {
  for (const [name, run] of Object.entries(ops)) {
    const op = (Ops as Record<string, Record<string, { label: number; right?: string }>>)[kind][name];
    ROWS.set(op.label, { kind: kind as MObject['kind'], right: op.right === 'use' ? 1 : 2, run: run as (c: Call) => Answer });
  }
}

/** A TypeScript thread's body has thrown a page fault that nobody caught. */
export function crash(w: World, t: MThread): void {
  const portal = t.events[3];
  t.begun = t.over = true;
  if (!portal) { w.kill(t); w.settle(); return; }
  if (portal.dead || portal.thread.state === 'dead') { t.state = 'stopped'; return; }
  Object.assign(t, { portal, event: 3, sendsCall: true, receiveTimeout: Infinity, message: NOTHING });
  const server = portal.thread;
  if (server.state === 'receiving' && (!server.onlyFrom || server.onlyFrom === portal)) {
    deliver(w, t, server);
    Object.assign(server, { state: 'ready', onlyFrom: undefined, status: Status.ok, deadline: Infinity });
  } else stand(w, t, server, Infinity);
}
