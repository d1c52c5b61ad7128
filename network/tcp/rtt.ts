/** The round-trip time and the retransmission timeout that follows from it. Times are microseconds. @spec RFC 6298 */

const GRAIN_US = 1_000, FIRST_US = 1_000_000, LEAST_US = 200_000, MOST_US = 120_000_000;

export class RoundTrip {
  /** Smoothed round trip and its variation; 0 before the first sample. */
  smoothed = 0;
  variation = 0;
  least = Infinity;
  /** Back-off: doublings since the last sample. */
  backoff = 0;
  #timeout = FIRST_US;

  sample(us: number): void {
    const rtt = Math.max(1, us);
    this.least = Math.min(this.least, rtt);
    if (this.smoothed === 0) {
      this.smoothed = rtt;
      this.variation = rtt / 2;
    } else {
      this.variation = 0.75 * this.variation + 0.25 * Math.abs(this.smoothed - rtt);
      this.smoothed = 0.875 * this.smoothed + 0.125 * rtt;
    }
    this.#timeout = Math.min(MOST_US, Math.max(LEAST_US, this.smoothed + Math.max(GRAIN_US, 4 * this.variation)));
    this.backoff = 0;
  }

  /** The retransmission timeout. */
  get timeout(): number { return Math.min(MOST_US, this.#timeout * 2 ** this.backoff); }
}
