import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Samples } from './samples.ts';

const of = (values: number[]): Samples => { const s = new Samples(); for (const v of values) s.add(v); return s; };

describe('samples', () => {
  it('have the order statistics of the sorted list', () => {
    fc.assert(fc.property(fc.array(fc.nat(500), { minLength: 1, maxLength: 300 }), (values) => {
      const sorted = [...values].sort((a, b) => a - b),
        quantile = (p: number): number => sorted[Math.min(sorted.length - 1, Math.floor(p * sorted.length))]!;
      expect(of(values).latency()).toEqual({
        count: sorted.length, min: sorted[0], median: quantile(0.5), p90: quantile(0.9), p99: quantile(0.99), max: sorted.at(-1),
      });
    }));
  });
  it('keep four digits of very many different values, and the ends as they are', () => {
    const latency = of(Array.from({ length: 100_000 }, (_, n) => 1_000_003 + n * 7)).latency()!;
    expect([latency.count, latency.min, latency.max]).toEqual([100_000, 1_000_003, 1_699_996]);
    expect(Math.abs(latency.median - 1_350_003) / 1_350_003).toBeLessThan(0.001);
  });
  it('are nothing without a value', () => expect(of([]).latency()).toBeUndefined());
});
