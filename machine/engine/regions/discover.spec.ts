/** What a region contains: all that is frequent and reachable, or, where there are many regions, nothing that is in another. */
import { describe, expect, it } from 'vitest';
import { assemble } from '../../../hardware/isa/assemble.ts';
import { createDecoder } from '../../../hardware/isa/decode.ts';
import { RAM_BASE, RECORDS } from '../layout.ts';
import { TestMachine } from '../testing.ts';
import { discover, type PageView } from './discover.ts';

const TEXT = 'head: beqz a0, other; addi a1, a1, 1; other: addi a2, a2, 1; addi a2, a2, 2; bnez a3, head; ret';
const { bytes, symbols } = assemble(TEXT, RAM_BASE);
const placeOf = (name: string): number => Number(symbols.get(name)! - BigInt(RAM_BASE)) / 2;

/** A page with that program, where all is warm and other regions begin at these places. */
function page(begun: readonly number[]): PageView {
  const decode = createDecoder('rv64gc');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return {
    decode: (place) => (place * 2 + 4 <= bytes.length ? decode(view.getUint32(place * 2, true)) : undefined),
    warm: () => true, warmPlaces: () => [], begins: (place) => begun.includes(place), decoded: (place) => place < RECORDS,
    neighbour: () => undefined, records: 0, ram: 0
  };
}
const blocks = (begun: readonly number[]): number[] =>
  [...discover(page(begun), placeOf('head'), false)!.blocks.keys()].sort((a, b) => a - b);

describe('a region', () => {
  it('contains what follows a branch', () => expect(blocks([])).toContain(placeOf('other')));
  it('ends where another begins', () => expect(blocks([placeOf('other')])).not.toContain(placeOf('other')));
  it('goes on at its own head, although it begins there', () => expect(blocks([placeOf('head')])).toEqual(blocks([])));
});

/** Twelve functions with a common end, to which they jump; called often. */
function tails(leanFrom: number): TestMachine {
  const functions = Array.from({ length: 12 }, (_, i) => `f${i}: addi a1, a1, ${i}; j tail`);
  const calls = functions.map((_, i) => `jal ra, f${i}`);
  const machine = new TestMachine('rv64gc', undefined, 'auto', undefined, leanFrom);
  machine.program(`again: ${calls.join('; ')}; addi s3, s3, -1; bnez s3, again; ebreak; ${functions.join('; ')}
tail: addi a2, a2, 1; xor a3, a3, a1; add a4, a4, a3; ret`);
  machine.setX(19, 100_000n);
  while (machine.slowed.length === 0) machine.run(1000);
  return machine;
}

describe('lean regions', () => {
  it('give the same results', () => {
    const [wide, lean] = [tails(Infinity), tails(0)];
    for (let n = 0; n < 32; n++) expect(lean.x(n)).toBe(wide.x(n));
    expect(lean.engine.stats().translatedInstructions).toBeGreaterThan(1_000_000);
  });
});
