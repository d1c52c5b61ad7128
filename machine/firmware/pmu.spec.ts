/** The PMU extension with the counters of a real hart behind it. */
import { expect, test } from 'vitest';
import { createBoard } from '../board/board.ts';
import { TestTerminal } from '../devices/testing.ts';
import { assemble } from '../../hardware/isa/assemble.ts';

const ENTRY = 0x8020_0000, RESULTS = 0x8030_0000;

/** Runs S-mode code under the firmware; returns the doublewords that it left at s0. */
function run(body: string, count: number): bigint[] {
  const board = createBoard({ memoryBytes: 8 << 20, harts: 1, console: new TestTerminal() });
  const { bytes } = assemble(`
    li s0, ${RESULTS}
    ${body}
    li a7, 0x53525354; li a6, 0; li a0, 0; li a1, 0; ecall
hang: j hang
    .align 2
handler:
    csrr t3, scause; sd t3, 8(s0)
    csrr t3, 0xda0; sd t3, 16(s0)
    li t3, 0x2000; csrc sip, t3
    sret`, ENTRY);
  board.machine.memory.writable(ENTRY, bytes.length).set(bytes);
  board.startKernel(ENTRY, {});
  expect(board.machine.run({ maxInstructions: 100_000 })).toEqual({ kind: 'poweroff', code: 0 });
  return Array.from({ length: count }, (_, i) => board.machine.memory.u64(RESULTS + 8 * i));
}

const configure = (event: number, flags: number): string =>
  `li a7, 0x504d55; li a6, 2; li a0, 0; li a1, 0x7f8; li a2, ${flags}; li a3, ${event}; li a4, 0; ecall`;
const start = 'li a7, 0x504d55; li a6, 3; li a0, 3; li a1, 1; li a2, 0; li a3, 0; ecall';
const stop = 'li a7, 0x504d55; li a6, 4; li a0, 3; li a1, 1; li a2, 0; ecall';
const loop = (label: string, times: number): string => `li t0, ${times}; ${label}: addi t0, t0, -1; bnez t0, ${label}`;

test('instructions are counted between start and stop, and not outside', () => {
  const [index, before, counted, later] = run(`
    ${configure(2, 2)}; sd a1, 0(s0)
    ${loop('one', 100)}
    csrr t1, 0xc03; sd t1, 8(s0)
    ${start}
    ${loop('two', 1000)}
    ${stop}
    csrr t1, 0xc03; sd t1, 16(s0)
    ${loop('three', 100)}
    csrr t1, 0xc03; sd t1, 24(s0)`, 4);
  expect([index, before, later]).toEqual([3n, 0n, counted]);
  expect(counted).toBeGreaterThanOrEqual(2000n);
  expect(counted).toBeLessThan(2030n);
});

test('a counter that is filtered for S mode stays where it is; cycles and instructions agree otherwise', () => {
  const [filtered] = run(`${configure(1, 2 | 4 | 0x40)}; ${loop('one', 1000)}; csrr t1, 0xc03; sd t1, 0(s0)`, 1);
  const [free] = run(`${configure(1, 2 | 4)}; ${loop('one', 1000)}; csrr t1, 0xc03; sd t1, 0(s0)`, 1);
  expect(filtered).toBe(0n);
  expect(free).toBeGreaterThanOrEqual(2000n);
  const [atOnce] = run(`${configure(2, 2 | 4)}; ${stop}; csrr t1, 0xc03; sd t1, 0(s0)`, 1);
  expect(atOnce).toBeLessThan(20n);
});

test('a counter that overflows interrupts, once, and again after it was started anew', () => {
  const [, cause, which] = run(`
    la t0, handler; csrw stvec, t0; li t0, 0x2000; csrs sie, t0; csrsi sstatus, 2
    ${configure(2, 0)}
    li a7, 0x504d55; li a6, 3; li a0, 3; li a1, 1; li a2, 1; li a3, -500; ecall
    ${loop('one', 1000)}`, 3);
  expect([cause, which]).toEqual([(1n << 63n) | 13n, 8n]);
});

test('the firmware counts timers that are set', () => {
  const [index, count] = run(`
    li a7, 0x504d55; li a6, 2; li a0, 0; li a1, -8; slli a1, a1, 8; li t0, 0x7ffffff; and a1, a1, t0; li a2, 4; li a3, 0xf0005; ecall
    mv s1, a1; sd a1, 0(s0)
    li s2, 3; again: li a7, 0x54494d45; li a6, 0; li a0, -1; ecall; addi s2, s2, -1; bnez s2, again
    li a7, 0x504d55; li a6, 5; mv a0, s1; ecall; sd a1, 8(s0)`, 2);
  expect([index, count]).toEqual([11n, 3n]);
});
