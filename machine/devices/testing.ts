/** Stand-ins for unit specs: memory, time, wires and lines that remember what happened to them. */
import type { EventQueue, TimerHandle } from '../api.ts';
import type { HartIrq, HartWires, TickClock } from './wires.ts';

export { TestLine, TestMemory, TestTerminal } from '../../hardware/chips/testing.ts';

/** Time that moves only when the test moves it. */
export class TestEvents implements EventQueue {
  now = 0;
  #waiting: { cycle: number; action: () => void }[] = [];

  at(cycle: number, action: () => void): TimerHandle {
    const entry = { cycle, action };
    this.#waiting.push(entry);
    return { cancel: () => void (this.#waiting = this.#waiting.filter((e) => e !== entry)) };
  }

  advanceTo(cycle: number): void {
    for (;;) {
      const due = this.#waiting.filter((e) => e.cycle <= cycle).sort((a, b) => a.cycle - b.cycle)[0];
      if (due === undefined) break;
      this.#waiting = this.#waiting.filter((e) => e !== due);
      this.now = Math.max(this.now, due.cycle);
      due.action();
    }
    this.now = cycle;
  }
}

/** The counter of ticks over such time. */
export class TestClock implements TickClock {
  readonly #events: TestEvents;
  #offset = 0;

  constructor(events: TestEvents) {
    this.#events = events;
  }

  ticks(): number { return Math.floor(this.#events.now / 100) + this.#offset; }
  cycleOfTick(tick: number): number { return (tick - this.#offset) * 100; }
  setTicks(tick: number): void { this.#offset = tick - Math.floor(this.#events.now / 100); }
}

/** Wires to harts; `pending(hart)` lists the interrupt numbers that are high. */
export class TestWires implements HartWires {
  readonly count: number;
  readonly guestLines = 0;
  readonly #high: Set<number>[];

  constructor(count: number) {
    this.count = count;
    this.#high = Array.from({ length: count }, () => new Set<number>());
  }

  drive(hart: number, irq: HartIrq, level: boolean): void {
    if (level) this.#high[hart].add(irq);
    else this.#high[hart].delete(irq);
  }

  driveGuest(): void { throw new Error('there is no such line'); }

  pulse(hart: number, irq: HartIrq): void { this.drive(hart, irq, true); }

  pending(hart: number): number[] {
    return [...this.#high[hart]].sort((a, b) => a - b);
  }
}
