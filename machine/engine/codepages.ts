/**
 * The pool of decoded code pages: it knows which RAM pages have records, and creates, drops, evicts and decodes them.
 *
 * No store to a page with records may go unnoticed: no TLB holds a write tag for it (the hart side removes them first), so every store
 * passes HartSide.store, which calls `dropCode`. That drops just the records that the store overlaps; a page that is written often loses
 * all of them and becomes plain data again.
 *
 * After the 2,048 records of a page: [2048] end of page; [2049] the instruction composed from this page's last halfword and
 * the next page's first, [2050] its word (imm), [2051] end of page again, where the composed instruction falls through to.
 */
import type { Decoded, Decoder } from '../../hardware/isa/decode.ts';
import { CODEPAGE_BYTES, HART_BYTES, HARTS, HS, PAGE, RECORD, RECORDS, type Layout } from './layout.ts';
import { Internal } from './operations.ts';
import { PUT, RecordWriter } from './records.ts';
import { STRADDLE_RECORD } from './interpreter.ts';

/** Records decoded in one go. */
const AHEAD = 64;
/** Stores into a code page until it loses its records. */
const PATIENCE = 64;
/** A write of this many bytes drops all records at once. */
const LARGE = 256;

export class CodePages {
  private readonly layout: Layout;
  private readonly decode: Decoder;
  private readonly writer: RecordWriter;
  private readonly halves: Uint16Array;
  private readonly words: Int32Array;
  /** Per slot: linear address of its RAM page, 0 = free; stores into it so far. */
  private readonly pages: Uint32Array;
  private readonly drops: Uint8Array;
  private readonly free: number[] = [];
  private hand = 0;
  /** Slots from here on were never used: their memory is still zero and costs nothing. */
  private touched = 0;
  used = 0;
  /** Breakpoints: linear addresses of instructions that are neither decoded normally nor translated, because the debugger decides first. */
  private readonly breaks = new Set<number>();
  /** Translations follow the records. */
  translations: { forget(slot: number, page: number, from: number, to: number): void; release(slot: number, page: number): void }
    | undefined;

  constructor(memory: ArrayBuffer, layout: Layout, decode: Decoder) {
    this.layout = layout;
    this.decode = decode;
    this.writer = new RecordWriter(memory, decode);
    this.halves = new Uint16Array(memory);
    this.words = new Int32Array(memory);
    this.pages = new Uint32Array(layout.codePageCount);
    this.drops = new Uint8Array(layout.codePageCount);
    for (let i = layout.codePageCount - 1; i >= 0; i--) this.free.push(i);
  }

  address(slot: number): number { return this.layout.codePages + slot * CODEPAGE_BYTES; }
  /** Linear address of the RAM page that has this slot; 0 = none. */
  pageOf(slot: number): number { return this.pages[slot]!; }
  private mapIndex(page: number): number { return (this.layout.codeMap >>> 2) + Math.floor((page - this.layout.ram) / PAGE); }

  hasCode(page: number): boolean { return this.words[this.mapIndex(page)] !== 0; }

  /** Gives the RAM page at this linear address a code page. */
  codePage(page: number): void {
    if (this.hasCode(page)) return;
    const slot = this.free.pop() ?? this.evict();
    const at = this.address(slot);
    if (slot < this.touched) this.clear(slot);
    else this.touched = slot + 1;
    this.writer.internal(at + RECORDS * RECORD, Internal.PAGE_END);
    this.writer.internal(at + (STRADDLE_RECORD + 2) * RECORD, Internal.PAGE_END);
    this.pages[slot] = page;
    this.drops[slot] = 0;
    this.words[this.mapIndex(page)] = at;
    this.used++;
  }

  private clear(slot: number): void {
    const at = this.address(slot);
    const side = this.layout.sides + slot * CODEPAGE_BYTES;
    this.words.fill(0, at >> 2, (at + CODEPAGE_BYTES) >> 2);
    this.words.fill(0, side >> 2, (side + CODEPAGE_BYTES) >> 2);
  }

  /** First in, first out. No hart is inside a code page when one is created: `run` looks its page up again afterwards. */
  private evict(): number {
    const slot = this.hand;
    this.hand = (this.hand + 1) % this.pages.length;
    this.translations?.release(slot, this.pages[slot]!);
    this.words[this.mapIndex(this.pages[slot]!)] = 0;
    this.used--;
    return slot;
  }

  private release(slot: number): void {
    this.translations?.release(slot, this.pages[slot]!);
    this.words[this.mapIndex(this.pages[slot]!)] = 0;
    this.pages[slot] = 0;
    this.free.push(slot);
    this.used--;
  }

