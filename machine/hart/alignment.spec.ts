/** @spec unpriv 2.6; priv 3.6.4 */
import { describe, expect, it } from 'vitest';
import { assemble } from '../../hardware/isa/assemble.ts';
import { FULL_ISA } from '../../hardware/isa/table.ts';
import { Machine } from '../machine.ts';
import type { Hart } from './hart.ts';

const RAM = 0x8000_0000;
const PROGRAM = `
  la t0, trap; csrw mtvec, t0; la s0, data; li a5, 0; li a7, 3
again: li t1, 0x1234; addi a6, s0, 7
  sw t1, 4(s0); lw a3, 4(s0); lbu a4, 5(s0)
access: ld a2, -1(a6); sh t1, 8(a6)
  addi a7, a7, -1; bnez a7, again
stop: wfi; j stop
  .align 2
trap: addi a5, a5, 1; csrr a0, mcause; csrr a1, mtval; csrr t2, mepc; addi t2, t2, 4; csrw mepc, t2; mret
  .align 3
data: .zero 64
`;

/** Runs the program to its end. */
function run(isa: string | undefined, engine: 'interp' | 'jit', program = PROGRAM): { h: Hart; data: bigint } {
  const { bytes, symbols } = assemble(program, RAM);
  const machine = new Machine({ memoryBytes: 1 << 20, engine, isa });
  machine.memory.writable(RAM, bytes.length).set(bytes);
  machine.reset(RAM);
  machine.run({ maxCycles: 100_000 });
  return { h: machine.harts[0], data: BigInt(symbols.get('data') ?? 0) };
}

describe.each(['interp', 'jit'] as const)('misaligned accesses (%s)', (engine) => {
  it('are done in hardware by default', () => {
    const { h: hart } = run(undefined, engine, PROGRAM.replaceAll('-1(a6)', '-2(a6)'));
    expect([hart.x[15], hart.x[13]]).toEqual([0n, 0x1234n]);
  });

  it('trap where the ISA string says xstrictalign; aligned ones do not', () => {
    const { h: hart, data } = run(`${FULL_ISA}_xstrictalign`, engine);
    expect([hart.x[10], hart.x[11], hart.x[13], hart.x[14], hart.x[15]]).toEqual([6n, data + 15n, 0x1234n, 0x12n, 6n]);
    const loads = run(`${FULL_ISA}_xstrictalign`, engine, PROGRAM.replaceAll('-1(a6)', '-2(a6)').replaceAll('8(a6)', '9(a6)'));
    expect([loads.h.x[10], loads.h.x[11], loads.h.x[15]]).toEqual([4n, loads.data + 5n, 3n]);
  });

  it('a misaligned access as a guest says so in mstatus.GVA', () => {
    const mprv = 'li t0, 0x20800; csrs mstatus, t0; li t0, 1; slli t0, t0, 39; csrs mstatus, t0; la t1, trap; csrw mtvec, t1; la s0, data; '
      + 'lw a2, 1(s0); j stop; .align 2; trap: csrr a0, mcause; csrr a1, mstatus; stop: wfi; j stop; .align 3; data: .zero 16';
    const { h: hart } = run(`${FULL_ISA}_xstrictalign`, engine, mprv);
    expect([hart.x[10], (hart.x[11]! >> 38n) & 1n]).toEqual([4n, 1n]);
  });
});
