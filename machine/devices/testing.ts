/** Stand-ins for unit specs: memory, time, wires and lines that remember what happened to them. */
import type { EventQueue, PhysicalMemory, TimerHandle } from '../api.ts';
import { CharChannel } from './char-channel.ts';
import type { IrqLine } from './device.ts';
import type { HartIrq, HartWires, TickClock } from './wires.ts';

/** RAM without a machine around it. */
export class TestMemory implements PhysicalMemory {
  readonly base: number;
  readonly size: number;
  readonly bytes: Uint8Array;
  readonly #data: DataView;

  constructor(size: number, base = 0x8000_0000) {
    this.base = base;
    this.size = size;
    this.bytes = new Uint8Array(size);
    this.#data = new DataView(this.bytes.buffer);
  }

  isRam(pa: number, length: number): boolean {
    return pa >= this.base && pa + length <= this.base + this.size;
  }

  u8(pa: number): number { return this.#data.getUint8(pa - this.base); }
  u16(pa: number): number { return this.#data.getUint16(pa - this.base, true); }
  u32(pa: number): number { return this.#data.getUint32(pa - this.base, true); }
  u64(pa: number): bigint { return this.#data.getBigUint64(pa - this.base, true); }
  setU8(pa: number, v: number): void { this.#data.setUint8(pa - this.base, v); }
  setU16(pa: number, v: number): void { this.#data.setUint16(pa - this.base, v, true); }
  setU32(pa: number, v: number): void { this.#data.setUint32(pa - this.base, v, true); }
  setU64(pa: number, v: bigint): void { this.#data.setBigUint64(pa - this.base, v, true); }
  view(pa: number, length: number): Uint8Array { return this.bytes.subarray(pa - this.base, pa - this.base + length); }
  writable(pa: number, length: number): Uint8Array { return this.view(pa, length); }
  fill(pa: number, length: number, byte: number): void { this.view(pa, length).fill(byte); }
  copy(to: number, from: number, length: number): void { this.bytes.copyWithin(to - this.base, from - this.base, from - this.base + length); }
}

/** Time that moves when told to. */
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

export class TestLine implements IrqLine {
  level = false;
  set(level: boolean): void { this.level = level; }
}

/** Wires to harts; `pending(hart)` lists the interrupt numbers that are high. */
export class TestWires implements HartWires {
  readonly count: number;
  readonly #high: Set<number>[];

  constructor(count: number) {
    this.count = count;
    this.#high = Array.from({ length: count }, () => new Set<number>());
  }

  drive(hart: number, irq: HartIrq, level: boolean): void {
    if (level) this.#high[hart].add(irq);
    else this.#high[hart].delete(irq);
  }

  pulse(hart: number, irq: HartIrq): void { this.drive(hart, irq, true); }

  pending(hart: number): number[] {
    return [...this.#high[hart]].sort((a, b) => a - b);
  }
}

/** A terminal whose output is text. */
export class TestTerminal extends CharChannel {
  readonly #text: string[];

  constructor() {
    const text: string[] = [];
    super((byte) => void text.push(String.fromCharCode(byte)));
    this.#text = text;
  }

  get text(): string { return this.#text.join(''); }

  type(text: string): void { this.send(new TextEncoder().encode(text)); }
}
