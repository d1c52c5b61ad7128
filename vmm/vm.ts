/**
 * One run of a virtual machine, from its first instruction to its end: the task with its memory, its vCPUs, its devices. A reboot ends one
 * Vm and starts another in the same guest memory.
 */
import { Plic } from '../hardware/chips/plic.ts';
import type { VirtioModel } from '../hardware/chips/virtio/model.ts';
import { CapRight, Mtd, NEVER, Ops, Own, Right, capPage, memoryPage, type Sys } from '../microkernel/abi/index.ts';
import { flexpages, type Syscalls } from '../binding/index.ts';
import { type Result, type Spawned, bad, good, spawn, nameIt } from '../roottask/client/index.ts';
import { type BoardDevice, SOURCES, buildBus } from './board.ts';
import { Clock } from './clock.ts';
import { techniques } from './cpu/techniques.ts';
import { CHANGING } from './dispatcher.ts';
import type { Technique, VirtualCpu } from './cpu/virtual-cpu.ts';
import { ExitControl } from './control.ts';
import type { Bus } from './devices/bus.ts';
import type { VmEnding } from './ending.ts';
import type { Selectors } from './memory/shadow.ts';
import type { ShadowMmu } from './memory/shadow-mmu.ts';
import { TracedTables } from './memory/traced.ts';
import type { CodeRights, GuestCode, Hands } from './translate/guest-code.ts';
import { KernelCode, type Translation } from './translate/kernel-code.ts';
import { ListedCode, type ListedSites } from './translate/listed.ts';
import { ScannedCode, sayCounts } from './translate/scanned.ts';
import type { Stubs } from './translate/stubs.ts';
import { CodeWithPrograms, RightsWithPrograms } from './translate/with-programs.ts';
import { Portals } from './portals.ts';
import { hasGuestTimer } from './processor.ts';
import type { GuestRam } from './ram.ts';
import { Sbi } from './sbi/extensions.ts';
import type { SbiMachine } from './sbi/sbi.ts';
import type { Characters } from './streams.ts';
import type { Surroundings } from './surroundings.ts';
import type { Work } from './work.ts';

const PAGE = 4096;

/** Selectors of what runs a vCPU's code: thread and context, created again at each start; portals with their events. */
interface Body {
  readonly guest: number;
  readonly context: number;
  readonly space: number;
  readonly hart: number;
  readonly portals: (readonly [portal: number, events: number])[];
}

export class Vm implements SbiMachine {
  readonly ram: GuestRam;
  readonly console: Characters;
  readonly work: Work;
  readonly sbi: Sbi;
  readonly bus: Bus;
  readonly cpus: VirtualCpu[] = [];
  /** The guest's page tables, where they are traced. */
  readonly tables: TracedTables | undefined;
  /** Information about the guest's code, where it is scanned before it runs. */
  readonly translation: Translation | undefined;
  readonly #around: Surroundings;
  readonly #technique: Technique;
  readonly #task: number;
  readonly #servers: Spawned[] = [];
  readonly #selectors: number[] = [];
  readonly #bodies: Body[] = [];
  #ending: VmEnding | undefined;
  #waiting = 0;

  constructor(around: Surroundings, rows: readonly BoardDevice[], models: readonly VirtioModel[]) {
    this.#around = around;
    this.exits = new ExitControl(around.options.exits);
    this.#technique = techniques[around.options.virt];
    this.ram = around.ram;
    this.console = around.console;
    this.work = around.work;
    this.#task = this.#selector();
    const { portals } = around.options, ways = portals.length > 0 ? new Portals(around.env, around.ram, around.work, portals) : undefined;
    this.sbi = new Sbi(ways);
    this.tables = around.options.shadow === 'traced' ? this.#trace() : undefined;
    const { virt } = around.options, looks = virt === 'patch' || (virt === 'pre' && around.env.processor.leaks);
    this.translation = looks ? this.#translate(virt === 'patch' ? this.stubs : undefined) : undefined;
    this.stubs?.reset(around.options.smp);
    if (around.sites) this.#guard(around.sites);
    // A VM has no M mode: its contexts are registers only.
    const plic = new Plic(around.options.smp, SOURCES, (context, level) => {
      if (context % 2 === 1) this.cpus[context >> 1].setExternal(level);
    });
    this.bus = buildBus(rows,
      { ram: around.ram, plic, console: around.console, clock: around.clock, date: around.options.date, portals: ways,
        end: (how) => this.end(how) },
      models);
  }

