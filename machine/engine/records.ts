/** Writes decoded instructions as 16-byte records (format in layout.ts). */
import type { Decoded } from '../../hardware/isa/decode.ts';
import type { Operands, Row } from '../../hardware/isa/row.ts';
import { rows } from '../../hardware/isa/table.ts';
import { meanings } from '../semantics/table.ts';
import { HS, PAGE } from './layout.ts';
import { BREAKPOINT } from './port.ts';
import { Internal, jumps, operationOf } from './operations.ts';

/** Does the row's rd name an x register (so that x0 must go to the sink)? */
export const writesX: readonly boolean[] = rows.map((r) => /(^|, )rd\b/.test(r.operands));
const hasImmediate: readonly boolean[] = rows.map((r) => r.pattern.fields.some((f) => f.name === 'imm'));

/** Rows that never fall through to the next record. */
const ENDS = new Set(['jal', 'jalr', 'mret', 'sret', 'ecall', 'ebreak', 'illegal']);
export const endsSequence = (r: Row): boolean => ENDS.has(r.name);

const register = (n: number | undefined): number => (n ?? 0) * 8;

export class RecordWriter {
  private readonly bytes: Uint8Array;
  private readonly halves: Uint16Array;
  private readonly words: Int32Array;

  constructor(memory: ArrayBuffer) {
    this.bytes = new Uint8Array(memory);
    this.halves = new Uint16Array(memory);
    this.words = new Int32Array(memory);
  }

  /** `offset` is the instruction's place in its page; -1 when jumps must not stay inside the page. */
  write(record: number, d: Decoded, offset: number): void {
    const { operands: o, index } = d;
    const inline = meanings[index] !== undefined;
    const near = inline && jumps[index]! && offset >= 0 && inPage(offset, o);
    const half = record >> 1;
    this.halves[half] = operationOf(index, o, d.length, near);
    this.bytes[record + 2] = d.length;
    this.bytes[record + 3] = o.rm ?? 0;
    this.halves[half + 2] = (o.rd ?? 0) === 0 && writesX[index] ? HS.SINK : register(o.rd);
    this.halves[half + 3] = register(o.rs1);
    this.halves[half + 4] = register(o.rs2);
    this.halves[half + 5] = index;
    this.words[(record >> 2) + 3] = !inline || !hasImmediate[index] ? d.word : near ? o.imm! * 8 : o.imm!;
  }

  /** An instruction that the hart side decides about first (`BREAKPOINT`). */
  breakpoint(record: number): void {
    this.internal(record, Internal.SLOW);
    this.halves[(record >> 1) + 5] = BREAKPOINT;
  }

  /** An internal operation without operands. */
  internal(record: number, op: number): void {
    this.words.fill(0, record >> 2, (record >> 2) + 4);
    this.halves[record >> 1] = op;
  }
}

function inPage(offset: number, o: Operands): boolean {
  const to = offset + o.imm!;
  return to >= 0 && to < PAGE;
}
