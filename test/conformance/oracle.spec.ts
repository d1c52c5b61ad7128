import { describe, expect, it } from 'vitest';
import { compare, hasQemu, ours, qemu, QEMU_WRONG } from './oracle.ts';
import { COMMON_ISA } from './stream.ts';

/** One image's worth; longer runs: `npx tsx test/conformance/oracle.ts --instructions 1000000`. */
const INSTRUCTIONS = 10_000;

describe('random instruction streams', () => {
  it('end alike in both tiers of the engine', () => {
    expect(compare(ours('interp'), ours('jit'), 1, INSTRUCTIONS)).toEqual([]);
  });

  it.skipIf(!hasQemu())('end alike here and on QEMU (skipped: no qemu-system-riscv64)', () => {
    expect(compare(ours('interp'), qemu, 2, INSTRUCTIONS, COMMON_ISA, QEMU_WRONG)).toEqual([]);
  });
});
