/**
 * Factory: the right to create objects out of a quota of kernel memory. Quotas form a tree: what a factory gives a new one is taken
 * from its own. A factory that ends takes everything with it that was made out of it, and its quota goes back.
 *
 * It carries an authority too: the highest priority of the contexts, and the harts of the threads, that come from it. Neither is ever more
 * than the factory's that it was split from.
 */
import { CapRight, Status, ThreadFlag, U } from '../abi/index.ts';
import type { Core } from '../core.ts';
import { BYTES, COSTS } from '../costs.ts';
import type { Cpu } from '../sched/cpu.ts';
import { ThreadState } from '../sched/states.ts';
import { SHAPES } from '../mem/space.ts';
import { KernelObject, ObjectKind } from './object.ts';
import { answer, control, isCount, named, type Invocation, type Row } from './operation.ts';
import { Portal } from './portal.ts';
import { SchedContext, parametersOk } from './sched-context.ts';
import { Semaphore } from './semaphore.ts';
import { newTask, taskBytes, type Task } from './task.ts';
import { newThread, threadBytes, type Thread } from './thread.ts';

export class Factory extends KernelObject {
  readonly kind = ObjectKind.factory;
  readonly limit: number;
  /** No context or thread of this factory has a higher priority, or another hart (bit h: hart h). */
  readonly highest: number;
  readonly harts: number;
  used = 0;
  firstObject: KernelObject | undefined = undefined;

  /** `parent` undefined: the first factory, with all kernel memory. */
  constructor(id: number, parent: Factory | undefined, limit: number, highest: number, harts: number) {
    super(id, parent, BYTES.factory + (parent ? limit : 0));
    this.limit = limit;
    this.highest = highest;
    this.harts = harts;
  }

  /** May its threads execute there? */
  allows(cpu: Cpu): boolean { return (this.harts & (1 << cpu.id)) !== 0; }

  /** Takes bytes out of the quota; false (and nothing taken) when there are not so many. */
  charge(bytes: number): boolean {
    if (this.used + bytes > this.limit) return false;
    this.used += bytes;
    return true;
  }
  refund(bytes: number): void { this.used -= bytes; }
  get free(): number { return this.limit - this.used; }

  /** Puts a new object, charged already, on the list. */
  adopt(object: KernelObject): void {
    object.nextOfFactory = this.firstObject;
    if (this.firstObject) this.firstObject.prevOfFactory = object;
    this.firstObject = object;
  }
  /** An object is gone: off the list, its bytes come back. */
  release(object: KernelObject): void {
    if (object.prevOfFactory) object.prevOfFactory.nextOfFactory = object.nextOfFactory;
    else this.firstObject = object.nextOfFactory;
    if (object.nextOfFactory) object.nextOfFactory.prevOfFactory = object.prevOfFactory;
    object.nextOfFactory = object.prevOfFactory = undefined;
    this.refund(object.bytes);
  }

  /** Factories made out of this one go first, the deepest before the others (nesting may be deep, so this is a loop). */
  override teardown(k: Core): void {
    const all: Factory[] = [this];
    for (let i = 0; i < all.length; i++) for (const o of all[i].objects()) if (o instanceof Factory) all.push(o);
    for (let i = all.length - 1; i > 0; i--) k.destroy(all[i]);
    while (this.firstObject) k.destroy(this.firstObject);
  }

  *objects(): Generator<KernelObject> { for (let o = this.firstObject; o; o = o.nextOfFactory) yield o; }
}

// Creation. Order of checks: operands, the slot for the new capability, the quota; after them nothing can fail.

const factoryOf = (i: Invocation): Factory => i.cap.object as Factory;

/** May an object of this size be made, and its capability be put where word 0 says? */
function room(i: Invocation, bytes: number): Status {
  const status = i.caller.task.caps.canPut(i.u.word(0));
  if (status !== Status.ok) return status;
  // The slot may come out of the same quota: 'canPut' has counted it alone.
  const slot = i.caller.task.factory === factoryOf(i) ? BYTES.cap + BYTES.capChunk : 0;
  return factoryOf(i).free >= bytes + slot ? Status.ok : Status.noQuota;
}

/** The new object's first capability, with all rights. */
function hand(i: Invocation, object: KernelObject): Status {
  i.k.created(object);
  const status = i.caller.task.caps.canPut(i.u.word(0));
  if (status !== Status.ok) { // the object itself left no quota for its capability
    i.k.destroy(object);
    return status;
  }
  i.caller.task.caps.put(i.u.word(0), object, CapRight.all, undefined);
  i.k.work(COSTS.object);
  return Status.ok;
}

