/**
 * Floating-point instructions in software, by mnemonic: the cases that generated code does not compute inline (other rounding modes, NaNs,
 * subnormals, overflow, half precision, fused operations …).
 * @spec unpriv 20, 21, 23, 25
 */
import { HS, SLOW } from '../engine/layout.ts';
import * as arithmetic from './softfloat/arithmetic.ts';
import * as compares from './softfloat/compare.ts';
import * as converts from './softfloat/convert.ts';
import { DOUBLE, HALF, SINGLE, Status } from './softfloat/format.ts';
import type { Format } from './softfloat/format.ts';
import * as fused from './softfloat/fused.ts';
import { fliConstant } from './float-constants.ts';
import type { Hart } from './hart.ts';
import type { Handler } from './system.ts';
import { illegalInstruction } from './trap.ts';

const FFLAGS = HS.FFLAGS >> 2;
const DYNAMIC = 7;
const st = new Status();

interface Operands {
  readonly h: Hart;
  readonly insn: number;
}

/** The body of an instruction, run once it is known to be legal and `st` is set up. */
type Body = (o: Operands, f: Format) => void;

const field = (insn: number, at: number): number => (insn >>> at) & 31;

/** The value of an f register in this format: a value that is not NaN-boxed reads as the canonical NaN. */
function readF(hart: Hart, i: number, format: Format): bigint {
  const bits = BigInt.asUintN(64, hart.f[i]);
  if (format === DOUBLE) return bits;
  const width = format === SINGLE ? 32n : 16n;
  return bits >> width === (1n << (64n - width)) - 1n ? BigInt.asUintN(Number(width), bits) : format.nan;
}

function writeF(hart: Hart, i: number, format: Format, bits: bigint): void {
  hart.f[i] = format === DOUBLE ? BigInt.asIntN(64, bits) : format === SINGLE ? bits | (-1n << 32n) : bits | (-1n << 16n);
  hart.w[HS.FS_DIRTY >> 2] = 1;
}

const writeX = (o: Operands, value: bigint): void => { if (field(o.insn, 7) !== 0) o.h.x[field(o.insn, 7)] = value; };
const one = (o: Operands, f: Format): bigint => readF(o.h, field(o.insn, 15), f);
const two = (o: Operands, f: Format): bigint => readF(o.h, field(o.insn, 20), f);
const three = (o: Operands, f: Format): bigint => readF(o.h, field(o.insn, 27), f);
const result = (o: Operands, f: Format, bits: bigint): void => writeF(o.h, field(o.insn, 7), f, bits);

/** Checks legality and rounding mode, runs the body, accrues its exceptions. */
function instruction(format: Format, hasRounding: boolean, body: Body): Handler {
  return (hart, insn) => {
    if (hart.w[HS.FS_ON >> 2] === 0) return illegalInstruction(hart);
    st.flags = 0;
    if (hasRounding) {
      const rm = (insn >> 12) & 7;
      st.rm = rm === DYNAMIC ? hart.w[HS.FRM >> 2] : rm;
      if (st.rm > 4) return illegalInstruction(hart);
    }
    body({ h: hart, insn }, format);
    if (st.flags !== 0) {
      hart.w[FFLAGS] |= st.flags;
      hart.w[HS.FS_DIRTY >> 2] = 1;
    }
    return SLOW.NEXT;
  };
}

type Two = (f: Format, st: Status, a: bigint, b: bigint) => bigint;
const binary = (op: Two): Body => (o, f) => result(o, f, op(f, st, one(o, f), two(o, f)));

/** The four fused operations: signs of the product and of the addend. */
function multiplyAdd(negateProduct: boolean, negateAddend: boolean): Body {
  return (operands, format) => {
    const factor = one(operands, format) ^ (negateProduct ? format.signBit : 0n);
    const addend = three(operands, format) ^ (negateAddend ? format.signBit : 0n);
    result(operands, format, arithmetic.fma(format, st, factor, two(operands, format), addend));
  };
}

/** The host computes most fused operations exactly; software does the rest. */
function quickFused(format: Format, negateProduct: boolean, negateAddend: boolean): Handler {
  const exact = instruction(format, true, multiplyAdd(negateProduct, negateAddend));
  const compute = format === DOUBLE ? fused.fusedDouble : fused.fusedSingle;
  const read = format === DOUBLE
    ? (h: Hart, i: number): number => h.fd[i]
    : (h: Hart, i: number): number => (h.f32[2 * i + 1] === -1 ? h.fs[2 * i] : NaN);
  return (hart, insn) => {
    const rm = (insn >> 12) & 7;
    if (hart.w[HS.FS_ON >> 2] === 0 || (rm === DYNAMIC ? hart.w[HS.FRM >> 2] : rm) !== 0) return exact(hart, insn);
    const factor = read(hart, field(insn, 15));
    const addend = read(hart, field(insn, 27));
    const value = compute(negateProduct ? -factor : factor, read(hart, field(insn, 20)), negateAddend ? -addend : addend);
    if (value !== value) return exact(hart, insn);
    const rd = field(insn, 7);
    if (format === DOUBLE) hart.fd[rd] = value;
    else {
      hart.fs[2 * rd] = value;
      hart.f32[2 * rd + 1] = -1;
    }
    if (fused.inexact) hart.w[FFLAGS] |= 1;
    hart.w[HS.FS_DIRTY >> 2] = 1;
    return SLOW.NEXT;
  };
}

