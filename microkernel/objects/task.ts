/**
 * Task: a protection domain. A memory space (of a program, or of a guest's physical memory) and a capability space; threads run in it.
 * A task that ends kills its threads and revokes all memory and capabilities that others got from it.
 */
import { CapRight, Item, Kind, Status, EVERYTHING, flexOrder, flexRights, flexSize, isCapPage, memoryPage, U } from '../abi/index.ts';
import type { Core } from '../core.ts';
import { BYTES, COSTS } from '../costs.ts';
import { mapMemory, mapped } from '../mem/map.ts';
import { LEVEL_BITS } from '../mem/node.ts';
import { Space, type Shape } from '../mem/space.ts';
import type { Table } from '../mem/table.ts';
import { removeSubtree, unmapMemory, unmapped } from '../mem/unmap.ts';
import { runningOn } from '../sched/cpu.ts';
import { preempt } from '../sched/place.ts';
import { CapSpace, mapCaps, revoke } from './cap-space.ts';
import type { Factory } from './factory.ts';
import { KernelObject, ObjectKind, youngest } from './object.ts';
import { answer, giveName, named, type Handlers, type Invocation } from './operation.ts';
import type { Thread } from './thread.ts';

/** Bytes of a task with the root of its page tables. */
export const taskBytes = (guest: boolean): number => BYTES.task + BYTES.frame * (guest ? 4 : 1);

export class Task extends KernelObject {
  readonly kind = ObjectKind.task;
  readonly space: Space;
  readonly caps: CapSpace;
  readonly guest: boolean;
  readonly threads = new Set<Thread>();

  /** The caller, `newTask`, has root frames, number and quota ready. */
  constructor(k: Core, factory: Factory, shape: Shape, root: number, asid: number) {
    super(k.newId(), factory, taskBytes(shape.guest));
    this.guest = shape.guest;
    this.space = new Space(k, factory, shape, root, asid);
    this.caps = new CapSpace(factory);
  }

  override teardown(k: Core): void {
    for (const thread of youngest(this.threads)) k.destroy(thread);
    for (const cpu of k.cpus) if (cpu.running?.visiting === this) preempt(k, cpu); // it finds out when it resumes
    this.caps.clear(k);
    const { space } = this;
    space.dying = true;
    clearTable(k, space.root);
    space.flushAll();
    this.#giveBack(k);
  }

  /** Mappings are gone: root and number may be used again. */
  #giveBack(k: Core): void {
    for (const cpu of k.cpus) {
      if (cpu.satp === this) cpu.satp = undefined;
      if (cpu.hgatp === this) cpu.hgatp = undefined;
      if (cpu.active === this) cpu.active = undefined;
    }
    k.frames.give(this.space.root.pa, this.guest ? 4 : 1);
    (this.guest ? k.vmids : k.asids).give(this.space.asid);
    k.tasks.delete(this);
  }
}

/** Unmaps every leaf below a table; the table itself goes with its last one. */
function clearTable(k: Core, table: Table): void {
  const { nodes, tables } = table;
  let i = 0;
  for (; i < nodes.length && table.used > 0; i += nodes.near(i) || tables?.near(i) ? 1 : 16) {
    const node = nodes.get(i), below = tables?.get(i);
    if (node) removeSubtree(node);
    else if (below) clearTable(k, below);
  }
  k.work(Math.ceil(i * COSTS.frame / 512)); // read as fast as a frame is cleared
}

/** A task, charged to `factory`; undefined when there is no quota, frame or address-space number left. */
export function newTask(k: Core, factory: Factory, shape: Shape): Task | undefined {
  const { guest } = shape, numbers = guest ? k.vmids : k.asids, number = numbers.take(), bytes = taskBytes(guest);
  const root = number > 0 && factory.charge(bytes) ? k.frames.take(guest ? 4 : 1) : -1;
  if (root <= 0) {
    if (number > 0) numbers.give(number);
    if (root === 0) factory.refund(bytes);
    return undefined;
  }
  k.work(COSTS.frame * (guest ? 4 : 1));
  const task = new Task(k, factory, shape, root, number);
  k.tasks.add(task);
  k.trace.name('task', task.id, 0, `task ${task.id}`);
  return task;
}

