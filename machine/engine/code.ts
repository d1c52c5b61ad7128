/**
 * WebAssembly bytes, written in place: a growable buffer with the encodings that function bodies need, and structured
 * control with labels instead of nesting depths.
 */
export const Op = {
  unreachable: 0x00, block: 0x02, loop: 0x03, if: 0x04, else: 0x05, end: 0x0b, br: 0x0c, brIf: 0x0d, brTable: 0x0e, return: 0x0f,
  call: 0x10, callIndirect: 0x11, drop: 0x1a, select: 0x1b, localGet: 0x20, localSet: 0x21, localTee: 0x22,
  i32Load: 0x28, i64Load: 0x29, f32Load: 0x2a, f64Load: 0x2b, i32Load8S: 0x2c, i32Load8U: 0x2d, i32Load16S: 0x2e, i32Load16U: 0x2f,
  i64Load8S: 0x30, i64Load8U: 0x31, i64Load16S: 0x32, i64Load16U: 0x33, i64Load32S: 0x34, i64Load32U: 0x35,
  i32Store: 0x36, i64Store: 0x37, f32Store: 0x38, f64Store: 0x39, i32Store8: 0x3a, i32Store16: 0x3b, i64Store8: 0x3c, i64Store16: 0x3d,
  i64Store32: 0x3e,
  i32Const: 0x41, i64Const: 0x42,
} as const;

export const Type = { i32: 0x7f, i64: 0x7e, f32: 0x7d, f64: 0x7c, empty: 0x40 } as const;
export type TypeName = 'i32' | 'i64' | 'f32' | 'f64';

/** A target of `br`: the end of a block, the head of a loop. */
export interface Label { readonly depth: number }

export class Code {
  bytes: Uint8Array;
  length = 0;
  /** Open blocks. */
  depth = 0;

  constructor(capacity = 1024) {
    this.bytes = new Uint8Array(capacity);
  }

  byte(value: number): void {
    if (this.length === this.bytes.length) this.grow(1);
    this.bytes[this.length++] = value;
  }

  private grow(by: number): void {
    const bigger = new Uint8Array(Math.max(this.bytes.length * 2, this.length + by));
    bigger.set(this.bytes.subarray(0, this.length));
    this.bytes = bigger;
  }

  append(other: Uint8Array): void {
    if (this.length + other.length > this.bytes.length) this.grow(other.length);
    this.bytes.set(other, this.length);
    this.length += other.length;
  }

  /** Unsigned LEB128, up to 32 bits. */
  u32(value: number): void {
    let rest = value >>> 0;
    while (rest > 0x7f) {
      this.byte((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    this.byte(rest);
  }

  /** Signed LEB128, 32 bits. */
  s32(value: number): void {
    let rest = value | 0;
    while (rest < -64 || rest > 63) {
      this.byte((rest & 0x7f) | 0x80);
      rest >>= 7;
    }
    this.byte(rest & 0x7f);
  }

  /** Signed LEB128, 64 bits. */
  s64(value: bigint | number): void {
    if (typeof value === 'number' && (value | 0) === value) return this.s32(value);
    let rest = BigInt.asIntN(64, BigInt(value));
    while (rest < -64n || rest > 63n) {
      this.byte(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    this.byte(Number(rest & 0x7fn));
  }

  i32(value: number): void { this.byte(Op.i32Const); this.s32(value); }
  i64(value: bigint | number): void { this.byte(Op.i64Const); this.s64(value); }
  /** A 64-bit constant from its halves; the upper one may be zero. */
  i64Halves(low: number, high: number): void { this.i64(high === 0 && low >= 0 ? low : (BigInt(high | 0) << 32n) | BigInt(low >>> 0)); }
  get(local: number): void { this.byte(Op.localGet); this.u32(local); }
  set(local: number): void { this.byte(Op.localSet); this.u32(local); }
  tee(local: number): void { this.byte(Op.localTee); this.u32(local); }
  call(func: number): void { this.byte(Op.call); this.u32(func); }

  /** A load or store. Alignment is only a hint; this code does not assume the natural one. */
  memory(opcode: number, offset: number): void {
    this.byte(opcode);
    this.byte(0);
    this.u32(offset);
  }

  block(): Label { return this.open(Op.block, Type.empty); }
  loop(): Label { return this.open(Op.loop, Type.empty); }
  /** Opens an `if`; the condition is on the stack. */
  if(type: number = Type.empty): Label { return this.open(Op.if, type); }
  else(): void { this.byte(Op.else); }
  end(): void { this.byte(Op.end); this.depth--; }
  br(to: Label): void { this.byte(Op.br); this.u32(this.depth - to.depth); }
  brIf(to: Label): void { this.byte(Op.brIf); this.u32(this.depth - to.depth); }
  brTable(targets: readonly Label[], otherwise: Label): void {
    this.byte(Op.brTable);
    this.u32(targets.length);
    for (const label of targets) this.u32(this.depth - label.depth);
    this.u32(this.depth - otherwise.depth);
  }

  private open(opcode: number, type: number): Label {
    this.byte(opcode);
    this.byte(type);
    return { depth: ++this.depth };
  }

  /** The bytes written so far. */
  done(): Uint8Array { return this.bytes.slice(0, this.length); }
}
