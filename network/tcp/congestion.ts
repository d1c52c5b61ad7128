/**
 * Congestion control: how many bytes may be in flight. Reno and CUBIC.
 *
 * Documentation: RFC 5681 (slow start, congestion avoidance), RFC 9438 (CUBIC), RFC 6928 (ten segments to begin with).
 */

export interface Congestion {
  readonly name: 'reno' | 'cubic';
  /** Bytes that may be in flight. */
  window: number;
  /** Below it the window doubles each round trip. */
  threshold: number;
  /** `bytes` were acknowledged at `now`, `rtt` being the smoothed round trip (microseconds). */
  acknowledged(bytes: number, now: number, rtt: number): void;
  /** Duplicate acknowledgements showed a loss, with `flight` bytes in flight. */
  lost(flight: number, now: number): void;
  /** Nothing was acknowledged for a whole timeout. */
  timedOut(flight: number, now: number): void;
}

const FIRST_SEGMENTS = 10;

abstract class Window {
  window: number;
  threshold = Infinity;
  protected readonly mss: number;
  constructor(mss: number) {
    this.mss = mss;
    this.window = FIRST_SEGMENTS * mss;
  }
  timedOut(flight: number, now: number): void {
    this.lost(flight, now);
    this.window = this.mss;
  }
  abstract lost(flight: number, now: number): void;
}

/** @spec RFC 5681 3.1 */
export class Reno extends Window implements Congestion {
  readonly name = 'reno';
  acknowledged(bytes: number): void {
    if (this.window < this.threshold) this.window += Math.min(bytes, 2 * this.mss);
    else this.window += Math.max(1, Math.floor((this.mss * Math.min(bytes, 2 * this.mss)) / this.window));
  }
  lost(flight: number): void {
    this.threshold = Math.max(Math.floor(flight / 2), 2 * this.mss);
    this.window = this.threshold;
  }
}

const C = 0.4, BETA = 0.7;

/** @spec RFC 9438 4: the window grows with the third power of the time since the last loss, and at least as fast as Reno's. */
export class Cubic extends Window implements Congestion {
  readonly name = 'cubic';
  /** Windows are counted in segments, as in the RFC. */
  #most = 0;
  #epoch = -1;
  #k = 0;
  #reno = 0;

  acknowledged(bytes: number, now: number, rtt: number): void {
    if (this.window < this.threshold) { this.window += Math.min(bytes, 2 * this.mss); return; }
    if (this.#epoch < 0) this.#begin(now);
    const segments = this.window / this.mss, elapsed = (now - this.#epoch) / 1e6;
    this.#reno += (segments < this.#most ? (3 * (1 - BETA)) / (1 + BETA) : 1) * (bytes / this.window);
    const cubic = C * (elapsed - this.#k) ** 3 + this.#most;
    if (cubic < this.#reno) { this.window = Math.max(this.window, Math.floor(this.#reno * this.mss)); return; }
    const target = Math.min(1.5 * segments, Math.max(segments, C * (elapsed + rtt / 1e6 - this.#k) ** 3 + this.#most));
    this.window += Math.max(0, Math.floor(((target - segments) / segments) * Math.min(bytes, 2 * this.mss)));
  }

  #begin(now: number): void {
    const segments = this.window / this.mss;
    this.#epoch = now;
    this.#reno = segments;
    if (segments < this.#most) this.#k = Math.cbrt((this.#most - segments) / C);
    else { this.#most = segments; this.#k = 0; }
  }

  lost(): void {
    const segments = this.window / this.mss;
    this.#most = segments < this.#most ? (segments * (1 + BETA)) / 2 : segments;
    this.threshold = Math.max(2 * this.mss, Math.floor(this.window * BETA));
    this.window = this.threshold;
    this.#epoch = -1;
  }
}

export const congestionControl = (name: 'reno' | 'cubic', mss: number): Congestion => (name === 'reno' ? new Reno(mss) : new Cubic(mss));
