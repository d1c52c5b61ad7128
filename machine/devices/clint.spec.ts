/** @spec priv 3.2.1 */
import { expect, test } from 'vitest';
import { createBoard } from '../board/board.ts';
import { assemble } from '../../hardware/isa/assemble.ts';
import { Clint } from './clint.ts';
import { TestClock, TestEvents, TestTerminal, TestWires } from './testing.ts';

function setup(): { clint: Clint; events: TestEvents; wires: TestWires } {
  const events = new TestEvents();
  const wires = new TestWires(2);
  return { clint: new Clint(wires, events, new TestClock(events)), events, wires };
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

test('mtime can be written in halves, counts on from there, and comparators follow', () => {
  const { clint, events, wires } = setup();
  clint.write(0x4000, 5000, 4);
  clint.write(0x4004, 0, 4);
  events.advanceTo(1000);
  clint.write(0xbff8, 4990, 4);
  expect([clint.read(0xbff8, 4), clint.read(0xbffc, 4), wires.pending(0)]).toEqual([4990, 0, []]);
  events.advanceTo(1999);
  expect(wires.pending(0)).toEqual([]);
  events.advanceTo(2000);
  expect([clint.read(0xbff8, 4), wires.pending(0)]).toEqual([5000, [7]]);
  clint.write(0xbff8, 0, 4);
  expect(wires.pending(0)).toEqual([]);
  clint.write(0xbffc, 3, 4);
  expect([clint.read(0xbffc, 4), clint.read(0xbff8, 4), wires.pending(0)]).toEqual([3, 0, [7]]);
});

test('what is written to mtime is what time shows, and stimecmp waits for', () => {
  const board = createBoard({ memoryBytes: 8 << 20, harts: 1, console: new TestTerminal() });
  const { bytes } = assemble(`
    la t0, handler; csrw mtvec, t0
    li t0, 0x8000000000000000; csrs menvcfg, t0
    li t0, 2000000; csrw stimecmp, t0
    li s0, 0x80200000
    li t1, 0x200bff8; li t2, 1999000; sw t2, 0(t1)
    csrr t3, time; sd t3, 0(s0)
    li t0, 32; csrw mie, t0; csrsi mstatus, 8
    li t0, 0; csrw mideleg, t0
wait: wfi
    j wait
    .align 2
handler:
    csrr t3, time; sd t3, 8(s0)
    li t0, 0x100000; li t1, 0x5555; sw t1, 0(t0)
hang: j hang`, 0x8000_0000);
  board.machine.memory.writable(0x8000_0000, bytes.length).set(bytes);
  board.startProgram(0x8000_0000);
  expect(board.machine.run({ maxInstructions: 10_000 })).toEqual({ kind: 'poweroff', code: 0 });
  const [written, interrupted] = [0, 8].map((at) => Number(board.machine.memory.u64(0x8020_0000 + at)));
  expect([Math.abs(written - 1_999_000) < 5, Math.abs(interrupted - 2_000_000) < 5]).toEqual([true, true]);
});
