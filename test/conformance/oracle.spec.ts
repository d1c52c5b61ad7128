import { describe, expect, it } from 'vitest';
import { compare, hasQemu, ours, qemu, QEMU_WRONG } from './oracle.ts';

/** On a quiet computer a minute; longer runs: `npx tsx test/conformance/oracle.ts --instructions 100000000 --seed 5`. */
const INSTRUCTIONS = 1_000_000;
const MINUTES = 60_000;

const withQemu = hasQemu();
if (!withQemu) console.warn('the oracle compares our tiers only: no qemu-system-riscv64');

describe('a million random instructions', () => {
  it('end alike in both tiers of the engine, and on QEMU where it is there', () => {
    const runners = withQemu ? [ours('interp'), ours('eager'), qemu] : [ours('interp'), ours('eager')];
    expect(compare(runners, { seed: 1, instructions: INSTRUCTIONS, but: withQemu ? QEMU_WRONG : [] })).toEqual([]);
  }, 10 * MINUTES);

  it('end alike when each translation is made on its own', () => {
    expect(compare([ours('interp'), ours('jit')], { seed: 2, instructions: 5_000 })).toEqual([]);
  }, 5 * MINUTES);
});