/** Maps one flexpage of memory or capabilities from task to task, and traces it (`cause`: the message or answer). */
export function mapFlexpage(k: Core, from: Task, page: number, to: Task, dest: number, flags: number, cause: number): Status {
  const grant = (flags & Item.grant) !== 0;
  let status: Status;
  if (isCapPage(page)) status = mapCaps(k, from.caps, page, to.caps, dest, grant);
  else {
    status = mapMemory(from.space, page, to.space, dest, grant);
    k.counters.pagesMapped += mapped;
    k.work(COSTS.item + mapped * COSTS.map);
  }
  k.trace.note(k.cpu, Kind.map, runningOn(k.cpu), to.id, cause, page & KIND_AND_RIGHTS, flexOrder(page), dest, status);
  return status;
}

/** Half of an address space of Sv57. */
const MOST_ORDER = 56;
/** Of a flexpage, for the trace. */
const KIND_AND_RIGHTS = 15;

/** A caller with control rights on both tasks may map from one into the other. */
function map(i: Invocation, to: Task): Status {
  const { u: utcb, caller: { task: own } } = i, source = utcb.word(0);
  const from = source === 0 ? own : named<Task>(own.caps, source, ObjectKind.task, CapRight.control);
  return typeof from === 'number' ? from : mapFlexpage(i.k, from, utcb.word(1), to, utcb.word(2), utcb.word(3), 0);
}

function unmap(i: Invocation, of: Task): Status {
  const { k, u: utcb } = i, page = utcb.u32[U.words >> 2], self = utcb.word(1) === 1, order = flexOrder(page), base = utcb.page(U.words);
  if (utcb.word(1) > 1 || utcb.word(1) < 0) return Status.badArgument;
  if (isCapPage(page)) {
    if (base < 0) return Status.badArgument;
    for (const cap of [...of.caps.range(base / 4096, flexSize(page))])
      if (cap.space.lookup(cap.selector) === cap) revoke(k, cap, flexRights(page) || CapRight.all, self);
  } else {
    if (order < 12 || base % flexSize(page) !== 0 || (order > MOST_ORDER && order !== EVERYTHING)) return Status.badArgument;
    const status = unmapMemory(of.space, base, order, flexRights(page), self);
    k.counters.pagesUnmapped += unmapped;
    k.work(COSTS.item);
    if (status !== Status.ok) return status;
  }
  k.trace.note(k.cpu, Kind.unmap, i.caller.id, of.id, 0, page & KIND_AND_RIGHTS, order, base);
  return Status.ok;
}

function lookup(i: Invocation, { space }: Task): Status {
  const va = i.u.word(0);
  if (!space.holds(va, 1)) return Status.badArgument;
  const node = space.find(va), status = answer(i.u, node ? node.va : 0);
  if (node) i.u.u32[U.words >> 2] += memoryPage(0, LEVEL_BITS[node.level], node.rights); // apart: exact for each address
  return status;
}

function remove(i: Invocation, { caps }: Task): Status {
  const cap = caps.lookup(i.u.word(0));
  if (!cap) return Status.badCap;
  caps.remove(i.k, cap);
  return Status.ok;
}

/** A guest's own translations are cached with its address-space number: all of them go (the range is a hint). */
function fence(i: Invocation, { space }: Task): Status {
  if (!space.guest) return Status.badArgument;
  for (const cpu of i.k.cpus) if ((space.harts & (1 << cpu.id)) !== 0) cpu.hart.hfenceGvma(undefined, space.asid);
  return Status.ok;
}

export const task: Handlers<'task', Task> = { map, unmap, lookup, delete: remove, fence, name: (i, { id }) => giveName(i, 'task', id, 0) };
