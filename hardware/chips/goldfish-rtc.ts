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
 * State: the offset from virtual time, the alarm, the interrupt latch. 64-bit values are JavaScript numbers of nanoseconds, which are exact
 * to 256 ns in this century.
 * Features: everything above. Missing: nothing known.
 * Documentation: Android goldfish virtual hardware, "Goldfish real-time clock".
 */
import type { Chip } from './chip.ts';
import type { Alarm, Line } from './ports.ts';

export const RtcReg = {
  TIME_LOW: 0x00, TIME_HIGH: 0x04, ALARM_LOW: 0x08, ALARM_HIGH: 0x0c, IRQ_ENABLED: 0x10, CLEAR_ALARM: 0x14, ALARM_STATUS: 0x18,
  CLEAR_INTERRUPT: 0x1c,
} as const;
const WORD = 2 ** 32;

/**
 * `offset`: the clock minus virtual time, in nanoseconds. `due`: the clock's reading at which the armed alarm rings; the driver may have
 * changed the registers since.
 */
export type RtcState = {
  readonly offset: number;
  readonly timeHigh: number;
  readonly alarmLow: number;
  readonly alarmHigh: number;
  readonly due: number;
  readonly armed: boolean;
  readonly enabled: boolean;
  readonly pending: boolean;
};

export class GoldfishRtc implements Chip<RtcState> {
  readonly name = 'rtc';
  readonly size = 0x1000;
  readonly #clock: Alarm;
  readonly #irq: Line;
  #s: { -readonly [K in keyof RtcState]: RtcState[K] };

  /** `dateMs`: the clock's reading now, in milliseconds since 1970. */
  constructor(clock: Alarm, irq: Line, dateMs: number) {
    this.#clock = clock;
    this.#irq = irq;
    this.#s = {
      offset: dateMs * 1e6 - clock.now(), timeHigh: 0, alarmLow: 0, alarmHigh: 0, due: 0, armed: false, enabled: false, pending: false
    };
  }

  save(): RtcState { return { ...this.#s }; }

  load(state: RtcState): void {
    this.#s = { ...state };
    if (state.armed) this.#arm(state.due);
    else this.#disarm();
    this.#update();
  }

  reset(): void {
    this.#disarm();
    this.#s.enabled = this.#s.pending = false;
    this.#update();
  }

  read(offset: number): number {
    const state = this.#s;
    switch (offset) {
      case RtcReg.TIME_LOW: {
        const now = this.#clock.now() + state.offset;
        state.timeHigh = Math.floor(now / WORD);
        return now % WORD;
      }
      case RtcReg.TIME_HIGH: return state.timeHigh;
      case RtcReg.ALARM_LOW: return state.alarmLow;
      case RtcReg.ALARM_HIGH: return state.alarmHigh;
      case RtcReg.IRQ_ENABLED: return state.enabled ? 1 : 0;
      case RtcReg.ALARM_STATUS: return state.armed ? 1 : 0;
      default: return 0;
    }
  }

  write(offset: number, value: number): void {
    const state = this.#s;
    switch (offset) {
      case RtcReg.TIME_LOW: return this.#setClock(state.timeHigh * WORD + value);
      case RtcReg.TIME_HIGH: state.timeHigh = value; return;
      case RtcReg.ALARM_LOW: state.alarmLow = value; return this.#arm(state.alarmHigh * WORD + value);
      case RtcReg.ALARM_HIGH: state.alarmHigh = value; return;
      case RtcReg.IRQ_ENABLED: state.enabled = (value & 1) !== 0; break;
      case RtcReg.CLEAR_ALARM: return this.#disarm();
      case RtcReg.CLEAR_INTERRUPT: state.pending = false; break;
      default: return;
    }
    this.#update();
  }

  #setClock(nanoseconds: number): void {
    this.#s.offset = nanoseconds - this.#clock.now();
    if (this.#s.armed) this.#arm(this.#s.due);
  }

  #arm(due: number): void {
    const time = due - this.#s.offset;
    this.#disarm();
    this.#s.due = due;
    if (time <= this.#clock.now()) return this.#fire();
    this.#s.armed = true;
    // An alarm beyond 2^53 never rings and stays armed.
    if (time < Number.MAX_SAFE_INTEGER) this.#clock.at(time, () => this.#fire());
  }

  #fire(): void {
    this.#s.armed = false;
    this.#s.pending = true;
    this.#update();
  }

  #disarm(): void {
    if (this.#s.armed) this.#clock.at(Infinity, () => {});
    this.#s.armed = false;
  }

  #update(): void { this.#irq.set(this.#s.pending && this.#s.enabled); }
}
