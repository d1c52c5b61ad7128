/**
 * The language of instruction meanings. The same meaning runs through two implementations of this interface:
 * the interpreter's (operands come from the decoded record) and the translator's (operands are locals and constants).
 *
 *   s => s.rd(s.add(s.x1(), s.x2()))                    add
 *   s => s.branch(s.ltS(s.x1(), s.x2()))                blt
 *   s => s.rd(s.load('w', s.add(s.x1(), s.imm())))      lw
 */
import type { Row } from '../../hardware/isa/row.ts';
import type { F32, F64, I32, I64, OperatorMethods } from './operators.ts';

/** The meaning of one instruction. */
export type Meaning = (s: Semantics) => void;
/** A meaning for each of these rows of the instruction table, by mnemonic. */
export type Meanings<Rows extends readonly Row[]> = Readonly<Record<Rows[number]['name'], Meaning>>;

/** `fw` and `fh` load a NaN-boxed single and half; with `fd` the slow path writes an f register. */
export type LoadKind = 'b' | 'h' | 'w' | 'd' | 'bu' | 'hu' | 'wu' | 'fw' | 'fd' | 'fh';
export type StoreKind = 'b' | 'h' | 'w' | 'd';

export interface Semantics extends OperatorMethods {
  /** Constants. */
  long(value: number | bigint): I64;
  word(value: number): I32;

  /** Integer source registers, whole and low half; the destination register, whole and sign-extended from 32 bits. */
  x1(): I64;
  x2(): I64;
  w1(): I32;
  w2(): I32;
  rd(value: I64): void;
  rdw(value: I32): void;
  /** The immediate, sign-extended, and as 32 bits; the address of this and of the next instruction. */
  imm(): I64;
  imm32(): I32;
  pc(): I64;
  nextPc(): I64;

  /** A value that is needed more than once: `const a = s.keep(…)`, then `a()`. */
  keep(value: I64): () => I64;
  keep32(value: I32): () => I32;
  keepD(value: F64): () => F64;
  keepS(value: F32): () => F32;
  /** condition ? a : b; both are evaluated. */
  select(a: I64, b: I64, condition: I32): I64;
  select32(a: I32, b: I32, condition: I32): I32;
  /** condition ? a() : b(); one is evaluated. */
  choose(condition: I32, a: () => I64, b: () => I64): I64;
  choose32(condition: I32, a: () => I32, b: () => I32): I32;
  when(condition: I32, then: () => void): void;
  /** a * b + c rounded once, to nearest; undefined where the host has no such instruction. */
  fusedD(a: () => F64, b: () => F64, c: () => F64): F64 | undefined;
  /** A loop: `initial` goes through `step` with i = 0 … count-1. */
  fold(count: number, initial: I64, step: (accumulator: () => I64, i: () => I64) => I64): I64;

  /** Conditional and unconditional jump to pc + immediate; jump to a computed address. Each ends the row. */
  branch(condition: I32): void;
  jump(): void;
  jumpTo(target: I64): void;

  /** Memory: sign- or zero-extended to 64 bits. The hart side handles a miss, a fault or a device. */
  load(kind: LoadKind, address: I64): I64;
  store(kind: StoreKind, address: I64, value: I64): void;
  /** Read-modify-write of an aligned word; gives the old value, sign-extended. */
  modify(kind: 'w' | 'd', address: I64, change: (old: () => I64) => I64): I64;
  loadReserved(kind: 'w' | 'd', address: I64): I64;
  /** Atomic compare-and-swap: always executed by TypeScript (HartSide.atomic). */
  compareAndSwap(address: I64): void;
  /** 0 when the store happened, 1 when the reservation was lost. */
  storeConditional(kind: 'w' | 'd', address: I64, value: I64): I64;

  /** Zeroes the aligned block of 64 bytes around the address; where generated code cannot, TypeScript does (HartSide.slow). */
  zeroBlock(address: I64): void;

  /** A word of the hart block, by its offset (HS); words at a linear address that the hart side has given. */
  hartWord(offset: number): I32;
  peek(address: I32, offset: number): I64;
  peek32(address: I32, offset: number): I32;
  poke(address: I32, offset: number, value: I64): void;
  poke32(address: I32, offset: number, value: I32): void;
  /** The five bits in the place of rs1. */
  zimm(): I32;

  /** Leaves this instruction to TypeScript (HartSide.slow) when the condition holds; nothing may have been changed before. */
  slowIf(condition: I32): void;
  /** Floating point is off: illegal instruction. First statement of every floating-point row. */
  needsFp(): void;
  /** The rounding mode in force: 0 nearest-even, 1 to zero, 2 down, 3 up, 4 nearest-away, above that illegal. */
  rm(): I32;
  /** Floating-point sources: raw 64 bits; the low 32 bits of a boxed single (an unboxed one goes the slow way); as numbers. */
  f1(): I64;
  f2(): I64;
  b1(): I32;
  b2(): I32;
  d1(): F64;
  d2(): F64;
  d3(): F64;
  s1(): F32;
  s2(): F32;
  s3(): F32;
  /** The destination: raw bits, bits of a single (boxed here), a double, a single. A NaN comes here only by moves. */
  fd(value: I64): void;
  fdB(value: I32): void;
  fdD(value: F64): void;
  fdS(value: F32): void;
  /** 1 when inexact is among the accrued exceptions; adds inexact to them when the condition is 1. */
  inexactSet(): I32;
  raiseInexact(condition: I32): void;
}
