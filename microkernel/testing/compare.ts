/** Compares the kernel with the reference model: everything observable at user level, and the audit's checks. */
import { Status, type Utcb } from '../abi/index.ts';
import { BYTES } from '../costs.ts';
import type { Factory } from '../objects/factory.ts';
import type { Kernel } from '../kernel.ts';
import { LEVEL_SIZE } from '../mem/node.ts';
import type { Table } from '../mem/table.ts';
import type { SchedContext } from '../objects/sched-context.ts';
import type { Semaphore } from '../objects/semaphore.ts';
import type { Task } from '../objects/task.ts';
import type { Thread } from '../objects/thread.ts';
import { ThreadState, type KernelObject } from '../objects/object.ts';
import { unmapPages } from './model.ts';
import type { MContext, MFactory, MObject, MSemaphore, MTask, MThread, World } from './reference.ts';
import { walk } from './walk.ts';

/** So much pays for splitting two superpages, and for what else an operation may need. */
const POOR = 160_000;
const STATES = Object.keys(ThreadState);

export class Compare {
  readonly #world: World;
  readonly #kernel: Kernel;
  readonly #kernelOf: Map<MObject, KernelObject>;
  /** Bytes of memory mappings, by task, since memory changed last. */
  readonly #mappings = new Map<MTask, number>();

  constructor(world: World, kernel: Kernel, kernelOf: Map<MObject, KernelObject>) {
    this.#world = world;
    this.#kernel = kernel;
    this.#kernelOf = kernelOf;
  }
  #of<T extends KernelObject>(o: MObject): T { return this.#kernelOf.get(o) as T; }

  /** The result of the last system call of `thread`. */
  result(thread: MThread, utcb: Utcb, status: number): void {
    same(`${thread.task.kind} thread's status`, Object.keys(Status)[status], Object.keys(Status)[thread.status]);
    const { words, badge, label } = thread.utcb;
    if (badge !== undefined) same('badge', utcb.badge, badge);
    if (!words) return;
    same('label', utcb.label, label);
    same('number of words', utcb.wordCount, words.length);
    for (const [i, word] of words.entries()) if (!Number.isNaN(word)) same(`word ${i}`, utcb.word(i), word);
  }

