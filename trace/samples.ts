/** Durations for order statistics: counted by value, so that ten million of them take little memory and sort quickly. */

/** Most distinct values; beyond this each value is rounded to four digits. */
const MOST = 32_768;

/** Durations in cycles, in order. */
export interface Latency { count: number; min: number; median: number; p90: number; p99: number; max: number }

export class Samples {
  private counts = new Map<number, number>();
  private coarse = false;
  private count = 0;
  private min = Infinity;
  private max = -Infinity;

  add(cycles: number): void {
    this.count++;
    if (cycles < this.min) this.min = cycles;
    if (cycles > this.max) this.max = cycles;
    const value = this.coarse ? fourDigits(cycles) : cycles;
    this.counts.set(value, (this.counts.get(value) ?? 0) + 1);
    if (!this.coarse && this.counts.size > MOST) this.coarsen();
  }

  /** Undefined without samples. */
  latency(): Latency | undefined {
    if (this.count === 0) return undefined;
    const values = [...this.counts].sort((a, b) => a[0] - b[0]);
    const at = (part: number): number => {
      let left = Math.min(this.count - 1, Math.floor(part * this.count));
      for (const [value, n] of values) if ((left -= n) < 0) return value;
      return this.max;
    };
    return { count: this.count, min: this.min, median: at(0.5), p90: at(0.9), p99: at(0.99), max: this.max };
  }

  private coarsen(): void {
    const exact = this.counts;
    this.coarse = true;
    this.counts = new Map();
    for (const [value, n] of exact) { const rounded = fourDigits(value); this.counts.set(rounded, (this.counts.get(rounded) ?? 0) + n); }
  }
}

function fourDigits(value: number): number {
  const unit = 10 ** Math.max(0, Math.floor(Math.log10(Math.max(1, value))) - 3);
  return Math.round(value / unit) * unit;
}
