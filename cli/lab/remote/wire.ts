/**
 * Messages between the grader and the process that runs a submission: numbers and text in a row, little-endian. Both ends use this file;
 * it needs nothing of Node. The reader checks data from the submission's process: it never reads beyond the end, and accepts only valid
 * numbers.
 */
import type { Utcb } from '../../../microkernel/abi/index.ts';

/** Requests of the grader. */
export const Do = { next: 1, raise: 2, handle: 3, ok: 4, fault: 5, error: 6 } as const;
/** From the submission: a system call, an end, or a query in between. */
export const Says = { yields: 1, done: 2, threw: 3, handled: 4, memory: 5, now: 6, charge: 7, print: 8 } as const;
/** Accesses to memory, in the order of their numbers. */
export const ACCESSES = [
  'u8', 'u16', 'u32', 'u64', 'setU8', 'setU16', 'setU32', 'setU64', 'read', 'write', 'copy', 'fill', 'mapped'
] as const;

/** The transmitted part of a UTCB: everything except the user's area. */
export const UTCB_WORDS = 0x6a0 / 8;
export const MOST_BYTES = 1 << 20;

export class WireError extends Error {}

export class Writer {
  private bytes = new Uint8Array(8192);
  private view = new DataView(this.bytes.buffer);
  length = 0;
  clear(): this { this.length = 0; return this; }
  get taken(): Uint8Array { return this.bytes.subarray(0, this.length); }
  u8(v: number): this { this.room(1); this.view.setUint8(this.length, v); this.length += 1; return this; }
  f64(v: number): this { this.room(8); this.view.setFloat64(this.length, v, true); this.length += 8; return this; }
  i64(v: bigint): this { this.room(8); this.view.setBigInt64(this.length, BigInt.asIntN(64, v), true); this.length += 8; return this; }
  data(bytes: Uint8Array): this {
    this.f64(bytes.length).room(bytes.length);
    this.bytes.set(bytes, this.length);
    this.length += bytes.length;
    return this;
  }
  text(v: string): this { return this.data(new TextEncoder().encode(v)); }
  utcb(from: Utcb): this {
    for (let i = 0; i < UTCB_WORDS; i++) this.i64(from.big(i * 8));
    return this;
  }
  private room(n: number): void {
    if (this.length + n <= this.bytes.length) return;
    const more = new Uint8Array(Math.max(this.bytes.length * 2, this.length + n));
    more.set(this.bytes);
    this.bytes = more;
    this.view = new DataView(more.buffer);
  }
}

export class Reader {
  private readonly view: DataView;
  private readonly bytes: Uint8Array;
  private at = 0;
  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }
  u8(): number { return this.view.getUint8(this.take(1)); }
  /** Any number that is not NaN. */
  f64(): number {
    const value = this.view.getFloat64(this.take(8), true);
    return Number.isNaN(value) ? 0 : value;
  }
  i64(): bigint { return this.view.getBigInt64(this.take(8), true); }
  /** A copy. */
  data(): Uint8Array {
    const n = this.f64();
    if (!Number.isInteger(n) || n < 0 || n > MOST_BYTES) throw new WireError('a length that is none');
    const from = this.take(n);
    return this.bytes.slice(from, from + n);
  }
  text(): string { return new TextDecoder().decode(this.data()); }
  utcb(u: Utcb): void {
    for (let i = 0; i < UTCB_WORDS; i++) u.setBig(i * 8, this.i64());
  }
  private take(n: number): number {
    if (this.at + n > this.bytes.length) throw new WireError('a message that is cut short');
    this.at += n;
    return this.at - n;
  }
}
