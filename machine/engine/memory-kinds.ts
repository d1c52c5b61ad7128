/** The kinds of loads and stores of `Semantics` in WebAssembly: size, opcode, and the bits set above a boxed value. */
import type { LoadKind, StoreKind } from '../semantics/semantics.ts';
import { Op } from './code.ts';

export const LOADS: Record<LoadKind, readonly [number, number]> = {
  b: [1, Op.i64Load8S], h: [2, Op.i64Load16S], w: [4, Op.i64Load32S], d: [8, Op.i64Load],
  bu: [1, Op.i64Load8U], hu: [2, Op.i64Load16U], wu: [4, Op.i64Load32U],
  fw: [4, Op.i64Load32U], fd: [8, Op.i64Load], fh: [2, Op.i64Load16U],
};
export const STORES: Record<StoreKind, readonly [number, number]> = {
  b: [1, Op.i64Store8], h: [2, Op.i64Store16], w: [4, Op.i64Store32], d: [8, Op.i64Store]
};
export const BOXES: Partial<Record<LoadKind, bigint>> = { fw: ~0xffff_ffffn, fh: ~0xffffn };
