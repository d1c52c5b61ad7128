/**
 * A small two-pass assembler, enough for tests: labels, the common directives, the usual pseudo-instructions; `#` and `//` comments,
 * `;` between statements. Compressed instructions are written explicitly (`c.addi a0, 1`); the assembler never chooses one by itself.
 *
 * A jump's target is a label or an absolute address; `. + 8` is relative.
 *
 *   assemble(`loop: addi a0, a0, -1; bnez a0, loop; ebreak`, 0x8000_0000)
 *
 * Directives: .byte .half .word .dword (lists of expressions), .zero n, .align n (to 2^n bytes), .ascii, .asciz, .equ name, value.
 */
import { encode, type Operands, type Row } from './row.ts';
import { rowIndex, rows } from './table.ts';
import { csrNumber, fNumber, ROUNDING, xNumber } from './registers.ts';
import { evaluate, split, type Symbols } from './expressions.ts';
import { loadConstant, PSEUDO } from './pseudo.ts';

export interface Assembled { readonly bytes: Uint8Array; readonly symbols: Symbols }

interface Statement {
  readonly name: string;
  readonly args: string[];
  readonly address: bigint;
  readonly size: number;
  readonly source: string
}
const SIZES: Record<string, number> = { '.byte': 1, '.half': 2, '.word': 4, '.dword': 8 };