  /** … and pages with stubs, which lose them. */
  #guard(sites: ListedSites): void {
    const others = (this.tables ?? this.translation) && this.ram.onWrite;
    this.ram.onWrite = (gpa, length) => {
      sites.overwritten(gpa, length);
      others?.(gpa, length);
    };
  }
  /** Devices ignore write protection, so a page they write is no longer a traced table. Stores that the monitor performs do not count. */
  #trace(): TracedTables {
    const tables = new TracedTables();
    this.ram.onWrite = (gpa, length) => {
      for (let page = gpa - (gpa % PAGE); page < gpa + length;
        page += PAGE) if (!tables.storing && tables.has(page)) this.work.errand((sys) => this.cpus[0]!.written!(sys, page));
    };
    return tables;
  }

  /** … nor scanned code. */
  #translate(stubs: Stubs | undefined): Translation {
    const others = this.tables && this.ram.onWrite;
    const code = new ScannedCode(this.ram, this.#around.options.patches, this.#around.env.processor.leaks);
    this.ram.onWrite = (gpa, length) => {
      for (const { gpa: page } of code.overwritten(gpa, length))
        this.work.errand((sys) => sys.must(Own.task, Ops.task.unmap, [memoryPage(this.ram.va(page, PAGE), 12, Right.X), 0]));
      others?.(gpa, length);
    };
    this.#around.copies.reset();
    return { code, copies: this.#around.copies, stubs };
  }
  /** Where hot sites go to, if they do; what is looked ahead in must be the guest's own. */
  get stubs(): Stubs | undefined { return this.lookAhead ? undefined : this.#around.stubs; }
  /** What may be done with pages of code. */
  get codeRights(): CodeRights | undefined {
    const { sites } = this.#around;
    return sites && this.translation ? new RightsWithPrograms(sites, this.translation.code) : this.translation?.code ?? sites;
  }

  /** … for one of its processors. */
  codeFor(mmu: ShadowMmu, hands: Hands): GuestCode | undefined {
    const { sites } = this.#around;
    const scanned = this.translation && new KernelCode(this.translation, mmu, this.ram, hands);
    const listed = sites && new ListedCode(sites, this.ram, this.siteCounts, mmu, hands, this.stubs);
    return listed && scanned ? new CodeWithPrograms(listed, scanned, this.translation!.code, hands.view) : scanned ?? listed;
  }
  readonly siteCounts = { siteTraps: 0 };
  /** Of the cache of decoded instructions that looking ahead uses. */
  readonly decoded = { found: 0, missed: 0 };
  /** Figures about replaced instructions, as text; '' without any. */
  get codeSaid(): string {
    const { sites } = this.#around, stubs = this.stubs ? `; ${this.stubs.count} stubs` : '';
    const { found, missed } = this.decoded, asked = found + missed;
    const cache = asked === 0 ? '' : `; ${found} of ${asked} instructions found decoded (${(found / asked * 100).toFixed(1)} %)`;
    if (sites) return `${sites.size} sites rewritten, ${this.siteCounts.siteTraps} breakpoints${stubs}`;
    return this.translation ? sayCounts(this.translation.code.counts) + stubs + cache : '';
  }

  get ended(): boolean { return this.#ending !== undefined; }
  get ending(): VmEnding | undefined { return this.#ending; }
  /** Only the first call counts. */
  end(how: VmEnding): void {
    this.#ending ??= how;
    this.work.signal(this.#around.endSemaphore);
  }

  /** Selectors for objects that virtual processors create and release. */
  get selectors(): Selectors {
    const { env } = this.#around;
    return { take: () => env.selector(), free: (selector) => { env.freeSelector(selector); },
      name: (sys, task, text) => nameIt(sys, task, Ops.task.name, `${env.name} ${text}`) };
  }
  /** Exits carry all state, whatever their cause needs. */
  /** The enabled optional exits. */
  readonly exits: ExitControl;
  get movesAll(): boolean { return this.#around.options.fullState; }
  get lookAhead(): boolean {
    const { lookAhead, virt, patches } = this.#around.options;
    return lookAhead || (virt === 'patch' && patches === 'cache');
  }
  get comparesCode(): boolean { return !this.#around.options.believesCode; }
  get isa(): string { return this.#around.options.isa; }
  /** Every hart drops its cached translations and code of this VM. */
  readonly fence = (sys: Syscalls): Sys<void> => sys.must(this.#task, Ops.task.fence, [0, 0]);

  /** Whether a terminal or a network is slower than the guest. */
  get crowded(): boolean {
    for (const outlet of this.work.busy) if (outlet.full) return true;
    return false;
  }
  /** Waits until they have taken all. A woken thread wakes the next one. */
  *waitForOutlets(sys: Syscalls): Sys<void> {
    this.#waiting++;
    while (this.crowded && !this.ended) {
      if (this.work.pending) yield* this.work.deliver(sys);
      yield* sys.down(this.#around.consoleSemaphore, Ops.semaphore.down, NEVER, 0);
    }
    if (--this.#waiting > 0) yield* sys.must(this.#around.consoleSemaphore, Ops.semaphore.up);
  }

  // ── create ──

  /** Makes task and vCPUs; they wait for `cpus[0].begin`. */
  *create(sys: Syscalls): Sys<Result<void>> {
    const { env, options } = this.#around;
    const made = yield* this.#createTask(sys, this.#task);
    if (!made.ok) return made;
    if (this.#technique.mapsAll) for (const { page, dest } of flexpages(this.#around.ramVa, this.ram.size, Right.RWX, this.ram.base)) {
      const status = yield* sys.invoke(this.#task, Ops.task.map, [0, page, dest, 0]);
      if (status !== 0) return bad(status, `${env.name}: guest memory`);
    }
    for (let i = 0; i < options.smp; i++) {
      const made = yield* this.#createVcpu(sys, i);
      if (!made.ok) return made;
    }
    return good(undefined);
  }

  *#createTask(sys: Syscalls, task: number): Sys<Result<void>> {
    const { env } = this.#around, { taskKind, name } = this.#technique;
    const status = yield* sys.invoke(Own.factory, Ops.factory.createTask, [task, taskKind]);
    if (status !== 0) return bad(status, `${env.name}: task for the guest`);
    yield* nameIt(sys, task, Ops.task.name, `${env.name} guest${taskKind === 0 ? ` by ${name}` : ''}`);
    return good(undefined);
  }

  *#createVcpu(sys: Syscalls, id: number): Sys<Result<void>> {
    const { env, options } = this.#around, hart = id % options.harts, wake = this.#selector(), guest = this.#selector(),
      context = this.#selector();
    const technique = this.#technique, space = technique.taskKind === 1 || id === 0 ? this.#task : this.#selector();
    if (space !== this.#task) {
      const task = yield* this.#createTask(sys, space);
      if (!task.ok) return task;
    }
    const vcpu = technique.create(id, this, guest, wake);
    this.cpus.push(vcpu);
    const server = yield* spawn(sys, env, (own) => vcpu.serve(own), { priority: env.priority, hart, name: `exits of vCPU ${id}` });
    if (!server.ok) return server;
    this.#servers.push(server.value);
    if (technique.needsAlarm || !hasGuestTimer(env.processor)) {
      const timer = yield* this.#spawnTimer(sys, vcpu, hart);
      if (!timer.ok) return timer;
    }
    const made = yield* sys.invoke(Own.factory, Ops.factory.createSemaphore, [wake, 0]);
    if (made !== 0) return bad(made, `${env.name}: vCPU ${id}`);
    const body: Body = { guest, context, space, hart, portals: [] };
    this.#bodies.push(body);
    for (const { cause, mtd: needed } of technique.exits) {
      const ahead = options.lookAhead && (needed & Mtd.exit) !== 0 ? technique.aheadNeeds : 0;
      const mtd = needed | ahead | (options.fullState ? CHANGING : 0), portal = this.#selector();
      const status = yield* sys.invoke(Own.factory, Ops.factory.createPortal, [portal, server.value.thread, cause, mtd]);
      if (status !== 0) return bad(status, `${env.name}: portals of vCPU ${id}`);
      body.portals.push([portal, 1 << cause]);
    }
    return yield* this.#embody(sys, id);
  }

  /** Makes the thread that runs a vCPU's code, and its context; it raises its first event. */
  *#embody(sys: Syscalls, id: number): Sys<Result<void>> {
    const { env, options } = this.#around, { guest, context, space, hart, portals } = this.#bodies[id], create = Ops.factory;
    const steps = [
      [Own.factory, create.createThread, [guest, space, this.#technique.threadFlags, 0, hart]],
      [Own.factory, create.createSchedContext, [context, options.priority, options.slice, options.period]],
      [guest, Ops.thread.bind, [context]],
      ...portals.map((events) => [guest, Ops.thread.setEvents, events] as const),
    ] as const;
    for (const [cap, op, words] of steps) {
      const status = yield* sys.invoke(cap, op, words);
      if (status !== 0) return bad(status, `${env.name}: vCPU ${id}`);
    }
    yield* nameIt(sys, guest, Ops.thread.name, `${env.name} vCPU ${id}`);
    const status = yield* sys.invoke(guest, Ops.thread.start, [0, 0, 0]);
    return status === 0 ? good(undefined) : bad(status, `${env.name}: start of vCPU ${id}`);
  }

  /** The guest has stopped this vCPU: destroys thread and context. */
  *disembody(sys: Syscalls, id: number): Sys<void> {
    const { guest, context } = this.#bodies[id];
    yield* sys.invoke(guest, Ops.thread.kill);
    for (const selector of [guest, context]) yield* sys.invoke(Own.task, Ops.task.unmap, [capPage(selector, 0, CapRight.all), 1]);
  }
  /** The guest starts it again. If that is impossible, the VM ends. */
  *reembody(sys: Syscalls, id: number): Sys<void> {
    const made = yield* this.#embody(sys, id);
    if (!made.ok) this.end({ kind: 'stopped', why: `vCPU ${id} cannot be started again: ${made.what}` });
  }

  /** An alarm for a vCPU whose processor has none for guests. */
  *#spawnTimer(sys: Syscalls, vcpu: VirtualCpu, hart: number): Sys<Result<void>> {
    const { env } = this.#around, semaphore = this.#selector(), clock = new Clock(() => sys.now(), this.work, semaphore);
    const status = yield* sys.invoke(Own.factory, Ops.factory.createSemaphore, [semaphore, 0]);
    if (status !== 0) return bad(status, `${env.name}: timer of vCPU ${vcpu.id}`);
    const thread = yield* spawn(sys, env, (own) => clock.run(own), { priority: env.priority, hart, name: `timer of vCPU ${vcpu.id}` });
    if (!thread.ok) return thread;
    this.#servers.push(thread.value);
    vcpu.useAlarm(clock);
    return good(undefined);
  }

  // ── destroy ──

  /** Destroys everything that `create` made. The guest's threads end first, then those that answer them. */
  *destroy(sys: Syscalls): Sys<void> {
    const { env } = this.#around;
    for (const { guest } of this.cpus) yield* sys.invoke(guest, Ops.thread.kill);
    for (const { thread, context } of this.#servers) {
      yield* sys.invoke(thread, Ops.thread.kill);
      for (const selector of [thread, context]) if (selector !== undefined) this.#selectors.push(selector);
    }
    for (const cpu of this.cpus) if (cpu.release) yield* cpu.release(sys);
    this.bus.reset();
    yield* this.work.deliver(sys);
    for (const selector of this.#selectors.reverse()) {
      yield* sys.invoke(Own.task, Ops.task.unmap, [capPage(selector, 0, CapRight.all), 1]);
      env.freeSelector(selector);
    }
  }

  #selector(): number {
    const selector = this.#around.env.selector();
    this.#selectors.push(selector);
    return selector;
  }
}
