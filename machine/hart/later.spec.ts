/**
 * Zcb, Zicond, Zimop, Zcmop, Zacas: instructions that QEMU 7.2 and assemblers of its time lack, encoded by hand from the manual's tables
 * and compared with the manual's text.
 * @spec unpriv 10, 11, 15, 28.8
 */
import { describe, expect, it } from 'vitest';
import { Machine } from '../machine.ts';
import { assemble } from '../../hardware/isa/assemble.ts';

const RAM = 0x8000_0000;
const [CASES, STRIDE, COUNT] = [RAM + 0x1_0000, 64, 400];

/** a0, a1; the two doublewords at (a2); a4 and a5, a6 and a7 as pairs. */
interface State {
  readonly a0: bigint;
  readonly a1: bigint;
  readonly memory: readonly [bigint, bigint];
  readonly pair: readonly [bigint, bigint];
  readonly swap: readonly [bigint, bigint]
}
const u64 = (x: bigint): bigint => BigInt.asUintN(64, x);

let seed = 7;
const random = (): number => { seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0; return seed >>> 8; };
const wide = (): bigint => u64(BigInt(random()) << 48n ^ BigInt(random()) << 24n ^ BigInt(random()));
const value = (): bigint =>
  [0n, 1n, u64(-1n), 0x8000_0000n, 0x7fff_ffffn, 0x80n, 0x8000n, wide(), wide(), BigInt(random() & 0xffff)][random() % 10]!;

/** Often the compared registers equal memory. */
function state(): State {
  const memory = [value(), value()] as const;
  const same = random() % 2 === 0;
  const low = random() % 2 === 0;
  return {
    a0: same ? memory[0] : low ? wide() & ~0xffff_ffffn | memory[0] & 0xffff_ffffn : value(), a1: value(), memory,
    pair: same ? memory : [memory[0], value()], swap: [value(), value()]
  };
}

/** The states after the instruction (2 or 4 bytes). */
function after(engine: 'interp' | 'jit', instruction: number, states: readonly State[]): State[] {
  const machine = new Machine({ memoryBytes: 1 << 20, engine });
  const code = instruction > 0xffff || (instruction & 3) === 3 ? `.word ${instruction}` : `.half ${instruction}; c.nop`;
  const { bytes } = assemble(`li s0, ${CASES}; li s1, ${states.length}
next: ld a0, 0(s0); ld a1, 8(s0); addi a2, s0, 16; ld a4, 32(s0); ld a5, 40(s0); ld a6, 48(s0); ld a7, 56(s0)
${code}
sd a0, 0(s0); sd a1, 8(s0); sd a4, 32(s0); sd a5, 40(s0); sd a6, 48(s0); sd a7, 56(s0); addi s0, s0, ${STRIDE}; addi s1, s1, -1
bnez s1, next
end: wfi; j end`, RAM);
  const { memory } = machine;
  memory.writable(RAM, bytes.length).set(bytes);
  states.forEach((s, i) => [s.a0, s.a1, ...s.memory, ...s.pair, ...s.swap].forEach((v, n) => memory.setU64(CASES + STRIDE * i + 8 * n, v)));
  machine.reset(RAM);
  machine.run({ maxInstructions: 40 * states.length + 100 });
  const view = new DataView(Uint8Array.from(memory.view(CASES, STRIDE * states.length)).buffer);
  const at = (i: number, n: number): bigint => view.getBigUint64(STRIDE * i + 8 * n, true);
  return states.map((_, i) => ({
    a0: at(i, 0), a1: at(i, 1), memory: [at(i, 2), at(i, 3)], pair: [at(i, 4), at(i, 5)], swap: [at(i, 6), at(i, 7)]
  }));
}

type Effect = (s: State) => State;
/** Compressed register numbers of a0, a1, a2. */
const [A0, A1, A2] = [2, 3, 4];
const toA0 = (f: (s: State) => bigint): Effect => (s) => ({ ...s, a0: u64(f(s)) });
const signed = (bits: number, x: bigint): bigint => BigInt.asIntN(bits, x);
/** The first doubleword with `bits` of `x` at this byte. */
const put = (word: bigint, byte: number, bits: number, x: bigint): bigint => {
  const mask = ((1n << BigInt(bits)) - 1n) << BigInt(8 * byte);
  return word & ~mask | x << BigInt(8 * byte) & mask;
};
const toMemory = (byte: number, bits: number): Effect => (s) => ({ ...s, memory: [put(s.memory[0], byte, bits, s.a1), s.memory[1]] });
const fromMemory = (s: State, byte: number): bigint => s.memory[0] >> BigInt(8 * byte);

const unary = (op: number): number => 0b100111 << 10 | A0 << 7 | 0b11 << 5 | op << 2 | 1;
const byteForm = (funct6: number, u: number, reg: number): number => funct6 << 10 | A2 << 7 | (u & 1) << 6 | u >> 1 << 5 | reg << 2;
const halfForm = (funct6: number, u: number, reg: number, bit6 = 0): number => funct6 << 10 | A2 << 7 | bit6 << 6 | u >> 1 << 5 | reg << 2;
const r = (funct7: number, rs2: number, rs1: number, funct3: number, rd: number, opcode: number): number =>
  (funct7 << 25 | rs2 << 20 | rs1 << 15 | funct3 << 12 | rd << 7 | opcode) >>> 0;
