/** The operations of objects in the reference model, by kind: results, and effects on the world. */
import { CAUSES, Ops, Status, flexBase, flexOrder, flexRights, isCapPage } from '../abi/index.ts';
import { BYTES } from '../costs.ts';
import { capsOf, inside, place } from './reference-items.ts';
import type { MCap, MContext, MFactory, MObject, MPortal, MReply, MSemaphore, MTask, MThread, Request, World } from './reference.ts';

interface Call {
  readonly world: World; readonly thread: MThread; readonly object: MObject; readonly words: readonly number[]; readonly request: Request;
}
/** An answer: a status, or words with status ok; undefined: the caller waits. */
type Answer = number | readonly number[] | undefined;

export function invoke(world: World, thread: MThread, cap: MCap, request: Request): void {
  const { label } = request.message, found = ROWS.get(label);
  thread.status = !found ? Status.badOp
    : found.kind !== cap.object.kind ? Status.badKind
    : (cap.rights & found.right) === 0 ? Status.badRights
    : Status.ok;
  if (thread.status !== Status.ok) return;
  const answer = found!.run({ world, thread, object: cap.object, words: request.message.words, request });
  if (answer === undefined) return;
  thread.status = typeof answer === 'number' ? answer : Status.ok;
  thread.utcb = { label: 0, words: typeof answer === 'number' ? [] : answer, badge: undefined };
}

/** The object of this kind that a selector of the caller names. */
function named<K extends MObject['kind']>(call: Call, sel: number, kind: K, right: number): Extract<MObject, { kind: K }> | number {
  const cap = call.thread.task.slots.get(sel);
  if (!cap) return Status.badCap;
  if (cap.object.kind !== kind) return Status.badKind;
  return (cap.rights & right) === 0 ? Status.badRights : cap.object as Extract<MObject, { kind: K }>;
}
const count = (v: number, limit: number): boolean => Number.isInteger(v) && v >= 0 && v < limit;
const parameters = (p: number, b: number, per: number): boolean =>
  count(p, 256) && count(b, 2 ** 46) && count(per, 2 ** 46) && (per === 0 || (b > 0 && b <= per));

/** Makes an object for the caller's slot, unless the slot or the quota says no. */
function create(call: Call, bytes: number, make: (factory: MFactory) => MObject): number {
  const status = call.world.canPut(call.thread.task, call.words[0]);
  if (status !== Status.ok) return status;
  if (call.world.oracle.saysNoQuota(call.thread, bytes + BYTES.cap + BYTES.capChunk, [call.object as MFactory, call.thread.task.factory!]))
    return Status.noQuota;
  const object = make(call.object as MFactory);
  if (object.bytes !== bytes) throw new Error(`${object.kind}: ${object.bytes} bytes, not ${bytes}`);
  call.world.putCap(call.thread.task, call.words[0], object, 7, undefined);
  return Status.ok;
}

const factory = {
  createTask: (call: Call): Answer => {
    const guest = call.words[1] === 1, levels = [3, 3, 4, 5][call.words[1]];
    if (levels === undefined) return Status.badArgument;
    return create(call, BYTES.task
      + BYTES.frame
        * (guest
          ? 4
          : 1), factory => call.world.make<MTask>({
            kind: 'task', factory: factory, bytes: BYTES.task + BYTES.frame * (guest ? 4 : 1), slots: new Map(), chunks: new Set(),
            pages: new Map(), guest, levels
          }));
  },
  createThread: (call: Call): Answer => {
    const task = named(call, call.words[1], 'task', 2), [, , flags, utcb, hart] = call.words;
    if (typeof task === 'number') return task;
    // (the director asks for TypeScript threads only)
    if (!count(hart, call.world.oracle.harts) || flags !== 4 || task.guest || !call.request.body || utcb !== 0) return Status.badArgument;
    if (!(call.object as MFactory).harts[hart]) return Status.badRights;
    return create(call, BYTES.thread + BYTES.frame, f => call.world.makeThread(f, task, hart, BYTES.thread + BYTES.frame));
  },
  createPortal: (call: Call): Answer => {
    const thread = named(call, call.words[1], 'thread', 2);
    if (typeof thread === 'number') return thread;
    if (thread.state === 'dead') return Status.dead;
    return create(call, BYTES.portal, f => call.world.make<MPortal>({
      kind: 'portal', factory: f, bytes: BYTES.portal, thread, label: call.words[2], mtd: call.words[3] & 0xffff
    }));
  },
  createSemaphore: (call: Call): Answer =>
    count(call.words[1], 2 ** 32)
      ? create(call, BYTES.semaphore, f => call.world.make<MSemaphore>({
        kind: 'semaphore', factory: f, bytes: BYTES.semaphore, count: call.words[1], waiters: []
      }))
      : Status.badArgument,
  createSchedContext: (call: Call): Answer => {
    const [, priority, budget, period] = call.words;
    if (!parameters(priority, budget, period)) return Status.badArgument;
    if (priority > (call.object as MFactory).highest) return Status.badRights;
    return create(call, BYTES.schedContext, factory => call.world.make<MContext>({
      kind: 'schedContext', factory: factory, bytes: BYTES.schedContext, priority, thread: undefined, consumed: 0, limited: period > 0,
      slice: budget || 10_000_000, used: 0
    }));
  },
  createFactory: (call: Call): Answer => {
    const [, quota, highest, set] = call.words, from = call.object as MFactory;
    if (!count(quota, 2 ** 40) || !count(highest, 256) || !count(set, 2 ** 32)) return Status.badArgument;
    const harts = Array.from({ length: 32 }, (_, h) => set === 0 ? from.harts[h] : Math.floor(set / 2 ** h) % 2 === 1);
    if (highest > from.highest || harts.some((wanted, h) => wanted && !from.harts[h])) return Status.badRights;
    return create(call, BYTES.factory
      + quota, f => call.world.make<MFactory>({ kind: 'factory', factory: f, bytes: BYTES.factory + quota, limit: quota, highest, harts }));
  },
  account: (call: Call): Answer => {
    const { limit, highest, harts } = call.object as MFactory;
    return [limit, NaN, highest, harts.reduce((set, has, h) => set + (has ? 2 ** h : 0), 0)];
  },
};

