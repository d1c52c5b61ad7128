/**
 * Goldfish real-time clock: nanoseconds since 1970, and one alarm.
 *
 *   offset  access  name             title
 *   0x00     rw     TIME_LOW         reading it latches TIME_HIGH; writing it sets the clock
 *   0x04     rw     TIME_HIGH
 *   0x08     rw     ALARM_LOW        writing it arms the alarm
 *   0x0c     rw     ALARM_HIGH
 *   0x10     rw     IRQ_ENABLED
 *   0x14      w     CLEAR_ALARM
 *   0x18     r      ALARM_STATUS     1 = armed
 *   0x1c      w     CLEAR_INTERRUPT
 *
 * State: the clock's distance from virtual time, the alarm, the interrupt latch. Times are numbers: exact to 256 ns in this century.
 * Features: all of it. Missing: nothing.
 * Documentation: Linux Documentation/devicetree/bindings/rtc/google,goldfish-rtc.yaml, drivers/rtc/rtc-goldfish.c.
 */
import type { Device, Line } from './device.ts';

/** Virtual time in ns, and a call at a time. `at` replaces the call that was asked for before; Infinity cancels. */
export interface Alarm { now(): number; at(time: number, action: () => void): void }

export const Reg = { timeLow: 0x00, timeHigh: 0x04, alarmLow: 0x08, alarmHigh: 0x0c, irqEnabled: 0x10, clearAlarm: 0x14, alarmStatus: 0x18, clearInterrupt: 0x1c } as const;
const WORD = 2 ** 32;

export class GoldfishRtc implements Device {
  readonly name = 'rtc';
  readonly size = 0x1000;
  readonly #clock: Alarm;
  readonly #line: Line;
  #offset: number;
  #high = 0;
  #alarmLow = 0;
  #alarmHigh = 0;
  #armed = false;
  #enabled = false;
  #fired = false;

  /** `dateMs`: what the clock shows now, in milliseconds since 1970. */
  constructor(clock: Alarm, line: Line, dateMs: number) {
    this.#clock = clock;
    this.#line = line;
    this.#offset = dateMs * 1e6 - clock.now();
  }

  read(offset: number): number {
    switch (offset) {
      case Reg.timeLow: {
        const now = this.#clock.now() + this.#offset;
        this.#high = Math.floor(now / WORD);
        return now % WORD;
      }
      case Reg.timeHigh: return this.#high;
      case Reg.alarmLow: return this.#alarmLow;
      case Reg.alarmHigh: return this.#alarmHigh;
      case Reg.irqEnabled: return Number(this.#enabled);
      case Reg.alarmStatus: return Number(this.#armed);
      default: return 0;
    }
  }

  write(offset: number, value: number): void {
    switch (offset) {
      case Reg.timeLow: this.#offset = this.#high * WORD + value - this.#clock.now(); if (this.#armed) this.#arm(); break;
      case Reg.timeHigh: this.#high = value; break;
      case Reg.alarmLow: this.#alarmLow = value; this.#arm(); break;
      case Reg.alarmHigh: this.#alarmHigh = value; break;
      case Reg.irqEnabled: this.#enabled = (value & 1) !== 0; break;
      case Reg.clearAlarm: this.#armed = false; this.#clock.at(Infinity, () => {}); break;
      case Reg.clearInterrupt: this.#fired = false; break;
      default: return;
    }
    this.#line.set(this.#fired && this.#enabled);
  }

  #arm(): void {
    this.#armed = true;
    this.#clock.at(this.#alarmHigh * WORD + this.#alarmLow - this.#offset, () => {
      this.#armed = false;
      this.#fired = true;
      this.#line.set(this.#enabled);
    });
  }
}
