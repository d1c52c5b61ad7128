/** Breakpoints, watchpoints and steps on programs of a few instructions; and the state that a debugger must not change. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assemble } from '../../hardware/isa/assemble.ts';
import type { Hart } from '../hart/hart.ts';
import { Machine } from '../machine.ts';
import { Debugger } from './debugger.ts';
import { readMemory, writeMemory } from './memory.ts';
import { csrsOf, readRegister, REG, writeRegister } from './registers.ts';
import { physicalAddress } from './translate.ts';

const RAM = 0x8000_0000;

function machineWith(text: string, { harts = 1, engine = 'auto' as 'auto' | 'interp' | 'jit' } = {}) {
  const machine = new Machine({ memoryBytes: 1 << 20, harts, engine });
  const { bytes, symbols } = assemble(text, RAM);
  machine.memory.writable(RAM, bytes.length).set(bytes);
  const debug = new Debugger(machine);
  machine.debug = debug;
  machine.reset(RAM);
  return { machine, debug, at: (name: string): bigint => BigInt(symbols.get(name)!) };
}

const loop = `li t0, 0
again: addi t0, t0, 1
j again`;

describe.each(['interp', 'jit'] as const)('with the %s engine', (engine) => {
  it('a breakpoint stops before its instruction, each time it is reached', () => {
    const { machine, debug, at } = machineWith(loop, { engine });
    debug.insert('break', at('again'), 2);
    for (let n = 0; n < 5; n++) {
      expect(machine.run({ maxInstructions: 1000 }).kind).toBe('debug');
      expect(debug.stop).toEqual({ hart: 0, kind: 'break', address: at('again') });
      expect([machine.harts[0]!.num(5), machine.instructions]).toEqual([n, 1 + 2 * n]);
      debug.resume();
    }
    expect(debug.remove('break', at('again'), 2)).toBe(true);
    expect(machine.run({ maxInstructions: 1000 }).kind).toBe('instructions');
    expect(machine.instructions).toBe(1009);
  });

  it('a breakpoint set while code is translated is seen, and forgotten afterwards', () => {
    const { machine, debug, at } = machineWith(loop, { engine });
    machine.run({ maxInstructions: 100_000 });
    debug.insert('break', at('again'), 2);
    expect(machine.run({ maxInstructions: 1000 }).kind).toBe('debug');
    debug.removeAll();
    debug.resume();
    expect(machine.run({ maxInstructions: 100_000 }).kind).toBe('instructions');
  });

  it('a step is one instruction, or one trap', () => {
    const { machine, debug, at } = machineWith(`la t0, handler
csrw mtvec, t0
lw t1, 0(zero)
nop
.word 0
handler: nop
nop`, { engine });
    const pcs: bigint[] = [];
    for (let n = 0; n < 5; n++) {
      debug.resume([{ hart: 0, step: true }]);
      expect(machine.run().kind).toBe('debug');
      expect(debug.stop?.kind).toBe('step');
      pcs.push(machine.harts[0]!.pc);
    }
    expect(pcs).toEqual([BigInt(RAM) + 4n, BigInt(RAM) + 8n, BigInt(RAM) + 12n, at('handler'), at('handler') + 4n]);
    expect(machine.instructions).toBe(4);
  });

  it('LR and SC succeed when they are stepped through, over breakpoints too', () => {
    const { machine, debug, at } = machineWith(`la a0, word
lr.w t0, (a0)
middle: addi t0, t0, 1
sc.w t1, t0, (a0)
end: j end
word: .word 41`, { engine });
    debug.insert('break', at('middle'), 4);
    for (let n = 0; n < 6; n++) {
      debug.resume([{ hart: 0, step: true }]);
      machine.run();
    }
    expect([machine.harts[0]!.num(6), machine.memory.u32(Number(at('word')))]).toEqual([0, 42]);
  });

  it('a watchpoint stops before the instruction that touches the place, by any kind of access, and goes on from there', () => {
    const touching = ['sw t0, 0(a0)', 'lw t1, 0(a0)', 'amoadd.w t1, t0, (a0)', 'sd t0, -4(a0)', 'lr.w t1, (a0)', 'fsw f0, 0(a0)'];
    for (const [i, instruction] of touching.entries()) {
      const { machine, debug, at } = machineWith(`li t0, 1
csrs mstatus, s0
la a0, word
sw t0, 8(a0)
touch: ${instruction}
after: j after
.align 3
.word 0
word: .word 0
.dword 0`, { engine });
      machine.harts[0]!.setNum(8, 3 << 13);
      debug.insert('access', at('word'), 4);
      expect(machine.run({ maxInstructions: 100 }).kind).toBe('debug');
      expect([i, debug.stop, machine.harts[0]!.pc]).toEqual([i, { hart: 0, kind: 'access', address: at('word') }, at('touch')]);
      debug.resume([{ hart: 0, step: true }]);
      machine.run();
      expect([debug.stop?.kind, machine.harts[0]!.pc]).toEqual(['step', at('after')]);
    }
  });

  it('read watchpoints do not mind writes, and write watchpoints not reads', () => {
    const { machine, debug, at } = machineWith(`la a0, word
read: lw t0, 0(a0)
write: sw t0, 0(a0)
end: j end
word: .word 7`, { engine });
    debug.insert('write', at('word'), 4);
    machine.run({ maxInstructions: 100 });
    expect([debug.stop?.kind, machine.harts[0]!.pc]).toEqual(['write', at('write')]);
    debug.removeAll();
    debug.insert('read', at('word'), 4);
    debug.resume();
    machine.harts[0]!.pc = BigInt(RAM);
    machine.run({ maxInstructions: 100 });
    expect([debug.stop?.kind, machine.harts[0]!.pc]).toEqual(['read', at('read')]);
  });
});

/** Two harts that count up a word each under one lock made of LR/SC: any change of the interleaving would show. */
const contest = `la a1, lock
la s0, turns
slli t0, a0, 3
add s0, s0, t0
again: lr.w t0, (a1)
bnez t0, again
li t0, 1
sc.w t1, t0, (a1)
bnez t1, again
ld t2, 0(s0)
addi t2, t2, 1
sd t2, 0(s0)
inside: sw zero, 0(a1)
rdcycle t3
xor s1, s1, t3
j again
.align 3
lock: .dword 0
turns: .dword 0
.dword 0`;