/** What splitting a superpage twice costs at most, directories included. */
const SPLITS = 2 * (BYTES.frame + 511 * BYTES.node + BYTES.parts);

const task = {
  map: (call: Call): Answer => {
    const [source, flexpage, dest, flags] = call.words, from = source === 0 ? call.thread.task : named(call, source, 'task', 2);
    return typeof from === 'number' ? from : place(call.world, from, call.object as MTask, [{ flexpage, dest, flags }], call.thread);
  },
  unmap: (call: Call): Answer => {
    const [page, flags] = call.words, task = call.object as MTask, order = flexOrder(page), self = flags === 1;
    if (flags > 1 || flags < 0) return Status.badArgument;
    if (isCapPage(page)) {
      if (page < 0) return Status.badArgument;
      for (const cap of capsOf(task, page)) if (task.slots.get(cap.sel) === cap) call.world.revoke(cap, flexRights(page) || 7, self);
      return Status.ok;
    }
    if (order < 12 || (order > 56 && order !== 64) || flexBase(page) % 2 ** order !== 0) return Status.badArgument;
    if (call.world.oracle.saysNoQuota(call.thread, SPLITS, [task.factory!])) return Status.noQuota;
    call.world.unmap(task, order === 64 ? -(2 ** 63) : flexBase(page), 2 ** order, flexRights(page), self);
    return Status.ok;
  },
  lookup: (call: Call): Answer => {
    const [va] = call.words, task = call.object as MTask;
    if (!inside(task, va, 1)) return Status.badArgument;
    return task.pages.has(Math.floor(va / 4096) * 4096) ? [NaN] : [0];
  },
  delete: (call: Call): Answer => {
    const cap = (call.object as MTask).slots.get(call.words[0]);
    if (!cap) return Status.badCap;
    call.world.removeCap(cap);
    return Status.ok;
  },
  name: (): Answer => Status.ok,
  fence: (call: Call): Answer => (call.object as MTask).guest ? Status.ok : Status.badArgument,
};

