/** Look-ahead against the machine: random code with loops back, devices, and stores into itself leaves the same registers and memory. */
import { expect, it } from 'vitest';
import { createDecoder } from '../../hardware/isa/decode.ts';
import { encode, type Operands } from '../../hardware/isa/row.ts';
import { FULL_ISA, rowNamed } from '../../hardware/isa/table.ts';
import { Machine } from '../../machine/machine.ts';
import { load } from '../interpreter/load.ts';
import { store } from '../interpreter/store.ts';
import { GuestRam } from '../ram.ts';
import { fakeAccess, finish } from '../testing.ts';
import { LookAhead, type Ahead } from './look-ahead.ts';

const CODE = 0x8000_1000, DATA = 0x8000_2000, DEVICE = 0x8000_3000, VA = 0x1000_0000, LENGTH = 120, STEPS = 4000;
const decode = createDecoder(FULL_ISA);
const NAMES = ['add', 'sub', 'xor', 'addw', 'addi', 'andi', 'slli', 'srli', 'sraw', 'slt', 'sltu', 'mul'] as const;
const LOADS = ['lb', 'lbu', 'lh', 'lhu', 'lw', 'lwu', 'ld'] as const, STORES = ['sb', 'sh', 'sw', 'sd'] as const;
const BRANCHES = ['beq', 'bne', 'blt', 'bge', 'bltu', 'bgeu'] as const;
const word = (name: string, operands: Operands): number => encode(rowNamed(name), { rd: 0, rs1: 0, rs2: 0, imm: 0, ...operands }) >>> 0;
/** The end of each program, which look-ahead does not handle. */
const END = word('ebreak', {});

/** A program: x8 = data, x9 = device, x10 = code, x7 = an instruction to store there. */
function program(below: (n: number) => number): number[] {
  const code: number[] = [], any = (): number => 11 + below(6), pick = <T>(list: readonly T[]): T => list[below(list.length)]!;
  for (let i = 0; i < LENGTH; i++) {
    const kind = below(16), ahead = Math.min(LENGTH - i, 1 + below(4)) * 4;
    if (kind < 6) {
      const name = pick(NAMES), imm = /^s[lr]/.test(name) ? below(64) : below(4096) - 2048;
      code.push(word(name, { rd: any(), rs1: any(), rs2: any(), imm }));
    } else if (kind < 9) code.push(word(pick(LOADS), { rd: any(), rs1: 8 + below(2), imm: below(64) * 8 }));
    else if (kind < 12) code.push(word(pick(STORES), { rs1: 8 + below(2), rs2: any(), imm: below(64) * 8 }));
    else if (kind < 14) code.push(word(pick(BRANCHES), { rs1: any(), rs2: any(), imm: ahead }));
    else if (kind < 15) code.push(word('jal', { rd: any(), imm: ahead }));
    else code.push(word('sw', { rs1: 10, rs2: 7, imm: Math.min(LENGTH - 1, i + 1 + below(8)) * 4 }));
  }
  return [...code, END];
}

it.each([1, 2])('200 programs, one after the other at the same place, do what they do on the machine (seed %i)', (seed) => {
  let state = seed * 15_485_863, saved = 0;
  const below = (n: number): number => { state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0; return (state >>> 8) % n; };
  const machine = new Machine({ memoryBytes: 4 << 20, engine: 'interp', isa: 'rv64gc' }), hart = machine.harts[0]!;
  const ram = new GuestRam(fakeAccess(0x3000), VA, 0x3000), device = new GuestRam(fakeAccess(0x1000), VA, 0x1000, DEVICE);
  const x = new BigInt64Array(32);
  const guest: Ahead = {
    ram, free: true, reach: 40, isTraced: () => false,
    x: { get: (n) => x[n]!, set: (n, v) => { x[n] = v; } },
    find: (va) => Number(BigInt.asUintN(64, va)),
    *exit(decoded, pc, gpa) {
      if (gpa === undefined || gpa < DEVICE) return undefined;
      saved++;
      if (!load(decoded, guest.x, device, gpa)) store(decoded, guest.x, device, gpa);
      return pc + BigInt(decoded.length);
    },
  };
  let ahead = new LookAhead(), changed = 0;
  for (let n = 0; n < 200; n++) {
    if (n % 10 === 0) {
      changed += ahead.counts.changed;
      ahead = new LookAhead();
    }
    machine.reset(CODE);
    program(below).forEach((bits, i) => {
      ram.setU32(CODE + 4 * i, bits);
      machine.memory.setU32(CODE + 4 * i, bits);
    });
    for (let i = 1; i < 32; i++) x[i] = BigInt.asIntN(64, BigInt(below(2 ** 24)) * 0x1_0000_0100_0001n);
    x[7] = BigInt.asIntN(32, BigInt(word('addi', { rd: 11, rs1: 11, imm: 1 + below(9) })));
    [x[8], x[9], x[10]] = [BigInt(DATA), BigInt(DEVICE), BigInt(CODE)];
    for (let i = 1; i < 32; i++) hart.x[i] = x[i]!;
    hart.pc = BigInt(CODE);
    let pc = BigInt(CODE);
    for (let visits = 0; visits < 200; visits++) pc = finish(ahead.run(guest, pc)).pc;
    for (let steps = 0; hart.pc !== pc; steps++) {
      expect(steps, `program ${n} comes to ${pc.toString(16)}`).toBeLessThan(STEPS);
      hart.beginSlice(1);
      machine.engine.run(0);
      hart.finishSlice();
    }
    expect([...x].slice(1), `program ${n}`).toEqual([...hart.x].slice(1));
  }
  for (let at = 0; at < 0x1000; at += 4) {
    expect(ram.u32(DATA + at)).toBe(machine.memory.u32(DATA + at) >>> 0);
    expect(device.u32(DEVICE + at)).toBe(machine.memory.u32(DEVICE + at) >>> 0);
  }
  expect(saved).toBeGreaterThan(2000);
  expect(changed).toBeGreaterThan(100);
});

it('leaves a place alone where nothing follows, each time longer, and looks again', () => {
  const ram = new GuestRam(fakeAccess(0x3000), VA, 0x3000), ahead = new LookAhead();
  let looked = 0;
  const guest: Ahead = { ram, free: true, reach: 4, isTraced: () => false, x: { get: () => 0n, set() {} },
    find: (va) => { looked++; return Number(va); }, *exit() { return undefined; } };
  for (let i = 0; i < 16; i++) ram.setU32(CODE + 4 * i, word('addi', { rd: 5, rs1: 5, imm: 1 }));
  const looks: number[] = [];
  for (let visit = 0; visit < 200; visit++) {
    const before = looked;
    finish(ahead.run(guest, BigInt(CODE)));
    if (looked > before) looks.push(visit);
  }
  expect(looks).toEqual([0, 9, 74]);
  expect(decode(ram.u32(CODE)).row.name).toBe('addi');
});
