/**
 * Rows of the instruction table, with the fields derived from their bit patterns.
 *
 * A pattern is written as the manual prints it, bit 31 (or 15) first: `imm[11:5] rs2 rs1 010 imm[4:0] 0100011`.
 *   0101        fixed bits
 *   rd rs1 …    a register of 5 bits; `rd'` one of x8 … x15 in 3 bits
 *   imm[4:1|11] immediate bits, most significant first; `imm` and `nzimm` are signed, `uimm`, `nzuimm`, `shamt` are not
 *   rd!=0 rd!={0,2} nzimm  conditions; a word that fails them is not this instruction
 *   rd/rs1      one field, two operands
 */
/** Operand names after normalisation: all immediates are `imm`. */
export type OperandName = 'rd' | 'rs1' | 'rs2' | 'rs3' | 'rm' | 'imm' | 'csr' | 'zimm' | 'pred' | 'succ' | 'fm' | 'aq' | 'rl';

export interface FieldPart { readonly shift: number; readonly width: number; readonly to: number }
export interface Field {
  readonly name: OperandName;
  readonly parts: readonly FieldPart[];
  /** Width of the value when it is a signed immediate, else 0. */
  readonly signBits: number;
  /** Three-bit register field: add 8. */
  readonly bias: number;
  readonly excluded: readonly number[];
  /** The other operand of the same field (`rd/rs1`): used if this one is missing. */
  readonly twin?: OperandName | undefined;
}

export interface Pattern {
  readonly length: 2 | 4;
  readonly mask: number;
  readonly match: number;
  readonly fields: readonly Field[];
}

/** One instruction: how it is written, in bits and in words. `machine/` executes it. */
export interface Row<N extends string = string> {
  readonly name: N;
  readonly pattern: Pattern;
  readonly text: string;
  /** Operands in assembly order: rd rs1 rs2 rs3 are x registers, fd fs1 fs2 fs3 the same fields as f registers. */
  readonly operands: string;
  /** Extensions, lower case; the row is legal if one of them is present. `a+b` needs both. */
  readonly extensions: readonly string[];
  /** Compressed: its base row, and the operands that its pattern leaves out. */
  readonly expands?: { readonly name: string; readonly fixed: Operands } | undefined;
}

export type Operands = Partial<Record<OperandName, number>>;

const FIXED_WIDTHS: Record<string, number> = {
  rd: 5, rs1: 5, rs2: 5, rs3: 5, rm: 3, aq: 1, rl: 1, csr: 12, zimm: 5, fm: 4, pred: 4, succ: 4
};
const IMMEDIATES = new Set(['imm', 'nzimm', 'uimm', 'nzuimm', 'shamt']);

interface Draft {
  name: OperandName;
  parts: FieldPart[];
  signed: boolean;
  bias: number;
  excluded: Set<number>;
  twin?: OperandName | undefined
}

/** @throws Error when the pattern is not 16 or 32 bits wide or a token is not understood: a bug in the table. */
export function parsePattern(text: string): Pattern {
  const tokens = text.split(' ').filter((t) => t !== '');
  const widths = tokens.map(tokenWidth);
  const total = widths.reduce((a, b) => a + b, 0);
  if (total !== 16 && total !== 32) throw new Error(`pattern "${text}" is ${total} bits wide`);
  let mask = 0;
  let match = 0;
  let at = total;
  const drafts = new Map<OperandName, Draft>();
  tokens.forEach((token, i) => {
    const width = widths[i]!;
    at -= width;
    if (/^[01]+$/.test(token)) {
      mask |= (width === 32 ? -1 : (1 << width) - 1) << at;
      match |= parseInt(token, 2) << at;
    } else addToken(drafts, token, at, width);
  });
  return { length: total === 16 ? 2 : 4, mask, match, fields: [...drafts.values()].map(finish) };
}