const mopR = (n: number): number =>
  (1 << 31 | n >> 4 << 30 | (n >> 2 & 3) << 26 | 0b0111 << 22 | (n & 3) << 20 | 11 << 15 | 0b100 << 12 | 10 << 7 | 0x73) >>> 0;
const mopRR = (n: number): number =>
  (1 << 31 | n >> 2 << 30 | (n & 3) << 26 | 1 << 25 | 14 << 20 | 11 << 15 | 0b100 << 12 | 10 << 7 | 0x73) >>> 0;
const amocas = (funct3: number, rd: number, rs2: number): number => r(0b0010100, rs2, 12, funct3, rd, 0x2f);

const ROWS: readonly [string, number, Effect][] = [
  ['c.zext.b', unary(0), toA0((s) => s.a0 & 0xffn)], ['c.sext.b', unary(1), toA0((s) => signed(8, s.a0))],
  ['c.zext.h', unary(2), toA0((s) => s.a0 & 0xffffn)], ['c.sext.h', unary(3), toA0((s) => signed(16, s.a0))],
  ['c.zext.w', unary(4), toA0((s) => s.a0 & 0xffff_ffffn)], ['c.not', unary(5), toA0((s) => ~s.a0)],
  ['c.mul', 0b100111 << 10 | A0 << 7 | 0b10 << 5 | A1 << 2 | 1, toA0((s) => s.a0 * s.a1)],
  ...[0, 1, 2, 3].flatMap((offset): [string, number, Effect][] => [
    [`c.lbu ${offset}`, byteForm(0b100000, offset, A0), toA0((s) => fromMemory(s, offset) & 0xffn)],
    [`c.sb ${offset}`, byteForm(0b100010, offset, A1), toMemory(offset, 8)],
  ]),
  ...[0, 2].flatMap((offset): [string, number, Effect][] => [
    [`c.lhu ${offset}`, halfForm(0b100001, offset, A0), toA0((s) => fromMemory(s, offset) & 0xffffn)],
    [`c.lh ${offset}`, halfForm(0b100001, offset, A0, 1), toA0((s) => signed(16, fromMemory(s, offset)))],
    [`c.sh ${offset}`, halfForm(0b100011, offset, A1), toMemory(offset, 16)],
  ]),
  ['czero.eqz', r(7, 11, 10, 5, 10, 0x33), toA0((s) => (s.a1 === 0n ? 0n : s.a0))],
  ['czero.nez', r(7, 11, 10, 7, 10, 0x33), toA0((s) => (s.a1 !== 0n ? 0n : s.a0))],
  ...[0, 1, 2, 4, 8, 16, 31].map((n): [string, number, Effect] => [`mop.r.${n}`, mopR(n), toA0(() => 0n)]),
  ...[0, 1, 2, 4, 7].map((n): [string, number, Effect] => [`mop.rr.${n}`, mopRR(n), toA0(() => 0n)]),
  ...[1, 3, 5, 7, 9, 11, 13, 15].map((n): [string, number, Effect] => [`c.mop.${n}`, 0x6081 | n >> 1 << 8, (s) => s]),
  ['amocas.w', amocas(2, 10, 11), (state) => {
    const old = signed(32, state.memory[0]);
    const first = old === signed(32, state.a0) ? put(state.memory[0], 0, 32, state.a1) : state.memory[0];
    return { ...state, a0: u64(old), memory: [first, state.memory[1]] };
  }],
  ['amocas.d', amocas(3, 10, 11), (s) => ({ ...s, a0: s.memory[0], memory: [s.memory[0] === s.a0 ? s.a1 : s.memory[0], s.memory[1]] })],
  [
    'amocas.q', amocas(4, 14, 16),
    (s) => ({ ...s, pair: s.memory, memory: s.memory[0] === s.pair[0] && s.memory[1] === s.pair[1] ? s.swap : s.memory })
  ],
  [
    'amocas.q with x0 as the pair that is compared', amocas(4, 0, 16),
    (s) => ({ ...s, memory: s.memory[0] === 0n && s.memory[1] === 0n ? s.swap : s.memory })
  ],
  [
    'amocas.q with x0 as the pair that is stored', amocas(4, 14, 0),
    (s) => ({ ...s, pair: s.memory, memory: s.memory[0] === s.pair[0] && s.memory[1] === s.pair[1] ? [0n, 0n] : s.memory })
  ],
];

describe.each(['interp', 'jit'] as const)('instructions of later extensions (%s)', (engine) => {
  it.each(ROWS)('%s', (_, instruction, effect) => {
    const states = Array.from({ length: COUNT }, state);
    const wrong = after(engine, instruction, states).flatMap((got, i) => {
      const wanted = effect(states[i]!);
      return JSON.stringify(got, big) === JSON.stringify(wanted, big) ? [] : [{ before: states[i], got, wanted }];
    });
    expect(wrong.slice(0, 2)).toEqual([]);
  });
});

const big = (_: string, x: unknown): unknown => (typeof x === 'bigint' ? x.toString(16) : x);
