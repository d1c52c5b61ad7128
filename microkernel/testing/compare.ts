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

  /** The result of the last system call of `t`. */
  result(t: MThread, u: Utcb, status: number): void {
    same(`${t.task.kind} thread's status`, Object.keys(Status)[status], Object.keys(Status)[t.status]);
    const { words, badge, label } = t.utcb;
    if (badge !== undefined) same('badge', u.badge, badge);
    if (!words) return;
    same('label', u.label, label);
    same('number of words', u.wordCount, words.length);
    for (const [i, w] of words.entries()) if (!Number.isNaN(w)) same(`word ${i}`, u.word(i), w);
  }

  all(): void {
    if (this.#world.memoryChanged) this.#mappings.clear();
    for (const o of this.#world.objects) if (o.kind === 'thread') this.#happened(o, this.#of<Thread>(o));
    let tasks = 0;
    for (const o of this.#world.objects) {
      if (this.#of(o).dead) throw new Error(`the kernel's ${o.kind} has ended, the model's has not`);
      if (o.kind === 'thread') this.#thread(o, this.#of(o));
      else if (o.kind === 'task') {
        tasks++;
        this.#caps(o, this.#of(o));
        if (this.#world.memoryChanged) this.#memory(o, this.#of(o));
      } else if (o.kind === 'semaphore') this.#semaphore(o, this.#of(o));
      else if (o.kind === 'schedContext') this.#context(o, this.#of(o));
    }
    same('number of tasks', this.#kernel.tasks.size, tasks);
    for (const o of this.#world.objects) if (o.kind === 'factory' && o.factory) this.#factory(o, this.#of(o));
    this.#world.memoryChanged = false;
  }

  /** What happens to a thread when the kernel schedules it, and the model cannot know when that is. */
  #happened(m: MThread, t: Thread): void {
    if (t.state === ThreadState.ready && m.state === 'inactive' && m.mayBegin && !m.context) m.state = 'ready';
    if (t.state === ThreadState.dead && m.state === 'ready' && m.over) { this.#world.kill(m); this.#world.settle(); }
  }

  #thread(m: MThread, t: Thread): void {
    const is = (what: string, found: unknown, expected: unknown): void => {
      if (found !== expected)
        throw new Error(
          `thread at ${[...m.caps].map(c => c.sel).join('/')} (${m.state}): ${what} ${show(found)}, expected ${show(expected)}`);
    };
    is('state', STATES[t.state], m.state);
    is('hart', t.cpu.id, m.cpu);
    is('deadline', t.heapIndex >= 0 ? t.deadline : Infinity, m.deadline);
    is('partner', t.partner, m.partner && this.#of(m.partner));
    is('caller', t.currentCaller, m.currentCaller && this.#of(m.currentCaller));
    is('semaphore', t.waitingAt, m.waitingAt && this.#of(m.waitingAt));
    is('receives from', t.onlyFrom, m.onlyFrom && this.#of(m.onlyFrom));
    is('kept reply', t.keptReply, m.keptReply && this.#of(m.keptReply));
    is('context', t.context, m.context && this.#of(m.context));
    is('event', t.event, m.event);
    if (m.state === 'sending' || m.state === 'calling') is('portal', t.portal, m.portal && this.#of(m.portal));
    let waiting = t.senders.first;
    for (const s of m.senders) { is('sender', waiting, this.#of(s)); waiting = waiting!.next; }
    is('sender', waiting, undefined);
  }
  #semaphore(m: MSemaphore, s: Semaphore): void {
    same('count', s.count, m.count);
    let waiting = s.waiters.first;
    for (const t of m.waiters) { same('waiter', waiting, this.#of(t)); waiting = waiting!.next; }
    same('waiter', waiting, undefined);
  }
  #context(m: MContext, c: SchedContext): void {
    same('priority', c.priority, m.priority);
    same('thread of a context', c.thread, m.thread && this.#of(m.thread));
  }

  #caps(m: MTask, t: Task): void {
    same('number of capabilities', t.caps.count, m.slots.size);
    for (const [sel, cap] of m.slots) {
      const found = t.caps.lookup(sel), parent = cap.parent;
      if (!found || found.object !== this.#of(cap.object) || found.rights !== cap.rights)
        throw new Error(`selector ${sel}: ${found ? `object ${found.object.id}, rights ${found.rights}` : 'nothing'}, expected a `
          + `${cap.object.kind}, rights ${cap.rights}`);
      if (found.parent?.selector !== parent?.sel || found.parent?.space !== (parent && this.#of<Task>(parent.task).caps))
        throw new Error(`selector ${sel}: derived from ${found.parent?.selector}, expected ${parent?.sel}`);
    }
  }

  /** Its quota, or that of somebody from whom it has memory, may not pay for splitting superpages. */
  poor(m: MTask): boolean {
    const free = new Set<number>([this.#of<Factory>(m.factory!).free]),
      byPages = new Map([...this.#world.objects].filter(o => o.kind === 'task').map(t => [t.pages, t]));
    for (const e of m.pages.values())
      for (let p = e.parent; p; p = p.parent) { const t = byPages.get(p.table); if (t) free.add(this.#of<Factory>(t.factory!).free); }
    return Math.min(...free) < POOR;
  }

  /** Page for page, as the MMU walks; and nothing else is mapped. */
  #memory(m: MTask, t: Task): void {
    const { space } = t, first = t === this.#kernel.root.task;
    for (const [va, e] of m.pages) {
      const there = walk(space, va);
      if (!there && this.poor(m)) unmapPages(m.pages, va, 4096, 7, true); // lost with the superpage that it was a part of
      else if (!there || there.pa !== e.frame || there.rights !== e.rights)
        throw new Error(`task ${t.id} at 0x${va.toString(16)}: `
          + `${there ? `0x${there.pa.toString(16)}, rights ${there.rights}` : 'nothing'}, expected 0x${e.frame.toString(16)}, `
          + `rights ${e.rights}`);
    }
    const count = { bytes: 0, pages: 0 };
    measure(space.root, first ? [0x8040_0000, 0x8080_0000] : [-Infinity, Infinity], count);
    same(`task ${t.id}: mapped pages`, count.pages, m.pages.size);
    this.#mappings.set(m, count.bytes - BYTES.frame);
  }

  #factory(m: MFactory, f: Factory): void {
    let mappings = 0, objects = 0;
    for (const o of this.#world.objects) {
      if (o.factory === m) objects++;
      if (o.kind === 'task' && o.factory === m) mappings += this.#mappings.get(o) ?? 0;
    }
    same('objects of a factory', f.objects.size, objects);
    same('bytes in use of a factory', f.used, this.#world.used(m) + mappings);
    if (f.used > f.limit) throw new Error(`a factory is over its limit: ${f.used} of ${f.limit}`);
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
