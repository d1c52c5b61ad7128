/**
 * The clocks of a system: its own, which only advances, and the wall clock, which may be set. Times are nanoseconds unless stated
 * otherwise.
 */

/** Seconds and nanoseconds since 1970. */
export interface Time { readonly s: number; readonly n: number }

/** How far file times may lag, ns. */
const GRAIN = 1e6;
/** A time that is further ahead than this, in s, comes from another clock: a fixed one, or a file from the future. */
const FOLLOWED = 86_400;
/**
 * How far the wall clock then advances, ns, so that it need not advance again for each of many files: as much as a kernel's file times
 * may lag.
 */
const STRIDE = 4e6;

export class Clocks {
  /** The own clock: ns since the start. */
  readonly now: () => number;
  /** The wall clock's second at which the own clock began. */
  private epoch: number;
  /** How far the wall clock is ahead of `epoch`, ns; less than a second. */
  private shift = 0;
  /** The rate of the wall clock, and its start; and the additional correction in ns per second (adjtimex). */
  private pace = 1;
  private paceSince = 0;
  private slew = { ns: 0, since: 0, perSecond: 0 };
  private cached: Time = { s: 0, n: 0 };
  private cachedAt = -1;
  /** A process has set the wall clock: it no longer follows folders. */
  private isOurs = false;

  /** Those that are told when a process sets the wall clock. */
  readonly followers = new Set<{ clockWasSet(): void }>();
  /** Called when the wall clock has been set, or its rate has changed. */
  changed: () => void = () => undefined;

  constructor(now: () => number, epoch: number) { this.now = now; this.epoch = epoch; }

  /** Wall-clock time in steps of a millisecond, for file times. */
  time(): Time {
    const now = this.now();
    if (now - this.cachedAt > GRAIN || this.cachedAt < 0) { this.cached = this.wall(now); this.cachedAt = now; }
    return this.cached;
  }
  wall(now = this.now()): Time {
    const ns = now + this.shift + (now - this.paceSince) * (this.pace - 1) + this.slewed(now), seconds = Math.floor(ns / 1e9);
    return { s: this.epoch + seconds, n: ns - seconds * 1e9 };
  }
  /** The wall clock runs at the rate of the monotonic one, without a correction. */
  get isSteady(): boolean { return this.pace === 1 && this.slew.ns === 0; }
  /** How far a steady wall clock is ahead of the own one, ns. */
  get startNs(): bigint { return BigInt(this.epoch) * 1_000_000_000n + BigInt(Math.round(this.shift)); }
  /** Sets the wall clock: seconds and nanoseconds since 1970. */
  setWall(seconds: number, n: number): void {
    const now = this.now(), whole = Math.floor(now / 1e9);
    this.paceSince = now;
    this.slew = { ns: 0, since: 0, perSecond: 0 };
    this.epoch = seconds - whole;
    this.shift = n - (now - whole * 1e9);
    this.cachedAt = -1;
    this.isOurs = true;
    for (const follower of this.followers) follower.clockWasSet();
    this.changed();
  }
  /**
   * The clock outside shows this time: a wall clock that is behind advances to it, and never goes back. Returns by how many ns. The own
   * clock is not changed.
   */
  follow({ s: seconds, n }: Time): number {
    if (this.isOurs) return 0;
    const wall = this.wall(), ahead = (seconds - wall.s) * 1e9 + n - wall.n;
    if (ahead <= 0 || seconds - wall.s >= FOLLOWED) return 0;
    const shift = this.shift + ahead + STRIDE, whole = Math.floor(shift / 1e9);
    this.epoch += whole;
    this.shift = shift - whole * 1e9;
    this.cachedAt = -1;
    this.changed();
    return ahead + STRIDE;
  }
  /** The time on the own clock at which the wall clock shows `ns`. */
  fromWall(ns: number): number {
    return (ns - this.epoch * 1e9 - this.shift - this.slewed(this.now()) + this.paceSince * (this.pace - 1)) / this.pace;
  }
  /** From now on one second of the own clock is `pace` seconds of the wall clock. */
  setPace(pace: number): void {
    const now = this.now();
    this.shift += (now - this.paceSince) * (this.pace - 1);
    this.paceSince = now;
    this.pace = pace;
    this.cachedAt = -1;
    this.changed();
  }
  /** Moves the wall clock gradually by `ns`. The rest of an earlier move is dropped. */
  move(ns: number, perSecond: number): void {
    const now = this.now();
    this.shift += this.slewed(now);
    this.slew = { ns, since: now, perSecond };
    this.changed();
  }
  /** The rest of the current move. */
  get moving(): number { return this.slew.ns - this.slewed(this.now()); }
  private slewed(now: number): number {
    const { ns, since, perSecond } = this.slew;
    return ns === 0 ? 0 : Math.sign(ns) * Math.min(Math.abs(ns), ((now - since) / 1e9) * perSecond);
  }
}
