import { beforeEach, describe, expect, it } from 'vitest';
import { assemble } from '../isa/assemble.ts';
import { Machine } from '../machine.ts';

const RAM = 0x8000_0000;
let machine: Machine;

/** Runs the program to its `wfi`, gives a0 … a3. */
function run(text: string): bigint[] {
  const { bytes } = assemble(`${text}; end: wfi; j end`, RAM);
  machine.memory.writable(RAM, bytes.length).set(bytes);
  machine.reset(RAM);
  expect(machine.run({ maxCycles: 100_000 }).kind).toMatch(/deadlock|yield/);
  return [10, 11, 12, 13].map((i) => machine.harts[0].x[i]!);
}

describe('counters', () => {
  beforeEach(() => { machine = new Machine({ memoryBytes: 1 << 20, engine: 'interp' }); });

  it('a programmable counter counts instructions from the value that was written', () => {
    const [a, b] = run('csrwi mhpmevent3, 2; li t0, 1000; csrw mhpmcounter3, t0; csrr a0, mhpmcounter3; nop; nop; csrr a1, mhpmcounter3');
    expect([a, b]).toEqual([1000n, 1003n]);
  });

  it('a counter without event keeps its value, also when its event is taken away', () => {
    const [a, b, c] = run('li t0, 77; csrw mhpmcounter4, t0; nop; csrr a0, mhpmcounter4; csrwi mhpmevent4, 1; nop; csrwi mhpmevent4, 0; csrr a1, mhpmcounter4; nop; csrr a2, mhpmcounter4');
    expect(a).toBe(77n);
    expect(b).toBeGreaterThan(77n);
    expect(c).toBe(b);
  });

  it('an inhibited counter stands still and goes on from there', () => {
    const [a, b, c] = run('li t0, 4; csrs mcountinhibit, t0; csrr a0, minstret; nop; csrr a1, minstret; csrc mcountinhibit, t0; nop; csrr a2, minstret');
    expect(b).toBe(a);
    expect(c! - a!).toBeLessThanOrEqual(3n);
    expect(c! - a!).toBeGreaterThan(0n);
  });

  it('knows no other events, and no other counters', () => {
    expect(run('li t0, -1; csrw mhpmevent3, t0; csrr a0, mhpmevent3; csrw mhpmcounter31, t0; csrr a1, mhpmcounter31; csrw mcountinhibit, t0; csrr a2, mcountinhibit').slice(0, 3)).toEqual([0n, 0n, 0x7fdn]);
  });
});
