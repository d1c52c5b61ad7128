/**
 * Whatever software writes to registers, their values stay legal (writing them back changes nothing), read-only bits keep their value, and
 * no combination of values makes the machine itself fail, in whatever mode it continues. @spec priv 2.1, 2.3, 21.2
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { csrRows } from '../../machine/hart/csr.ts';
import { Machine } from '../../machine/machine.ts';

const RAM = 0x8000_0000;
/** Counters advance by themselves. */
const MOVING = /^(m?cycle|m?instret|time|m?hpmcounter\d+|mcountinhibit|mhpmevent\d+|scountovf)$/;
const writable = csrRows.filter((row) => row.number >> 10 !== 3);
const steady = writable.filter((row) => !MOVING.test(row.name));

const value = fc.oneof(fc.bigInt(0n, (1n << 64n) - 1n),
  fc.constantFrom(0n, (1n << 64n) - 1n, 1n << 63n, 0x5555_5555_5555_5555n, 0xaaaa_aaaa_aaaa_aaaan), fc.bigInt(0n, 4096n),
  fc.tuple(fc.constantFrom(0n, 8n, 9n, 10n, 5n), fc.bigInt(0n, (1n << 44n) - 1n)).map(([mode, root]) => mode << 60n | root));

describe('registers', () => {
  it('hold what they read: written back it stays', () => {
    const machine = new Machine({ memoryBytes: 1 << 20, engine: 'interp' });
    const hart = machine.harts[0];
    fc.assert(fc.property(fc.constantFrom(...steady), value, value, (row, first, second) => {
      machine.reset(RAM);
      hart.setCsr(row.number, first);
      hart.setCsr(row.number, second);
      const held = hart.csr(row.number);
      hart.setCsr(row.number, held);
      expect({ name: row.name, held: hart.csr(row.number) }).toEqual({ name: row.name, held });
    }), { numRuns: 3000, seed: 1 });
  });

  it('have bits that are always the same, or follow what is written', () => {
    const machine = new Machine({ memoryBytes: 1 << 20, engine: 'interp' });
    const hart = machine.harts[0];
    fc.assert(fc.property(fc.constantFrom(...steady), value, (row, written) => {
      const after = (x: bigint): bigint => {
        machine.reset(RAM);
        hart.setCsr(row.number, x);
        return hart.csr(row.number);
      };
      const [zeros, ones, got] = [after(0n), after((1n << 64n) - 1n), after(written)];
      const fixed = ~(zeros ^ ones) & ((1n << 64n) - 1n);
      // A field of several bits may refuse a value as a whole; a bit that neither extreme changes is then not fixed.
      if (/atp$|envcfg$|^mstatus$|^pmp|^mseccfg$|tvec$/.test(row.name)) return;
      expect({ name: row.name, got: got & fixed }).toEqual({ name: row.name, got: zeros & fixed });
    }), { numRuns: 1000, seed: 2 });
  });
});

const CODE = [
  0x0005b503, 0x00b53023, 0x00a5a52f, 0x6c05c573, 0x6ea5c073, 0x12b50073, 0x22b50073, 0x62b50073, 0x10200073, 0x30200073, 0x10500073,
  0x02007053, 0x0045a00f, 0x00000073, 0x10002573, 0x18059073
];

describe('the machine', () => {
  it.each(['interp', 'jit'] as const)('goes on in any state that registers can be in (%s)', (engine) => {
    const machine = new Machine({ memoryBytes: 1 << 20, engine, quantum: 200 });
    const hart = machine.harts[0];
    const writes = fc.array(fc.tuple(fc.constantFrom(...writable), value), { maxLength: 40, size: 'max' });
    const registers = fc.array(fc.oneof(value, fc.bigInt(BigInt(RAM), BigInt(RAM + (1 << 20)))), { minLength: 3, maxLength: 3 });
    fc.assert(fc.property(writes, registers, fc.constantFrom<0 | 1 | 3>(0, 1, 3), fc.boolean(), fc.shuffledSubarray(CODE, { minLength: 4 }),
      (csrs, [a0, a1, pc], priv, virt, code) => {
      machine.reset(RAM);
      code.forEach((word, i) => machine.memory.setU32(RAM + 0x1000 + 4 * i, word));
      for (const [row, x] of csrs) hart.setCsr(row.number, x);
      hart.x[10] = BigInt.asIntN(64, a0!);
      hart.x[11] = BigInt.asIntN(64, a1!);
      hart.pc = pc! & 1n ? BigInt(RAM + 0x1000) : pc! & ~1n;
      hart.priv = priv;
      if (priv !== 3) hart.virt = virt;
      expect(['yield', 'deadlock', 'instructions']).toContain(machine.run({ maxCycles: 200 }).kind);
    }), { numRuns: 300, seed: 3 });
  });
});
