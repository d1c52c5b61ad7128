/**
 * A vCPU: a guest thread, and the monitor's thread that answers its events. The guest thread is stopped while its event has no answer, so a
 * vCPU that waits for an interrupt, or is stopped, simply has no answer yet.
 *
 *   stopped ── begin ──► handling ── answer ──► running ── event ──► handling
 *                        handling ── wfi ──► waiting ── interrupt ──► handling
 *
 * Interrupts reach the guest through hvip, which travels with every event and answer; a running vCPU is recalled to take a new one.
 */
import { IpcFlag, Mtd, NEVER, Ops, Resume, S, type Sys, type Utcb } from '../microkernel/abi/index.ts';
import type { Syscalls } from '../binding/index.ts';
import type { Alarm } from '../hardware/chips/ports.ts';
import { LookAhead } from './cpu/look-ahead.ts';
import { CHANGING, exitOf } from './dispatcher.ts';
import { MAY_LOOK_AHEAD, lookAhead } from './exits/ahead.ts';
import { RepeatedFaults } from './faults.ts';
import type { SbiCpu } from './sbi/sbi.ts';
import type { Vm } from './vm.ts';
import type { Attentive } from './work.ts';

/** Bits of hvip, and their distance from the enables in vsie. @spec priv 21.2.3 */
export const Hvip = { software: 1 << 2, timer: 1 << 6, external: 1 << 10 } as const;
const SHIFT = 1;
/** The `time` counter runs at 10 MHz; virtual time is in ns. */
export const NS_PER_TICK = 100;
const LATEST = 2 ** 53;

/** In place of groups: the event's thread has ended, and no thread waits for an answer. */
export const GONE = -1;

export class Vcpu implements SbiCpu, Attentive {
  readonly id: number;
  readonly vm: Vm;
  /** Selectors of the guest thread and of the semaphore that ends our waits. */
  readonly guest: number;
  readonly wake: number;
  readonly faults = new RepeatedFaults();
  sys!: Syscalls;
  utcb!: Utcb;
  /** The guest has put it to sleep. */
  suspended = false;
  #phase: 'stopped' | 'handling' | 'waiting' | 'running' = 'stopped';
  #external = false;
  #software = false;
  /** For a processor without a timer for guests: the monitor's alarm, and whether it has rung. */
  #alarm: Alarm | undefined;
  #rung = false;
  #start: { pc: bigint; opaque: bigint } | undefined;
  #started = false;
  readonly #ahead: LookAhead | undefined;

  constructor(id: number, vm: Vm, guest: number, wake: number) {
    this.id = id;
    this.vm = vm;
    this.guest = guest;
    this.wake = wake;
    this.#ahead = vm.lookAhead ? new LookAhead(vm.comparesCode) : undefined;
  }

  // ── for devices and SBI calls ──

