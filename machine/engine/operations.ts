/**
 * The interpreter's operations: which number in a record's `op` field stands for which row in which form. A row with inline semantics
 * has one form per instruction length, and jumps one per reach (`near`: the target's record is on the same page; the record's imm is then the
 * distance between records). Everything else is one of a few internal operations.
 */
import type { Meaning } from '../isa/row.ts';
import { rows } from '../isa/table.ts';

export const Internal = {
  /** Not decoded yet: decode, then try again. */
  UNDECODED: 0,
  /** End of the page: go on at the address reached. */
  PAGE_END: 1,
  /** An instruction whose second half is on the next page. */
  STRADDLE: 2,
  /** HartSide.slow(hart, row, imm). */
  SLOW: 3,
} as const;

export interface Operation {
  readonly name: string;
  readonly meaning: Meaning;
  readonly length: 2 | 4;
  readonly near: boolean;
}

const FIRST = Object.keys(Internal).length;
export const operations: Operation[] = [];
const numbers = new Map<string, number>();

const isJump = (operands: string): boolean => operands.includes('target');
const key = (row: number, length: number, near: boolean): string => `${row}/${length}/${near}`;

/** Rows that mean the same (do nothing, write zero) share their operations. */
const shared = new Map<Meaning, Map<number, number>>();

function define(index: number, length: 2 | 4, near: boolean): void {
  const { name, meaning } = rows[index]!;
  const byLength = shared.get(meaning!) ?? new Map<number, number>();
  shared.set(meaning!, byLength);
  const known = near ? undefined : byLength.get(length);
  const number = known ?? FIRST + operations.push({ name: `${name}${length === 2 ? ' (short)' : ''}${near ? ' (near)' : ''}`, meaning: meaning!, length, near }) - 1;
  if (!near) byLength.set(length, number);
  numbers.set(key(index, length, near), number);
}

const shortened = new Set(rows.flatMap((r) => (r.expands ? [r.expands.name] : r.pattern.length === 2 ? [r.name] : [])));
rows.forEach((r, i) => {
  if (!r.meaning) return;
  for (const length of [4, 2] as const) {
    if (length === 2 ? !shortened.has(r.name) : r.pattern.length === 2) continue;
    define(i, length, false);
    if (isJump(r.operands)) define(i, length, true);
  }
});

export const firstOperation: number = FIRST;
export const operationCount: number = FIRST + operations.length;

/** The operation of a row with inline semantics. */
export function operationOf(row: number, length: number, near: boolean): number {
  return numbers.get(key(row, length, near))!;
}

/** Does the row jump to pc + imm? */
export const jumps: readonly boolean[] = rows.map((r) => isJump(r.operands));
