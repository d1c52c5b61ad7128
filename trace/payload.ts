/**
 * Payload: data of a record beyond its 40 bytes, recorded for the tasks that `--trace-payload` names. A record's payload
 * is a list of parts; an entry of a payload chunk is one part:
 *
 *   f64 sequence number of the record | u8 part | u8 index | u16 0 | u32 bytes | bytes, padded to 8
 */
export const Part = {
  /**
   * u64 words: of a message or operation; of a system call its arguments a0 … a5; of an exit the words of `ExitWord`. `index` 1 (`SBI`):
   * the call is one of a guest's kernel, to its firmware.
   */
  words: 1,
  /** Text that argument `index` of a system call points to. */
  text: 2,
  /** The first bytes that argument `index` points to. */
  bytes: 3,
  /** The result of a system call, SBI call or device access: one u64 (SBI: two). */
  result: 4,
  /** Words 0 … 3n-1 of typed items: flexpage, destination, flags. */
  items: 5,
  /** A frame on a network: f64 time, then all its bytes. `index`: number of the card, + 128 for one that came in. */
  frame: 6,
  /** Page tables of a virtual processor (tables.ts). */
  tables: 7,
  /** Lines about the record that only its moment knew: UTF-8, each a name, a tab, a text. */
  lines: 8,
} as const;
export type Part = (typeof Part)[keyof typeof Part];
/** `index` of the words of a guest's call to its firmware, where the machine sees a system call. */
export const SBI = 1;
/** Words of an exit: scause, stval, htval, htinst, pc, and the value of a store. */
export const ExitWord = { scause: 0, stval: 1, htval: 2, htinst: 3, pc: 4, value: 5 } as const;

export interface PayloadPart { readonly sequence: number; readonly part: number; readonly index: number; readonly bytes: Uint8Array }

const HEAD = 16;

/** Collects parts until they are written. */
export class PayloadBuffer {
  private bytes = new Uint8Array(2 ** 16);
  private view = new DataView(this.bytes.buffer);
  length = 0;
  first = 0;
  last = 0;

  add(sequence: number, part: number, index: number, data: Uint8Array): void {
    const at = this.head(sequence, part, index, data.length);
    this.bytes.set(data, at);
    this.bytes.fill(0, at + data.length, this.length);
  }
  /** `count` words of 64 bits in `halves` from word `first` on: registers, without an intermediate copy. */
  addWords(sequence: number, part: number, halves: Int32Array, first: number, count: number): void {
    const at = this.head(sequence, part, 0, 8 * count), { view } = this;
    for (let i = 0; i < 2 * count; i++) view.setInt32(at + 4 * i, halves[2 * first + i]!, true);
  }
  /** Begins a part; returns where its bytes go. */
  private head(sequence: number, part: number, index: number, length: number): number {
    const at = this.length, end = at + HEAD + ((length + 7) & ~7);
    if (end > this.bytes.length) this.grow(end);
    const { view } = this;
    if (at === 0) this.first = sequence;
    this.last = sequence;
    view.setFloat64(at, sequence, true);
    view.setUint32(at + 8, part | (index << 8), true);
    view.setUint32(at + 12, length, true);
    this.length = end;
    return at + HEAD;
  }
  /** What has been collected; valid until the next `add`. */
  take(): Uint8Array {
    const all = this.bytes.subarray(0, this.length);
    this.length = 0;
    return all;
  }
  private grow(room: number): void {
    const more = new Uint8Array(Math.max(room, this.bytes.length * 2));
    more.set(this.bytes.subarray(0, this.length));
    this.bytes = more;
    this.view = new DataView(more.buffer);
  }
}

/** The parts of a payload chunk's data, in order; stops at malformed data. */
export function* payloadParts(data: Uint8Array): Generator<PayloadPart> {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  for (let at = 0; at + HEAD <= data.length; ) {
    const length = view.getUint32(at + 12, true);
    if (at + HEAD + length > data.length) return;
    yield {
      sequence: view.getFloat64(at, true), part: data[at + 8]!, index: data[at + 9]!, bytes: data.subarray(at + HEAD, at + HEAD + length)
    };
    at += HEAD + Math.ceil(length / 8) * 8;
  }
}

/** The u64 words of a part. */
export function wordsOfPart(payloadPart: PayloadPart): bigint[] {
  const view = new DataView(payloadPart.bytes.buffer, payloadPart.bytes.byteOffset, payloadPart.bytes.byteLength);
  return Array.from({ length: payloadPart.bytes.length >> 3 }, (_, i) => view.getBigUint64(8 * i, true));
}