const thread = {
  start: (call: Call): Answer => {
    const thread = call.object as MThread;
    if (thread.state === 'dead') return Status.dead;
    if ((thread.state !== 'inactive' && thread.state !== 'stopped') || thread.begun) return Status.busy;
    Object.assign(thread, { status: Status.ok, state: 'ready' });
    return Status.ok;
  },
  getState: (call: Call): Answer => (call.object as MThread).state === 'dead' ? Status.dead : Status.busy,
  setState: (call: Call): Answer => (call.object as MThread).state === 'dead' ? Status.dead : Status.busy,
  setEvents: (call: Call): Answer => {
    const portal = call.words[0] === 0 ? undefined : named(call, call.words[0], 'portal', 1), causes = call.words[1];
    if (typeof portal === 'number') return portal;
    if (!(causes >= 0) || causes >= 2 ** CAUSES) return Status.badArgument;
    for (let i = 0; i < CAUSES; i++) if (((causes >> i) & 1) !== 0) (call.object as MThread).events[i] = portal;
    return Status.ok;
  },
  bind: (call: Call): Answer => {
    const thread = call.object as MThread;
    if (call.words[0] === 0) {
      if (thread.context) thread.context.thread = undefined;
      thread.context = undefined;
      return Status.ok;
    }
    const context = named(call, call.words[0], 'schedContext', 2);
    if (typeof context === 'number') return context;
    if (thread.state === 'dead') return Status.dead;
    if (context.priority > thread.factory!.highest) return Status.badRights;
    if (thread.context || context.thread) return Status.busy;
    thread.context = context;
    context.thread = thread;
    standAnew(call.world, thread);
    return Status.ok;
  },
  recall: (call: Call): Answer => {
    const thread = call.object as MThread;
    if (thread.state === 'dead') return Status.dead;
    if (thread.state !== 'ready' && thread.state !== 'inactive' && thread.state !== 'stopped' && thread.event < 0)
      call.world.endWait(thread, Status.aborted);
    return Status.ok;
  },
  kill: (call: Call): Answer => { call.world.kill(call.object as MThread); return Status.ok; },
  cancel: (call: Call): Answer => {
    const thread = call.object as MThread;
    if (thread.state === 'dead') return Status.dead;
    if (['receiving', 'sending', 'calling', 'semaphore'].includes(thread.state)) call.world.endWait(thread, Status.aborted);
    return Status.ok;
  },
  keepReply: (call: Call): Answer => {
    const { thread } = call, caller = thread.currentCaller;
    if (call.object !== thread) return Status.badArgument;
    if (!caller) return Status.dead;
    const status = call.world.canPut(thread.task, call.words[0]);
    if (status !== Status.ok) return status;
    if (call.world.oracle.saysNoQuota(thread, 2 * BYTES.cap + BYTES.capChunk, [thread.task.factory!])) return Status.noQuota;
    const kept = call.world.make<MReply>({ kind: 'reply', factory: thread.task.factory, bytes: BYTES.cap, caller });
    call.world.putCap(thread.task, call.words[0], kept, 7, undefined);
    Object.assign(caller, { keptReply: kept, partner: undefined });
    thread.currentCaller = undefined;
    return Status.ok;
  },
  info: (call: Call): Answer => [
    ['inactive', 'ready', 'receiving', 'sending', 'calling', 'semaphore', 'stopped', 'dead'].indexOf((call.object as MThread).state),
    (call.object as MThread).consumed
  ],
  resume: (call: Call): Answer => {
    const thread = call.object as MThread;
    if (thread.state !== 'stopped') return thread.state === 'dead' ? Status.dead : Status.busy;
    thread.state = 'ready';
    return Status.ok;
  },
  name: (): Answer => Status.ok,
};

const semaphore = {
  up: (call: Call): Answer => {
    const semaphore = call.object as MSemaphore, first = semaphore.waiters[0];
    if (!first) { semaphore.count++; return Status.ok; }
    first.utcb = { label: 0, words: [1], badge: undefined };
    call.world.endWait(first, Status.ok);
    return Status.ok;
  },
  down: (call: Call): Answer => {
    const semaphore = call.object as MSemaphore, { thread } = call, all = call.words.length > 0 && call.words[0] === 1;
    if (semaphore.count > 0) {
      const taken = all ? semaphore.count : 1;
      semaphore.count -= taken;
      return [taken];
    }
    if (call.request.receiveTimeout <= 0) { thread.status = Status.timeout; return undefined; }
    Object.assign(thread, { state: 'semaphore', waitingAt: semaphore, deadline: call.world.oracle.now() + call.request.receiveTimeout });
    call.world.stand(semaphore.waiters, thread);
    return undefined;
  },
  ack: (): Answer => Status.badKind, route: (): Answer => Status.badKind,
};

/** A waiting thread moves to the place of its new priority. */
function standAnew(world: World, thread: MThread | undefined): void {
  const queue = thread?.state === 'sending' ? thread.partner!.senders : thread?.waitingAt?.waiters;
  if (!thread || !queue) return;
  queue.splice(queue.indexOf(thread), 1);
  world.stand(queue, thread);
}

const schedContext = {
  set: (call: Call): Answer => {
    const [priority, budget, period] = call.words;
    if (!parameters(priority, budget, period)) return Status.badArgument;
    const { factory: own, thread: bound } = call.object as MContext;
    if (priority > own!.highest || (bound && priority > bound.factory!.highest)) return Status.badRights;
    Object.assign(call.object, { priority, limited: period > 0, slice: budget || 10_000_000, used: 0 });
    standAnew(call.world, (call.object as MContext).thread);
    return Status.ok;
  },
  consumed: (call: Call): Answer => {
    const context = call.object as MContext, cycles = context.consumed;
    context.consumed = 0;
    return [cycles];
  },
};

/** By label. Every operation of the ABI must be here. */
const groups = {
  factory, task, thread, semaphore, schedContext
} satisfies { [G in keyof typeof Ops]: Record<keyof (typeof Ops)[G], (call: Call) => Answer> };
const ROWS = new Map<number, { kind: MObject['kind']; right: number; run: (call: Call) => Answer }>();
for (const [kind, ops] of Object.entries(groups)) {
  for (const [name, run] of Object.entries(ops)) {
    const op = (Ops as Record<string, Record<string, { label: number; right?: string }>>)[kind][name];
    ROWS.set(op.label, { kind: kind as MObject['kind'], right: op.right === 'use' ? 1 : 2, run: run as (call: Call) => Answer });
  }
}
