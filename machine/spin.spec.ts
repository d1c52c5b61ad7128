import { describe, expect, it } from 'vitest';
import { assemble } from '../hardware/isa/assemble.ts';
import { Machine } from './machine.ts';

const RAM = 0x8000_0000;
const LOOPS = {
  'a test-and-set lock': 'again: li t1, 1; amoswap.w.aq t1, t1, (s0); bnez t1, again',
  'a lock of lr and sc': 'again: lr.w.aq t1, (s0); bnez t1, again; li t2, 1; sc.w t1, t2, (s0); bnez t1, again',
  'a flag, with pause': 'again: pause; lw t1, 0(s0); bnez t1, again',
};

/** Hart 0 holds the lock and works; the others wait for it, and then count themselves. */
function machine(loop: string, engine: 'interp' | 'jit', harts = 4): Machine {
  const program = `la s0, lock; la s1, total; bnez a0, other; li t0, 400000; work: addi t0, t0, -1; bnez t0, work; sw zero, 0(s0)
    stop: j stop;
    other: ${loop}; fence rw, rw; lw t2, 0(s1); addi t2, t2, 1; sw t2, 0(s1); amoadd.w t3, a0, (s1); sw zero, 0(s0); done: j done
    .align 3; lock: .word 1; total: .word 0; .word 0`;
  const machine = new Machine({ memoryBytes: 1 << 20, harts, engine });
  machine.memory.writable(RAM, 4096).set(assemble(program, RAM).bytes);
  machine.reset(RAM);
  return machine;
}
const state = (m: Machine): string => m.harts.map((h) => [h.instret, h.cycles, h.pc, ...h.x].join(' ')).join('\n');

describe('a hart that spins', () => {
  it.each(Object.entries(LOOPS))('on %s leaves its turn to the others, and gets what it waits for', (_, loop) => {
    const spinning = machine(loop, 'interp');
    spinning.run({ maxCycles: 700_000 });
    const [first, ...others] = spinning.harts;
    expect(first!.instret).toBe(700_000);
    for (const hart of others) expect(hart.instret).toBeLessThan(150_000);
    spinning.run({ maxCycles: 300_000 });
    for (const hart of others) expect(hart.num(7)).toBeGreaterThan(0); // t2: it had its turn with the total
  });

  it.each(Object.entries(LOOPS))('on %s does the same in both tiers', (_, loop) => {
    const [interpreted, translated] = [machine(loop, 'interp'), machine(loop, 'jit')];
    for (let i = 0; i < 10; i++) {
      interpreted.run({ maxCycles: 100_000 });
      translated.run({ maxCycles: 100_000 });
      expect(state(translated)).toBe(state(interpreted));
    }
  });

  it('but counts something meanwhile does not spin', () => {
    const spinning = machine('again: addi s5, s5, 1; lw t1, 0(s0); bnez t1, again', 'interp', 2);
    spinning.run({ maxCycles: 700_000 });
    expect(spinning.harts[1]!.instret).toBeGreaterThan(690_000);
  });

  it('still retires instructions, so that a limit of instructions is reached', () => {
    const spinning = machine('again: j again', 'interp', 2);
    spinning.run({ maxInstructions: 3_000_000 });
    expect(spinning.instructions).toBe(3_000_000);
  });
});
