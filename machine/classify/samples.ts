/**
 * The samples: every row of the instruction table once, and for every CSR that some mode can reach a read and two writes. On a processor
 * with untranslated addresses, accesses there too.
 */
import { encode, insert, type Field, type Operands, type Row } from '../../hardware/isa/row.ts';
import { enabled, parseIsa, rows, rowNamed } from '../../hardware/isa/table.ts';
import { csrName } from '../../hardware/isa/registers.ts';
import { csrRows } from '../hart/csr.ts';
import type { Registers } from './bench.ts';
import { VA, type World } from './world.ts';

export interface Sample {
  /** `add`, `csrr satp`, `csrw satp`, `ld (window)`. */
  readonly name: string;
  readonly kind: 'instruction' | 'read' | 'write' | 'window';
  readonly word: number;
  readonly registers: Registers;
}

const X = { rd: 10, rs1: 11, rs2: 12, rs3: 14 } as const;
/** Candidate offsets and immediates; the first that fits is used. */
const IMMEDIATES = [8, 16, 4, 2, 1, 32, 4096, -4096, 64, 0];
const READ_ONLY = 3;

/** An operand that this field can have: registers as above, small immediates. */
function choose(field: Field): number {
  switch (field.name) {
    case 'rd': case 'rs1': case 'rs2': case 'rs3': return X[field.name];
    case 'imm': return IMMEDIATES.find((value) => !field.excluded.includes(value) && inserts(field, value)) ?? 0;
    case 'csr': return 0x140; // sscratch: the CSRs have samples of their own
    case 'zimm': return 5;
    default: return 0;
  }
}

/** A word of the row. */
export function wordOf(row: Row): number {
  return encode(row, Object.fromEntries(row.pattern.fields.map((field) => [field.name, choose(field)])) as Operands);
}

/** Whether the value fits the field. */
function inserts(field: Field, value: number): boolean {
  try {
    insert(field, value);
    return true;
  } catch { return false; }
}

/** Every register points to its own address in the data page; CSR writes take `value`. */
function registers(world: World, value?: bigint, pointer?: number): Registers {
  const at = (pointer ?? world.address('data')) + 64;
  return Array.from({ length: 31 }, (_, i) => (value !== undefined && i + 1 === X.rs1 ? value : BigInt(at + 16 * (i + 1))));
}

function csrSamples(world: World, number: number): Sample[] {
  const name = csrName(number), read = encode(rowNamed('csrrs'), { rd: X.rd, csr: number, rs1: 0 });
  const samples: Sample[] = [{ name: `csrr ${name}`, kind: 'read', word: read, registers: registers(world) }];
  if (number >> 10 === READ_ONLY) return samples;
  const write = encode(rowNamed('csrrw'), { rd: 0, csr: number, rs1: X.rs1 });
  for (const value of [-1n, 0n, 0x8000_0000_0000_0000n + BigInt(world.home.base / 4096)])
    samples.push({ name: `csrw ${name}`, kind: 'write', word: write, registers: registers(world, value) });
  return samples;
}

/** Accesses to addresses that the page tables map, in the window of processors with kseg0. */
function windowSamples(world: World): Sample[] {
  const pointers = registers(world, undefined, VA.window + 0x800 - 64 - 16 * X.rs1);
  const of = (name: string, operands: Operands): Sample => ({
    name: `${name} (window)`, kind: 'window', word: encode(rowNamed(name), operands), registers: pointers
  });
  return [of('lw', { rd: X.rd, rs1: X.rs1 }), of('sw', { rs1: X.rs1, rs2: X.rs2 }), of('amoadd.w', { rd: X.rd, rs1: X.rs1, rs2: X.rs2 })];
}

export function samplesFor(world: World, isa: string): Sample[] {
  const extensions = parseIsa(isa), legal = rows.slice(1).filter((row) => enabled(row, extensions));
  const instructions = legal.map((row): Sample => ({
    name: row.name, kind: 'instruction', word: wordOf(row), registers: registers(world)
  }));
  const csrs = csrRows.filter((row) => row.feature === undefined || world.machine.features[row.feature]).flatMap((row) =>
    csrSamples(world, row.number));
  return [...instructions, ...csrs, ...(world.machine.model.kseg0 ? windowSamples(world) : [])];
}