const relation = (how: compares.Relation, quiet: boolean): Body => (o, f) =>
  writeX(o, compares.compare(f, st, how, one(o, f), two(o, f), quiet) ? 1n : 0n);
const choose = (maximum: boolean, propagate: boolean): Body => (o, f) =>
  result(o, f, compares.select(f, st, one(o, f), two(o, f), maximum, propagate));

/** Sign injection: the sign of rs2, its opposite, or the exclusive or of both. */
const signInjection = (how: 'copy' | 'negate' | 'xor'): Body => (operands, format) => {
  const operand = one(operands, format);
  const sign = two(operands, format) & format.signBit;
  const magnitude = operand & (format.signBit - 1n);
  const from = how === 'copy' ? sign : how === 'negate' ? sign ^ format.signBit : sign ^ (operand & format.signBit);
  result(operands, format, magnitude | from);
};

/** Rows of each format: name, does it have a rounding mode, body. */
const common: readonly (readonly [name: string, rounding: boolean, body: Body])[] = [
  ['fadd', true, binary(arithmetic.add)],
  ['fsub', true, binary(arithmetic.sub)],
  ['fmul', true, binary(arithmetic.mul)],
  ['fdiv', true, binary(arithmetic.div)],
  ['fsqrt', true, (o, f) => result(o, f, arithmetic.sqrt(f, st, one(o, f)))],
  ['fmadd', true, multiplyAdd(false, false)],
  ['fmsub', true, multiplyAdd(false, true)],
  ['fnmsub', true, multiplyAdd(true, false)],
  ['fnmadd', true, multiplyAdd(true, true)],
  ['fmin', false, choose(false, false)],
  ['fmax', false, choose(true, false)],
  ['fminm', false, choose(false, true)],
  ['fmaxm', false, choose(true, true)],
  ['feq', false, relation('eq', true)],
  ['flt', false, relation('lt', false)],
  ['fle', false, relation('le', false)],
  ['fltq', false, relation('lt', true)],
  ['fleq', false, relation('le', true)],
  ['fsgnj', false, signInjection('copy')],
  ['fsgnjn', false, signInjection('negate')],
  ['fsgnjx', false, signInjection('xor')],
  ['fclass', false, (o, f) => writeX(o, BigInt(compares.classify(f, one(o, f))))],
  ['fround', true, (o, f) => result(o, f, converts.toIntegral(f, st, one(o, f), false))],
  ['froundnx', true, (o, f) => result(o, f, converts.toIntegral(f, st, one(o, f), true))],
  ['fli', false, (o, f) => result(o, f, fliConstant(f, field(o.insn, 15)))],
];

const integers = [['w', 32, false], ['wu', 32, true], ['l', 64, false], ['lu', 64, true]] as const;

function conversions(table: Map<string, Handler>, format: Format): void {
  for (const [name, bits, unsigned] of integers) {
    table.set(`fcvt.${name}.${format.name}`,
      instruction(format, true, (o) => writeX(o, converts.toInteger(format, st, one(o, format), bits, unsigned))));
    table.set(`fcvt.${format.name}.${name}`, instruction(format, true, (operands) => {
      const x = operands.h.x[field(operands.insn, 15)];
      result(operands, format, converts.fromInteger(format, st, unsigned ? BigInt.asUintN(bits, x) : BigInt.asIntN(bits, x)));
    }));
  }
  for (const to of FORMATS) {
    if (to !== format)
      table.set(`fcvt.${to.name}.${format.name}`,
        instruction(format, true, (o) => result(o, to, converts.convert(format, to, st, one(o, format)))));
  }
}

const FORMATS = [HALF, SINGLE, DOUBLE] as const;

function build(): Map<string, Handler> {
  const table = new Map<string, Handler>();
  for (const format of FORMATS) {
    for (const [name, rounding, body] of common) table.set(`${name}.${format.name}`, instruction(format, rounding, body));
    conversions(table, format);
  }
  for (const format of [SINGLE, DOUBLE]) {
    table.set(`fmadd.${format.name}`, quickFused(format, false, false));
    table.set(`fmsub.${format.name}`, quickFused(format, false, true));
    table.set(`fnmsub.${format.name}`, quickFused(format, true, false));
    table.set(`fnmadd.${format.name}`, quickFused(format, true, true));
  }
  table.set('fcvtmod.w.d', instruction(DOUBLE, false, (o) => writeX(o, converts.toIntegerModular(DOUBLE, st, one(o, DOUBLE)))));
  return table;
}

export const floatHandlers: ReadonlyMap<string, Handler> = build();
