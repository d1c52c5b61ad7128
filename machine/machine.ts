/**
 * The machine: memory, harts, engine, bus, events, and the loop that lets virtual time pass.
 *
 *   const machine = new Machine({ memoryBytes: 256 << 20, harts: 1 });
 *   machine.attach(0x1000_0000, uart);
 *   machine.reset(0x8000_0000, deviceTree);
 *   for (;;) { const reason = machine.run({ maxCycles: 10_000_000 }); … }
 *
 * Time. A round lasts until the end of a quantum or the next event, whichever is first; every hart runs to that cycle, one after the other.
 * When all harts wait, time jumps to the next event. Nothing else advances time, so a run is a function of memory, devices and `input`.
 */
import type { StopReason, Supervisor } from './api.ts';
import { Barren } from './barren.ts';
import { AddressBus } from './bus.ts';
import { isaOf } from './board/isa.ts';
import { BASE, type CpuModel } from './cpu/switch.ts';
import type { DebugHooks } from './debug/hooks.ts';
import type { Device, DeviceContext, IrqLine } from './devices/device.ts';
import type { HartIrq, HartWires, TickClock } from './devices/wires.ts';
import { createEngine } from './engine/engine.ts';
import type { EngineSide } from './engine/port.ts';
import type { Profiler } from './engine/profile.ts';
import { Events } from './events.ts';
import type { Clock } from './events.ts';
import type { Firmware, FirmwareHost } from './firmware/host.ts';
import { IP } from './hart/bits.ts';
import type { Contexts } from './hart/contexts.ts';
import { TlbPool } from './hart/tlb-pool.ts';
import { featuresOf, HART_EXTENSIONS } from './hart/features.ts';
import type { Features } from './hart/features.ts';
import { Hart } from './hart/hart.ts';
import type { HartHost } from './hart/host.ts';
import { deliverInterrupt, wakePending } from './hart/interrupts.ts';
import { hartSide } from './hart/slow.ts';
import { C } from './hart/slots.ts';
import { endStep } from './hart/step.ts';
import { CYCLES_PER_TICK } from './hart/timers.ts';
import { FULL_ISA } from '../hardware/isa/table.ts';
import { Linear } from './linear.ts';
import { Ram } from './memory.ts';
import type { MachineOptions, RunLimits, RunResult } from './options.ts';
import { Spin } from './spin.ts';

export type { MachineOptions, RunLimits, RunResult } from './options.ts';

const DEFAULT_QUANTUM = 10_000;
const LONE_QUANTUM = 100_000;
const SATP_MODE = { sv39: 8, sv48: 9, sv57: 10 } as const;

export class Machine implements HartHost, HartWires, TickClock, FirmwareHost {
  readonly linear: Linear;
  readonly features: Features;
  readonly model: CpuModel;
  readonly memory: Ram;
  readonly bus = new AddressBus();
  readonly events: Events;
  readonly engine: EngineSide;
  readonly tlbs: TlbPool;
  readonly harts: readonly Hart[];
  /** One for each hart; none for a single hart, because no other hart could use its time. */
  readonly #spins: readonly Spin[];
  readonly hostedMode: number;
  readonly quantum: number;
  firmware: Firmware | undefined;
  /** The attached profiler. */
  profiler: Profiler | undefined;

  /** Cycle at which the present round began, and at which it will end. */
  #round = 0;
  #end = 0;
  #running: Hart | undefined;
  #first = 0;
  #supervisor: Supervisor | undefined;
  #reason: StopReason | undefined;
  #lastTick = 0;
  /** The value written to mtime minus its value before. */
  #tickOffset = 0;
  #debug: DebugHooks | undefined;
  readonly #barren: Barren;
  /** A round that a debugger interrupted; resume it at this hart. */
  #interrupted: { readonly first: number; readonly turn: number } | undefined;
  readonly #inputs: (() => void)[] = [];
  /** The round at which nothing was left to do. */
  #idleAt = -1;

