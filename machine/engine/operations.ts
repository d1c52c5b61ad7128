/**
 * The interpreter's operations: the meaning of the numbers in a record's `op` field, each a row in one form. A row with inline semantics
 * has one form per instruction length, and jumps one per reach (`near`: the target's record is on the same page; the record's imm is then
 * the distance between records). Common operands have cheaper forms (x0 as a source: a move, a constant, a comparison with zero).
 * Everything else is one of a few internal operations.
 */
import type { Operands, Row } from '../../hardware/isa/row.ts';
import { rows } from '../../hardware/isa/table.ts';
import type { Meaning, Semantics } from '../semantics/semantics.ts';
import { csrMeaning, csrMeanings } from '../semantics/csr.ts';
import { meanings } from '../semantics/table.ts';

export const Internal = {
  /** Not decoded yet: decode, then try again. */
  UNDECODED: 0,
  /** End of the page: continue at the address reached. */
  PAGE_END: 1,
  /** An instruction whose second half is on the next page. */
  STRADDLE: 2,
  /** HartSide.slow(hart, row, imm). */
  SLOW: 3,
  /** Translated code begins here (layout.ts, SIDE). */
  REGION: 4,
} as const;

export interface Operation {
  readonly name: string;
  readonly meaning: Meaning;
  readonly length: 2 | 4;
  readonly near: boolean;
  /** Its immediate shares the record with a second source. */
  readonly short: boolean;
}

/** A cheaper operation with the same effect for some operands. */
interface Special { readonly name: string; readonly when: (o: Operands) => boolean; readonly meaning: Meaning }

const move = (s: Semantics): void => s.rd(s.x1());
const moveSecond = (s: Semantics): void => s.rd(s.x2());
const constant = (s: Semantics): void => s.rd(s.imm());
const SPECIALS: Record<string, readonly Special[]> = {
  add: [{ name: 'mv', when: (o) => o.rs1 === 0, meaning: moveSecond }],
  addi: [{ name: 'li', when: (o) => o.rs1 === 0, meaning: constant }, { name: 'mv (addi)', when: (o) => o.imm === 0, meaning: move }],
  addiw: [{ name: 'sext.w', when: (o) => o.imm === 0, meaning: (s) => s.rdw(s.w1()) }],
  jal: [{ name: 'j', when: (o) => o.rd === 0, meaning: (s) => s.jump() }],
  jalr: [{ name: 'jr', when: (o) => o.rd === 0 && o.imm === 0, meaning: (s) => s.jumpTo(s.and(s.x1(), s.long(-2))) }],
  beq: [{ name: 'beqz', when: (o) => o.rs2 === 0, meaning: (s) => s.branch(s.eqz(s.x1())) }],
  bne: [{ name: 'bnez', when: (o) => o.rs2 === 0, meaning: (s) => s.branch(s.ne(s.x1(), s.long(0))) }],
};

const FIRST = Object.keys(Internal).length;
export const operations: Operation[] = [];
/** Rows with the same meaning (do nothing, write zero) share their operations. */
const shared = new Map<Meaning, Map<string, number>>();

function define(name: string, meaning: Meaning, length: 2 | 4, near: boolean, short: boolean): number {
  const forms = shared.get(meaning) ?? new Map<string, number>();
  shared.set(meaning, forms);
  const key = `${length}/${near}/${short}`;
  const known = forms.get(key);
  if (known !== undefined) return known;
  const number =
    FIRST + operations.push({ name: `${name}${length === 2 ? ' (short)' : ''}${near ? ' (near)' : ''}`, meaning, length, near, short }) - 1;
  forms.set(key, number);
  return number;
}

/** Numbers of one meaning, by form: [far 4, far 2, near 4, near 2]; -1 where the form cannot occur. */
type Forms = readonly number[];
const formIndex = (length: number, near: boolean): number => (length === 2 ? 1 : 0) + (near ? 2 : 0);

const isJump = (operands: string): boolean => operands.includes('target');
const shortened = new Set(rows.flatMap((r) => (r.expands ? [r.expands.name] : r.pattern.length === 2 ? [r.name] : [])));

function formsOf(name: string, meaning: Meaning, lengths: readonly (2 | 4)[], jump: boolean, short: boolean): Forms {
  const forms = [-1, -1, -1, -1];
  for (const near of jump ? [false, true] : [false])
    for (const length of lengths) forms[formIndex(length, near)] = define(name, meaning, length, near, short);
  return forms;
}

const field = (names: readonly string[]) => (r: Row): boolean => r.pattern.fields.some((f) => names.includes(f.name));
export const hasImmediate = field(['imm']);
/** Does it have a second source or a rounding mode? */
export const hasMore = field(['rs2', 'rs3', 'rm']);

interface Choice { readonly forms: Forms; readonly specials: readonly { readonly when: (o: Operands) => boolean; readonly forms: Forms }[] }
const choices: readonly (Choice | undefined)[] = rows.map((row, i) => {
  const meaning = meanings[i];
  if (!meaning) return undefined;
  const lengths = row.pattern.length === 2 ? [2 as const] : shortened.has(row.name) ? [4 as const, 2 as const] : [4 as const];
  const jump = isJump(row.operands), short = hasImmediate(row) && hasMore(row);
  return {
    forms: formsOf(row.name, meaning, lengths, jump, short),
    specials: (SPECIALS[row.name] ?? []).map((special) => ({
      when: special.when, forms: formsOf(special.name, special.meaning, lengths, jump, short)
    })),
  };
});

/** Accesses to some CSRs have operations although their rows have none. */
const ofRegisters = new Map(csrMeanings.map(({ row, meaning }) => [meaning, define(row, meaning, 4, false, false)]));

export const firstOperation: number = FIRST;
export const operationCount: number = FIRST + operations.length;

/** The operation of an instruction; SLOW when TypeScript executes it. */
export function operationOf(row: number, operands: Operands, length: number, near: boolean): number {
  const choice = choices[row];
  if (!choice) return ofRegisters.get(csrMeaning(rows[row]!.name, operands)!) ?? Internal.SLOW;
  const { forms, specials } = choice;
  for (const special of specials) if (special.when(operands)) return special.forms[formIndex(length, near)]!;
  return forms[formIndex(length, near)]!;
}

/** Does the row jump to pc + imm? */
export const jumps: readonly boolean[] = rows.map((r) => isJump(r.operands));
