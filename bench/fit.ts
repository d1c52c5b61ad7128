/** Fitting rates to measured cycles, and how well they predict. */
import type { Rates } from '../l4guest/kernel/work.ts';
import { RATES } from '../roottask/client/rates.ts';

type Rate = keyof Rates;
/** Numbers by operation. */
export type Cycles = Readonly<Record<string, number>>;
/** The measurements (cycles on Linux; cycles of the program and its traps alone; how often each rate counts) and the result. */
export interface Measured { readonly linux: Cycles; readonly base: Cycles; readonly counts: Readonly<Record<string, Rates>> }
export interface Calibration extends Measured { readonly rates: Rates }

/** Operations excluded from the calibration, and why. */
export const OUT: Readonly<Record<string, string>> = {
  write_1m: 'Linux 6.12 checks before each page that the rest of the buffer, up to 2 MiB, can be read, so its cost grows with the '
    + 'square of the length',
};
const NAMES = Object.keys(RATES) as Rate[];
const same = (value: number): Rates => Object.fromEntries(NAMES.map((n) => [n, value])) as unknown as Rates;

/** Lines `name times nanoseconds` as cycles of one time. */
export function cyclesOf(said: string): Cycles {
  return Object.fromEntries(said.trim().split('\n').map((line) => line.trim().split(' '))
    .map(([name, times, ns]) => [name!, Number(ns) / Number(times)]));
}

/** Runs with one rate set after the other. */
export function countsOf(run: (rates: Rates) => string): Omit<Measured, 'linux'> {
  const base = cyclesOf(run(same(0))), counts: Record<string, Record<string, number>> = {};
  for (const name of NAMES) {
    const unit = name === 'byte' ? 1 : 1000, found = cyclesOf(run({ ...same(0), [name]: unit }));
    for (const op of Object.keys(base)) (counts[op] ??= {})[name] = Math.round((found[op]! - base[op]!) / unit * 100) / 100;
  }
  return { base, counts: counts as unknown as Record<string, Rates> };
}

export const predict = (op: string, m: Measured, rates: Rates): number =>
  NAMES.reduce((sum, n) => sum + rates[n] * m.counts[op]![n], m.base[op]!);
/** The sum of the squared logarithms of the quotients. */
export const error = (ops: readonly string[], m: Measured, rates: Rates): number =>
  ops.reduce((sum, op) => sum + Math.log(predict(op, m, rates) / m.linux[op]!) ** 2, 0);

/** Descends one rate at a time, in smaller and smaller steps. */
export function fit(ops: readonly string[], measured: Measured): Rates {
  let best: Rates = { ...RATES }, least = error(ops, measured, best);
  for (let step = 0.2; step > 0.002; step /= 2) {
    for (let better = true; better; ) {
      better = false;
      for (const name of NAMES) for (const factor of [1 + step, 1 / (1 + step)]) {
        const next = { ...best, [name]: best[name] * factor }, miss = error(ops, measured, next);
        if (miss < least - 1e-9) { best = next; least = miss; better = true; }
      }
    }
  }
  return best;
}

/** The factor by which a prediction is wrong, ≥ 1. */
export const offBy = (predicted: number, measured: number): number => Math.max(predicted / measured, measured / predicted);
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}