  get started(): boolean { return this.#started; }
  raiseSoftware(): void { this.#software = true; this.vm.work.changed(this); }
  setExternal(level: boolean): void { this.#external = level; this.vm.work.changed(this); }
  /** Guests have no timer of their own here: this alarm replaces it. */
  useAlarm(alarm: Alarm): void { this.#alarm = alarm; }
  /** Sets the guest's timer interrupt to this tick of `time`. Returns the state groups that hold it. */
  setTimer(tick: bigint): number {
    if (!this.#alarm) {
      this.utcb.setBig(S.vstimecmp, tick);
      return Mtd.irq;
    }
    this.#rung = false;
    const ticks = Number(BigInt.asUintN(64, tick)), at = ticks < LATEST / NS_PER_TICK ? ticks * NS_PER_TICK : Infinity;
    this.#alarm.at(at, () => {
      this.#rung = true;
      this.vm.work.changed(this);
    });
    return 0;
  }
  begin(pc: bigint, opaque: bigint): void {
    this.#start = { pc, opaque };
    this.#started = true;
    this.vm.work.signal(this.wake);
  }

  /** Its interrupts have changed: makes it check them. */
  *attend(sys: Syscalls): Sys<void> {
    if (this.#phase === 'running') yield* sys.invoke(this.guest, Ops.thread.recall);
    else if (this.#phase === 'waiting') yield* sys.invoke(this.wake, Ops.semaphore.up);
  }

  // ── the thread that answers its events ──

  *serve(sys: Syscalls): Sys<void> {
    const { vm } = this, utcb = (this.utcb = sys.utcb);
    this.sys = sys;
    let status = yield sys.ipc(IpcFlag.receive, 0, NEVER, NEVER);
    for (;;) {
      if (status === 0) {
        this.#phase = 'handling';
        const exit = exitOf(utcb.label), result = exit.handle(this);
        sys.charge(exit.cost);
        let groups = typeof result === 'number' ? result : yield* result;
        if (this.#ahead && groups !== GONE && MAY_LOOK_AHEAD.has(exit.cause)) groups |= yield* lookAhead(this, this.#ahead);
        if (groups === GONE) {
          status = yield sys.ipc(IpcFlag.receive, 0, NEVER, NEVER);
          continue;
        }
        if (vm.work.pending) yield* vm.work.deliver(sys, this);
        if (vm.crowded) yield* vm.waitForOutlets(sys);
        if (vm.ended) yield* this.#rest();
        groups = this.#withInterrupts(groups);
        utcb.setTag(Resume.go, 0);
        utcb.mtd = vm.movesAll ? CHANGING : groups;
        this.#phase = 'running';
      }
      status = yield sys.ipc(status === 0 ? IpcFlag.reply | IpcFlag.receive : IpcFlag.receive, 0, NEVER, NEVER);
    }
  }

  /** Adds pending interrupts to the hvip of the answer. Every event carries the irq group. */
  #withInterrupts(groups: number): number {
    const utcb = this.utcb, at = S.hvip >> 2, now = utcb.u32[at];
    const ours = this.#alarm ? Hvip.external | Hvip.timer : Hvip.external;
    const next = ((now & ~ours) | this.#levels() | (this.#software ? Hvip.software : 0)) >>> 0;
    this.#software = false;
    if (next === now) return groups;
    utcb.u32[at] = next;
    return groups | Mtd.irq;
  }

  /** Interrupt inputs of the virtual processor that are set. */
  #levels(): number { return (this.#external ? Hvip.external : 0) | (this.#rung ? Hvip.timer : 0); }

  // ── for handlers ──

  /** Brings more groups of the guest's state into the UTCB. */
  *fetch(groups: number): Sys<void> { yield* this.sys.must(this.guest, Ops.thread.getState, [groups]); }

  /** Waits until an interrupt that the guest has enabled is pending. */
  *waitForInterrupt(): Sys<void> {
    for (;;) {
      const delay = this.#timerDelay(), enabled = this.utcb.u32[S.vsie >> 2];
      if (this.#wakesUp(enabled, delay <= 0)) return;
      const timeout = (enabled << SHIFT) & Hvip.timer ? delay : NEVER;
      this.#phase = 'waiting';
      yield* this.sys.down(this.wake, Ops.semaphore.down, timeout, 1);
      this.#phase = 'handling';
      if (this.vm.ended) yield* this.#rest();
    }
  }

  /** The same, as a hart that its system has put to sleep. */
  *sleep(): Sys<void> {
    this.suspended = true;
    if (this.vm.work.pending) yield* this.vm.work.deliver(this.sys, this);
    yield* this.waitForInterrupt();
    this.suspended = false;
  }

  /** Waits until the guest starts this processor; returns the start address and the argument. */
  *waitForStart(): Sys<{ pc: bigint; opaque: bigint }> {
    while (!this.#start) {
      this.#phase = 'stopped';
      yield* this.sys.down(this.wake, Ops.semaphore.down, NEVER, 1);
    }
    const start = this.#start;
    this.#start = undefined;
    this.#phase = 'handling';
    this.#software = false;
    return start;
  }
  /** The guest has stopped it: its thread ends, and a later start creates a new one, which raises a first event. */
  *stop(): Sys<typeof GONE> {
    this.#started = false;
    yield* this.vm.disembody(this.sys, this.id);
    if (this.vm.work.pending) yield* this.vm.work.deliver(this.sys, this);
    while (!this.#start) {
      this.#phase = 'stopped';
      yield* this.sys.down(this.wake, Ops.semaphore.down, NEVER, 1);
    }
    yield* this.vm.reembody(this.sys, this.id);
    return GONE;
  }

  #wakesUp(enabled: number, timer: boolean): boolean {
    const pending = this.utcb.u32[S.hvip >> 2] & ~(Hvip.external | (this.#alarm ? Hvip.timer : 0));
    const all = pending | this.#levels() | (this.#software ? Hvip.software : 0) | (timer ? Hvip.timer : 0);
    return (all & (enabled << SHIFT)) !== 0;
  }

  /** Virtual time in ns until vstimecmp. */
  #timerDelay(): number {
    if (this.#alarm) return NEVER;
    const utcb = this.utcb, at = S.vstimecmp >> 2, ticks = utcb.u32[at + 1] * 2 ** 32 + utcb.u32[at];
    return ticks >= LATEST / NS_PER_TICK ? NEVER : ticks * NS_PER_TICK - this.sys.now();
  }

  /** The VM has ended: this thread only waits for its own end. */
  *#rest(): Sys<never> {
    yield* this.vm.work.deliver(this.sys, this);
    for (;;) yield* this.sys.down(this.wake, Ops.semaphore.down);
  }
}