it('stops and steps do not change what is computed, on two harts', () => {
  const state = (machine: Machine): unknown => machine.harts.map((h) => [h.instret, h.cycles, h.pc, [...h.x]]);
  const undisturbed = machineWith(contest, { harts: 2 });
  undisturbed.machine.run({ maxCycles: 60_000 });
  const places = ['again', 'inside', 'lock', 'turns'] as const;
  const pauseLengths = fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 30 });
  fc.assert(fc.property(fc.constantFrom('interp', 'auto', 'jit'), pauseLengths, fc.subarray([...places], { minLength: 1 }),
    (engine, pauses, points) => {
    const { machine, debug, at } = machineWith(contest, { harts: 2, engine });
    for (const place of points) debug.insert(place === 'lock' || place === 'turns' ? 'access' : 'break', at(place), 4);
    for (const steps of pauses) {
      if (machine.run({ maxCycles: 60_000 - machine.events.now }).kind === 'yield') break;
      for (let i = 0; i < steps; i++) {
        debug.resume([{ hart: i % 2, step: true }, { hart: (i + 1) % 2, step: false }]);
        machine.run();
      }
      debug.resume();
    }
    debug.removeAll();
    debug.resume();
    while (machine.events.now < 60_000) machine.run({ maxCycles: 60_000 - machine.events.now });
    expect(state(machine)).toEqual(state(undisturbed.machine));
  }), { numRuns: 25 });
});

it('a hart that is held stands still while another steps', () => {
  const { machine, debug } = machineWith(loop, { harts: 2 });
  machine.run({ maxInstructions: 3000 });
  const before = machine.harts[0]!.instret;
  for (let i = 0; i < 25_000; i++) {
    debug.resume([{ hart: 1, step: true }]);
    machine.run();
  }
  expect(machine.harts[0]!.instret).toBe(before);
  debug.resume();
  machine.run({ maxInstructions: 30_000 });
  expect(machine.harts[0]!.instret).toBeGreaterThan(before);
});

