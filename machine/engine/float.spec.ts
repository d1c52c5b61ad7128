/** Generated code computes the same results and flags inline as the software floating point of machine/hart. */
import { describe, expect, it } from 'vitest';
import { encode } from '../../hardware/isa/row.ts';
import { rowIndex, rows } from '../../hardware/isa/table.ts';
import { meanings } from '../semantics/table.ts';
import { Machine } from '../machine.ts';
import { floatHandlers } from '../hart/float.ts';
import { HS, RAM_BASE } from './layout.ts';

const random = (() => { let s = 2463534242; return (): number => { s ^= s << 13; s ^= s >>> 17; s ^= s << 5; return s >>> 0; }; })();
const pick = <T>(list: readonly T[]): T => list[random() % list.length]!;
const float64 = (x: number): bigint => new BigInt64Array(new Float64Array([x]).buffer)[0]!;
const float32 = (x: number): bigint => BigInt(new Int32Array(new Float32Array([x]).buffer)[0]!);
const box = (bits: bigint): bigint => BigInt.asIntN(64, (bits & 0xffff_ffffn) | (0xffff_ffffn << 32n));

const NUMBERS = [0, -0, 1, -1, 2, 0.5, 3, 10, 0.1, 1 / 3, -2.5, 3.5, 7.99, 2 ** 31, 2 ** 31 - 1, -(2 ** 31), 2 ** 32, 2 ** 52 + 1, 2 ** 53,
  2 ** 63, -(2 ** 63), 2 ** 64,
  Number.MAX_VALUE, Number.MIN_VALUE, 2 ** -1022, 2 ** -1023, 2 ** 127, 3.4e38, 2 ** -126, 2 ** -149, 1e300, 1e-300, Infinity, -Infinity,
  NaN];
const INTEGERS = [0n, 1n, -1n, 5n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 53n + 1n, 2n ** 24n + 1n, 2n ** 63n - 1n, -(2n ** 63n), -(2n ** 31n)];

function double(): bigint {
  if (random() % 3 === 0) return float64(pick(NUMBERS));
  if (random() % 2) return float64((random() - 2 ** 31) * 2 ** ((random() % 60) - 30));
  return BigInt.asIntN(64, (BigInt(random()) << 32n) | BigInt(random()));
}
function single(): bigint {
  if (random() % 20 === 0) return double(); // not boxed
  if (random() % 3 === 0) return box(float32(pick(NUMBERS)));
  return box(random() % 2 ? float32((random() - 2 ** 31) * 2 ** ((random() % 40) - 20)) : BigInt(random()));
}
const integer = (): bigint =>
  (random() % 2 ? pick(INTEGERS) : BigInt.asIntN(64, ((BigInt(random()) << 32n) | BigInt(random())) >> BigInt(random() % 64)));

const machine = new Machine({ memoryBytes: 1 << 20 });
const hart = machine.harts[0]!;
machine.reset(RAM_BASE);
machine.run({ maxInstructions: 0 });
hart.setCsr(0x300, 3n << 13n);

interface Outcome { x: bigint; f: bigint; flags: number; retired: number }
function outcome(run: () => number, left: bigint, right: bigint, addend: bigint, x: bigint, flags: number): Outcome {
  [hart.f[1], hart.f[2], hart.f[3], hart.f[4]] = [left, right, addend, 77n];
  [hart.x[1], hart.x[4]] = [x, 77n];
  hart.w[HS.FFLAGS >> 2] = flags;
  const retired = run();
  return { x: hart.x[4]!, f: hart.f[4]!, flags: hart.w[HS.FFLAGS >> 2]!, retired };
}
function engine(): number {
  hart.pc = BigInt(RAM_BASE);
  hart.w[HS.BUDGET >> 2] = 1;
  machine.engine.run(0);
  return 1 - hart.w[HS.BUDGET >> 2]!;
}

const inline = rows.filter((r) =>
  floatHandlers.has(r.name) && (meanings[rowIndex.get(r.name)!] || r.name.startsWith('fm') || r.name.startsWith('fn'))
    && !r.operands.includes('imm') && !r.name.endsWith('.h'));

describe('floating point inline', () => {
  it.each(inline.map((r) => [r.name, r] as const))('%s', (name, row) => {
    const modes = row.pattern.fields.some((f) => f.name === 'rm') ? [7, 0, 1] : [undefined];
    for (const rm of modes) {
      const word = encode(row, {
        rd: 4, rs1: 1, rs2: row.operands.includes('rs2') || row.operands.includes('fs2') ? 2 : undefined, rs3: 3, rm
      });
      machine.memory.setU32(RAM_BASE, word >>> 0);
      for (let i = 0; i < (rm === 1 && !name.startsWith('fcvt') ? 10 : 250); i++) {
        const make = name.includes('.s') && !name.includes('s.d') ? single : double;
        const [left, right, addend, x, flags] = [make(), make(), make(), integer(), pick([0, 1, 1, 31, 16])];
        const want = outcome(() => { floatHandlers.get(name)!(hart, word); return 1; }, left, right, addend, x, flags);
        const got = outcome(engine, left, right, addend, x, flags);
        if (got.x !== want.x || got.f !== want.f || got.flags !== want.flags || got.retired !== 1) {
          const hex = (v: bigint): string => BigInt.asUintN(64, v).toString(16);
          expect.fail(`${name} rm=${rm} flags=${flags} a=${hex(left)} b=${hex(right)} c=${hex(addend)} x=${hex(x)}: f ${hex(got.f)} x `
            + `${hex(got.x)} flags ${got.flags}, want f ${hex(want.f)} x ${hex(want.x)} flags ${want.flags}`);
        }
      }
    }
  });
});
