/**
 * The meaning of each instruction of the table (hardware/isa), row by row. The hart executes rows without an entry (machine/hart/slow.ts).
 */
import type { Decoded } from '../../hardware/isa/decode.ts';
import { rowIndex, rows, type Mnemonic } from '../../hardware/isa/table.ts';
import { atomic } from './atomic.ts';
import { bitmanip } from './bitmanip.ts';
import { crypto } from './crypto.ts';
import { csrMeaning } from './csr.ts';
import { float } from './float.ts';
import { halfFloat } from './halffloat.ts';
import { hints, shortHints } from './hints.ts';
import { integer } from './integer.ts';
import { multiply } from './multiply.ts';
import type { Meaning } from './semantics.ts';

const byName = {
  ...integer, ...multiply, ...atomic, ...float, ...bitmanip, ...crypto, ...hints, ...halfFloat, ...shortHints
} satisfies Partial<Record<Mnemonic, Meaning>>;

/** By row number; undefined for what TypeScript executes, and for short forms of other rows. */
export const meanings: readonly (Meaning | undefined)[] = rows.map((row) => (byName as Partial<Record<string, Meaning>>)[row.name]);

for (const name of Object.keys(byName))
  if (!rowIndex.has(name)) throw new Error(`no row is called "${name}"`);

/** The meaning of this instruction: its row's, or a special one for these operands. */
export const meaningOf = ({ index, operands }: Pick<Decoded, 'index' | 'operands'>): Meaning | undefined =>
  meanings[index] ?? csrMeaning(rows[index]!.name, operands);