it('registers are read and written by number, CSRs by their rules', () => {
  const { machine } = machineWith(loop);
  const hart = machine.harts[0]!;
  expect(writeRegister(hart, 10, 2n ** 64n - 1n)).toBe(true);
  expect([readRegister(hart, 10), hart.x[10]]).toEqual([2n ** 64n - 1n, -1n]);
  expect(writeRegister(hart, 0, 5n)).toBe(true);
  expect(readRegister(hart, 0)).toBe(0n);
  expect(readRegister(hart, REG.pc)).toBe(BigInt(RAM));
  writeRegister(hart, REG.csr + 0x300, 2n ** 64n - 1n);
  expect(readRegister(hart, REG.csr + 0x300)! & 0b1000_1000n).toBe(0b1000_1000n);
  expect([writeRegister(hart, REG.csr + 0xf14, 1n), readRegister(hart, REG.csr + 0x7ff)]).toEqual([false, undefined]);
  expect([
    writeRegister(hart, REG.priv, 1n), hart.priv, writeRegister(hart, REG.priv, 2n), writeRegister(hart, REG.virt, 1n), hart.virt
  ]).toEqual([true, 1, false, true, true]);
  expect(csrsOf(hart.features).find((c) => c.name === 'hgatp')?.number).toBe(0x680);
});

it('memory is read as the hart sees it, without marking pages accessed', () => {
  const { machine } = machineWith(loop);
  const hart = machine.harts[0]!;
  const root = RAM + 0x1_0000;
  // One gigapage at -1 GiB, valid and readable, neither accessed nor dirty.
  machine.memory.setU64(root + 511 * 8, BigInt(RAM / 4096) << 10n | 3n);
  hart.setCsr(0x180, 8n << 60n | BigInt(root / 4096));
  hart.setMode(1, false);
  const va = 2n ** 64n - 2n ** 30n + 0x2000n;
  expect(physicalAddress(hart, va)).toBe(RAM + 0x2000);
  expect(writeMemory(machine, hart, va, Uint8Array.of(1, 2, 3))).toBe(true);
  expect([...readMemory(machine, hart, va, 4)!]).toEqual([1, 2, 3, 0]);
  expect([...readMemory(machine, 'physical', BigInt(RAM + 0x2000), 2)!]).toEqual([1, 2]);
  expect(machine.memory.u64(root + 511 * 8) & 0xffn).toBe(3n);
  expect(readMemory(machine, hart, 0x1000n, 4)).toBeUndefined();
  expect(writeMemory(machine, 'physical', BigInt(RAM + (1 << 20) - 2), Uint8Array.of(1, 2, 3))).toBe(false);
  expect(readMemory(machine, 'physical', BigInt(RAM + (1 << 20) - 2), 8)).toHaveLength(2);
});

it('on a hosted machine only what is debugged stops, the first time before its first instruction', () => {
  const { machine, debug: whole, at } = machineWith(contest, { harts: 2 });
  whole.removeAll();
  const isOurs = (h: Hart): boolean => h.id === 1;
  let isNew = true;
  const arrives = (hart: Hart): boolean => {
    const first = isNew && isOurs(hart);
    if (first) isNew = false;
    return first;
  };
  const debug = new Debugger(machine, { concerns: isOurs, steps: isOurs, arrives });
  machine.debug = debug;
  expect([machine.run().kind, debug.stop]).toEqual(['debug', { hart: 1, kind: 'first', address: BigInt(RAM) }]);
  expect(machine.harts[1]!.instret).toBe(0);
  debug.insert('break', at('inside'), 2);
  for (let n = 0; n < 5; n++) {
    debug.resume();
    machine.run();
    expect(debug.stop).toEqual({ hart: 1, kind: 'break', address: at('inside') });
  }
  expect(machine.harts[0]!.instret).toBeGreaterThan(1000);
});

it('two stages: a guest address goes through its own tables, which lie in guest memory', () => {
  const { machine } = machineWith(loop);
  const hart = machine.harts[0]!;
  const [second, own] = [RAM + 0x1_0000, RAM + 0x2_0000];
  // The guest's second gigabyte is ours at RAM, and its virtual -1 GiB is its physical second gigabyte.
  machine.memory.setU64(second + 8, (BigInt(RAM / 4096) << 10n) | 0x13n);
  machine.memory.setU64(own + 511 * 8, (BigInt(0x4000_0000 / 4096) << 10n) | 3n);
  hart.setCsr(0x680, (8n << 60n) | BigInt(second / 4096));
  hart.setCsr(0x280, (8n << 60n) | BigInt((own - RAM + 0x4000_0000) / 4096));
  hart.setMode(1, true);
  expect(physicalAddress(hart, 2n ** 64n - 2n ** 30n + 0x2004n)).toBe(RAM + 0x2004);
  expect(physicalAddress(hart, 0x1000n)).toBeUndefined();
  hart.setCsr(0x280, 0n);
  expect([physicalAddress(hart, 0x4000_0123n), physicalAddress(hart, 0x1000n), physicalAddress(hart, 2n ** 41n)]).toEqual([RAM
    + 0x123, undefined, undefined]);
});
