/**
 * The kernel: the HS-mode software of a hosted machine. It runs when a hart traps or wakes, handles the cause, and returns to
 * user level; TypeScript threads run inside this loop.
 *
 * Construction boots it (boot.ts); after that everything happens in `trap` and `wake`. What parts below call is explained in core.ts.
 */
import type { Bus, HartApi, PhysicalMemory, Supervisor } from '../machine/api.ts';
import { Kind } from './abi/index.ts';
import { boot, type KernelOptions } from './boot.ts';
import type { Core } from './core.ts';
import { COSTS } from './costs.ts';
import { Counters } from './counters.ts';
import type { Factory } from './objects/factory.ts';
import type { Frames } from './frames.ts';
import { fastIpc } from './entry/fastipc.ts';
import { fastSystemCall } from './entry/fastpath.ts';
import { Asids } from './mem/asids.ts';
import type { Space } from './mem/space.ts';
import { ThreadState, type KernelObject } from './objects/object.ts';
import { Task } from './objects/task.ts';
import { Thread } from './objects/thread.ts';
import { Cpu, runningOn } from './sched/cpu.ts';
import { TURN, pay, runOff } from './sched/debt.ts';
import { account } from './sched/place.ts';
import { arm, choose, tick } from './sched/scheduler.ts';
import { step } from './entry/server.ts';
import { TraceRing } from './trace-ring.ts';
import { Interrupts } from './entry/interrupts.ts';
import { resume } from './entry/resume.ts';
import { handleTrap } from './entry/trap.ts';

export class Kernel implements Supervisor, Core {
  readonly memory: PhysicalMemory;
  readonly bus: Bus;
  readonly counters = new Counters();
  readonly trace: TraceRing;
  readonly interrupts: Interrupts;
  readonly cpus: readonly Cpu[];
  readonly log: (line: string) => void;
  /** Off: everything takes the general path (for comparison; only host time differs). */
  readonly fastpath: boolean;
  crashes = 0;
  cpu: Cpu;
  frames!: Frames;
  root!: { factory: Factory; task: Task };
  readonly fences: Space[] = [];
  /** Objects that have lost their last capability. */
  readonly #doomed: KernelObject[] = [];
  /** Work of the current operation, and its thread. */
  #owed = 0;
  #payer: Thread | undefined;
  readonly asids = new Asids(0xffff);
  readonly vmids = new Asids(0x3fff);
  #ids = 0;
  readonly tasks = new Set<Task>();

  /** @throws RangeError when the RAM does not hold kernel memory and modules. */
  constructor(options: KernelOptions) {
    const { machine } = options;
    this.memory = machine.memory;
    this.bus = machine.bus;
    this.log = options.log ?? (() => {});
    this.fastpath = options.fastpath ?? true;
    this.trace = new TraceRing(options.trace, options.watch?.(this));
    this.cpus = machine.harts.map(h => new Cpu(h, options.guestState !== 'copied'));
    this.cpu = this.cpus[0];
    this.interrupts = new Interrupts(this);
    boot(this, options);
  }

  trap(hart: HartApi): void {
    const cpu = this.cpu = this.cpus[hart.id], thread = cpu.running;
    cpu.entered = hart.cycles;
    if (!thread) return this.#run(cpu);
    if (this.fastpath && fastIpc(this, cpu, thread)) return this.#left(cpu);
    if (!this.fastpath || !fastSystemCall(this, cpu, thread)) handleTrap(this, cpu, thread);
    else if (cpu.running === thread) return this.#left(cpu); // both directions
    this.settle();
    this.#run(cpu);
  }

  wake(hart: HartApi): void {
    const cpu = this.cpu = this.cpus[hart.id];
    cpu.entered = cpu.since = hart.cycles; // idle time is nobody's
    this.interrupts.claimAll(cpu);
    tick(this, cpu);
    this.settle();
    cpu.reschedule = true;
    this.#run(cpu);
  }

  /** Until a RISC-V thread runs, there is nothing to do, or this turn is over. */
  #run(cpu: Cpu): void {
    const { hart } = cpu;
    for (;;) {
      let thread = cpu.running;
      if (cpu.armed >= 0 && hart.cycles >= cpu.armed) tick(this, cpu);
      if (cpu.reschedule || !thread || thread.state !== ThreadState.ready) {
        thread = choose(this, cpu);
        if (!thread) {
          arm(cpu);
          if (hart.cycles >= cpu.armed) continue;
          this.#left(cpu);
          return hart.idle();
        }
      }
      if (thread.body || thread.debt > 0) {
        arm(cpu); // a deadline ends its turn
        if (hart.cycles >= cpu.armed) continue;
        if (hart.cycles - cpu.entered >= TURN && this.#pause(cpu)) return;
        if (thread.debt > 0) runOff(cpu, thread);
        else step(this, cpu, thread);
      } else if (resume(this, cpu, thread)) return this.#left(cpu);
    }
  }

  /** The machine has its turn (events, other harts), then this hart resumes. False: nothing is due there, and the next turn begins. */
  #pause(cpu: Cpu): boolean {
    const { hart } = cpu, { cycles } = hart;
    this.#left(cpu);
    account(cpu);
    cpu.entered = cycles;
    if (hart.undisturbed) return false;
    hart.setTimer(cpu.armed = cycles);
    hart.idle();
    return true;
  }

  /** Time from the kernel's entry to here, without interrupts. */
  #left(cpu: Cpu): void { this.counters.longestStretch = Math.max(this.counters.longestStretch, cpu.hart.cycles - cpu.entered); }

  charge(cycles: number): void { this.cpu.hart.charge(cycles); }
  work(cycles: number): void {
    if (this.#owed === 0) this.#payer = this.cpu.running;
    this.#owed += cycles;
  }

  settle(): void {
    for (let object = this.#doomed.pop(); object; object = this.#doomed.pop()) if (!object.derived.first) this.destroy(object);
    for (let space = this.fences.pop(); space; space = this.fences.pop()) space.fence();
    if (this.#owed > 0) pay(this.cpu, this.#payer, this.#owed);
    this.#owed = 0;
  }

  newId(): number { return ++this.#ids; }

  created(object: KernelObject): void {
    if (!(object instanceof Task) && !(object instanceof Thread)) object.factory?.charge(object.bytes);
    object.factory?.objects.add(object);
    this.trace.note(this.cpu, Kind.create, runningOn(this.cpu), object.id, 0, object.kind, 0, object.bytes);
  }

  doom(object: KernelObject): void { if (!object.dead) this.#doomed.push(object); }

  destroy(object: KernelObject): void {
    if (object.dead) return;
    object.dead = true;
    for (let cap = object.derived.first; cap; cap = object.derived.first) cap.space.remove(this, cap);
    object.teardown(this);
    object.factory?.release(object);
    this.work(COSTS.object);
    // (a thread's end was its death)
    if (!(object instanceof Thread)) this.trace.note(this.cpu, Kind.destroy, runningOn(this.cpu), object.id, 0, object.kind);
  }
}
