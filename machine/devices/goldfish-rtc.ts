/**
 * Goldfish RTC: nanoseconds since 1970, with one alarm.
 *
 *   offset  access  name             title
 *   0x00     rw     TIME_LOW         read latches TIME_HIGH; a write to it sets the clock
 *   0x04     rw     TIME_HIGH
 *   0x08     rw     ALARM_LOW        a write arms the alarm at ALARM_HIGH:ALARM_LOW
 *   0x0c     rw     ALARM_HIGH
 *   0x10     rw     IRQ_ENABLED
 *   0x14      w     CLEAR_ALARM
 *   0x18     r      ALARM_STATUS     1 = armed
 *   0x1c      w     CLEAR_INTERRUPT
 *
 * State: an offset from virtual time, the alarm, the interrupt latch. 64-bit values are numbers of nanoseconds; they are
 * exact to 256 ns in this century.
 * Features: everything above. Missing: nothing known.
 * Documentation: Android goldfish virtual hardware, "Goldfish real-time clock".
 */
import type { EventQueue, TimerHandle } from '../api.ts';
import type { Device, IrqLine } from './device.ts';

const REG = { TIME_LOW: 0, TIME_HIGH: 4, ALARM_LOW: 8, ALARM_HIGH: 0xc, IRQ_ENABLED: 0x10, CLEAR_ALARM: 0x14, ALARM_STATUS: 0x18, CLEAR_INTERRUPT: 0x1c } as const;

export class GoldfishRtc implements Device {
  readonly name = 'rtc';
  readonly size = 0x1000;
  readonly #events: EventQueue;
  readonly #irq: IrqLine;
  readonly #start: number;
  /** Clock minus virtual time, in nanoseconds. */
  #offset: number;
  #timeHigh = 0;
  #alarmLow = 0;
  #alarmHigh = 0;
  #alarm: TimerHandle | undefined;
  #enabled = false;
  #pending = false;

  /** `startMs`: what the clock shows when the machine starts, in milliseconds since 1970. */
  constructor(events: EventQueue, irq: IrqLine, startMs: number) {
    this.#events = events;
    this.#irq = irq;
    this.#start = startMs * 1e6;
    this.#offset = this.#start;
  }

  reset(): void {
    this.#clearAlarm();
    this.#enabled = this.#pending = false;
    this.#update();
  }

  read(offset: number): number {
    switch (offset) {
      case REG.TIME_LOW: {
        const now = this.#now();
        this.#timeHigh = Math.floor(now / 2 ** 32);
        return now % 2 ** 32;
      }
      case REG.TIME_HIGH: return this.#timeHigh;
      case REG.ALARM_LOW: return this.#alarmLow;
      case REG.ALARM_HIGH: return this.#alarmHigh;
      case REG.IRQ_ENABLED: return this.#enabled ? 1 : 0;
      case REG.ALARM_STATUS: return this.#alarm === undefined ? 0 : 1;
      default: return 0;
    }
  }

  write(offset: number, value: number): void {
    switch (offset) {
      case REG.TIME_LOW: return this.#setClock(this.#timeHigh * 2 ** 32 + value);
      case REG.TIME_HIGH: this.#timeHigh = value; return;
      case REG.ALARM_LOW: this.#alarmLow = value; return this.#armAlarm();
      case REG.ALARM_HIGH: this.#alarmHigh = value; return;
      case REG.IRQ_ENABLED: this.#enabled = (value & 1) !== 0; break;
      case REG.CLEAR_ALARM: return this.#clearAlarm();
      case REG.CLEAR_INTERRUPT: this.#pending = false; break;
      default: return;
    }
    this.#update();
  }

  #now(): number {
    return this.#offset + this.#events.now;
  }

  #setClock(nanoseconds: number): void {
    this.#offset = nanoseconds - this.#events.now;
    if (this.#alarm !== undefined) this.#armAlarm();
  }

  #armAlarm(): void {
    this.#clearAlarm();
    const cycle = this.#alarmHigh * 2 ** 32 + this.#alarmLow - this.#offset;
    if (cycle <= this.#events.now) return this.#fire();
    if (cycle < Number.MAX_SAFE_INTEGER) this.#alarm = this.#events.at(cycle, () => this.#fire());
  }

  #fire(): void {
    this.#alarm = undefined;
    this.#pending = true;
    this.#update();
  }

  #clearAlarm(): void {
    this.#alarm?.cancel();
    this.#alarm = undefined;
  }

  #update(): void {
    this.#irq.set(this.#pending && this.#enabled);
  }
}
