/**
 * A window: a range of memory that a server may access repeatedly without a translation for each address. It returns only numbers and
 * copies, so it cannot be widened; and it ends with its mapping: after that every access throws MemoryFault.
 */

/** The memory behind a window. */
export interface Ground {
  /** Changes whenever something may have been unmapped. */
  readonly changes: number;
  /** Throws MemoryFault if [offset, offset + length) of the window is not there any more. */
  check(offset: number, length: number): void;
}

const setBytes = Function.prototype.call.bind(Uint8Array.prototype.set) as (to: Uint8Array, from: Uint8Array, at: number) => void;

export class Window {
  readonly length: number;
  readonly #bytes: Uint8Array;
  readonly #ground: Ground | undefined;
  readonly #offset: number;
  readonly #writable: boolean;
  #seen: number;

  /** The owner of the bytes makes the window: the kernel from a mapping (`Memory.window`), or any code from an array of its own. */
  constructor(bytes: Uint8Array, writable = true, ground?: Ground, offset = 0) {
    this.#writable = writable;
    this.#bytes = bytes;
    this.#ground = ground;
    this.#offset = offset;
    this.#seen = ground ? ground.changes : 0;
    this.length = bytes.length;
  }

  #live(): Uint8Array {
    const ground = this.#ground;
    if (ground !== undefined && ground.changes !== this.#seen) {
      ground.check(this.#offset, this.#bytes.length);
      this.#seen = ground.changes;
    }
    return this.#bytes;
  }

  #toWrite(): Uint8Array {
    if (!this.#writable) throw new TypeError('a window to read, not to write');
    return this.#live();
  }

  u8(at: number): number { return this.#live()[at]!; }
  u32(at: number): number { const b = this.#live(); return (b[at]! | (b[at + 1]! << 8) | (b[at + 2]! << 16) | (b[at + 3]! << 24)) >>> 0; }
  setU8(at: number, v: number): void { this.#toWrite()[at] = v; }
  setU32(at: number, value: number): void {
    const bytes = this.#toWrite();
    bytes[at] = value;
    bytes[at + 1] = value >>> 8;
    bytes[at + 2] = value >>> 16;
    bytes[at + 3] = value >>> 24;
  }
  /** A copy of n bytes; fewer where the window ends. */
  read(at: number, n: number): Uint8Array { return this.#live().slice(at, at + n); }
  zero(at: number, n: number): void { this.#toWrite().fill(0, at, at + n); }
  /** The first position of this byte, from `at` on; -1: none. */
  indexOf(byte: number, at = 0): number { return this.#live().indexOf(byte, at); }
  /** The bytes [from, to) as a separate window. */
  part(from: number, to: number): Window {
    const bytes = this.#live().subarray(from, to);
    return new Window(bytes, this.#writable, this.#ground, this.#offset + (bytes.byteOffset - this.#bytes.byteOffset));
  }

  /** Copies n bytes; either side is a window or an array. Few bytes go one by one: that is quicker. */
  static copy(to: Bytes, at: number, from: Bytes, start: number, n: number): void {
    const target = #bytes in to ? to.#toWrite() : to, source = #bytes in from ? from.#live() : from;
    if (n < 16) for (let i = 0; i < n; i++) target[at + i] = source[start + i]!;
    else setBytes(target, source.subarray(start, start + n), at);
  }
}
Object.freeze(Window);
Object.freeze(Window.prototype);

/** Bytes in a window, or in an array of one's own. */
export type Bytes = Uint8Array | Window;
