import { expect, test } from 'vitest';
import { Plic } from './plic.ts';

const enable = (context: number, word = 0): number => 0x2000 + 0x80 * context + 4 * word;
const threshold = (context: number): number => 0x20_0000 + 0x1000 * context;
const claim = (context: number): number => threshold(context) + 4;

/** Registers are words. `pending(hart)`: the interrupts that are high, 11 of M mode and 9 of S mode. */
function setup() {
  const high = new Set<number>(), chip = new Plic(2, 96, (context, level) => void (level ? high.add(context) : high.delete(context)));
  const plic = {
    line: (source: number) => chip.line(source), read: (offset: number) => chip.read(offset, 4),
    write: (offset: number, value: number) => chip.write(offset, value, 4), reset: () => chip.reset()
  };
  return {
    plic, wires: { pending: (hart: number) => [[2 * hart + 1, 9], [2 * hart, 11]].filter(([c]) => high.has(c)).map(([, irq]) => irq) }
  };
}

test('an enabled source above the threshold interrupts the context: M and S of each hart', () => {
  const { plic, wires } = setup();
  plic.write(4 * 10, 3);
  plic.write(enable(1), 1 << 10);
  plic.write(enable(2), 1 << 10);
  plic.line(10).set(true);
  expect([wires.pending(0), wires.pending(1)]).toEqual([[9], [11]]);
  plic.write(threshold(1), 3);
  expect(wires.pending(0)).toEqual([]);
});

test('claim takes the highest priority, the lower number among equals', () => {
  const { plic } = setup();
  plic.write(enable(1), 0xffff_ffff);
  plic.write(enable(1, 1), 0xffff_ffff);
  for (const [source, priority] of [[5, 2], [40, 7], [33, 7]]) {
    plic.write(4 * source, priority);
    plic.line(source).set(true);
  }
  expect([1, 1, 1, 1].map(() => plic.read(claim(1)))).toEqual([33, 40, 5, 0]);
});

test('a claimed source is silent until completed, then asks again while its line is high', () => {
  const { plic, wires } = setup();
  plic.write(4 * 1, 1);
  plic.write(enable(1), 2);
  plic.line(1).set(true);
  expect(plic.read(claim(1))).toBe(1);
  expect(wires.pending(0)).toEqual([]);
  plic.write(claim(1), 1);
  expect(wires.pending(0)).toEqual([9]);
  plic.read(claim(1));
  plic.line(1).set(false);
  plic.write(claim(1), 1);
  expect(wires.pending(0)).toEqual([]);
});

test('completing a source that the context has not enabled changes nothing', () => {
  const { plic } = setup();
  plic.write(4 * 1, 1);
  plic.write(enable(1), 2);
  plic.line(1).set(true);
  plic.read(claim(1));
  plic.write(claim(3), 1);
  expect(plic.read(0x1000)).toBe(0);
});

test('source 0 and registers of contexts that do not exist stay zero', () => {
  const { plic } = setup();
  plic.write(0, 7);
  plic.write(enable(0), 1);
  plic.write(enable(9), 2);
  plic.write(threshold(9), 2);
  expect([plic.read(0), plic.read(enable(0)), plic.read(enable(9)), plic.read(threshold(9))]).toEqual([0, 0, 0, 0]);
});
