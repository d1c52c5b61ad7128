import { expect, test } from 'vitest';
import { TestFinisher } from './finisher.ts';
import { GoldfishRtc } from './goldfish-rtc.ts';
import { Htif } from './htif.ts';
import { SeededRandom } from './random.ts';
import { Sswi } from './sswi.ts';
import { TestEvents, TestLine, TestMemory, TestTerminal, TestWires } from './testing.ts';
import { HartIrq } from './wires.ts';

type Stop = { kind: 'poweroff' | 'reset'; code: number };

test('the finisher: pass, fail with a code, reset', () => {
  const stops: Stop[] = [];
  const finisher = new TestFinisher((reason) => void stops.push(reason));
  for (const value of [0x5555, 0x3333, 0x2a_3333, 0x7777, 1]) finisher.write(0, value);
  expect(stops.map((s) => [s.kind, s.code])).toEqual([['poweroff', 0], ['poweroff', 1], ['poweroff', 42], ['reset', 0]]);
});

test('the clock starts where it was told and follows virtual time', () => {
  const events = new TestEvents();
  const rtc = new GoldfishRtc(events, new TestLine(), 1_700_000_000_000);
  events.advanceTo(5e9);
  const low = rtc.read(0);
  expect(Math.round((rtc.read(4) * 2 ** 32 + low) / 1e9)).toBe(1_700_000_005);
});

test('the alarm interrupts when enabled, until cleared', () => {
  const events = new TestEvents();
  const irq = new TestLine();
  const rtc = new GoldfishRtc(events, irq, 0);
  rtc.write(0x10, 1);
  rtc.write(0xc, 0);
  rtc.write(0x8, 5000);
  expect(rtc.read(0x18)).toBe(1);
  events.advanceTo(5000);
  expect([irq.level, rtc.read(0x18)]).toEqual([true, 0]);
  rtc.write(0x1c, 1);
  expect(irq.level).toBe(false);
});

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

test('randomness is a function of the seed', () => {
  const bytes = (seed: number): string => new SeededRandom(seed).bytes(16).join();
  expect(bytes(1)).toBe(bytes(1));
  expect(bytes(1)).not.toBe(bytes(2));
});
