/**
 * How the interpreter calls a translated region, and what it answers.
 *
 *   region(hart block, TLB, budget, pcBase, entry) → (where to continue, budget left)
 *
 * `pcBase` + (address of a record >>> 2) is the virtual address of its instruction. An even answer is a virtual address. An odd answer
 * names a record and is cheaper: the interpreter must execute the instruction there (a TLB miss, a fault, an instruction for TypeScript,
 * too little budget) or, with `landed`, just continue there. The record belongs to the page where the region was entered, unless the upper
 * bits name another page, whose mapping the region has checked.
 */
import type { Signature } from '../module.ts';

export const REGION: Signature = { params: ['i32', 'i32', 'i32', 'i64', 'i32'], results: ['i64', 'i32'] };
/** Numbers of the parameters. */
export const PARAMETER = { hart: 0, tlb: 1, budget: 2, pcBase: 3, entry: 4 } as const;

/**
 * Bits of an odd answer. From `refundShift`: instructions that were subtracted from the budget but not executed. From `pageShift`, if not
 * zero: the code page, as (linear address - that of the pool) / 16. From `deltaShift`: how many pages it is away from where the region
 * was entered, signed.
 */
export const RESULT = {
  special: 1, landed: 2, refused: 4, record: 0x7ff8, refundShift: 16, refund: 0xfff, pageShift: 28, page: 0x7f_ffff, deltaShift: 51
} as const;

/** Regions that can be callable at once: entries of the dispatcher's table. */
export const TABLE_SIZE = 8192;
