/** The generated code for sstatus, sscratch, sepc, scause and stval does what csr.ts does. @spec priv 12.1, 21.2; unpriv 6.1 */
import { describe, expect, it } from 'vitest';
import { assemble } from '../../hardware/isa/assemble.ts';
import { SeededRandom } from '../../hardware/chips/random.ts';
import { HS } from '../engine/layout.ts';
import { Machine } from '../machine.ts';
import { IP, MSTATUS } from './bits.ts';
import { csrInstruction } from './csr.ts';
import type { Hart } from './hart.ts';
import { C } from './slots.ts';

const RAM = 0x8000_0000, LENGTH = 4, ROUNDS = 300;
const REGISTERS = [0x100, 0x100, 0x100, 0x140, 0x141, 0x142, 0x143] as const;
const FORMS = [1, 2, 3, 5, 6, 7] as const;
const MODES = [[1, false], [1, true], [3, false]] as const;

/** Random accesses to these registers. */
function accesses(pick: (n: number) => number): Int32Array {
  const operand = (): number => (pick(3) === 0 ? 0 : pick(32));
  return Int32Array.from({ length: LENGTH },
    () => (REGISTERS[pick(REGISTERS.length)]! << 20) | (operand() << 15) | (FORMS[pick(FORMS.length)]! << 12) | (operand() << 7) | 0x73);
}

/** A hart in some mode, with registers and status that decide which accesses are simple. */
function prepare(hart: Hart, pick: (n: number) => number): void {
  hart.presetForSupervisor();
  const bits = (): bigint => BigInt(pick(2 ** 31)) << BigInt(pick(34));
  for (let i = 1; i < 32; i++) hart.x[i] = pick(2) === 0 ? bits() : BigInt(pick(2) * MSTATUS.SIE | pick(2) * MSTATUS.SPP | pick(4) << 13);
  for (const slot of [C.sscratch, C.sepc, C.scause, C.stval, C.vsscratch, C.vsepc, C.vscause, C.vstval]) hart.c[slot] = pick(2 ** 31);
  hart.c[C.mstatus] = pick(4) << 13 | pick(2) * MSTATUS.SPIE;
  hart.c[C.vsstatus] = pick(4) << 13 | pick(2) * MSTATUS.SIE;
  // Pending and enabled for a guest: visible in every mode, taken in none of these.
  hart.c[C.hideleg] = IP.VSSI;
  hart.c[C.hvip] = hart.c[C.mie] = pick(3) === 0 ? IP.VSSI : 0;
  const [priv, virt] = MODES[pick(MODES.length)]!;
  if (virt) hart.c[C.hvip] = 0;
  hart.setMode(priv, virt);
  hart.w[HS.FS_DIRTY >> 2] = pick(4) === 0 ? 1 : 0;
}

const state = (hart: Hart, since: number): unknown => {
  hart.foldFs();
  return {
    x: [...hart.x], csrs: [...hart.c], pc: hart.pc, fp: hart.w[HS.FS_ON >> 2], space: hart.context?.slot, retired: hart.instret - since,
  };
};

/** The state after a few random accesses, by the engine or by csr.ts. */
function run(machine: Machine, seed: number, byEngine: boolean): unknown {
  const hart = machine.harts[0]!, numbers = new SeededRandom(seed), pick = (n: number): number => numbers.u32() % n;
  const words = accesses(pick);
  machine.memory.writable(RAM, LENGTH * 4).set(new Uint8Array(words.buffer));
  machine.reset(RAM);
  prepare(hart, pick);
  const since = hart.instret;
  if (byEngine) machine.run({ maxInstructions: LENGTH });
  else {
    hart.beginSlice(1000);
    for (const word of words) if (csrInstruction(hart, word) === 0) hart.retire(4);
    hart.finishSlice();
  }
  return state(hart, since);
}

describe.each(['interp', 'jit'] as const)('accesses that generated code makes itself (%s)', (engine) => {
  it.each([undefined, 'rv64imah_zicsr'])('leave what TypeScript leaves (%s)', (isa) => {
    const [ours, expected] = [engine, 'interp' as const].map((e) => new Machine({ memoryBytes: 1 << 20, engine: e, isa }));
    for (let seed = 1; seed <= ROUNDS; seed++) expect(run(ours!, seed, true), `seed ${seed}`).toEqual(run(expected!, seed, false));
  });

  it.each(['csrsi sstatus, 2', 'li t0, 2; csrs sstatus, t0'])('an interrupt that waits is taken right behind %s', (enable) => {
    const machine = new Machine({ memoryBytes: 1 << 20, engine }), hart = machine.harts[0]!;
    const { bytes, symbols } = assemble(
      `li s0, 200; again: csrci sstatus, 2; csrs sip, t1; csrw sscratch, a0; ${enable}
      here: addi a0, a0, 1; addi s0, s0, -1; bnez s0, again; stop: wfi; j stop
      .align 2; trap: csrr a1, sepc; csrci sip, 2; addi a2, a2, 1; la t2, here; beq a1, t2, right; addi a3, a3, 1; right: sret`, RAM);
    machine.memory.writable(RAM, bytes.length).set(bytes);
    machine.reset(RAM);
    hart.presetForSupervisor();
    hart.setCsr(0x105, symbols.get('trap')!);
    hart.c[C.mie] = hart.x32[2 * 6] = IP.SSI;
    machine.run({ maxInstructions: 10_000 });
    expect([hart.x[12], hart.x[13]]).toEqual([200n, 0n]);
  });
});
