/** @spec priv 3.1.1, 3.1.6.7, 21 */
import { describe, expect, it } from 'vitest';
import { Machine } from '../machine.ts';
import { assemble } from '../../hardware/isa/assemble.ts';

const RAM = 0x8000_0000;
const [D, F, H, C] = [1n << 3n, 1n << 5n, 1n << 7n, 1n << 2n];
const [MISA, MIDELEG, HGATP, HVIP] = [0x301, 0x303, 0x680, 0x645];

/**
 * Runs this in M mode, with `t0` = the value of misa without the bits `off`; each exception is counted in s10, its cause left in s11, the
 * instruction skipped.
 */
function run(engine: 'interp' | 'jit', off: bigint, text: string): Machine {
  const machine = new Machine({ memoryBytes: 1 << 20, engine });
  const { bytes } = assemble(`la t6, trap; csrw mtvec, t6; li t6, 0x6000; csrs mstatus, t6; csrr t0, misa; li t1, ${off}; not t1, t1
    and t0, t0, t1; ${text}; end: wfi; j end
    .align 2; trap: addi s10, s10, 1; csrr s11, mcause; csrr t6, mepc; addi t6, t6, 4; csrw mepc, t6; mret`, RAM);
  machine.memory.writable(RAM, bytes.length).set(bytes);
  machine.reset(RAM);
  machine.run({ maxInstructions: 200_000 });
  return machine;
}
const seen = (machine: Machine): (number | bigint)[] => { const h = machine.harts[0]; return [h.num(26), h.num(27), h.x[10]!]; };

describe.each(['interp', 'jit'] as const)('misa (%s)', (engine) => {
  it('without F and D there is no floating point: its instructions and registers are illegal; it comes back', () => {
    const [loop, float] = ['li s0, 5000; spin: addi s0, s0, -1; bnez s0, spin', 'fadd.d f1, f2, f3; fadd.s f1, f2, f3; csrr a0, fcsr'];
    expect(seen(run(engine, 0n, `${loop}; ${float}`))).toEqual([0, 0, 0n]);
    const off = run(engine, F, `csrw misa, t0; li t6, 0x6000; csrs mstatus, t6; ${float}; csrr a0, misa`);
    expect(seen(off).slice(0, 2)).toEqual([3, 2]);
    expect(off.harts[0].x[10]! & (F | D)).toBe(0n);
    const on = run(engine, F, `csrr t2, misa; csrw misa, t0; csrw misa, t2; ${float}; csrr a0, misa`);
    expect(seen(on).slice(0, 2)).toEqual([0, 0]);
    expect(on.harts[0].x[10]! & (F | D)).toBe(F | D);
  });

  it('a loop of floating point that was translated becomes illegal as well', () => {
    const machine = run(engine, F,
      'la s2, again; li s3, 2; again: li s0, 3000; add: fadd.d f1, f2, f3; addi s0, s0, -1; bnez s0, add; csrw misa, t0; addi s3, s3, -1; '
        + 'bnez s3, again');
    expect(seen(machine).slice(0, 2)).toEqual([3000, 2]);
  });

  it('without H there are no guests: registers, instructions and delegation are gone; they come back as after a reset', () => {
    const text = 'csrr a0, hstatus; hlv.w a0, (t0); hsv.w a0, (t0); hfence.vvma; hfence.gvma; csrr a0, vsstatus; csrr a0, mtval2';
    const off = run(engine, H, `csrw misa, t0; ${text}; li a0, -1; csrw mideleg, a0; csrw mie, a0; csrr a0, mie`);
    expect(seen(off)).toEqual([7, 2, 0x2aaan]);
    expect(off.harts[0].csr(MIDELEG)).toBe(0x2222n);
    const on = run(engine, H,
      'csrr t2, misa; li a0, 4; csrw hvip, a0; li a0, 0x8000000000080000; csrw hgatp, a0; csrw misa, t0; csrw misa, t2; csrr a0, hstatus');
    const hart = on.harts[0];
    expect([seen(on), hart.csr(HGATP), hart.csr(HVIP), hart.csr(MIDELEG)]).toEqual([[0, 0, 2n << 32n], 0n, 0n, 0x444n]);
  });
});

describe('misa', () => {
  it('keeps the letters that cannot be switched off, and D where F stays', () => {
    const hart = new Machine({ memoryBytes: 1 << 20 }).harts[0];
    const all = hart.csr(MISA);
    hart.setCsr(MISA, all & ~(C | D | 1n));
    expect(hart.csr(MISA)).toBe(all);
    hart.setCsr(MISA, 0n);
    expect(hart.csr(MISA)).toBe(all & ~(F | D | H));
    hart.reset();
    expect(hart.csr(MISA)).toBe(all);
  });

  it('has nothing to switch on that the ISA string does not name', () => {
    const hart = new Machine({ memoryBytes: 1 << 20, isa: 'rv64imac_zicsr' }).harts[0];
    const all = hart.csr(MISA);
    hart.setCsr(MISA, -1n);
    expect([hart.csr(MISA), all & (F | D | H)]).toEqual([all, 0n]);
  });
});