/** @throws Error with the offending statement. */
export function assemble(text: string, base: number | bigint): Assembled {
  const symbols = new Map<string, bigint>();
  const statements: Statement[] = [];
  let at = BigInt(base);
  for (const source of text.replace(/(#|\/\/).*$/gm, '').split(/[\n;]/)) {
    let rest = source.trim();
    for (let label; (label = /^([\w.$]+):\s*/.exec(rest)); rest = rest.slice(label[0].length)) symbols.set(label[1]!, at);
    if (rest === '') continue;
    for (const statement of statementsOf(rest, symbols, at)) {
      statements.push(statement);
      at += BigInt(statement.size);
    }
  }
  const bytes = new Uint8Array(Number(at - BigInt(base)));
  const view = new DataView(bytes.buffer);
  for (const statement of statements) {
    try {
      emit(view, Number(statement.address - BigInt(base)), statement, symbols);
    } catch (error) {
      throw new Error(`${statement.source}: ${(error as Error).message}`);
    }
  }
  return { bytes, symbols };
}

/** Operands are separated by commas; a string is one operand. */
const splitArguments = (text: string): string[] =>
  (text.startsWith('"') ? [text] : text.split(',').map((a) => a.trim()).filter((a) => a !== ''));

function statementsOf(source: string, symbols: Map<string, bigint>, at: bigint): Statement[] {
  const [, name, rest] = /^(\S+)\s*(.*)$/.exec(source)!;
  const args = splitArguments(rest!);
  if (name === '.equ') {
    symbols.set(args[0]!, evaluate(args[1]!, symbols));
    return [];
  }
  if (name!.startsWith('.')) return [{ name: name!, args, address: at, size: directiveSize(name!, args, symbols, at), source }];
  const lines = expanded(name!, args, symbols);
  if (lines) return lines.flatMap((line, i) => statementsOf(line, symbols, at + BigInt(4 * i)));
  const row = findRow(name!);
  if (!row) throw new Error(`${source}: no instruction is called "${name}"`);
  return [{ name: name!, args, address: at, size: row.pattern.length, source }];
}

/** The instructions that a pseudo-instruction stands for; undefined for any other name. */
function expanded(name: string, args: string[], symbols: Symbols): readonly string[] | undefined {
  if (name === 'li') return loadConstant(args[0]!, evaluate(args[1]!, symbols));
  if (name === 'jal' && args.length === 1) return [`jal ra, ${args[0]}`];
  return Object.hasOwn(PSEUDO, name) ? PSEUDO[name]!(...args) : undefined;
}

function directiveSize(name: string, args: string[], symbols: Symbols, at: bigint): number {
  const unit = SIZES[name];
  if (unit !== undefined) return unit * args.length;
  if (name === '.zero') return Number(evaluate(args[0]!, symbols));
  if (name === '.align') return Number(BigInt.asUintN(Number(evaluate(args[0]!, symbols)), -at));
  if (name === '.ascii' || name === '.asciz') return textOf(args[0]!).length + (name === '.asciz' ? 1 : 0);
  throw new Error(`directive ${name} is not known`);
}

const textOf = (quoted: string): string => JSON.parse(quoted) as string;

/** `amoadd.w.aqrl` is amoadd.w with both bits. */
function findRow(name: string): Row | undefined {
  const index = rowIndex.get(name) ?? rowIndex.get(name.replace(/\.(aq|rl|aqrl)$/, ''));
  return index ? rows[index] : undefined;
}

function emit(view: DataView, at: number, statement: Statement, symbols: Symbols): void {
  const unit = SIZES[statement.name];
  if (unit !== undefined) return statement.args.forEach((a, i) => writeNumber(view, at + i * unit, unit, evaluate(a, symbols)));
  if (statement.name.startsWith('.asci')) return [...textOf(statement.args[0]!)].forEach((c, i) => view.setUint8(at + i, c.charCodeAt(0)));
  if (statement.name.startsWith('.')) return; // zeros
  const row = findRow(statement.name)!;
  const word = encode(row, { ...orderBits(statement.name, row), ...parseOperands(row, statement, symbols) });
  writeNumber(view, at, statement.size, BigInt(word));
}

function writeNumber(view: DataView, at: number, size: number, value: bigint): void {
  for (let i = 0; i < size; i++) view.setUint8(at + i, Number((value >> BigInt(8 * i)) & 0xffn));
}

function orderBits(name: string, row: Row): Operands {
  const suffix = name.slice(row.name.length);
  return { aq: suffix.includes('aq') ? 1 : 0, rl: suffix.includes('rl') ? 1 : 0 };
}

/** Matches the statement's operands with the row's format; trailing operands may be left out and mean zero or dynamic rounding. */
function parseOperands(row: Row, statement: Statement, symbols: Symbols): Operands {
  const out: Operands = row.pattern.fields.some((f) => f.name === 'rm') ? { rm: 7 } : {};
  if (row.name === 'fence') Object.assign(out, { pred: 15, succ: 15 });
  const format = splitArguments(row.operands);
  if (statement.args.length > format.length) throw new Error(`too many operands: ${row.name} takes "${row.operands}"`);
  statement.args.forEach((text, i) => {
    const both = /^(.*)\((.*)\)$/.exec(format[i]!);
    if (!both) return operand(out, format[i]!, text, statement, symbols);
    const given = /^(.*)\((.*)\)$/.exec(text);
    if (!given) throw new Error(`operand "${text}" should look like "${format[i]}"`);
    if (both[1] !== '' && given[1] !== '') operand(out, both[1]!, given[1]!, statement, symbols);
    operand(out, both[2]!, given[2]!, statement, symbols);
  });
  return out;
}

/** %high(t) and %low(t): the two parts of t - pc, where pc is that of the first instruction of the pair. */
function relative(text: string, statement: Statement, symbols: Symbols): bigint | undefined {
  const parsed = /^%(high|low)\((.*)\)$/.exec(text);
  if (!parsed) return undefined;
  const parts = split(evaluate(parsed[2]!, symbols) - statement.address + (parsed[1] === 'low' ? 4n : 0n));
  return BigInt(parsed[1] === 'high' ? parts.upper >> 12 : parts.lower);
}

const known = (value: number | undefined, text: string, what: string): number => {
  if (value === undefined || value < 0) throw new Error(`"${text}" is not ${what}`);
  return value;
};

function operand(out: Operands, kind: string, text: string, statement: Statement, symbols: Symbols): void {
  const value = (): bigint => relative(text, statement, symbols) ?? evaluate(text, symbols);
  switch (kind) {
    case 'rd': case 'rs1': case 'rs2': case 'rs3': out[kind] = known(xNumber(text), text, 'an integer register'); break;
    case 'fd': out.rd = known(fNumber(text), text, 'a floating-point register'); break;
    case 'fs1': case 'fs2': case 'fs3': out[`r${kind.slice(1)}` as 'rs1'] = known(fNumber(text), text, 'a floating-point register'); break;
    case 'imm': out.imm = Number(value()); break;
    case 'upper': out.imm = Number(BigInt.asIntN(32, value() << 12n)); break;
    case 'target': out.imm = Number(text.startsWith('. ') ? evaluate(text.slice(1), symbols) : value() - statement.address); break;
    case 'csr': out.csr = csrNumber(text) ?? Number(value()); break;
    case 'zimm': out.zimm = Number(value()); break;
    case 'constant': out.rs1 = Number(value()); break;
    case 'rm': out.rm = known(ROUNDING.indexOf(text as 'rne'), text, 'a rounding mode'); break;
    case 'pred':
    case 'succ': out[kind] = [...text].reduce((n, c) => n | (1 << known('wroi'.indexOf(c), text, 'a set of i, o, r, w')), 0); break;
    default: if (text !== kind) throw new Error(`operand "${text}" should be "${kind}"`);
  }
}
