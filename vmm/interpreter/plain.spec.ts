/** Plain instructions against the machine: random ones, random registers, the same result. */
import { expect, it } from 'vitest';
import { createDecoder } from '../../hardware/isa/decode.ts';
import { disassemble } from '../../hardware/isa/disassemble.ts';
import { encode } from '../../hardware/isa/row.ts';
import { FULL_ISA, rowNamed } from '../../hardware/isa/table.ts';
import { Machine } from '../../machine/machine.ts';
import { compute, isPlain } from './plain.ts';

const decode = createDecoder(FULL_ISA), CODE = 0x8000_1000;
const NAMES = ['add', 'sub', 'and', 'or', 'xor', 'addw', 'subw', 'addi', 'andi', 'ori', 'xori', 'addiw', 'slli', 'srli', 'srai', 'lui',
  'auipc', 'slliw', 'srliw', 'sraiw', 'sll', 'srl', 'sra', 'sllw', 'srlw', 'sraw', 'slt', 'sltu', 'slti', 'sltiu', 'mul', 'mulw'] as const;

it.each([1, 2, 3])('2,000 of them leave what the machine leaves (seed %i)', (seed) => {
  let state = seed * 7919;
  const below = (n: number): number => { state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0; return (state >>> 8) % n; };
  const value = (): bigint => [0n, -1n, 1n << BigInt(below(64)), BigInt(below(2 ** 24)) * 0x1_0001_0001n,
    -BigInt(below(2 ** 24))][below(5)]!;
  const machine = new Machine({ memoryBytes: 4 << 20, engine: 'interp', isa: 'rv64gc' }), hart = machine.harts[0]!;
  machine.reset(CODE);
  const x = new BigInt64Array(32), registers = { get: (n: number): bigint => x[n]!, set: (n: number, v: bigint): void => { x[n] = v; } };
  for (let i = 0; i < 2000; i++) {
    const name = NAMES[below(NAMES.length)]!, shift = /^s(ll|rl|ra)iw?$/.test(name), upper = name === 'lui' || name === 'auipc';
    const imm = shift ? below(name.endsWith('w') ? 32 : 64) : upper ? ((below(2 ** 20) << 12) | 0) : below(4096) - 2048;
    const bits = encode(rowNamed(name), { rd: 4 + below(3) * 4, rs1: below(4) * 4, rs2: below(4) * 4, imm }), decoded = decode(bits);
    expect(isPlain(decoded), name).toBe(true);
    for (let n = 1; n < 32; n++) x[n] = BigInt.asIntN(64, value());
    for (let n = 1; n < 32; n++) hart.x[n] = x[n]!;
    machine.memory.setU32(CODE, bits);
    hart.pc = BigInt(CODE);
    hart.beginSlice(1);
    machine.engine.run(0);
    hart.finishSlice();
    compute(decoded, registers, BigInt(CODE));
    expect([...x], `${disassemble(decoded)}`).toEqual([...hart.x]);
  }
});

it('knows what it does not do', () => {
  for (const name of ['ld', 'sd', 'beq', 'jal', 'div', 'fadd.d', 'csrrw',
    'ecall']) expect(isPlain(decode(encode(rowNamed(name), { rd: 1, rs1: 1, rs2: 1, imm: 0, csr: 0x100 })))).toBe(false);
});
