/** The clocks of a system: its own, which only runs, and the wall clock, which may be set. Times are nanoseconds unless they say otherwise. */

/** Seconds and nanoseconds since 1970. */
export interface Time { readonly s: number; readonly n: number }

/** How far file times may lag, ns. */
const GRAIN = 1e6;

export class Clocks {
  /** The own clock: ns since the start. */
  readonly now: () => number;
  /** The wall clock's second at which the own clock began. */
  private epoch: number;
  /** What the wall clock is ahead of `epoch`, ns; within a second. */
  private shift = 0;
  private cached: Time = { s: 0, n: 0 };
  private cachedAt = -1;

  constructor(now: () => number, epoch: number) { this.now = now; this.epoch = epoch; }

  /** Wall-clock time in steps of a millisecond: for file times. */
  time(): Time {
    const now = this.now();
    if (now - this.cachedAt > GRAIN || this.cachedAt < 0) { this.cached = this.wall(now); this.cachedAt = now; }
    return this.cached;
  }
  wall(now = this.now()): Time {
    const ns = now + this.shift, s = Math.floor(ns / 1e9);
    return { s: this.epoch + s, n: ns - s * 1e9 };
  }
  /** Sets the wall clock: seconds and nanoseconds since 1970. */
  setWall(s: number, n: number): void {
    const now = this.now(), whole = Math.floor(now / 1e9);
    this.epoch = s - whole;
    this.shift = n - (now - whole * 1e9);
    this.cachedAt = -1;
  }
  /** The time on the own clock at which the wall clock shows `ns`. */
  fromWall(ns: number): number { return ns - this.epoch * 1e9 - this.shift; }
}
