/**
 * Zfa against the manual's text: QEMU 7.2 lacks it, so this file has its own reference in exact arithmetic, independent of `softfloat`.
 * @spec unpriv 25
 */
import { describe, expect, it } from 'vitest';
import { Machine } from '../machine.ts';
import { assemble } from '../../hardware/isa/assemble.ts';

const RAM = 0x8000_0000;
const [CASES, RESULTS] = [RAM + 0x1_0000, RAM + 0x8_0000];
const COUNT = 3000;
const [NV, NX] = [16, 1];

interface Format {
  readonly suffix: string;
  readonly width: number;
  readonly fraction: number;
  readonly bias: number;
  readonly code: number
}
const FORMATS: readonly Format[] = [
  { suffix: 'h', width: 16, fraction: 10, bias: 15, code: 2 }, { suffix: 's', width: 32, fraction: 23, bias: 127, code: 0 },
  { suffix: 'd', width: 64, fraction: 52, bias: 1023, code: 1 },
];
interface Case { readonly a: bigint; readonly b: bigint; readonly rm: number }
interface Outcome { readonly value: bigint; readonly flags: number }

// ---- the reference ----------------------------------------------------------------------------------------------------

const exponentMask = (f: Format): bigint => (1n << BigInt(f.width - 1 - f.fraction)) - 1n;
const infinity = (f: Format): bigint => exponentMask(f) << BigInt(f.fraction);
const quiet = (f: Format): bigint => infinity(f) | (1n << BigInt(f.fraction - 1));
const box = (f: Format, bits: bigint): bigint => BigInt.asUintN(64, (-1n << BigInt(f.width)) | bits);
/** A register's value in this format: a value that is not boxed is the canonical NaN. */
const unbox = (format: Format, register: bigint): bigint => {
  const bits = BigInt.asUintN(format.width, register);
  return box(format, bits) === register ? bits : quiet(format);
};
const signOf = (f: Format, bits: bigint): boolean => bits >> BigInt(f.width - 1) === 1n;
const magnitude = (f: Format, bits: bigint): bigint => BigInt.asUintN(f.width - 1, bits);
const isNan = (f: Format, bits: bigint): boolean => magnitude(f, bits) > infinity(f);
const isSignaling = (f: Format, bits: bigint): boolean => isNan(f, bits) && (bits >> BigInt(f.fraction - 1) & 1n) === 0n;
/** |value| = significand · 2^exponent. */
function parts(format: Format, bits: bigint): [significand: bigint, exponent: number] {
  const biased = Number(bits >> BigInt(format.fraction) & exponentMask(format));
  const low = BigInt.asUintN(format.fraction, bits);
  return biased === 0 ? [low, 1 - format.bias - format.fraction]
    : [low | 1n << BigInt(format.fraction), biased - format.bias - format.fraction];
}
/** Order of numbers; -0 is below +0 (as minimum and maximum see them). */
const key = (f: Format, bits: bigint): bigint => (signOf(f, bits) ? -magnitude(f, bits) - 1n : magnitude(f, bits));
const invalid = (f: Format, ...all: bigint[]): number => (all.some((x) => isSignaling(f, x)) ? NV : 0);

/** The magnitude rounded to an integer, and whether it was one. Modes: nearest even, to zero, down, up, nearest away. */
function integer(significand: bigint, exponent: number, negative: boolean, rm: number): [bigint, boolean] {
  if (exponent >= 0) return [significand << BigInt(exponent), true];
  const shift = BigInt(-exponent);
  const whole = significand >> shift;
  const rest = significand - (whole << shift);
  if (rest === 0n) return [whole, true];
  const twice = 2n * rest - (1n << shift);
  const up = [twice > 0n || (twice === 0n && whole % 2n === 1n), false, negative, !negative, twice >= 0n][rm];
  return [up ? whole + 1n : whole, false];
}

function round(format: Format, { a: operand, rm }: Case, tells: boolean): Outcome {
  const bits = unbox(format, operand);
  if (isNan(format, bits)) return { value: box(format, quiet(format)), flags: invalid(format, bits) };
  if (magnitude(format, bits) === infinity(format)) return { value: box(format, bits), flags: 0 };
  const negative = signOf(format, bits);
  const [whole, exact] = integer(...parts(format, bits), negative, rm);
  let value = 0n;
  if (whole !== 0n) {
    const top = whole.toString(2).length - 1;
    const fraction = top <= format.fraction ? whole << BigInt(format.fraction - top) : whole >> BigInt(top - format.fraction);
    value = BigInt(top + format.bias - 1) * (1n << BigInt(format.fraction)) + fraction;
  }
  return { value: box(format, value | (negative ? 1n << BigInt(format.width - 1) : 0n)), flags: tells && !exact ? NX : 0 };
}