  /** @throws RangeError when memory or harts are out of range; Error when the ISA string is not understood. */
  constructor(options: MachineOptions) {
    const count = options.harts ?? 1;
    this.model = options.cpu ?? BASE;
    const isa = isaOf(this.model, options.isa ?? `${FULL_ISA}_${HART_EXTENSIONS}`);
    this.features = featuresOf(isa);
    this.linear = new Linear(options.memoryBytes, count);
    const scheduled = (cycle: number): void => this.#scheduled(cycle);
    this.events = new Events(clock(this, scheduled));
    this.tlbs = new TlbPool(this.linear);
    this.hostedMode = SATP_MODE[options.hostedMode ?? 'sv39'];
    this.quantum = options.quantum ?? (count === 1 ? LONE_QUANTUM : DEFAULT_QUANTUM);
    this.harts = Array.from({ length: count }, (_, id) => new Hart(id, this));
    this.#barren = new Barren(this.harts);
    this.#spins = count > 1 ? this.harts.map((h) => new Spin(h)) : [];
    this.engine = createEngine({
      memory: this.linear.memory, layout: this.linear.layout, hartSide: hartSide(this.harts), isa, tier: options.engine
    });
    this.memory = new Ram(this.linear, this.engine);
    // Bare harts are started by `reset` or by firmware; hosted ones wait for their supervisor.
    for (const hart of this.harts) hart.parked = true;
    this.supervisor = options.supervisor;
  }

