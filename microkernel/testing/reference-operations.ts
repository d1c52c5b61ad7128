/** The operations of objects in the reference model, by kind: results, and effects on the world. */
import { CAUSES, Ops, Status, flexBase, flexOrder, flexRights, isCapPage } from '../abi/index.ts';
import { BYTES } from '../costs.ts';
import { capsOf, inside, place } from './reference-items.ts';
import type { MCap, MContext, MFactory, MObject, MPortal, MReply, MSemaphore, MTask, MThread, Request, World } from './reference.ts';

interface Call { readonly w: World; readonly t: MThread; readonly o: MObject; readonly a: readonly number[]; readonly r: Request }
/** An answer: a status, or words with status ok; undefined: the caller waits. */
type Answer = number | readonly number[] | undefined;

export function invoke(w: World, t: MThread, cap: MCap, r: Request): void {
  const { label } = r.message, found = ROWS.get(label);
  t.status = !found ? Status.badOp
    : found.kind !== cap.object.kind ? Status.badKind
    : (cap.rights & found.right) === 0 ? Status.badRights
    : Status.ok;
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
const parameters = (p: number, b: number, per: number): boolean =>
  count(p, 256) && count(b, 2 ** 46) && count(per, 2 ** 46) && (per === 0 || (b > 0 && b <= per));

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
    const guest = c.a[1] === 1, levels = [3, 3, 4, 5][c.a[1]];
    if (levels === undefined) return Status.badArgument;
    return create(c, BYTES.task
      + BYTES.frame
        * (guest
          ? 4
          : 1), f => c.w.make<MTask>({
            kind: 'task', factory: f, bytes: BYTES.task + BYTES.frame * (guest ? 4 : 1), slots: new Map(), chunks: new Set(),
            pages: new Map(), guest, levels
          }));
  },
  createThread: (c: Call): Answer => {
    const task = named(c, c.a[1], 'task', 2), [, , flags, utcb, hart] = c.a;
    if (typeof task === 'number') return task;
    // (the director asks for TypeScript threads only)
    if (!count(hart, c.w.oracle.harts) || flags !== 4 || task.guest || !c.r.body || utcb !== 0) return Status.badArgument;
    if (!(c.o as MFactory).harts[hart]) return Status.badRights;
    return create(c, BYTES.thread + BYTES.frame, f => c.w.makeThread(f, task, hart, BYTES.thread + BYTES.frame));
  },
  createPortal: (c: Call): Answer => {
    const thread = named(c, c.a[1], 'thread', 2);
    if (typeof thread === 'number') return thread;
    if (thread.state === 'dead') return Status.dead;
    return create(c, BYTES.portal, f => c.w.make<MPortal>({
      kind: 'portal', factory: f, bytes: BYTES.portal, thread, label: c.a[2], mtd: c.a[3] & 0xffff
    }));
  },
  createSemaphore: (c: Call): Answer =>
    count(c.a[1], 2 ** 32)
      ? create(c, BYTES.semaphore, f => c.w.make<MSemaphore>({
        kind: 'semaphore', factory: f, bytes: BYTES.semaphore, count: c.a[1], waiters: []
      }))
      : Status.badArgument,
  createSchedContext: (c: Call): Answer => {
    const [, priority, budget, period] = c.a;
    if (!parameters(priority, budget, period)) return Status.badArgument;
    if (priority > (c.o as MFactory).highest) return Status.badRights;
    return create(c, BYTES.schedContext, f => c.w.make<MContext>({
      kind: 'schedContext', factory: f, bytes: BYTES.schedContext, priority, thread: undefined, consumed: 0, limited: period > 0,
      slice: budget || 10_000_000, used: 0
    }));
  },
  createFactory: (c: Call): Answer => {
    const [, quota, highest, set] = c.a, from = c.o as MFactory;
    if (!count(quota, 2 ** 40) || !count(highest, 256) || !count(set, 2 ** 32)) return Status.badArgument;
    const harts = Array.from({ length: 32 }, (_, h) => set === 0 ? from.harts[h] : Math.floor(set / 2 ** h) % 2 === 1);
    if (highest > from.highest || harts.some((wanted, h) => wanted && !from.harts[h])) return Status.badRights;
    return create(c, BYTES.factory
      + quota, f => c.w.make<MFactory>({ kind: 'factory', factory: f, bytes: BYTES.factory + quota, limit: quota, highest, harts }));
  },
  account: (c: Call): Answer => {
    const { limit, highest, harts } = c.o as MFactory;
    return [limit, NaN, highest, harts.reduce((set, has, h) => set + (has ? 2 ** h : 0), 0)];
  },
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
    if (flags > 1 || flags < 0) return Status.badArgument;
    if (isCapPage(page)) {
      if (page < 0) return Status.badArgument;
      for (const cap of capsOf(o, page)) if (o.slots.get(cap.sel) === cap) c.w.revoke(cap, flexRights(page) || 7, self);
      return Status.ok;
    }
    if (order < 12 || (order > 56 && order !== 64) || flexBase(page) % 2 ** order !== 0) return Status.badArgument;
    if (c.w.oracle.saysNoQuota(c.t, SPLITS, [o.factory!])) return Status.noQuota;
    c.w.unmap(o, order === 64 ? -(2 ** 63) : flexBase(page), 2 ** order, flexRights(page), self);
    return Status.ok;
  },
  lookup: (c: Call): Answer => {
    const [va] = c.a, o = c.o as MTask;
    if (!inside(o, va, 1)) return Status.badArgument;
    return o.pages.has(Math.floor(va / 4096) * 4096) ? [NaN] : [0];
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
    if (context.priority > t.factory!.highest) return Status.badRights;
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
  info: (c: Call): Answer => [
    ['inactive', 'ready', 'receiving', 'sending', 'calling', 'semaphore', 'stopped', 'dead'].indexOf((c.o as MThread).state),
    (c.o as MThread).consumed
  ],
  resume: (c: Call): Answer => {
    const t = c.o as MThread;
    if (t.state !== 'stopped') return t.state === 'dead' ? Status.dead : Status.busy;
    t.state = 'ready';
    return Status.ok;
  },
  name: (): Answer => Status.ok,
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
  ack: (): Answer => Status.badKind, route: (): Answer => Status.badKind,
};

/** A waiting thread moves to the place of its new priority. */
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
    const { factory: own, thread: bound } = c.o as MContext;
    if (priority > own!.highest || (bound && priority > bound.factory!.highest)) return Status.badRights;
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
const groups = {
  factory, task, thread, semaphore, schedContext
} satisfies { [G in keyof typeof Ops]: Record<keyof (typeof Ops)[G], (c: Call) => Answer> };
const ROWS = new Map<number, { kind: MObject['kind']; right: number; run: (c: Call) => Answer }>();
for (const [kind, ops] of Object.entries(groups)) {
  for (const [name, run] of Object.entries(ops)) {
    const op = (Ops as Record<string, Record<string, { label: number; right?: string }>>)[kind][name];
    ROWS.set(op.label, { kind: kind as MObject['kind'], right: op.right === 'use' ? 1 : 2, run: run as (c: Call) => Answer });
  }
}
