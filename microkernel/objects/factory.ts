/**
 * Factory: the right to create objects out of a quota of kernel memory. Quotas form a tree: a factory gives a new one a part of its own. A
 * factory that ends also ends everything created from it, and its quota returns.
 *
 * It carries an authority too: the highest priority of the contexts, and the harts of the threads, that come from it. Neither is ever more
 * than the factory's that it was split from.
 */
import { CapRight, Status, ThreadFlag, U } from '../abi/index.ts';
import type { Core } from '../core.ts';
import { BYTES, COSTS } from '../costs.ts';
import type { Cpu } from '../sched/cpu.ts';
import { SHAPES } from '../mem/space.ts';
import { KernelObject, ObjectKind, ThreadState, youngest } from './object.ts';
import { answer, isCount, named, type Handlers, type Invocation } from './operation.ts';
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
  readonly objects = new Set<KernelObject>();

  /** `parent` undefined: the first factory, with all kernel memory. */
  constructor(id: number, parent: Factory | undefined, limit: number, highest: number, harts: number) {
    super(id, parent, BYTES.factory + (parent ? limit : 0));
    this.limit = limit;
    this.highest = highest;
    this.harts = harts;
  }

  /** May its threads execute there? */
  allows(cpu: Cpu): boolean { return (this.harts & (1 << cpu.id)) !== 0; }

  /** Charges the quota; false (and nothing charged) when it does not suffice. */
  charge(bytes: number): boolean {
    if (this.used + bytes > this.limit) return false;
    this.used += bytes;
    return true;
  }
  refund(bytes: number): void { this.used -= bytes; }
  get free(): number { return this.limit - this.used; }

  /** An object has ended: returns its bytes. */
  release(object: KernelObject): void {
    this.objects.delete(object);
    this.refund(object.bytes);
  }

  /** Factories made out of this one go first, the deepest before the others (nesting may be deep, so this is a loop). */
  override teardown(k: Core): void {
    const all: Factory[] = [this];
    for (let i = 0; i < all.length; i++) for (const object of youngest(all[i].objects)) if (object instanceof Factory) all.push(object);
    for (let i = all.length - 1; i > 0; i--) k.destroy(all[i]);
    for (const object of youngest(this.objects)) k.destroy(object);
  }
}

// Creation. Order of checks: operands, the slot for the new capability, the quota; after them nothing can fail.

/** Creates an object of this size, and its first capability, with all rights, at the selector in word 0. */
function create(i: Invocation, factory: Factory, bytes: number, make: () => KernelObject | undefined): Status {
  const { k, caller: { task: { caps } } } = i, selector = i.u.word(0), first = caps.canPut(selector);
  if (first !== Status.ok) return first;
  // The slot may come out of the same quota: 'canPut' has counted it alone.
  const slot = caps.factory === factory ? BYTES.cap + BYTES.capChunk : 0, object = factory.free < bytes + slot ? undefined : make();
  if (!object) return Status.noQuota;
  k.created(object);
  const status = caps.canPut(selector);
  if (status === Status.ok) {
    caps.put(selector, object, CapRight.all, undefined);
    k.work(COSTS.object);
  } else k.destroy(object); // it left no quota for its capability itself
  return status;
}

function createTask(i: Invocation, factory: Factory): Status {
  const kind = i.u.word(1), shape = isCount(kind, SHAPES.length) ? SHAPES[kind] : undefined;
  if (!shape || (shape.guest && !i.k.cpu.hasGuests)) return Status.badArgument;
  return create(i, factory, taskBytes(shape.guest), () => newTask(i.k, factory, shape));
}

function createThread(i: Invocation, factory: Factory): Status {
  const { k, u: message, body } = i, flags = message.word(2), utcb = message.word(3), hart = message.word(4);
  const task = named<Task>(i.caller.task.caps, message.word(1), ObjectKind.task, CapRight.control);
  if (typeof task === 'number') return task;
  const guest = (flags & ThreadFlag.guest) !== 0, script = (flags & ThreadFlag.typescript) !== 0;
  const cpu = isCount(hart, k.cpus.length) ? k.cpus[hart] : undefined;
  if (!cpu || !isCount(flags, 8) || guest !== task.guest || (guest && script) || script !== (body !== undefined)) return Status.badArgument;
  const mapsUtcb = utcb !== 0 && !script && !guest, withUtcb = script || mapsUtcb;
  if (mapsUtcb) {
    if (!task.space.holds(utcb, 4096) || utcb % 4096 !== 0) return Status.badArgument;
    if (task.space.find(utcb)) return Status.busy;
  } else if (utcb !== 0) return Status.badArgument;
  if (!factory.allows(cpu)) return Status.badRights;
  const bytes = threadBytes(guest, withUtcb), kind = { guest, alien: (flags & ThreadFlag.alien) !== 0, body };
  return create(i, factory, bytes + (mapsUtcb ? BYTES.node + 2 * BYTES.frame : 0),
    () => newThread(k, factory, bytes, task, cpu, kind, withUtcb, mapsUtcb ? utcb : undefined));
}

function createPortal(i: Invocation, factory: Factory): Status {
  const { k, u: utcb } = i, thread = named<Thread>(i.caller.task.caps, utcb.word(1), ObjectKind.thread, CapRight.control);
  if (typeof thread === 'number') return thread;
  if (thread.state === ThreadState.dead) return Status.dead;
  if (thread.guest || !thread.utcb) return Status.badArgument;
  return create(i, factory, BYTES.portal, () => {
    const at = (U.words >> 2) + 4, portal = new Portal(k.newId(), factory, thread, utcb.i32[at], utcb.i32[at + 1], utcb.word(3) & 0xffff);
    k.trace.name('portal', portal.id, thread.id, `portal ${portal.label}`);
    return portal;
  });
}

function createSemaphore(i: Invocation, factory: Factory): Status {
  if (!isCount(i.u.word(1), 2 ** 32)) return Status.badArgument;
  return create(i, factory, BYTES.semaphore, () => {
    const semaphore = new Semaphore(i.k.newId(), factory, i.u.word(1));
    i.k.trace.name('semaphore', semaphore.id, i.caller.task.id, `semaphore ${semaphore.id}`);
    return semaphore;
  });
}

function createSchedContext(i: Invocation, factory: Factory): Status {
  const { k, u: utcb } = i, priority = utcb.word(1), budget = utcb.word(2), period = utcb.word(3);
  if (!parametersOk(priority, budget, period)) return Status.badArgument;
  if (priority > factory.highest) return Status.badRights;
  return create(i, factory, BYTES.schedContext, () => new SchedContext(k.newId(), factory, priority, budget, period, k.cpu.hart.cycles));
}

function createFactory(i: Invocation, factory: Factory): Status {
  const quota = i.u.word(1), priority = i.u.word(2), harts = i.u.word(3);
  if (!isCount(quota, 2 ** 40) || !isCount(priority, 256) || !isCount(harts, 2 ** 32)) return Status.badArgument;
  if (priority > factory.highest || (harts & ~factory.harts) !== 0) return Status.badRights;
  return create(i, factory, BYTES.factory + quota, () => new Factory(i.k.newId(), factory, quota, priority, (harts || factory.harts) | 0));
}

export const factory: Handlers<'factory', Factory> = {
  createTask, createThread, createPortal, createSemaphore, createSchedContext, createFactory,
  account: (i, f) => answer(i.u, f.limit, f.used, f.highest, f.harts >>> 0),
};
