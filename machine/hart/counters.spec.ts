/** @spec priv 3.1.10, 3.1.11, 3.1.12, 20.1, 20.2 */
import { beforeEach, describe, expect, it } from 'vitest';
import { assemble } from '../../hardware/isa/assemble.ts';
import { Machine } from '../machine.ts';

const RAM = 0x8000_0000;
let machine: Machine;

/** Runs the program to its `wfi`, returns a0 … a3. */
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
    const [before, after] = run(
      'csrwi mhpmevent3, 2; li t0, 1000; csrw mhpmcounter3, t0; csrr a0, mhpmcounter3; nop; nop; csrr a1, mhpmcounter3');
    expect([before, after]).toEqual([1000n, 1003n]);
  });

  it('a counter without event keeps its value, also when its event is taken away', () => {
    const [before, after, later] = run('li t0, 77; csrw mhpmcounter4, t0; nop; csrr a0, mhpmcounter4; '
      + 'csrwi mhpmevent4, 1; nop; csrwi mhpmevent4, 0; csrr a1, mhpmcounter4; nop; csrr a2, mhpmcounter4');
    expect(before).toBe(77n);
    expect(after).toBeGreaterThan(77n);
    expect(later).toBe(after);
  });

  it('an inhibited counter stands still and goes on from there', () => {
    const [before, after, later] = run(
      'li t0, 4; csrs mcountinhibit, t0; csrr a0, minstret; nop; csrr a1, minstret; csrc mcountinhibit, t0; nop; csrr a2, minstret');
    expect(after).toBe(before);
    expect(later! - before!).toBeLessThanOrEqual(3n);
    expect(later! - before!).toBeGreaterThan(0n);
  });

  it('knows no other events, and no other counters', () => {
    expect(run('li t0, -1; csrw mhpmevent3, t0; csrr a0, mhpmevent3; csrw mhpmcounter31, t0; csrr a1, mhpmcounter31; csrw mcountinhibit, '
      + 't0; csrr a2, mcountinhibit').map((x) =>
      BigInt.asUintN(64, x)).slice(0,
      3)).toEqual([0xfc00_0000_0000_0000n, 0n, 0x7fdn]);
  });
});

describe('counter overflow', () => {
  beforeEach(() => { machine = new Machine({ memoryBytes: 1 << 20, engine: 'interp' }); });
  const handler = 'la t0, trap; csrw mtvec, t0; li t0, 0x2000; csrw mie, t0; csrsi mstatus, 8; j begin; .align 2; trap: csrr a0, mcause; '
    + 'csrr a1, mepc; csrr a2, mip; csrr a3, scountovf; j end; begin:';

  it.each([['instructions', 2], ['cycles', 1]])('interrupts exactly when a counter of %s wraps (Sscofpmf)', (_, event) => {
    const { symbols } = assemble(`${handler} csrwi mhpmevent3, ${event}; li t0, -3; csrw mhpmcounter3, t0; nop; nop; nop; after: nop; nop; `
      + `end: wfi`,
      RAM);
    const [cause, epc, mip, overflowed] = run(
      `${handler} csrwi mhpmevent3, ${event}; li t0, -3; csrw mhpmcounter3, t0; nop; nop; nop; after: nop; nop`);
    expect([BigInt.asUintN(64, cause!), epc, mip! & 0x2000n, overflowed]).toEqual([
      0x8000_0000_0000_000dn, BigInt(symbols.get('after')!), 0x2000n, 8n
    ]);
  });

  it('does not interrupt again until OF is cleared, and wraps meanwhile', () => {
    const [pending, again, value] = run('li t0, 2; li t1, 1; slli t1, t1, 63; or t0, t0, t1; csrw mhpmevent3, t0; li t0, -2; csrw '
      + 'mhpmcounter3, t0; nop; nop; nop; csrr a0, mip; csrr a2, mhpmcounter3; csrwi mhpmevent3, 2; li t0, -2; csrw mhpmcounter3, t0; nop; '
      + 'nop; csrr a1, mip');
    expect([pending, again, value]).toEqual([0n, 0x2000n, 2n]);
  });

  it('finds an overflow of instructions although the hart slept on the way', () => {
    machine.events.at(50_000, () => machine.drive(0, 7, true));
    const [, , , overflowed] = run('li t0, 0x80; csrw mie, t0; csrwi mhpmevent3, 2; li t0, -4; csrw mhpmcounter3, t0; nop; wfi; csrr a2, '
      + 'scountovf; nop; nop; csrr a3, scountovf');
    expect([machine.harts[0].x[12], overflowed]).toEqual([0n, 8n]);
  });

  it('counts only in modes that are not filtered out', () => {
    // MINH: machine mode is not counted; the two instructions of user mode are, and the ecall does not retire.
    const [count] = run('la t0, trap; csrw mtvec, t0; li t0, 2; li t1, 1; slli t1, t1, 62; or t0, t0, t1; csrw mhpmevent3, t0; li t0, -1; '
      + 'csrw pmpaddr0, t0; li t0, 31; csrw pmpcfg0, t0; la t0, user; csrw mepc, t0; mret; .align 2; trap: nop; csrr a0, mhpmcounter3; j '
      + 'end; user: nop; nop; ecall');
    expect(count).toBe(2n);
  });

  it('can be delegated, and scountovf shows supervisors what mcounteren allows', () => {
    const [ip, shown, hidden] = run('li t0, 0x2000; csrw mideleg, t0; csrwi mhpmevent3, 2; li t0, -2; csrw mhpmcounter3, t0; nop; nop; '
      + 'nop; csrw mcounteren, zero; la t0, trap; csrw mtvec, t0; li t0, -1; csrw pmpaddr0, t0; li t0, 31; csrw pmpcfg0, t0; li t0, 0x800; '
      + 'csrs mstatus, t0; li t0, 0x1000; csrc mstatus, t0; la t0, s; csrw mepc, t0; mret; s: csrr a0, sip; csrr a2, scountovf; ecall; '
      + '.align 2; trap: csrr a1, scountovf; j end');
    expect([ip! & 0x2000n, shown, hidden]).toEqual([0x2000n, 8n, 0n]);
  });
});
