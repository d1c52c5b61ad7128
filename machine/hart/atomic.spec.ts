/** @spec unpriv 15.1 */
import { describe, expect, it } from 'vitest';
import { Machine } from '../machine.ts';
import { assemble } from '../../hardware/isa/assemble.ts';

const RAM = 0x8000_0000;

/** mcause after `amocas.q` with these registers, 0 if it is executed. */
function causeOf(engine: 'interp' | 'jit', rd: number, rs2: number): bigint {
  const machine = new Machine({ memoryBytes: 1 << 20, engine });
  const amocas = ((0b00101 << 27) | (rs2 << 20) | (10 << 15) | (0b100 << 12) | (rd << 7) | 0x2f) >>> 0;
  const { bytes } = assemble(`la t6, trap; csrw mtvec, t6; li a0, ${RAM + 0x8000}; .word ${amocas}; j end; .align 2; trap: csrr s11, `
    + `mcause; end: wfi; j end`,
    RAM);
  machine.memory.writable(RAM, bytes.length).set(bytes);
  machine.reset(RAM);
  machine.run({ maxInstructions: 1_000 });
  return machine.harts[0].x[27]!;
}

describe.each(['interp', 'jit'] as const)('amocas.q (%s)', (engine) => {
  it('takes register pairs that begin at an even register; others are reserved, the last register among them', () => {
    expect([[6, 8], [0, 8], [6, 0]].map(([rd, rs2]) => causeOf(engine, rd!, rs2!))).toEqual([0n, 0n, 0n]);
    expect([[7, 8], [6, 9], [31, 8], [6, 31]].map(([rd, rs2]) => causeOf(engine, rd!, rs2!))).toEqual([2n, 2n, 2n, 2n]);
  });
});
