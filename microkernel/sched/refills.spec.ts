import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Refills } from './refills.ts';

const BUDGET = 3000, PERIOD = 10_000;

it('what was used comes back one period after it could be used, in pieces', () => {
  const refills = new Refills(30_000, 100_000, 0);
  expect(refills.settle(10_000, 60_000, true)).toBe(10_000); // ran 0 … 20,000 and waited until 60,000
  expect(refills.settle(0, 70_000, false)).toBe(0);
  expect(refills.pieces).toEqual([{ time: 100_000, amount: 20_000 }, { time: 160_000, amount: 10_000 }]);
  expect(refills.settle(0, 100_000, false)).toBe(20_000);
});

it('more than was there (a long step that cannot be interrupted) is paid for later', () => {
  const refills = new Refills(BUDGET, PERIOD, 0);
  expect(refills.settle(-2 * BUDGET - 10, 3 * BUDGET + 10, false)).toBe(0); // three budgets and 10
  expect(refills.time).toBeGreaterThanOrEqual(3 * PERIOD);
});

/** Runs and waits as told, whenever there is time; answers the intervals in which it ran. */
function play(steps: readonly { run: number; wait: number }[]): [from: number, to: number][] {
  const refills = new Refills(BUDGET, PERIOD, 0), ran: [number, number][] = [];
  let now = 0, left = BUDGET;
  for (const { run, wait } of steps) {
    for (let todo = run; todo > 0; ) {
      if (left <= 0) {
        left = refills.settle(left, now, false);
        if (left <= 0) { now = refills.time; continue; }
      }
      const n = Math.min(todo, left);
      ran.push([now, now + n]);
      now += n;
      left -= n;
      todo -= n;
      expect(refills.pieces.length).toBeLessThanOrEqual(8);
    }
    now += wait;
    if (wait > 0) left = refills.settle(left, now, true);
    expect(refills.pieces.reduce((sum, p) => sum + p.amount, 0)).toBe(BUDGET);
  }
  return ran;
}
/** How much of [from, from + PERIOD) it ran. */
const within = (ran: readonly [number, number][], from: number): number =>
  ran.reduce((sum, [a, b]) => sum + Math.max(0, Math.min(b, from + PERIOD) - Math.max(a, from)), 0);

it('no window of one period, wherever it begins, holds more than the budget', () => {
  const step = fc.record({
    run: fc.integer({ min: 1, max: 2 * BUDGET }), wait: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 2 * PERIOD }))
  });
  fc.assert(fc.property(fc.array(step, { maxLength: 60, size: 'max' }), steps => {
    const ran = play(steps);
    for (const [begin, end] of ran) for (const from of [begin, end - PERIOD, end]) expect(within(ran, from)).toBeLessThanOrEqual(BUDGET);
  }), { numRuns: 300 });
});

it('who always wants to run gets the whole budget in every period', () => {
  const ran = play([{ run: 20 * BUDGET, wait: 0 }]);
  for (let i = 0; i < 20; i++) expect(within(ran, i * PERIOD)).toBe(BUDGET);
});
