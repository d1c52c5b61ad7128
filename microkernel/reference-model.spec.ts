/**
 * Random sequences of all system calls by several tasks, beside the reference model; compared after each step: objects, capabilities and
 * their derivation, pages as the MMU walks them, quotas, waits and queues, who runs. About a hundred thousand steps; `npx tsx
 * test/kernel-long.ts` makes a million. Failures shrink, and fast-check prints their seed.
 */
import fc from 'fast-check';
import { it } from 'vitest';
import { Director } from './testing/director.ts';

const RUNS = Number(process.env['RUNS'] ?? 100), STEPS = 1000;
const seeds = fc.array(fc.nat(2 ** 30), { maxLength: STEPS, size: 'max' });

it.each([1, 3])('every system call does what the reference model says, on %i hart(s)', harts => {
  fc.assert(fc.property(seeds, steps => new Director(steps, harts).run()), { numRuns: RUNS });
}, 600_000);

it('a thread that begins on lent time, in a call after which a time-out cuts the chain, is the same in both', () => {
  new Director([67157951, 585400611, 143065139, 677789049, 466058701], 3).run();
});
