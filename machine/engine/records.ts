/** Writes decoded instructions as records (format in layout.ts). */
import type { Decoded, Decoder } from '../../hardware/isa/decode.ts';
import type { Row } from '../../hardware/isa/row.ts';
import { rows } from '../../hardware/isa/table.ts';
import { meanings } from '../semantics/table.ts';
import { PAGE, RECORD } from './layout.ts';
import { BREAKPOINT } from './port.ts';
import { hasImmediate, hasMore, Internal, jumps, operationOf } from './operations.ts';

/** Does the row's rd name an x register (so that x0 must go to the sink)? */
export const writesX: readonly boolean[] = rows.map((r) => /(^|, )rd\b/.test(r.operands));
const immediates = rows.map(hasImmediate), more = rows.map(hasMore);

/** Rows that never fall through to the next record. */
const ENDS = new Set(['jal', 'jalr', 'mret', 'sret', 'ecall', 'ebreak', 'illegal']);
export const endsSequence = (r: Row): boolean => ENDS.has(r.name);

/** Of the row's number in a record of Internal.SLOW: the instruction has two bytes. BREAKPOINT has all bits, and nothing follows it. */
const SHORT = 0x8000;
export const slowRow = (half: number): number => (half === BREAKPOINT ? half : half & ~SHORT);
export const slowStep = (half: number): number => (half & SHORT ? RECORD : RECORD * 2);

const register = (n: number | undefined): number => (n ?? 0) * 8;

/** log2 of how many instructions are remembered with their records. */
const REMEMBERED = 15;
/** What `put` answers: the instruction's bytes, and whether the next record is never reached by falling through. */
export const PUT = { length: 7, ends: 8 } as const;

export class RecordWriter {
  private readonly decode: Decoder;
  private readonly bytes: Uint8Array;
  private readonly halves: Uint16Array;
  private readonly words: Int32Array;
  /**
   * Programs use few different instructions, so a direct-mapped table keeps the last ones: the word; its record in two words, with a jump
   * that stays inside the page; how far it jumps (0: it does not) << 8 | what `put` answers (0: nothing is kept here).
   */
  private readonly kept = new Int32Array(4 << REMEMBERED);

  constructor(memory: ArrayBuffer, decode: Decoder) {
    this.decode = decode;
    this.bytes = new Uint8Array(memory);
    this.halves = new Uint16Array(memory);
    this.words = new Int32Array(memory);
  }

  /** Writes the record of the instruction that begins with the low bits of `word`, `offset` bytes from the start of its page. */
  put(record: number, word: number, offset: number): number {
    const { kept } = this, key = (word & 3) === 3 ? word : word & 0xffff;
    const at = Math.imul(key, 0x9e37_79b1) >>> (32 - REMEMBERED) << 2, first = record >> 2, known = kept[at + 3]!;
    if (kept[at] === key && known !== 0 && inPage(offset + (known >> 8))) {
      this.words[first] = kept[at + 1]!;
      this.words[first + 1] = kept[at + 2]!;
      return known & 0xff;
    }
    const decoded = this.decode(word), answer = decoded.length | (endsSequence(decoded.row) ? PUT.ends : 0);
    this.write(record, decoded, offset);
    const reach = meanings[decoded.index] && jumps[decoded.index]! ? decoded.operands.imm! : 0;
    if (!inPage(offset + reach)) return answer;
    kept[at] = key;
    kept[at + 1] = this.words[first]!;
    kept[at + 2] = this.words[first + 1]!;
    kept[at + 3] = reach << 8 | answer;
    return answer;
  }

  /** `offset` is the instruction's place in its page; -1 when jumps must not stay inside the page. */
  write(record: number, decoded: Decoded, offset: number): void {
    const { operands: fields, index } = decoded;
    const inline = meanings[index] !== undefined;
    const near = inline && jumps[index]! && offset >= 0 && inPage(offset + fields.imm!);
    const op = operationOf(index, fields, decoded.length, near), half = record >> 1;
    this.halves[half] = op;
    if (op === Internal.SLOW) return this.slow(record, decoded.length === 2 ? index | SHORT : index, decoded.word);
    this.bytes[record + 2] = writesX[index] ? register(fields.rd) - 8 : register(fields.rd);
    this.bytes[record + 3] = register(fields.rs1);
    const imm = near ? fields.imm! * (RECORD / 2) : fields.imm;
    if (!more[index]) this.words[(record >> 2) + 1] = immediates[index] ? imm! : decoded.word;
    else {
      this.bytes[record + 4] = register(fields.rs2);
      this.bytes[record + 5] = fields.rm ?? 0;
      this.halves[half + 3] = immediates[index] ? imm! : register(fields.rs3);
    }
  }

  private slow(record: number, row: number, word: number): void {
    this.halves[(record >> 1) + 1] = row;
    this.words[(record >> 2) + 1] = word;
  }

  /** An instruction that the hart side decides about first (`BREAKPOINT`). */
  breakpoint(record: number): void {
    this.halves[record >> 1] = Internal.SLOW;
    this.slow(record, BREAKPOINT, 0);
  }

  /** An internal operation without operands. */
  internal(record: number, op: number): void {
    this.words.fill(0, record >> 2, (record + RECORD) >> 2);
    this.halves[record >> 1] = op;
  }
}

const inPage = (offset: number): boolean => offset >= 0 && offset < PAGE;
