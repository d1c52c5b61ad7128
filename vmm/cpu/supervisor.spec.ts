/**
 * The supervisor in software against the one of the machine: random privileged instructions, one after the other, with the same outcome.
 */
import { describe, expect, it } from 'vitest';
import { createDecoder } from '../../hardware/isa/decode.ts';
import { disassemble } from '../../hardware/isa/disassemble.ts';
import { encode } from '../../hardware/isa/row.ts';
import { FULL_ISA, rowNamed } from '../../hardware/isa/table.ts';
import { Machine } from '../../machine/machine.ts';
import { fakeUtcb } from '../testing.ts';
import { Csr, Supervisor } from './supervisor.ts';

const decode = createDecoder(FULL_ISA), RAM = 0x8000_0000, CODE = RAM + 0x1000, VECTOR = RAM + 0x2000, LOOP = 0x6f;
const NUMBERS = Object.values(Csr);
const random = (seed: number) => (n: number): number => {
  seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
  return (seed >>> 8) % n;
};

/**
 * CSR values that reach interesting bits: small ones, shifted ones, all ones. Never an address space, nor initial or clean floating point.
 */
function valueFor(number: number, below: (n: number) => number): bigint {
  if (number === Csr.satp) return BigInt(below(3) * below(100)) << 60n & ~(15n << 60n) | BigInt(below(2));
  if (number === Csr.stvec) return BigInt(VECTOR + below(2));
  if (number === Csr.sepc) return BigInt(CODE + 2 * below(1000));
  const value = [0n, -1n, 1n << BigInt(below(64)), BigInt(below(0x7fff_ffff)), (1n << 63n) | BigInt(below(1000))][below(5)]!;
  return number === Csr.sstatus ? (below(2) ? value | 0x6000n : value & ~0x6000n) : number === Csr.stimecmp ? -1n : value;
}

class Native {
  readonly machine = new Machine({ memoryBytes: 4 << 20, engine: 'interp', isa: 'rv64gc_sstc_svadu_zicbom_zicboz' });
  get hart() { return this.machine.harts[0]!; }
  constructor() {
    this.machine.reset(CODE);
    const hart = this.hart;
    hart.presetForSupervisor();
    hart.setCsr(0x302, 0xb1ffn); // exceptions are the supervisor's
    this.machine.memory.setU32(VECTOR, LOOP);
    this.machine.memory.setU32(CODE + 4, LOOP);
    hart.setCsr(Csr.stvec, BigInt(VECTOR));
    hart.setCsr(Csr.sstatus, 0x6000n);
  }
  /** Executes one instruction at CODE in this mode, including a trap. Returns the pc afterwards. */
  step(word: number, privileged: boolean): bigint {
    const hart = this.hart;
    this.machine.memory.setU32(CODE, word);
    hart.enter(BigInt(CODE), privileged ? 1 : 0, false);
    hart.waiting = hart.parked = false;
    const before = hart.traps.reduce((a, b) => a + b, 0);
    hart.beginSlice(1);
    this.machine.engine.run(0);
    hart.finishSlice();
    return hart.traps.reduce((a, b) => a + b, 0) === before ? hart.pc : -1n;
  }
}

/** One random instruction, and the same on both. */
function instruction(below: (n: number) => number): { word: number; value: bigint } {
  const number = NUMBERS[below(NUMBERS.length)]!, value = valueFor(number, below);
  const kinds = ['csrrw', 'csrrs', 'csrrc', 'csrrwi', 'csrrsi', 'csrrci'] as const, kind = kinds[below(kinds.length)]!;
  const safe = number === Csr.sstatus || number === Csr.stimecmp || number === Csr.satp || number === Csr.stvec || number === Csr.sepc;
  if (below(12) === 0) return { word: encode(rowNamed(['sret', 'sfence.vma'][below(2)]!), {}), value };
  return { word: encode(rowNamed(safe && kind !== 'csrrw' ? 'csrrs' : kind),
    { rd: below(2) * 10, csr: number, rs1: safe && kind !== 'csrrw' ? 0 : 11, zimm: below(32) }), value };
}

describe.each([1, 2, 3, 4])('seed %i', (seed) => {
  it('2,000 privileged instructions leave the same registers, mode and pc as on the machine', () => {
    const below = random(seed), native = new Native(), ours = new Supervisor(true), x = new BigInt64Array(32);
    ours.write(Csr.stvec, BigInt(VECTOR));
    ours.write(Csr.sstatus, 0x6000n);
    ours.write(Csr.scounteren, 0xffff_ffffn);
    const registers = { get: (n: number): bigint => x[n]!, set: (n: number, value: bigint): void => { x[n] = value; } };
    for (let i = 0; i < 2000; i++) {
      const { word, value } = instruction(below), decoded = decode(word), was = ours.privileged;
      x[11] = value;
      native.hart.x[11] = value;
      native.hart.x[10] = x[10]!;
      const outcome = ours.execute(decoded, registers), pc = native.step(word, was);
      const told = `step ${i}: ${disassemble(decoded)} with 0x${BigInt.asUintN(64, value).toString(16)} in ${was ? 'S' : 'U'} mode`;
      if (outcome === 'illegal') {
        ours.trap(2n, BigInt(word >>> 0), BigInt(CODE));
        expect(pc, told).toBe(-1n);
      } else expect(pc, told).toBe(typeof outcome === 'object' && 'jump' in outcome ? outcome.jump : BigInt(CODE + 4));
      expect(x[10], told).toBe(native.hart.x[10]);
      for (const number of NUMBERS) {
        const mode = ours.privileged;
        ours.privileged = true;
        expect(ours.read(number)!.toString(16), `${told}: CSR 0x${number.toString(16)}`).toBe(native.hart.csr(number).toString(16));
        ours.privileged = mode;
      }
    }
  });
});

const QUICK = [Csr.sstatus, Csr.sstatus, Csr.sscratch, Csr.sepc, Csr.scause, Csr.stval, Csr.sie] as const;

it('the short way does what the long one does, or nothing', () => {
  const below = random(7), utcb = fakeUtcb(), quick = new Supervisor(true), slow = new Supervisor(true);
  const get = (n: number): bigint => (n === 0 ? 0n : utcb.xBig(n)), set = (n: number, value: bigint): void => { utcb.setXBig(n, value); };
  const registers = { get, set };
  let done = 0;
  for (let i = 0; i < 5000; i++) {
    const kind = (['csrrw', 'csrrs', 'csrrc', 'csrrwi', 'csrrsi', 'csrrci'] as const)[below(6)]!, number = QUICK[below(QUICK.length)]!;
    const word = encode(rowNamed(kind), { rd: below(3), csr: number, rs1: below(3), zimm: below(32) });
    for (let n = 1; n < 3; n++) utcb.setXBig(n, BigInt.asIntN(64, [0n, 2n, -1n, 0x22n, BigInt(below(1 << 20)), 0x6122n][below(6)]!));
    const before = [1, 2].map((n) => utcb.xBig(n)), was = quick.save(), taken = quick.quick(word, utcb),
      after = [1, 2].map((n) => utcb.xBig(n));
    [1, 2].forEach((n, at) => utcb.setXBig(n, before[at]!));
    expect(slow.execute(decode(word), registers)).toBe('next');
    if (taken) expect([after, quick.save()], disassemble(decode(word))).toEqual([[1, 2].map((n) => utcb.xBig(n)), slow.save()]);
    else expect([after, quick.save()]).toEqual([before, was]);
    quick.load(slow.save());
    done += taken ? 1 : 0;
  }
  expect(done).toBeGreaterThan(500);
});
