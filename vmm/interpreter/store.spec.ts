/** Stores and atomic operations by the monitor, compared with the machine: the same memory, the same registers. */
import { expect, it } from 'vitest';
import { createDecoder } from '../../hardware/isa/decode.ts';
import { disassemble } from '../../hardware/isa/disassemble.ts';
import { encode } from '../../hardware/isa/row.ts';
import { FULL_ISA, rowNamed } from '../../hardware/isa/table.ts';
import { Machine } from '../../machine/machine.ts';
import { fakeRam } from '../testing.ts';
import { RAM_BASE } from '../ram.ts';
import { store } from './store.ts';

const decode = createDecoder(FULL_ISA), CODE = 0x8000_1000, AT = RAM_BASE + 0x2000;
const ATOMIC = ['swap', 'add', 'xor', 'and', 'or', 'min', 'max', 'minu', 'maxu'].flatMap((op) => [`amo${op}.w`, `amo${op}.d`]);

it.each([1, 2, 3])('2,000 of them leave what the machine leaves (seed %i)', (seed) => {
  let state = seed * 104_729;
  const below = (n: number): number => { state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0; return (state >>> 8) % n; };
  const value = (): bigint => BigInt.asIntN(64, [0n, -1n, 1n << BigInt(below(64)), BigInt(below(2 ** 24)) * 0x1_0001_0001n,
    -BigInt(below(2 ** 24))][below(5)]!);
  const machine = new Machine({ memoryBytes: 4 << 20, engine: 'interp', isa: 'rv64gc' }), hart = machine.harts[0]!, ram = fakeRam();
  machine.reset(CODE);
  const x = new BigInt64Array(32), registers = { get: (n: number): bigint => x[n]!, set: (n: number, v: bigint): void => { x[n] = v; } };
  for (let i = 0; i < 2000; i++) {
    const name = below(3) === 0 ? ['sb', 'sh', 'sw', 'sd'][below(4)]! : ATOMIC[below(ATOMIC.length)]!;
    const bits = encode(rowNamed(name), { rd: below(4) * 4, rs1: 10, rs2: below(4) * 4, imm: 0, aq: 0, rl: 0 }), decoded = decode(bits),
      old = value();
    for (let n = 1; n < 32; n++) hart.x[n] = x[n] = n === 10 ? BigInt(AT) : value();
    machine.memory.setU64(AT, BigInt.asUintN(64, old));
    ram.setU32(AT, Number(BigInt.asUintN(32, old)));
    ram.setU32(AT + 4, Number(BigInt.asUintN(32, old >> 32n)));
    machine.memory.setU32(CODE, bits);
    hart.pc = BigInt(CODE);
    hart.beginSlice(1);
    machine.engine.run(0);
    hart.finishSlice();
    expect(store(decoded, registers, ram, AT), disassemble(decoded)).toBe({ b: 1, h: 2, w: 4, d: 8 }[name.at(-1)!]);
    expect([...x], disassemble(decoded)).toEqual([...hart.x]);
    expect(BigInt(ram.u32(AT)) | (BigInt(ram.u32(AT + 4)) << 32n), disassemble(decoded)).toBe(machine.memory.u64(AT));
  }
});

it.each([['fsd', AT], ['sc.d', AT], ['lr.d', AT], ['ld', AT], ['sd', AT + 4], ['amoadd.d', AT + 4]])('leaves %s at %i to the guest',
  (name, at) => {
  const none = { get: (): bigint => 0n, set: (): void => { throw new Error('it did something'); } };
  expect(store(decode(encode(rowNamed(name), { rd: 1, rs1: 10, rs2: 11, imm: 0, aq: 0, rl: 0 })), none, fakeRam(), at)).toBeUndefined();
});