function extreme(format: Format, { a: left, b: right }: Case, least: boolean): Outcome {
  const [x, y] = [unbox(format, left), unbox(format, right)];
  const flags = invalid(format, x, y);
  if (isNan(format, x) || isNan(format, y)) return { value: box(format, quiet(format)), flags };
  return { value: box(format, (key(format, x) < key(format, y)) === least ? x : y), flags };
}

function relation(format: Format, { a: left, b: right }: Case, orEqual: boolean): Outcome {
  const [x, y] = [unbox(format, left), unbox(format, right)];
  const flags = invalid(format, x, y);
  if (isNan(format, x) || isNan(format, y)) return { value: 0n, flags };
  const equal = x === y || (magnitude(format, x) | magnitude(format, y)) === 0n;
  return { value: (equal ? orEqual : key(format, x) < key(format, y)) ? 1n : 0n, flags };
}

/** To zero, modulo 2^32; the flags are those of fcvt.w.d. */
function modular(format: Format, { a: operand }: Case): Outcome {
  if (magnitude(format, operand) >= infinity(format)) return { value: 0n, flags: NV };
  const negative = signOf(format, operand);
  const [whole, exact] = integer(...parts(format, operand), negative, 1);
  const value = negative ? -whole : whole;
  const fits = BigInt.asIntN(32, value) === value;
  return { value: BigInt.asUintN(64, BigInt.asIntN(32, value)), flags: !fits ? NV : exact ? 0 : NX };
}

/** The constants of fli; number 1 is the smallest normal number of the format. */
const CONSTANTS: readonly number[] = [
  -1, NaN, 2 ** -16, 2 ** -15, 2 ** -8, 2 ** -7, 0.0625, 0.125, 0.25, 0.3125, 0.375, 0.4375, 0.5, 0.625, 0.75, 0.875, 1, 1.25, 1.5, 1.75, 2,
  2.5, 3, 4, 8, 16, 128, 256, 2 ** 15, 2 ** 16, Infinity, NaN
];

// ---- the machine --------------------------------------------------------------------------------------------------------

let seed = 1;
const random = (): number => { seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0; return seed >>> 8; };
const wide = (): bigint => (BigInt(random()) << 48n ^ BigInt(random()) << 24n ^ BigInt(random())) & 0xffff_ffff_ffff_ffffn;

/** Zeros, subnormals, ones, infinities, NaNs, numbers near the integers' border, halves, anything; now and then without its box. */
function operand(format: Format): bigint {
  const one = BigInt(format.bias) << BigInt(format.fraction);
  const near = (exponent: number): bigint =>
    (BigInt(format.bias + exponent) << BigInt(format.fraction))
      | (wide() & ((1n << BigInt(format.fraction)) - 1n) & (random() % 2 === 0 ? -1n << BigInt(Math.max(format.fraction - 6, 0)) : -1n));
  const choices = [
    0n, 1n, one, one + 1n, one - 1n, infinity(format), infinity(format) + 1n, quiet(format), infinity(format) - 1n, wide(),
    near(random() % (format.fraction + 2)), near(-1), near(random() % Math.min(70, format.bias))
  ];
  const chosen = BigInt.asUintN(format.width - 1, choices[random() % choices.length]!);
  const bits = chosen | (random() % 2 === 0 ? 1n << BigInt(format.width - 1) : 0n);
  return random() % 20 === 0 ? wide() : box(format, bits);
}