  get supervisor(): Supervisor | undefined { return this.#supervisor; }

  /** Gives HS mode to this supervisor; harts without one before start in the state that firmware would leave, and wait. */
  set supervisor(supervisor: Supervisor | undefined) {
    if (this.#supervisor === undefined && supervisor !== undefined) {
      for (const hart of this.harts) {
        hart.presetForSupervisor();
        hart.parked = false;
        hart.waiting = true;
      }
    }
    this.#supervisor = supervisor;
  }

  get debug(): DebugHooks | undefined { return this.#debug; }

  /** Attaches or removes the debugger. */
  set debug(debug: DebugHooks | undefined) {
    this.#debug = debug;
    this.tlbs.watcher = debug;
  }

  // ---- the board ---------------------------------------------------------------------------------------------------

  /** Puts a device at a physical address. @throws Error when the window is taken. */
  attach(base: number, device: Device): void { this.bus.attach(base, device); }

  /** The environment for devices; `irq` comes from the interrupt controller. */
  deviceContext(irq: (n: number) => IrqLine): DeviceContext {
    return { memory: this.memory, events: this.events, irq: (n = 0) => irq(n), stop: (reason) => this.stop(reason) };
  }

  /** The harts' interrupt inputs, for interrupt controllers. */
  get wires(): HartWires { return this; }
  get count(): number { return this.harts.length; }

  drive(hart: number, irq: HartIrq, level: boolean): void { this.harts[hart].drive(1 << irq, level); }
  get guestLines(): number { return this.model.guestLines; }
  driveGuest(hart: number, line: number, level: boolean): void { this.harts[hart].guestLines.drive(line, level); }
  pulse(hart: number, irq: HartIrq): void { this.setPending(hart, irq, true); }

  interruptRaised(hart: Hart): void {
    const running = this.#running;
    if (running === undefined) return;
    running.endSlice();
    // Calls another hart, which gets its turn soon.
    if (running !== hart) {
      this.#end = Math.min(this.#end, Math.max(running.cycles + 1, this.#round + 1));
      this.#first = hart.id;
    }
  }

  // ---- starting ----------------------------------------------------------------------------------------------------

  /** Bare: every hart from reset, in M mode at `pc`, with a0 = its number and a1 = the address of the device tree. */
  reset(pc: number, deviceTree = 0): void {
    for (const hart of this.harts) {
      hart.reset();
      hart.parked = hart.waiting = false;
      hart.pcNum = pc;
      hart.setNum(10, hart.id);
      hart.setNum(11, deviceTree);
    }
    this.bus.reset();
  }

  // ---- calls of the built-in firmware (FirmwareHost) --------------------------------------------------------------

  setPending(hart: number, bit: number, level: boolean): void {
    const target = this.harts[hart];
    const mask = 1 << bit;
    target.c[C.softPending] = level ? target.c[C.softPending] | mask : target.c[C.softPending] & ~mask;
    if (level) this.interruptRaised(target);
  }

  onlyFaults(hart: number): void { this.stop({ kind: 'onlyFaults', hart }); }

  park(hart: number): void {
    this.harts[hart].parked = true;
    if (this.#running === this.harts[hart]) this.harts[hart].endSlice();
  }

  start(hart: number, pc: bigint, opaque: bigint): void {
    const target = this.harts[hart];
    target.parked = target.waiting = false;
    target.sliceEnd = Math.max(target.sliceEnd, this.#round);
    target.pc = pc;
    target.setNum(10, hart);
    target.x[11] = BigInt.asIntN(64, opaque);
    target.setCsr(0x180, 0n);
    target.setCsr(0x100, target.csr(0x100) & ~2n);
    target.setMode(1, false);
  }

  wait(hart: number): void {
    if (!wakePending(this.harts[hart])) this.harts[hart].waiting = true;
  }

  waits(hart: number): boolean { return this.harts[hart].waiting; }

  // ---- time --------------------------------------------------------------------------------------------------------

  /** Virtual time in cycles: of the hart that runs, else of the round. */
  get now(): number { return this.#running?.cycles ?? this.#round; }

  ticks(): number {
    const ticks = Math.floor(this.now / CYCLES_PER_TICK) + this.#tickOffset;
    if (ticks > this.#lastTick) this.#lastTick = ticks;
    return this.#lastTick;
  }

  cycleOfTick(tick: number): number { return (tick - this.#tickOffset) * CYCLES_PER_TICK; }

  setTicks(tick: number): void {
    this.#tickOffset = tick - Math.floor(this.now / CYCLES_PER_TICK);
    this.#lastTick = tick;
    for (const hart of this.harts) hart.timers.clockChanged();
  }

  /** TLB misses and software fences of all harts. The misses of a run are reproducible within an engine tier, not between tiers. */
  get tlb(): Contexts['counts'] {
    const sum = { misses: 0, guestMisses: 0, vsWalks: 0, entries: 0, stageEntries: 0, fences: 0, guestFences: 0 };
    for (const { contexts: { counts } } of this.harts) for (const key of Object.keys(sum) as (keyof typeof sum)[]) sum[key] += counts[key];
    return sum;
  }

  get instructions(): number { return this.harts.reduce((n, h) => n + h.instret, 0); }

  /** Outside input: runs `action` between rounds, at a cycle that a recording can store. */
  input(action: () => void): void { this.#inputs.push(action); }

  /** Ends `run` as soon as the present slice is over. */
  stop(reason: StopReason = { kind: 'stopped' }): void {
    this.#reason ??= reason;
    this.#running?.endSlice();
  }

  /** Runs until something stops it. The machine can continue after any answer. */
  run({ maxInstructions = Infinity, maxCycles = Infinity }: RunLimits = {}): RunResult {
    const lastInstruction = maxInstructions === Infinity ? Infinity : this.instructions + maxInstructions;
    const lastCycle = this.#round + maxCycles;
    for (;;) {
      if (this.#interrupted === undefined) {
        // (before what is due at this cycle: input that enters now comes first, as it does in a replay)
        if (this.#round >= lastCycle && this.#reason === undefined) return { kind: 'yield' };
        this.#takeInputs();
        this.events.runDue(this.#round);
      }
      if (this.#reason !== undefined) return this.#takeReason();
      if (this.#interrupted !== undefined) {
        this.#runRound(lastInstruction);
        continue;
      }
      if (lastInstruction < Infinity && this.instructions >= lastInstruction) return { kind: 'instructions' };
      if (!this.#wake()) {
        const next = this.events.next;
        if (next === Infinity) {
          this.#idleAt = this.#round;
          if (this.#inputs.length > 0) continue;
          return { kind: 'deadlock' };
        }
        this.#round = Math.min(next, lastCycle);
        continue;
      }
      this.#runRound(lastInstruction);
      if (lastInstruction < Infinity && this.#barren.atRoundsEnd(this.instructions)) return { kind: 'instructions' };
    }
  }

  #takeReason(): StopReason {
    const reason = this.#reason!;
    this.#reason = undefined;
    return reason;
  }

  #takeInputs(): void {
    if (this.#inputs.length > 0 && this.#round === this.#idleAt) this.#round++; // what was due at that cycle is done
    while (this.#inputs.length > 0) this.#inputs.shift()!();
  }

  /** Wakes harts whose interrupt is now pending. Returns whether any hart can run. */
  #wake(): boolean {
    let any = false;
    for (const hart of this.harts) {
      if (hart.parked) continue;
      if (hart.waiting && wakePending(hart)) {
        hart.waiting = false;
        hart.woken = this.#supervisor !== undefined;
        hart.sliceEnd = Math.max(hart.sliceEnd, this.#round);
        if (hart.hpm.stale) hart.hpm.arm();
      }
      if (!hart.waiting) any = true;
    }
    return any;
  }

  #runRound(lastInstruction: number): void {
    const { first, turn } = this.#interrupted ?? this.#beginRound();
    this.#interrupted = undefined;
    const count = this.harts.length;
    for (let i = turn; i < count && this.#reason === undefined; i++) {
      const hart = this.harts[(first + i) % count];
      if (!hart.waiting && !hart.parked) this.#runHart(hart, lastInstruction);
      if (this.#hasReason('debug')) {
        this.#interrupted = { first, turn: i };
        return;
      }
    }
    this.#round = Math.max(this.#round, this.#reached());
  }

  #hasReason(kind: StopReason['kind']): boolean { return this.#reason?.kind === kind; }

  #beginRound(): { first: number; turn: number } {
    // Turns may be shorter where no other hart takes them: no result depends on it.
    const turn = this.profiler !== undefined && this.harts.length === 1 ? Math.min(this.profiler.period, this.quantum) : this.quantum;
    this.#end = Math.min(this.#round + turn, this.events.next);
    const first = this.#first;
    this.#first = 0;
    for (const spin of this.#spins) spin.beginTurn();
    return { first, turn: 0 };
  }

  /**
   * The cycle that time has reached: that of the slowest running hart, also when all were charged past the end of the round (but not past
   * the next event). When no hart runs: the end of the round, or only the last hart's cycle if a wake-up is already due, because that hart
   * resumes there. A round without progress still ends at its end, so a hart that sleeps in spite of its wake-up does not stop time.
   */
  #reached(): number {
    let slowest = Infinity;
    let last = this.#round;
    let due = false;
    for (const hart of this.harts) {
      last = Math.max(last, hart.sliceEnd);
      due ||= wakePending(hart);
      if (!hart.waiting && !hart.parked && this.#debug?.holds(hart) !== true) slowest = Math.min(slowest, hart.sliceEnd);
    }
    if (slowest < Infinity) return Math.min(slowest, Math.max(this.#end, this.events.next));
    return due && last > this.#round ? last : this.#end;
  }

  /** One hart to the end of the round (which may come nearer meanwhile), or until it waits. */
  #runHart(hart: Hart, lastInstruction: number): void {
    this.#running = hart;
    const debug = this.#debug;
    const spin = this.#spins[hart.id];
    let resumed = debug?.resumes(hart) ?? false;
    if (!resumed) hart.step.reservation = 0;
    while (hart.sliceEnd < this.#end && this.#reason === undefined) {
      const cycles = Math.min(this.#end - hart.sliceEnd, lastInstruction - this.instructions, debug?.begin(hart) ?? Infinity,
        spin?.limit ?? Infinity);
      if (cycles <= 0) break;
      hart.beginSlice(cycles);
      this.profiler?.begin(hart);
      let interrupted = false;
      if (hart.woken) this.#wakeHosted(hart);
      else interrupted = deliverInterrupt(hart);
      if (!hart.waiting && !hart.parked && !(interrupted && debug?.steps(hart) === true))
        this.engine.run(hart.id, resumed || spin?.looking === true);
      endStep(hart);
      this.profiler?.end(hart, hart.retired);
      hart.finishSlice();
      if (debug !== undefined) {
        debug.end(hart, interrupted);
        resumed = debug.resumes(hart);
      }
      if (hart.waiting || hart.parked) break;
      if (spin?.endSlice() === true) hart.sliceEnd = Math.max(hart.sliceEnd, this.#end);
    }
    this.#running = undefined;
  }

  #wakeHosted(hart: Hart): void {
    hart.woken = false;
    hart.drive(IP.SSI | IP.STI, false); // kick and setTimer are for one time
    this.#supervisor!.wake(hart);
  }

  /** A new event is the earliest: the running hart must not pass it. */
  #scheduled(cycle: number): void {
    this.#end = Math.min(this.#end, Math.max(cycle, this.#round + 1));
    this.#running?.shorten(cycle);
  }
}

function clock(machine: Machine, scheduled: (cycle: number) => void): Clock {
  return { get now() { return machine.now; }, scheduled };
}
