/** @spec priv 3.2.1 */
import { expect, test } from 'vitest';
import { Clint } from './clint.ts';
import { TestEvents, TestWires } from './testing.ts';

function setup(): { clint: Clint; events: TestEvents; wires: TestWires } {
  const events = new TestEvents();
  const wires = new TestWires(2);
  return { clint: new Clint(wires, events), events, wires };
}

test('msip of a hart drives that hart only', () => {
  const { clint, wires } = setup();
  clint.write(4, 0xffff_ffff, 4);
  expect(clint.read(4, 4)).toBe(1);
  expect([wires.pending(0), wires.pending(1)]).toEqual([[], [3]]);
  clint.write(4, 0, 4);
  expect(wires.pending(1)).toEqual([]);
});

test('mtime counts at 10 MHz and reads in halves', () => {
  const { clint, events } = setup();
  events.advanceTo(2 ** 32 * 100 + 1234);
  expect([clint.read(0xbff8, 4), clint.read(0xbffc, 4)]).toEqual([12, 1]);
});

test('the timer interrupt comes at the cycle where mtime reaches mtimecmp, and a later mtimecmp takes it back', () => {
  const { clint, events, wires } = setup();
  clint.write(0x4000, 10, 4);
  clint.write(0x4004, 0, 4);
  events.advanceTo(999);
  expect(wires.pending(0)).toEqual([]);
  events.advanceTo(1000);
  expect(wires.pending(0)).toEqual([7]);
  clint.write(0x4000, 20, 4);
  expect(wires.pending(0)).toEqual([]);
});