function createTask(i: Invocation): Status {
  const kind = i.u.word(1);
  const shape = isCount(kind, SHAPES.length) ? SHAPES[kind] : undefined;
  if (!shape || (shape.guest && !i.k.cpu.hasGuests)) return Status.badArgument;
  const status = room(i, taskBytes(shape.guest));
  if (status !== Status.ok) return status;
  const task = newTask(i.k, factoryOf(i), shape);
  return task ? hand(i, task) : Status.noQuota;
}

function createThread(i: Invocation): Status {
  const { k, u } = i, flags = u.word(2), utcb = u.word(3), hart = u.word(4), cap = named(i, u.word(1), ObjectKind.task, CapRight.control);
  if (typeof cap === 'number') return cap;
  const task = cap.object as Task, guest = (flags & ThreadFlag.guest) !== 0, script = (flags & ThreadFlag.typescript) !== 0;
  const cpu = isCount(hart, k.cpus.length) ? k.cpus[hart] : undefined;
  if (!cpu || !isCount(flags, 8) || guest !== task.guest || (guest && script) || script !== (i.body !== undefined))
    return Status.badArgument;
  const mapsUtcb = utcb !== 0 && !script && !guest, withUtcb = script || mapsUtcb;
  if (mapsUtcb) {
    if (!task.space.holds(utcb, 4096) || utcb % 4096 !== 0) return Status.badArgument;
    if (task.space.find(utcb)) return Status.busy;
  } else if (utcb !== 0) return Status.badArgument;
  if (!factoryOf(i).allows(cpu)) return Status.badRights;
  const bytes = threadBytes(guest, withUtcb), status = room(i, bytes + (mapsUtcb ? BYTES.node + 2 * BYTES.frame : 0));
  if (status !== Status.ok) return status;
  const thread = newThread(k, factoryOf(i), bytes, task, cpu, { guest, alien: (flags & ThreadFlag.alien) !== 0, body: i.body }, withUtcb,
    mapsUtcb ? utcb : undefined);
  return thread ? hand(i, thread) : Status.noQuota;
}

function createPortal(i: Invocation): Status {
  const cap = named(i, i.u.word(1), ObjectKind.thread, CapRight.control);
  if (typeof cap === 'number') return cap;
  const thread = cap.object as Thread;
  if (thread.state === ThreadState.dead) return Status.dead;
  if (thread.guest || !thread.utcb) return Status.badArgument;
  const status = room(i, BYTES.portal);
  if (status !== Status.ok) return status;
  const at = (U.words >> 2) + 4, portal = new Portal(i.k.newId(), factoryOf(i), thread, i.u.i32[at], i.u.i32[at + 1], i.u.word(3) & 0xffff);
  i.k.trace.name('portal', portal.id, thread.id, `portal ${portal.label}`);
  return hand(i, portal);
}

function createSemaphore(i: Invocation): Status {
  if (!isCount(i.u.word(1), 2 ** 32)) return Status.badArgument;
  const status = room(i, BYTES.semaphore);
  if (status !== Status.ok) return status;
  const semaphore = new Semaphore(i.k.newId(), factoryOf(i), i.u.word(1));
  i.k.trace.name('semaphore', semaphore.id, i.caller.task.id, `semaphore ${semaphore.id}`);
  return hand(i, semaphore);
}

function createSchedContext(i: Invocation): Status {
  const priority = i.u.word(1), budget = i.u.word(2), period = i.u.word(3);
  if (!parametersOk(priority, budget, period)) return Status.badArgument;
  if (priority > factoryOf(i).highest) return Status.badRights;
  const status = room(i, BYTES.schedContext);
  return status === Status.ok
    ? hand(i, new SchedContext(i.k.newId(), factoryOf(i), priority, budget, period, i.k.cpu.hart.cycles))
    : status;
}

function createFactory(i: Invocation): Status {
  const quota = i.u.word(1), priority = i.u.word(2), harts = i.u.word(3), from = factoryOf(i);
  if (!isCount(quota, 2 ** 40) || !isCount(priority, 256) || !isCount(harts, 2 ** 32)) return Status.badArgument;
  if (priority > from.highest || (harts & ~from.harts) !== 0) return Status.badRights;
  const status = room(i, BYTES.factory + quota);
  return status === Status.ok ? hand(i, new Factory(i.k.newId(), from, quota, priority, harts === 0 ? from.harts : harts | 0)) : status;
}

function account(i: Invocation): Status {
  const { limit, used, highest, harts } = factoryOf(i);
  return answer(i.u, limit, used, highest, harts >>> 0);
}

/** In the order of the labels, from 0x100. */
export const factoryOps: readonly Row[] = [
  control(createTask), control(createThread), control(createPortal), control(createSemaphore), control(createSchedContext),
  control(createFactory), control(account),
];
