/**
 * Runs the kernel and the reference model side by side. Whenever the kernel lets a thread run, the thread comes here: the model must agree
 * that it may run, with its status and message; everything else is compared; then it gets its next system call, from the next step's random
 * numbers (moves.ts). The kernel performs it first, the model at the next opportunity (`#flush`), because the kernel chooses some answers
 * (quotas).
 *
 * The kernel's own work takes no time here; time passes when a thread burns some, or when every hart sleeps. So time is exact in both.
 */
import { Initial, IpcFlag, MemoryFault, Ops, Status, type IpcRequest } from '../abi/index.ts';
import { entryOf, type Syscalls, type ThreadBody } from '../../binding/index.ts';
import { audit } from './audit.ts';
import { Kernel } from '../kernel.ts';
import type { KernelObject } from '../objects/object.ts';
import type { Factory } from '../objects/factory.ts';
import type { SchedContext } from '../objects/sched-context.ts';
import type { Task } from '../objects/task.ts';
import type { Thread } from '../objects/thread.ts';
import type { Poverty } from './model.ts';
import { Compare } from './compare.ts';
import { FakeMachine } from './fake-machine.ts';
import { Moves, type Move } from './moves.ts';
import { World, type MContext, type MFactory, type MObject, type MSemaphore, type MTask, type MThread, type Oracle } from './reference.ts';
import { crash, systemCall } from './reference-calls.ts';
import { walk } from './walk.ts';

/** The first task's memory that takes part. */
export const RAM = 0x8040_0000, RAM_BYTES = 4 * 2 ** 20;
const KERNEL_MEMORY = 8 * 2 ** 20, LINES = 128;

interface Pending {
  readonly t: MThread;
  readonly move: Move;
  readonly hart: number;
  readonly now: number;
  readonly child: Child | undefined;
  readonly spent: MContext | undefined
}
/** A new thread's knowledge about itself. */
interface Child { thread: MThread | undefined }

export class Director implements Oracle {
  readonly world = new World(this);
  readonly machine: FakeMachine;
  readonly kernel: Kernel;
  readonly harts: number;
  readonly #moves: Moves;
  readonly #compare: Compare;
  readonly #kernelOf = new Map<MObject, KernelObject>();
  readonly #current: number[];
  /** By hart: the context whose slice ended in the last call, and who of the same priority waited for the hart then. */
  readonly #spent: ({ readonly context: MContext; readonly equals: readonly MContext[] } | undefined)[];
  #pending: Pending | undefined;
  #over = false;
  failure: unknown;
  /** Steps taken, and the model's idea of time in the call that is made now. */
  steps = 0;
  #now = 0;
  readonly root: { factory: MFactory; task: MTask; thread: MThread };

