/**
 * Interrupt timers of a hart: stimecmp (STIP), vstimecmp (VSTIP), and the cycle timer of a hosted supervisor (STIP).
 * A comparator's level is exact: a write evaluates it, and an event fires when it will change.
 * @spec priv 19.1.1, 19.2.1
 */
import type { Timer } from '../events.ts';
import { ENVCFG, IP } from './bits.ts';
import type { Hart } from './hart.ts';
import { C } from './slots.ts';

/** Cycles per tick of `time`: 1 GHz against 10 MHz. */
export const CYCLES_PER_TICK = 100;
const WORD = 0x1_0000_0000;

export class HartTimers {
  readonly #h: Hart;
  readonly #supervisor: Timer;
  readonly #guest: Timer;

  constructor(hart: Hart) {
    this.#h = hart;
    this.#supervisor = hart.host.events.timer(() => hart.drive(IP.STI, true));
    this.#guest = hart.host.events.timer(() => this.guestChanged());
  }

  /** Cancels all timers. */
  reset(): void {
    this.#supervisor.cancel();
    this.#guest.cancel();
  }

  /** Hosted: clears STIP now, and sets it at exactly this cycle. */
  setHosted(cycle: number): void {
    const due = cycle <= this.#h.cycles;
    this.#h.drive(IP.STI, due);
    this.#supervisor.set(due ? Infinity : cycle);
  }

  /** `time` has jumped. A hosted supervisor counts cycles instead. */
  clockChanged(): void {
    if (this.#h.host.supervisor !== undefined) return;
    this.supervisorChanged();
    this.guestChanged();
  }

  /** stimecmp or menvcfg.STCE was written. */
  supervisorChanged(): void {
    const words = this.#h.c;
    if ((words[C.menvcfg + 1] & ENVCFG.STCE_HI) === 0) {
      this.#supervisor.cancel();
      this.#h.drive(IP.STI, false);
      return;
    }
    const target = (words[C.stimecmp + 1] >>> 0) * WORD + (words[C.stimecmp] >>> 0);
    const due = this.#h.host.ticks() >= target;
    this.#h.drive(IP.STI, due);
    this.#supervisor.set(due || target > 2 ** 45 ? Infinity : this.#h.host.cycleOfTick(target));
  }

  /** vstimecmp, htimedelta or an STCE bit was written, or the event for it came. */
  guestChanged(): void {
    const words = this.#h.c;
    if ((words[C.menvcfg + 1] & words[C.henvcfg + 1] & ENVCFG.STCE_HI) === 0) {
      this.#guest.cancel();
      this.#h.drive(IP.VSTI, false);
      return;
    }
    const ticks = this.#h.host.ticks();
    const left = this.#ticksLeft(ticks);
    this.#h.drive(IP.VSTI, left <= 0);
    this.#guest.set(left <= 0 || left > 2 ** 45 ? Infinity : this.#h.host.cycleOfTick(ticks + left));
  }

  /** Ticks until the guest's time, which wraps at 2^64, reaches vstimecmp. */
  #ticksLeft(ticks: number): number {
    const csrs = this.#h.c;
    if (csrs[C.htimedelta] === 0 && csrs[C.htimedelta + 1] === 0)
      return (csrs[C.vstimecmp + 1] >>> 0) * WORD + (csrs[C.vstimecmp] >>> 0) - ticks;
    const delta = (BigInt(csrs[C.htimedelta + 1] >>> 0) << 32n) | BigInt(csrs[C.htimedelta] >>> 0);
    const target = (BigInt(csrs[C.vstimecmp + 1] >>> 0) << 32n) | BigInt(csrs[C.vstimecmp] >>> 0);
    return Number(target - BigInt.asUintN(64, BigInt(ticks) + delta));
  }
}