  all(): void {
    if (this.#world.memoryChanged) this.#mappings.clear();
    for (const object of this.#world.objects) if (object.kind === 'thread') this.#happened(object, this.#of<Thread>(object));
    let tasks = 0;
    for (const object of this.#world.objects) {
      if (this.#of(object).dead) throw new Error(`the kernel's ${object.kind} has ended, the model's has not`);
      if (object.kind === 'thread') this.#thread(object, this.#of(object));
      else if (object.kind === 'task') {
        tasks++;
        this.#caps(object, this.#of(object));
        if (this.#world.memoryChanged) this.#memory(object, this.#of(object));
      } else if (object.kind === 'semaphore') this.#semaphore(object, this.#of(object));
      else if (object.kind === 'schedContext') this.#context(object, this.#of(object));
    }
    same('number of tasks', this.#kernel.tasks.size, tasks);
    for (const object of this.#world.objects) if (object.kind === 'factory' && object.factory) this.#factory(object, this.#of(object));
    this.#world.memoryChanged = false;
  }

  /** What happens to a thread when the kernel schedules it, and the model cannot know when that is. */
  #happened(model: MThread, thread: Thread): void {
    if (thread.state === ThreadState.ready && model.state === 'inactive' && model.mayBegin && !model.context) model.state = 'ready';
    if (thread.state === ThreadState.dead && model.state === 'ready' && model.over) { this.#world.kill(model); this.#world.settle(); }
  }

  #thread(model: MThread, thread: Thread): void {
    const is = (what: string, found: unknown, expected: unknown): void => {
      if (found !== expected)
        throw new Error(
          `thread at ${[...model.caps].map(c => c.sel).join('/')} (${model.state}): ${what} ${show(found)}, expected ${show(expected)}`);
    };
    is('state', STATES[thread.state], model.state);
    is('hart', thread.cpu.id, model.cpu);
    is('deadline', thread.heapIndex >= 0 ? thread.deadline : Infinity, model.deadline);
    is('partner', thread.partner, model.partner && this.#of(model.partner));
    is('caller', thread.currentCaller, model.currentCaller && this.#of(model.currentCaller));
    is('semaphore', thread.waitingAt, model.waitingAt && this.#of(model.waitingAt));
    is('receives from', thread.onlyFrom, model.onlyFrom && this.#of(model.onlyFrom));
    is('kept reply', thread.keptReply, model.keptReply && this.#of(model.keptReply));
    is('context', thread.context, model.context && this.#of(model.context));
    is('event', thread.event, model.event);
    if (model.state === 'sending' || model.state === 'calling') is('portal', thread.portal, model.portal && this.#of(model.portal));
    let waiting = thread.senders.first;
    for (const sender of model.senders) { is('sender', waiting, this.#of(sender)); waiting = waiting!.next; }
    is('sender', waiting, undefined);
  }
  #semaphore(model: MSemaphore, sender: Semaphore): void {
    same('count', sender.count, model.count);
    let waiting = sender.waiters.first;
    for (const thread of model.waiters) { same('waiter', waiting, this.#of(thread)); waiting = waiting!.next; }
    same('waiter', waiting, undefined);
  }
  #context(model: MContext, context: SchedContext): void {
    same('priority', context.priority, model.priority);
    same('thread of a context', context.thread, model.thread && this.#of(model.thread));
  }

  #caps(model: MTask, task: Task): void {
    same('number of capabilities', task.caps.count, model.slots.size);
    for (const [sel, cap] of model.slots) {
      const found = task.caps.lookup(sel), parent = cap.parent;
      if (!found || found.object !== this.#of(cap.object) || found.rights !== cap.rights)
        throw new Error(`selector ${sel}: ${found ? `object ${found.object.id}, rights ${found.rights}` : 'nothing'}, expected a `
          + `${cap.object.kind}, rights ${cap.rights}`);
      if (found.parent?.selector !== parent?.sel || found.parent?.space !== (parent && this.#of<Task>(parent.task).caps))
        throw new Error(`selector ${sel}: derived from ${found.parent?.selector}, expected ${parent?.sel}`);
    }
  }

  /** Its quota, or that of somebody from whom it has memory, may not pay for splitting superpages. */
  poor(model: MTask): boolean {
    const free = new Set<number>([this.#of<Factory>(model.factory!).free]),
      byPages = new Map([...this.#world.objects].filter(o => o.kind === 'task').map(t => [t.pages, t]));
    for (const entry of model.pages.values())
      for (let ancestor = entry.parent; ancestor; ancestor = ancestor.parent) {
        const owner = byPages.get(ancestor.table);
        if (owner) free.add(this.#of<Factory>(owner.factory!).free);
      }
    return Math.min(...free) < POOR;
  }

  /** Page for page, as the MMU walks; and nothing else is mapped. */
  #memory(model: MTask, task: Task): void {
    const { space } = task, first = task === this.#kernel.root.task;
    for (const [va, entry] of model.pages) {
      const there = walk(space, va);
      if (!there && this.poor(model)) unmapPages(model.pages, va, 4096, 7, true); // lost with the superpage that it was a part of
      else if (!there || there.pa !== entry.frame || there.rights !== entry.rights)
        throw new Error(`task ${task.id} at 0x${va.toString(16)}: `
          + `${there ? `0x${there.pa.toString(16)}, rights ${there.rights}` : 'nothing'}, expected 0x${entry.frame.toString(16)}, `
          + `rights ${entry.rights}`);
    }
    const count = { bytes: 0, pages: 0 };
    measure(space.root, first ? [0x8040_0000, 0x8080_0000] : [-Infinity, Infinity], count);
    same(`task ${task.id}: mapped pages`, count.pages, model.pages.size);
    this.#mappings.set(model, count.bytes - BYTES.frame);
  }

  #factory(model: MFactory, factory: Factory): void {
    let mappings = 0, objects = 0;
    for (const object of this.#world.objects) {
      if (object.factory === model) objects++;
      if (object.kind === 'task' && object.factory === model) mappings += this.#mappings.get(object) ?? 0;
    }
    same('objects of a factory', factory.objects.size, objects);
    same('bytes in use of a factory', factory.used, this.#world.used(model) + mappings);
    if (factory.used > factory.limit) throw new Error(`a factory is over its limit: ${factory.used} of ${factory.limit}`);
  }
}

/** Bytes that a table and all below cost, and pages that are mapped in an address range. */
function measure(table: Table, range: readonly number[], count: { bytes: number; pages: number }): void {
  count.bytes += BYTES.frame;
  for (let i = 0, left = table.used; left > 0; i++) {
    const node = table.nodes.get(i), below = table.tables?.get(i);
    if (!node && !below) continue;
    left--;
    if (below) measure(below, range, count);
    if (!node) continue;
    count.bytes += BYTES.node;
    if (node.parts) count.bytes += BYTES.parts * (1 + (node.parts.parts?.filter(p => p).length ?? 0));
    if (!node.pinned) count.pages += Math.max(0, Math.min(node.va + LEVEL_SIZE[node.level], range[1]) - Math.max(node.va, range[0])) / 4096;
  }
}

function same(what: string, found: unknown, expected: unknown): void {
  if (found !== expected) throw new Error(`${what}: ${show(found)}, expected ${show(expected)}`);
}
const show = (v: unknown): string => typeof v === 'object' && v !== null && 'id' in v ? `object ${String(v.id)}` : String(v);
