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

function agree(a: TestMachine, b: TestMachine, budget: number): void {
  expect(b.run(budget)).toBe(a.run(budget));
  expect(state(b)).toBe(state(a));
}

describe('regions of several pages', () => {
  it('agree with the interpreter wherever a slice ends', () => {
    for (const budget of [1, 2, 3, 5, 7, 11, 17, 40, 1000]) {
      const [testMachine, b] = [machine('interp'), machine('jit')];
      while (testMachine.slowed.length === 0) agree(testMachine, b, budget);
      expect(testMachine.x(12)).toBe(250n);
      if (budget > 20) expect(b.engine.stats().widened).toBeGreaterThan(0);
    }
  });

  it('go by what is mapped in the address space where they run', () => {
    const [a, b] = [machine('interp', 400), machine('jit', 400)];
    // Another page with the same functions, but that `near` adds 100.
    for (const m of [a, b]) {
      m.bytes.copyWithin(m.linear(SPARE), m.linear(OTHER), m.linear(OTHER) + PAGE);
      m.view.setUint16(m.linear(SPARE), 0x0589 | (31 << 2) & 0x7c, true); // c.addi a1, 31
    }
    for (let i = 0; a.slowed.length === 0; i++) {
      for (const m of [a, b]) m.use(i % 2, i % 2 === 0 ? new Map() : new Map([[OTHER, SPARE]]));
      agree(a, b, 33 + i % 50);
    }
    expect(a.x(11)).toBeGreaterThan(800n);
    expect(b.engine.stats().widened).toBeGreaterThan(0);
  });

  it('end when one of their pages is written', () => {
    const [a, b] = [machine('interp', 300), machine('jit', 300)];
    for (let i = 0; a.slowed.length === 0; i++) {
      agree(a, b, 200);
      for (const m of [a, b]) {
        m.engine.dropCode(m.linear(OTHER), 2);
        m.view.setUint16(m.linear(OTHER), 0x0581 | (((i % 7) + 1) << 2), true); // c.addi a1, 1 … 7
      }
    }
    expect(b.engine.stats().translatedInstructions).toBeGreaterThan(1000);
  });

  it('leave at a fault in another page with the right place, and go on there', () => {
    const [a, b] = [machine('interp', 60), machine('jit', 60)];
    for (let i = 0; a.slowed.length === 0; i++) {
      for (const m of [a, b]) if (i === 5) m.setX(8, 0x10n);
      agree(a, b, 90);
      for (const m of [a, b]) if (m.faults.length > 0) { m.setX(8, BigInt(DATA)); m.faults.length = 0; }
    }
    expect(a.x(12)).toBe(300n);
  });

  it('are made of regions that are often come to, when the translator waits for what is hot', () => {
    const [a, b] = [machine('interp', 600_000), machine('auto', 600_000)];
    while (a.slowed.length === 0) agree(a, b, 50_000);
    expect(b.engine.stats().widened).toBeGreaterThan(0);
  });
});
