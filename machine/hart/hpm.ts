/**
 * Programmable counters (mhpmcounter3 …): each counts cycles or instructions, in the modes that its filter allows, and reports an overflow
 * (Sscofpmf).
 *
 * A counter that runs is `base` plus what its source has counted since `since`. Whatever starts or stops counters (event, inhibit bit,
 * change of mode) settles them first. A timer is set to the earliest cycle at which one could overflow: for a counter of cycles
 * that is exact; one of instructions may need a few settings, as not every cycle retires one.
 * @spec priv 3.1.10 @spec priv 20
 */
import { HS } from '../engine/layout.ts';
import type { Timer } from '../events.ts';
import { IP } from './bits.ts';
import type { Hart } from './hart.ts';
import { C, HPM_COUNTERS } from './slots.ts';

/** Upper word of mhpmevent: overflow, and modes in which it does not count. */
export const HPM_EVENT = { OF: 1 << 31, MINH: 1 << 30, SINH: 1 << 29, UINH: 1 << 28, VSINH: 1 << 27, VUINH: 1 << 26 } as const;
const FILTERS = HPM_EVENT.MINH | HPM_EVENT.SINH | HPM_EVENT.UINH;
const GUEST_FILTERS = HPM_EVENT.VSINH | HPM_EVENT.VUINH;
const FULL = 1n << 64n;
/** No timer is set for overflows further away than this (most of a day of virtual time, 2^46 cycles); settling the counter detects them. */
const HORIZON = 2n ** 46n;

interface Counter { event: number; flags: number; running: boolean; base: bigint; since: number }

/** The sources of a counter; the numbers are those of the SBI's hardware events. */
const EVENTS: readonly ((h: Hart) => number)[] = [() => 0, (h) => h.cycles, (h) => h.instret];
const FIRST = 3;

export class Hpm {
  /** Some counter depends on the mode, so changes of mode must be reported. */
  filtered = false;
  /** The timer fired while the hart waited: set it again when the hart resumes. */
  stale = false;
  readonly #h: Hart;
  readonly #counters: readonly Counter[];
  readonly #timer: Timer;

  constructor(hart: Hart) {
    this.#h = hart;
    this.#counters = Array.from({ length: HPM_COUNTERS }, () => ({ event: 0, flags: 0, running: false, base: 0n, since: 0 }));
    this.#timer = hart.host.events.timer(() => this.#due());
  }

  reset(): void {
    for (const counter of this.#counters) Object.assign(counter, { event: 0, flags: 0, running: false, base: 0n, since: 0 });
    this.filtered = this.stale = false;
    this.#timer.cancel();
  }

  value(i: number): bigint { return BigInt.asUintN(64, this.#now(this.#counters[i]!)); }

  /** `skew`: how much the source counts until the writing instruction completes. */
  setValue(i: number, value: bigint, skew = 1): void {
    const counter = this.#counters[i]!;
    counter.base = value;
    counter.since = EVENTS[counter.event]!(this.#h) + skew;
    this.arm();
  }

  event(i: number): number { return this.#counters[i]!.event; }
  flags(i: number): number { return this.#counters[i]!.flags; }

  /** An event that is not known counts nothing. The flags exist only with Sscofpmf, those of guests only with a hypervisor extension. */
  setEvent(i: number, event: number, flags: number): void {
    const { sscofpmf, h: hypervisor } = this.#h.features;
    const counter = this.#counters[i]!;
    this.settle();
    counter.event = EVENTS[event] === undefined ? 0 : event;
    counter.flags = sscofpmf ? flags & (HPM_EVENT.OF | FILTERS | (hypervisor ? GUEST_FILTERS : 0)) : 0;
    this.filtered = this.#counters.some((c) => (c.flags & ~HPM_EVENT.OF) !== 0);
    this.go();
  }

  /** One bit a counter, at its number: those that have overflowed. */
  overflows(): number { return this.#counters.reduce((bits, c, i) => (c.flags < 0 ? bits | (1 << (i + FIRST)) : bits), 0); }

  /** Brings all counters up to date; then mode, events or inhibit bits may change, and `go` follows. */
  settle(): void {
    for (const counter of this.#counters) {
      const now = this.#now(counter);
      counter.base = now;
      counter.running = false;
      if (now < FULL) continue;
      counter.base = now - FULL;
      this.#overflow(counter);
    }
  }

  /** Starts the counters that should run now. `skew` as above. */
  go(skew = 1): void {
    const hart = this.#h;
    const mode = modeFilter(hart);
    this.#counters.forEach((counter, i) => {
      counter.running = counter.event !== 0 && (counter.flags & mode) === 0 && (hart.c[C.mcountinhibit] & (1 << (i + FIRST))) === 0;
      counter.since = EVENTS[counter.event]!(hart) + skew;
    });
    this.arm();
  }

  /** Sets the timer. */
  arm(): void {
    let left = HORIZON;
    for (const counter of this.#counters) {
      if (!counter.running) continue;
      const more = FULL - this.#now(counter);
      if (more < left) left = more;
    }
    this.stale = false;
    if (left === HORIZON) this.#timer.cancel();
    else this.#timer.set(this.#h.cycles + Math.max(Number(left), 1));
  }

  #now(counter: Counter): bigint {
    return counter.running ? counter.base + BigInt(EVENTS[counter.event]!(this.#h) - counter.since) : counter.base;
  }

  #due(): void {
    this.settle();
    this.go(0);
    if (!this.#h.waiting) return;
    this.stale = true;
    if (!this.#counters.some((c) => c.running && c.event === 1)) this.#timer.cancel();
  }

  /** An interrupt for the first overflow only: until software clears OF. */
  #overflow(counter: Counter): void {
    if (!this.#h.features.sscofpmf || counter.flags < 0) return;
    counter.flags |= HPM_EVENT.OF;
    this.#h.c[C.softPending] |= IP.LCOFI;
    this.#h.interruptsChanged();
  }
}

/** The filter bit of the hart's mode. */
function modeFilter(hart: Hart): number {
  const priv = hart.w[HS.PRIV >> 2];
  if (priv === 3) return HPM_EVENT.MINH;
  if (hart.w[HS.VIRT >> 2] !== 0) return priv === 0 ? HPM_EVENT.VUINH : HPM_EVENT.VSINH;
  return priv === 0 ? HPM_EVENT.UINH : HPM_EVENT.SINH;
}