function tokenWidth(token: string): number {
  if (/^[01]+$/.test(token)) return token.length;
  const bits = /\[(.*)\]/.exec(token);
  if (bits) return ranges(bits[1]!).reduce((n, [hi, lo]) => n + hi - lo + 1, 0);
  if (token.includes("'")) return 3;
  const width = FIXED_WIDTHS[token.split(/!=|\//)[0]!];
  if (width === undefined) throw new Error(`unknown pattern token "${token}"`);
  return width;
}

function ranges(spec: string): [number, number][] {
  return spec.split('|').map((text) => {
    const [hi, lo] = text.split(':').map(Number);
    return [hi!, lo ?? hi!];
  });
}

function addToken(drafts: Map<OperandName, Draft>, token: string, at: number, width: number): void {
  const [names, condition] = token.replace(/\[.*\]/, '').split('!=');
  const excluded = condition ? condition.replace(/[{}]/g, '').split(',').map(Number) : [];
  for (const raw of names!.split('/')) {
    const plain = raw.replace("'", '');
    const immediate = IMMEDIATES.has(plain);
    const name = (immediate ? 'imm' : plain) as OperandName;
    const draft = drafts.get(name)
      ?? {
        name, parts: [], signed: plain.endsWith('imm') && immediate && !plain.includes('uimm'), bias: raw.endsWith("'") ? 8 : 0,
        excluded: new Set<number>()
      };
    drafts.set(name, draft);
    excluded.forEach((v) => draft.excluded.add(v));
    if (plain.startsWith('nz')) draft.excluded.add(0);
    draft.twin = names!.split('/').map((n) => n.replace("'", '')).find((n) => n !== plain) as OperandName | undefined;
    const bits = /\[(.*)\]/.exec(token);
    if (!bits) draft.parts.push({ shift: at, width, to: 0 });
    else addRanges(draft, ranges(bits[1]!), at + width);
  }
}

function addRanges(draft: Draft, list: [number, number][], top: number): void {
  for (const [hi, lo] of list) {
    top -= hi - lo + 1;
    draft.parts.push({ shift: top, width: hi - lo + 1, to: lo });
  }
}

function finish(draft: Draft): Field {
  const top = Math.max(...draft.parts.map((p) => p.to + p.width));
  return {
    name: draft.name, parts: draft.parts, signBits: draft.signed ? top : 0, bias: draft.bias, excluded: [...draft.excluded],
    twin: draft.twin
  };
}

/** The value of one field in an instruction word. */
export function extract(field: Field, word: number): number {
  let value = 0;
  for (const fieldPart of field.parts) value |= ((word >>> fieldPart.shift) & ((1 << fieldPart.width) - 1)) << fieldPart.to;
  if (field.signBits > 0) value = (value << (32 - field.signBits)) >> (32 - field.signBits);
  return value + field.bias;
}

/** The bits of an instruction word that encode `value` in this field. @throws RangeError when it does not fit. */
export function insert(field: Field, value: number): number {
  let word = 0;
  for (const fieldPart of field.parts) word |= (((value - field.bias) >> fieldPart.to) & ((1 << fieldPart.width) - 1)) << fieldPart.shift;
  if (extract(field, word) !== value) throw new RangeError(`${value} does not fit operand ${field.name}`);
  return word;
}

/** The operands that a word names, by this row's pattern. */
export function operandsOf(row: Row, word: number): Operands {
  const out: Operands = {};
  for (const field of row.pattern.fields) out[field.name] = extract(field, word);
  return out;
}

/** The instruction word of a row with these operands; missing ones are 0. @throws RangeError when one does not fit. */
export function encode(row: Row, operands: Operands): number {
  let word = row.pattern.match;
  for (const field of row.pattern.fields) {
    const value = operands[field.name] ?? (field.twin && operands[field.twin]) ?? 0;
    word |= insert(field, value);
    if (field.excluded.includes(value)) throw new RangeError(`${row.name}: operand ${field.name} cannot be ${value}`);
  }
  return word;
}

/** Does the word match the row's fixed bits and conditions? */
export function matches(row: Row, word: number): boolean {
  const { mask, match, fields } = row.pattern;
  if (((word & mask) | 0) !== (match | 0)) return false;
  for (const field of fields) if (field.excluded.length > 0 && field.excluded.includes(extract(field, word))) return false;
  return true;
}

/** One row. `extensions` is a list in words: `'zbb zbkb'`. */
export function row<const N extends string>(name: N, text: string, operands: string, extensions: string): Row<N> {
  return { name, text, pattern: parsePattern(text), operands, extensions: extensions.split(' ') };
}

/** Rows in columns: mnemonic, pattern, operands, extensions. */
export function table<N extends string>(columns: Readonly<Record<N,
  readonly [pattern: string, operands: string, extensions: string]>>): readonly Row<N>[] {
  return (Object.keys(columns) as N[]).map((name) => {
    const [pattern, operands, extensions] = columns[name];
    return row(name, pattern, operands, extensions);
  });
}

/** One compressed row: expands to `base` with the operands of its pattern and the `fixed` ones. */
export function compressed<const N extends string>(name: N, text: string, operands: string, extensions: string, base: string,
    fixed: Operands = {}): Row<N> {
  return { ...row(name, text, operands, extensions), expands: { name: base, fixed } };
}

/** Register fields of a 32-bit instruction word, for code that already knows which instruction it has. @spec unpriv 2.2 */
export const rd = (word: number): number => (word >>> 7) & 31;
export const rs1 = (word: number): number => (word >>> 15) & 31;
export const rs2 = (word: number): number => (word >>> 20) & 31;
