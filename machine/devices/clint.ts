/**
 * CLINT: the core-local interruptor, which is an ACLINT MSWI and MTIMER side by side.
 *
 *   offset  width  name         title
 *   0x0000    4    msip[hart]      machine software interrupt, bit 0
 *   0x4000    8    mtimecmp[hart]  machine timer interrupt when mtime >= mtimecmp
 *   0xbff8    8    mtime           10 MHz counter
 *
 * State: one msip bit and one mtimecmp per hart. mtime is the machine's clock: virtual time divided by 100, plus an offset that a write
 * sets.
 * Features: 4-byte accesses to every half, timer interrupts at the exact cycle, mtime can be written (`time` shows it too).
 * Missing: mtime beyond 2^53 is not exact.
 * Documentation: RISC-V ACLINT specification 1.0-rc4, chapters 2 and 3. @spec priv 3.2.1
 */
import type { EventQueue, TimerHandle } from '../api.ts';
import type { Device } from './device.ts';
import { HartIrq, type HartWires, type TickClock } from './wires.ts';

const MTIMECMP = 0x4000;
const MTIME = 0xbff8;
const NEVER = 0xffff_ffff;

export class Clint implements Device {
  readonly name = 'clint';
  readonly size = 0x1_0000;
  readonly #wires: HartWires;
  readonly #events: EventQueue;
  readonly #clock: TickClock;
  readonly #msip: Uint8Array;
  /** mtimecmp as halves: low at 2 * hart, high behind it. */
  readonly #compare: Uint32Array;
  readonly #timers: (TimerHandle | undefined)[];

  constructor(wires: HartWires, events: EventQueue, clock: TickClock) {
    this.#clock = clock;
    this.#wires = wires;
    this.#events = events;
    this.#msip = new Uint8Array(wires.count);
    this.#compare = new Uint32Array(2 * wires.count).fill(NEVER);
    this.#timers = Array.from({ length: wires.count }, () => undefined);
  }

  reset(): void {
    for (let hart = 0; hart < this.#wires.count; hart++) {
      this.#setMsip(hart, 0);
      this.#compare.fill(NEVER, 2 * hart, 2 * hart + 2);
      this.#armTimer(hart);
    }
  }

  read(offset: number, size: number): number {
    if (offset < MTIMECMP) return this.#msip[offset >> 2] ?? 0;
    const half = (offset >> 2) & 1;
    const word = offset >= MTIME ? this.#timeHalf(half) : (this.#compare[(offset - MTIMECMP) >> 2] ?? 0);
    return size === 4 ? word : (word >>> (8 * (offset & 3))) & (2 ** (8 * size) - 1);
  }

  write(offset: number, value: number, size: number): void {
    if (size !== 4) return;
    if (offset < MTIMECMP) return this.#setMsip(offset >> 2, value & 1);
    if (offset >= MTIME) return this.#setTimeHalf((offset >> 2) & 1, value);
    const index = (offset - MTIMECMP) >> 2;
    if (index >= this.#compare.length) return;
    this.#compare[index] = value;
    this.#armTimer(index >> 1);
  }

  #setMsip(hart: number, bit: number): void {
    if (hart >= this.#wires.count) return;
    this.#msip[hart] = bit;
    this.#wires.drive(hart, HartIrq.MSI, bit !== 0);
  }

  #timeHalf(half: number): number {
    const ticks = this.#clock.ticks();
    return half === 0 ? ticks % 2 ** 32 : Math.floor(ticks / 2 ** 32);
  }

  /** The other half stays. @spec priv 3.2.1 */
  #setTimeHalf(half: number, value: number): void {
    const other = this.#timeHalf(1 - half);
    this.#clock.setTicks(half === 0 ? other * 2 ** 32 + value : value * 2 ** 32 + other);
    for (let hart = 0; hart < this.#wires.count; hart++) this.#armTimer(hart);
  }

  /** Drives the interrupt wire by mtime and mtimecmp, now and when time reaches mtimecmp. */
  #armTimer(hart: number): void {
    this.#timers[hart]?.cancel();
    this.#timers[hart] = undefined;
    const ticks = this.#compare[2 * hart + 1] * 2 ** 32 + this.#compare[2 * hart];
    const due = this.#clock.cycleOfTick(ticks);
    this.#wires.drive(hart, HartIrq.MTI, due <= this.#events.now);
    if (due <= this.#events.now || due > Number.MAX_SAFE_INTEGER) return;
    this.#timers[hart] = this.#events.at(due, () => this.#wires.drive(hart, HartIrq.MTI, true));
  }
}