/** Executes the instruction (operands f1, f2; result f3 or a3) for each case. */
function outcomes(engine: 'interp' | 'jit', word: number, toInteger: boolean, cases: readonly Case[]): Outcome[] {
  const machine = new Machine({ memoryBytes: 1 << 20, engine });
  const { bytes } = assemble(`li t0, 0x6000; csrs mstatus, t0; li s0, ${CASES}; li s1, ${RESULTS}; li s2, ${cases.length}
next: ld a0, 0(s0); ld a1, 8(s0); ld a2, 16(s0); fmv.d.x f1, a0; fmv.d.x f2, a1; csrw fcsr, a2; .word ${word}; csrr a4, fflags
${toInteger ? '' : 'fmv.x.d a3, f3'}; sd a3, 0(s1); sd a4, 8(s1); addi s0, s0, 24; addi s1, s1, 16; addi s2, s2, -1; bnez s2, next
end: wfi; j end`, RAM);
  machine.memory.writable(RAM, bytes.length).set(bytes);
  const memory = machine.memory;
  cases.forEach(({ a, b, rm }, i) => [a, b, BigInt(rm) << 5n].forEach((v, n) => memory.setU64(CASES + 24 * i + 8 * n, v)));
  machine.reset(RAM);
  machine.run({ maxInstructions: 30 * cases.length + 100 });
  const view = new DataView(Uint8Array.from(memory.view(RESULTS, 16 * cases.length)).buffer);
  return cases.map((_, i) => ({ value: view.getBigUint64(16 * i, true), flags: Number(view.getBigUint64(16 * i + 8, true)) }));
}

const DYNAMIC = 7;
const encode = (funct5: number, f: Format, rs2: number, rm: number, rd: number): number =>
  ((funct5 << 27) | (f.code << 25) | (rs2 << 20) | (1 << 15) | (rm << 12) | (rd << 7) | 0x53) >>> 0;

function check(engine: 'interp' | 'jit', format: Format, word: number, toInteger: boolean, reference: (c: Case) => Outcome): void {
  const cases = Array.from({ length: COUNT }, () => ({ a: operand(format), b: operand(format), rm: random() % 5 }));
  const wrong = outcomes(engine, word, toInteger, cases).flatMap((mine, i) => {
    const wanted = reference(cases[i]!);
    return mine.value === wanted.value && mine.flags === wanted.flags ? [] : [{ ...cases[i]!, mine, wanted }];
  });
  expect(wrong.slice(0, 3)).toEqual([]);
}

describe.each(FORMATS)('Zfa, format $suffix', (format) => {
  const rows: readonly [string, number, boolean, (c: Case) => Outcome][] = [
    ['fround', encode(0b01000, format, 4, DYNAMIC, 3), false, (c) => round(format, c, false)],
    ['froundnx', encode(0b01000, format, 5, DYNAMIC, 3), false, (c) => round(format, c, true)],
    ['fminm', encode(0b00101, format, 2, 2, 3), false, (c) => extreme(format, c, true)],
    ['fmaxm', encode(0b00101, format, 2, 3, 3), false, (c) => extreme(format, c, false)],
    ['fleq', encode(0b10100, format, 2, 4, 13), true, (c) => relation(format, c, true)],
    ['fltq', encode(0b10100, format, 2, 5, 13), true, (c) => relation(format, c, false)],
  ];
  it.each(rows)('%s does what the manual says', (_, word, toInteger, reference) => check('interp', format, word, toInteger, reference));

  it('fli loads its 32 constants, and raises nothing', () => {
    const nothing = [{ a: 0n, b: 0n, rm: 0 }];
    CONSTANTS.forEach((value, n) => {
      const word = ((0b11110 << 27) | (format.code << 25) | (1 << 20) | (n << 15) | (3 << 7) | 0x53) >>> 0;
      const [got] = outcomes('interp', word, false, nothing);
      const bits = BigInt.asUintN(format.width, got!.value);
      expect([box(format, bits), got!.flags]).toEqual([got!.value, 0]);
      if (n === 1) expect(bits).toBe(1n << BigInt(format.fraction));
      else if (Number.isNaN(value)) expect(bits).toBe(quiet(format));
      else if (Math.abs(value) >= 2 ** (format.bias + 1)) expect(bits).toBe(infinity(format));
      else {
        const [significand, exponent] = parts(format, bits);
        expect((signOf(format, bits) ? -1 : 1) * Number(significand) * 2 ** exponent).toBe(value);
      }
    });
  });
});

describe.each(['interp', 'jit'] as const)('fcvtmod.w.d (%s)', (engine) => {
  it('does what the manual says', () =>
    check(engine, FORMATS[2]!, ((0b1100001 << 25) | (8 << 20) | (1 << 15) | (1 << 12) | (13 << 7) | 0x53) >>> 0, true,
      (c) => modular(FORMATS[2]!, c)));
});
