/** Regions that span several pages give the interpreter's results, whatever is mapped there and however that changes. */
import { describe, expect, it } from 'vitest';
import { FULL_ISA } from '../../../hardware/isa/table.ts';
import { HS, PAGE, RAM_BASE } from '../layout.ts';
import type { Tier } from '../engine.ts';
import { TestMachine } from '../testing.ts';

const OTHER = RAM_BASE + PAGE;
const SPARE = RAM_BASE + 2 * PAGE;
const DATA = RAM_BASE + 0x8000;

/**
 * A loop that calls into the next page, near and by a pair, which calls back; falls over the page's end; and loads where a store of the
 * loop has been.
 */
const LOOP = `j start; .align 3; back: addi a2, a2, 5; ld t0, 0(s0); add a3, a3, t0; ret
start: again: jal ra, near; addi a0, a0, 1; 1: auipc t1, 1; jalr ra, -40(t1); sd a0, 8(s0); addi s3, s3, -1; bnez s3, again; ebreak
.align 12
near: addi a1, a1, 2; beqz a4, skip; addi a5, a5, 1; skip: xori a4, a4, 1; ret; .align 6
pair: addi sp, sp, -16; sd ra, 0(sp); ld t2, 8(s0); add a6, a6, t2; jal ra, back; addi a7, a7, 1; ld ra, 0(sp); addi sp, sp, 16; ret`;

function machine(tier: Tier, rounds = 50): TestMachine {
  const testMachine = new TestMachine(FULL_ISA, undefined, tier);
  const symbols = testMachine.program(LOOP);
  // The pair's offset is written by hand: it must lead to `pair`.
  const at = Number(symbols.get('again')!) + 8;
  const low = Number(symbols.get('pair')!) - at - PAGE;
  testMachine.view.setUint32(testMachine.linear(at) + 4, (0x67 | (1 << 7) | (6 << 15) | (low << 20)) >>> 0, true);
  testMachine.setX(8, BigInt(DATA));
  testMachine.setX(2, BigInt(DATA + 0x800));
  testMachine.setX(19, BigInt(rounds));
  testMachine.longs[testMachine.linear(DATA) / 8] = 7n;
  return testMachine;
}

const state = (m: TestMachine): string => [...Array.from({ length: 32 }, (_, i) => m.x(i)), m.get64(HS.PC), m.slowed.join()].join(' ');

function agree(interpreted: TestMachine, translated: TestMachine, budget: number): void {
  expect(translated.run(budget)).toBe(interpreted.run(budget));
  expect(state(translated)).toBe(state(interpreted));
}

describe('regions of several pages', () => {
  it('agree with the interpreter wherever a slice ends', () => {
    for (const budget of [1, 2, 3, 5, 7, 11, 17, 40, 1000]) {
      const [testMachine, translated] = [machine('interp'), machine('jit')];
      while (testMachine.slowed.length === 0) agree(testMachine, translated, budget);
      expect(testMachine.x(12)).toBe(250n);
      if (budget > 20) expect(translated.engine.stats().widened).toBeGreaterThan(0);
    }
  });

  it('go by what is mapped in the address space where they run', () => {
    const [interpreted, translated] = [machine('interp', 400), machine('jit', 400)];
    // Another page with the same functions, but that `near` adds 100.
    for (const machine of [interpreted, translated]) {
      machine.bytes.copyWithin(machine.linear(SPARE), machine.linear(OTHER), machine.linear(OTHER) + PAGE);
      machine.view.setUint16(machine.linear(SPARE), 0x0589 | (31 << 2) & 0x7c, true); // c.addi a1, 31
    }
    for (let i = 0; interpreted.slowed.length === 0; i++) {
      for (const machine of [interpreted, translated]) machine.use(i % 2, i % 2 === 0 ? new Map() : new Map([[OTHER, SPARE]]));
      agree(interpreted, translated, 33 + i % 50);
    }
    expect(interpreted.x(11)).toBeGreaterThan(800n);
    expect(translated.engine.stats().widened).toBeGreaterThan(0);
  });

  it('end when one of their pages is written', () => {
    const [interpreted, translated] = [machine('interp', 300), machine('jit', 300)];
    for (let i = 0; interpreted.slowed.length === 0; i++) {
      agree(interpreted, translated, 200);
      for (const machine of [interpreted, translated]) {
        machine.engine.dropCode(machine.linear(OTHER), 2);
        machine.view.setUint16(machine.linear(OTHER), 0x0581 | (((i % 7) + 1) << 2), true); // c.addi a1, 1 … 7
      }
    }
    expect(translated.engine.stats().translatedInstructions).toBeGreaterThan(1000);
  });

  it('leave at a fault in another page with the right place, and go on there', () => {
    const [interpreted, translated] = [machine('interp', 60), machine('jit', 60)];
    for (let i = 0; interpreted.slowed.length === 0; i++) {
      for (const machine of [interpreted, translated]) if (i === 5) machine.setX(8, 0x10n);
      agree(interpreted, translated, 90);
      for (const machine of [interpreted, translated])
        if (machine.faults.length > 0) { machine.setX(8, BigInt(DATA)); machine.faults.length = 0; }
    }
    expect(interpreted.x(12)).toBe(300n);
  });

  it('are made of regions that are often come to, when the translator waits for what is hot', () => {
    const [interpreted, translated] = [machine('interp', 600_000), machine('auto', 600_000)];
    while (interpreted.slowed.length === 0) agree(interpreted, translated, 50_000);
    expect(translated.engine.stats().widened).toBeGreaterThan(0);
  });
});
