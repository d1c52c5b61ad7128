import { expect, test } from 'vitest';
import { Htif } from './htif.ts';
import { Sswi } from './sswi.ts';
import { TestEvents, TestMemory, TestTerminal, TestWires } from './testing.ts';
import { HartIrq } from './wires.ts';

type Stop = { kind: 'poweroff' | 'reset'; code: number };

test('HTIF: an odd value exits with its upper part; the console writes and reads', () => {
  const memory = new TestMemory(4096);
  const events = new TestEvents();
  const terminal = new TestTerminal();
  const stops: Stop[] = [];
  const tohost = memory.base;
  const fromhost = memory.base + 8;
  new Htif({ memory, events, stop: (r) => void stops.push(r) }, terminal, { tohost, fromhost });
  memory.setU64(tohost, 0x0101_0000_0000_0041n);
  events.advanceTo(2000);
  expect([terminal.text, memory.u64(tohost), memory.u64(fromhost)]).toEqual(['A', 0n, 0x0101_0000_0000_0000n]);
  memory.setU64(tohost, 0x0100_0000_0000_0000n);
  events.advanceTo(4000);
  terminal.type('z');
  events.advanceTo(6000);
  expect(memory.u64(fromhost)).toBe(0x0100_0000_0000_017an);
  memory.setU64(tohost, 7n);
  events.advanceTo(8000);
  expect(stops).toEqual([{ kind: 'poweroff', code: 3 }]);
});

test('HTIF: write and exit are system calls; others and rubbish are refused', () => {
  const memory = new TestMemory(4096), events = new TestEvents(), terminal = new TestTerminal(), stops: Stop[] = [];
  const [tohost, fromhost, block] = [memory.base, memory.base + 8, memory.base + 64];
  const htif = new Htif({ memory, events, stop: (r) => void stops.push(r) }, terminal, { tohost, fromhost });
  const call = (...words: number[]): bigint => {
    words.forEach((w, i) => memory.setU64(block + 8 * i, BigInt(w)));
    memory.setU64(fromhost, 0n);
    memory.setU64(tohost, BigInt(block));
    htif.poll();
    return BigInt.asIntN(64, memory.u64(block));
  };
  memory.view(memory.base + 256, 3).set([104, 105, 10]);
  expect([call(64, 1, memory.base + 256, 3), memory.u64(fromhost), terminal.text]).toEqual([3n, 1n, 'hi\n']);
  expect([call(64, 5, memory.base, 1), call(64, 1, 0, 1), call(1024, 0)]).toEqual([-9n, -14n, -38n]);
  call(93, 7);
  memory.setU64(tohost, 0x1000n);
  htif.poll();
  expect(stops.map((s) => s.code)).toEqual([7, 1]);
});

test('supervisor software interrupts are set by a store, for the harts that are there', () => {
  const wires = new TestWires(2), sswi = new Sswi(wires);
  sswi.write(4, 1, 4);
  sswi.write(0, 2, 4);
  sswi.write(8, 1, 4);
  expect([wires.pending(0), wires.pending(1), sswi.read()]).toEqual([[], [HartIrq.SSI], 0]);
});