  /**
   * Drops the records that overlap [linear, linear + length). Visits the pages of the range or the pages with records, whichever are fewer.
   */
  dropCode(linear: number, length: number): void {
    const end = linear + length;
    if (length > PAGE * this.touched) {
      const isHit = (slot: number): boolean => this.pages[slot]! + PAGE > linear && this.pages[slot]! < end;
      for (let slot = 0; slot < this.touched; slot++) if (isHit(slot)) this.dropOf(slot, linear, end);
      return;
    }
    for (let page = linear - (linear % PAGE); page < end; page += PAGE) {
      const at = this.words[this.mapIndex(page)]!;
      if (at !== 0) this.dropOf(this.slotOf(at), linear, end);
    }
  }

  private dropOf(slot: number, linear: number, end: number): void {
    const page = this.pages[slot]!, at = this.address(slot);
    const from = Math.max(linear - page, 0), to = Math.min(end - page, PAGE);
    if ((to - from >= LARGE || ++this.drops[slot]! > PATIENCE) && !this.inUse(at)) this.release(slot);
    else {
      this.translations?.forget(slot, page, from, to);
      this.forget(at, from, to);
    }
  }

  slotOf(address: number): number { return Math.floor((address - this.layout.codePages) / CODEPAGE_BYTES); }

  private inUse(at: number): boolean {
    for (let hart = 0; hart < this.layout.harts; hart++) if (this.words[(HARTS + hart * HART_BYTES + HS.CODE) >> 2] === at) return true;
    return false;
  }

  /** An instruction that begins one halfword earlier may reach into the range. */
  private forget(at: number, from: number, to: number): void {
    for (let i = Math.max((from >> 1) - 1, 0); i <= (to - 1) >> 1; i++) this.halves[(at + i * RECORD) >> 1] = Internal.UNDECODED;
  }

  /** Decodes the instruction of this record and those that follow it. */
  fill(record: number): void {
    const slot = this.slotOf(record);
    const at = this.address(slot);
    const page = this.pages[slot]!;
    let i = (record - at) / RECORD;
    for (let n = 0; n < AHEAD && i < RECORDS; n++) {
      const here = at + i * RECORD;
      if (n > 0 && this.halves[here >> 1] !== Internal.UNDECODED) return;
      if (this.breaks.size > 0 && this.breaks.has(page + i * 2)) return this.writer.breakpoint(here);
      const word = this.fetch(page, i);
      if (i === RECORDS - 1 && (word & 3) === 3) return this.writer.internal(here, Internal.STRADDLE);
      const put = this.writer.put(here, word, i * 2);
      if ((put & PUT.ends) !== 0) return;
      i += (put & PUT.length) >> 1;
    }
  }

  /** Sets or removes the breakpoint on the instruction at this linear address. */
  setBreak(linear: number, on: boolean): void {
    if (on) this.breaks.add(linear); else this.breaks.delete(linear);
    const page = linear - (linear % PAGE);
    const at = this.words[this.mapIndex(page)]!;
    if (at === 0) return;
    this.translations?.forget(this.slotOf(at), page, linear - page, linear - page + 2);
    this.forget(at, linear - page, linear - page + 2);
  }

  /** The instruction at record `i` of the page; undefined when it reaches into the next page, or has a breakpoint. */
  instruction(slot: number, i: number): Decoded | undefined {
    if (this.breaks.size > 0 && this.breaks.has(this.pages[slot]! + i * 2)) return undefined;
    const word = this.fetch(this.pages[slot]!, i);
    return i === RECORDS - 1 && (word & 3) === 3 ? undefined : this.decode(word);
  }

  private fetch(page: number, i: number): number {
    const half = (page >>> 1) + i;
    const low = this.halves[half]!;
    return i === RECORDS - 1 ? low : low | (this.halves[half + 1]! << 16);
  }

  /** Composes the instruction that begins at a page's last halfword. */
  compose(record: number, second: number): void {
    const slot = this.slotOf(record);
    const at = this.address(slot);
    const word = this.fetch(this.pages[slot]!, RECORDS - 1) | (second << 16);
    const composed = at + STRADDLE_RECORD * RECORD;
    const remembered = (composed + RECORD + 4) >> 2;
    if (this.halves[composed >> 1] !== Internal.UNDECODED && this.words[remembered] === word) return;
    this.writer.write(composed, this.decode(word), -1);
    this.words[remembered] = word;
  }

  /** The record's operation, also where a region begins. */
  operation(record: number): number {
    const op = this.halves[record >> 1]!;
    return op === Internal.REGION ? this.halves[(record - this.layout.codePages + this.layout.sides + 6) >> 1]! : op;
  }

  /** The instruction of a record, decoded again. */
  again(record: number): Decoded { return this.decode(this.raw(record)); }

  /** The instruction of a record as memory contains it: 16 or 32 bits. */
  raw(record: number): number {
    const slot = this.slotOf(record);
    const i = (record - this.address(slot)) / RECORD;
    if (i >= RECORDS) return this.words[(record + RECORD + 4) >> 2]!;
    const word = this.fetch(this.pages[slot]!, i);
    return (word & 3) === 3 ? word : word & 0xffff;
  }
}
