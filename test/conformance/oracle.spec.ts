import { describe, expect, it } from 'vitest';
import { compare, hasQemu, ours, qemu, QEMU_WRONG } from './oracle.ts';
import { HYPERVISOR_ISA, PRIVILEGED_ISA, privileged } from './privileged.ts';
import { COMMON_ISA, unprivileged } from './stream.ts';

/**
 * How many random instructions: few in `npm test`, a million in .ci/run (TESSERA_ORACLE=1000000).
 * Longer runs: `npx tsx test/conformance/oracle.ts --instructions 100000000 --seed 5`.
 */
const INSTRUCTIONS = Number(process.env['TESSERA_ORACLE'] ?? 30_000);
const part = (whole: number): number => Math.max(2_000, Math.round((INSTRUCTIONS * whole) / 1_000_000));
const MINUTES = 60_000;

const withQemu = hasQemu();
if (!withQemu) console.warn('the oracle compares our tiers only: no qemu-system-riscv64');

describe(`${INSTRUCTIONS} random instructions`, () => {
  it('end alike in both tiers of the engine, and on QEMU where it is there', () => {
    const runners = withQemu ? [ours('interp'), ours('eager'), qemu] : [ours('interp'), ours('eager')];
    expect(compare(unprivileged(COMMON_ISA, withQemu ? QEMU_WRONG : []), runners, { seed: 1, instructions: INSTRUCTIONS })).toEqual([]);
  }, 10 * MINUTES);

  it('end alike when each translation is made on its own', () => {
    expect(compare(unprivileged(COMMON_ISA), [ours('interp'), ours('jit')], { seed: 2, instructions: 5_000 })).toEqual([]);
  }, 5 * MINUTES);
});

describe('random privileged sequences', () => {
  it.skipIf(!withQemu)('of M, S and U mode end alike here and on QEMU', () => {
    expect(compare(privileged(false), [ours('interp', PRIVILEGED_ISA), qemu], { seed: 1, instructions: part(50_000) })).toEqual([]);
  }, 5 * MINUTES);

  it('of all modes end alike in both tiers of the engine', () => {
    expect(compare(privileged(true), [ours('interp', HYPERVISOR_ISA), ours('eager', HYPERVISOR_ISA)],
      { seed: 1, instructions: part(20_000) })).toEqual([]);
  }, 5 * MINUTES);
});
