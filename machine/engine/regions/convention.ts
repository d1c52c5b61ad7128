/**
 * How the interpreter calls a translated region, and what it answers.
 *
 *   region(hart block, TLB, budget, pcBase, entry) → (where to go on, budget left)
 *
 * `pcBase` + (address of a record >>> 3) is the virtual address of its instruction. An even answer is a virtual address. An odd one names a
 * record of the same page and takes less: the instruction there is to be interpreted (a TLB miss, a fault, what TypeScript executes, too
 * little budget), or, with `landed`, just continued with.
 */
import type { Signature } from '../module.ts';

export const REGION: Signature = { params: ['i32', 'i32', 'i32', 'i64', 'i32'], results: ['i64', 'i32'] };
/** Numbers of the parameters. */
export const PARAMETER = { hart: 0, tlb: 1, budget: 2, pcBase: 3, entry: 4 } as const;

/** Bits of an odd answer; above `refundShift`: instructions that were subtracted from the budget but not executed. */
export const RESULT = { special: 1, landed: 2, refused: 4, record: 0xfff0, refundShift: 16 } as const;

/** Regions that can be callable at once: entries of the dispatcher's table. */
export const TABLE_SIZE = 8192;