  constructor(steps: readonly number[], harts: number) {
    this.harts = harts;
    this.#current = new Array<number>(harts).fill(0);
    this.#spent = new Array<undefined>(harts).fill(undefined);
    this.machine = new FakeMachine(16 * 2 ** 20, harts, true);
    this.machine.onWake = hart => this.#guard(() => { this.#flush(); this.world.expire(hart.id, hart.cycles); });
    const child: Child = { thread: undefined };
    const { machine } = this, root = entryOf(this.#body(child));
    this.kernel = machine.kernel = new Kernel({ machine, root, kernelMemory: KERNEL_MEMORY });
    this.root = this.#boot();
    child.thread = this.root.thread;
    this.#moves = new Moves(this.root, steps, harts);
    this.#compare = new Compare(this.world, this.kernel, this.#kernelOf);
  }

  /** Runs until the steps are used up. @throws the first difference. */
  run(): void {
    this.machine.run(10_000_000);
    if (this.failure) throw this.failure;
    if (!this.#over && this.root.thread.state !== 'dead') throw new Error(`the machine came to rest after ${this.steps} steps`);
    this.kernel.counters.longestStretch = 0; // threads burn time in one piece here
    const wrong = audit(this.kernel);
    if (wrong.length > 0) throw new Error(`audit: ${wrong.slice(0, 4).join('; ')}`);
  }

  // ---- the model's queries ---------------------------------------------------------------------------------------------

  now(): number { return this.#now; }
  currentPriority(hart: number): number { return this.#current[hart]; }
  saysNoQuota(thread: MThread, bytes: number, factories: readonly MFactory[]): boolean {
    if ((this.#kernelOf.get(thread) as Thread).status !== Status.noQuota) return false;
    const free = factories.map(f => (this.#kernelOf.get(f) as Factory).free);
    if (Math.min(...free) >= 2 * bytes) throw new Error(`noQuota for ${bytes} bytes, with ${free.join(' and ')} left`);
    return true;
  }

  /** Only who has little left may leave a superpage whole. */
  poverty(from: MTask, to: MTask): Poverty {
    const frame = (t: MTask, va: number): number => walk((this.#kernelOf.get(t) as Task).space, va)?.pa ?? 0;
    return {
      stays: (_, va, of) => frame(to, va) !== of && frame(to, va) !== 0 && this.#compare.poor(to),
      keeps: (_, va, of) => frame(from, va) === of && this.#compare.poor(from),
    };
  }

  // ---- the kernel's threads ------------------------------------------------------------------------------------

  #body(child: Child): ThreadBody {
    const next = (sys: Syscalls, status: number): IpcRequest => this.#next(child.thread!, sys, status);
    return function* (sys) { for (let status = 0; ;) status = yield next(sys, status); };
  }

  /** The kernel has let `thread` run. */
  #next(thread: MThread, sys: Syscalls, status: number): IpcRequest {
    const idle = (): IpcRequest => sys.ipc(IpcFlag.receive, 0);
    if (this.#over) return idle();
    let move: Move | undefined;
    this.#guard(() => {
      this.#flush();
      const hart = this.kernel.cpu.id;
      this.#compare.all();
      this.#mayRun(thread, hart);
      if (thread.begun) this.#compare.result(thread, sys.utcb, status);
      thread.begun = true;
      for (const cpu of this.kernel.cpus) this.#current[cpu.id] = cpu.current?.priority ?? 0;
      move = this.#moves.next(thread);
    });
    if (!move || this.failure) { this.#over = true; return idle(); }
    return this.#make(thread, sys, move);
  }

  /** Burns the time, and makes the call. */
  #make(thread: MThread, sys: Syscalls, move: Move): IpcRequest {
    const { cpu } = this.kernel, hart = this.machine.harts[cpu.id], context = this.#modelOf(cpu.current!) as MContext,
      child: Child | undefined = move.request.body ? { thread: undefined } : undefined;
    this.steps++;
    hart.cycles += move.burn;
    thread.consumed += move.burn;
    context.consumed += move.burn;
    context.used += move.burn;
    // (new parameters, a new place)
    const spent = context.used >= context.slice && move.request.message.label !== Ops.schedContext.set.label ? context : undefined;
    if (context.used >= context.slice) context.used = 0;
    this.#pending = { t: thread, move, hart: cpu.id, now: hart.cycles, child, spent };
    (this.#kernelOf.get(thread) as Thread).status = Status.ok; // its next status is new
    if (move.crash) throw new MemoryFault(0x123, 'read');
    const { request } = move, utcb = sys.utcb;
    request.message.words.forEach((w, i) => utcb.setWord(i, w));
    request.message.items.forEach((item, i) => utcb.setItem(i, item.flexpage, item.dest, item.flags));
    utcb.setTag(request.message.label, request.message.words.length, request.message.items.length);
    utcb.mtd = 0;
    utcb.window = request.window;
    utcb.capWindow = request.capWindow;
    const asked = sys.ipc(request.flags, request.cap, request.sendTimeout, request.receiveTimeout);
    asked.body = child && entryOf(this.#body(child));
    return asked;
  }

  /** The model does what the kernel has just done. */
  #flush(): void {
    const pending = this.#pending;
    if (!pending) return;
    this.#pending = undefined;
    this.#now = pending.now;
    if (pending.move.crash) crash(this.world, pending.t);
    else systemCall(this.world, pending.t, pending.move.request);
    this.#noteBeginners(); // (before a time-out that the call has outlasted cuts the chain)
    this.world.expire(pending.hart, pending.now);
    this.#noteBeginners();
    this.#link(pending.child);
    this.#spent.fill(undefined); // this call may have moved any thread of another hart to the end of its queue
    const { spent, hart } = pending;
    this.#spent[hart] =
      spent && { context: spent, equals: this.#couldRun(hart).filter(other => other !== spent && other.priority === spent.priority) };
  }
  /** Threads without a context that are at the end of somebody's chain may begin, on lent time. */
  #noteBeginners(): void {
    for (const object of this.world.objects) {
      const end = object.kind === 'schedContext' && object.thread && this.world.endOfChain(object.thread);
      if (end && end.state === 'inactive' && !end.context) end.mayBegin = true;
    }
  }
  /** Finds the kernel's objects of what is new in the model. */
  #link(child: Child | undefined): void {
    for (const object of this.world.objects) {
      if (this.#kernelOf.has(object)) continue;
      const [cap] = object.caps, found = (this.#kernelOf.get(cap.task) as Task).caps.lookup(cap.sel);
      if (!found) throw new Error(`the kernel has not made a ${object.kind} at selector ${cap.sel}`);
      this.#kernelOf.set(object, found.object);
      if (object.kind === 'thread' && child) child.thread = object;
    }
    if (this.#kernelOf.size <= this.world.objects.size + 64) return;
    for (const object of this.#kernelOf.keys()) if (object.dead) this.#kernelOf.delete(object);
  }
  #modelOf(object: KernelObject): MObject {
    for (const [model, known] of this.#kernelOf) if (known === object) return model;
    throw new Error(`object ${object.id} is not in the model`);
  }

  /** The context that runs must be one of the highest priority of those that could, and its time must go to this thread. */
  #mayRun(thread: MThread, hart: number): void {
    const { current } = this.kernel.cpu;
    if (!current) throw new Error(`${name(thread)} runs on nobody's time`);
    const context = this.#modelOf(current) as MContext, spent = this.#spent[hart],
      end = context.thread && this.world.endOfChain(context.thread);
    this.#spent[hart] = undefined;
    if (end !== thread || thread.state !== 'ready' || thread.cpu !== hart)
      throw new Error(`${name(thread)}, ${thread.state} on hart ${thread.cpu}, runs on hart ${hart} `
        + `by a context of ${name(context.thread)} that ends at ${name(end)}`);
    if (current.left <= 0) throw new Error(`${name(thread)} runs without time`);
    if (context.limited) return;
    const could = this.#couldRun(hart),
      better = could.find(c => c.priority > context.priority)
        ?? (spent?.context === context ? could.find(c => spent.equals.includes(c) && c.priority === context.priority) : undefined);
    if (better)
      throw new Error(`${name(thread)} runs at priority ${context.priority}, not ${name(this.world.endOfChain(better.thread!))} at `
        + `${better.priority} (${this.#where(better)})`);
  }
  /** Another hart has been told to let go of it, and has not come into the kernel yet. */
  #onItsWay(context: MContext, hart: number): boolean {
    const { cpu } = this.#kernelOf.get(context) as SchedContext;
    return cpu !== undefined && cpu.id !== hart && cpu.reschedule;
  }
  #where(context: MContext): string {
    const { place, cpu, behind, left } = this.#kernelOf.get(context) as SchedContext;
    return `place ${place}, hart ${cpu?.id}, behind ${behind?.id}, ${left} left`;
  }
  /** Contexts whose time goes to a thread that is ready on this hart (but for those that may have used up a budget). */
  #couldRun(hart: number): MContext[] {
    const all: MContext[] = [];
    for (const object of this.world.objects) {
      const end = object.kind === 'schedContext' && !object.limited && object.thread && this.world.endOfChain(object.thread);
      if (end && end.state === 'ready' && end.cpu === hart && !this.#onItsWay(object as MContext, hart)) all.push(object as MContext);
    }
    return all;
  }

  #guard(body: () => void): void {
    if (this.failure) return;
    try { body(); } catch (error) {
      this.failure = new Error(`step ${this.steps}${this.#moves?.last ? ` (after ${this.#moves.last})` : ''}: `
        + `${error instanceof Error ? error.message : String(error)}`,
        { cause: error });
      this.#over = true;
    }
  }

  // ---- boot ------------------------------------------------------------------------------------------------------------

  /** The model of what the kernel makes at boot (only the first task's memory at RAM takes part). */
  #boot(): Director['root'] {
    const { world, kernel } = this, { root } = kernel, at = (sel: number): KernelObject => root.task.caps.lookup(sel)!.object;
    const factory = world.make<MFactory>({
      kind: 'factory', factory: undefined, bytes: root.factory.bytes, limit: root.factory.limit, highest: 255,
      harts: Array.from({ length: 32 }, (_, h) => h < this.harts)
    });
    const task = world.make<MTask>({
      kind: 'task', factory, bytes: root.task.bytes, slots: new Map(), chunks: new Set(), pages: new Map(), guest: false, levels: 3
    });
    const thread = world.makeThread(factory, task, 0, at(Initial.thread).bytes),
      context = world.make<MContext>({
        kind: 'schedContext', factory, bytes: at(Initial.schedContext).bytes, priority: 250, thread, consumed: 0, limited: false,
        slice: 10_000_000, used: 0
      });
    const put = (sel: number, object: MObject): void => {
      world.putCap(task, sel, object, 7, undefined);
      this.#kernelOf.set(object, at(sel));
    };
    put(Initial.factory, factory);
    put(Initial.task, task);
    put(Initial.thread, thread);
    put(Initial.schedContext, context);
    for (let line = 1; line < LINES; line++) {
      const interrupt = world.make<MSemaphore>({
        kind: 'semaphore', factory, bytes: at(Initial.irqBase + line).bytes, count: 0, waiters: []
      });
      put(Initial.irqBase + line, interrupt);
      world.objects.delete(interrupt); // nobody uses them here: they need not be looked at each time
    }
    thread.context = context;
    thread.state = 'ready';
    world.give(task, RAM, RAM_BYTES);
    return { factory, task, thread };
  }
}

const name = (t: MThread | undefined): string => t ? `thread at ${[...t.caps].map(c => c.sel).join('/')}` : 'nobody';
