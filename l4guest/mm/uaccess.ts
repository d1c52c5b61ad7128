/** Reads and writes the memory of a process by walking its tables. All functions throw EFAULT for unmapped addresses. */
import { Window, type Bytes } from '../../microkernel/abi/index.ts';
import { EFAULT } from '../kernel/failure.ts';
import type { Mm } from './mm.ts';
import { seenIn, textOf } from './text.ts';

export { bytesOf, textOf } from './text.ts';

export function getU8(mm: Mm, va: number): number { return mm.pageAt(va, false).u8(va % 4096); }
export function getU16(mm: Mm, va: number): number { return getU8(mm, va) | (getU8(mm, va + 1) << 8); }
export function getU32(mm: Mm, va: number): number {
  const at = va % 4096;
  if (at > 4092) return (getU16(mm, va) | (getU16(mm, va + 2) << 16)) >>> 0;
  return mm.pageAt(va, false).u32(at);
}
export const getI32 = (mm: Mm, va: number): number => getU32(mm, va) | 0;
/** A signed 64-bit value as a number: exact below 2^53. */
export const getI64 = (mm: Mm, va: number): number => getI32(mm, va + 4) * 4294967296 + getU32(mm, va);
export const getBig = (mm: Mm, va: number): bigint => (BigInt(getU32(mm, va + 4)) << 32n) | BigInt(getU32(mm, va));

export function setU8(mm: Mm, va: number, v: number): void { mm.pageAt(va, true).setU8(va % 4096, v); }
export function setU16(mm: Mm, va: number, v: number): void { setU8(mm, va, v); setU8(mm, va + 1, v >> 8); }
export function setU32(mm: Mm, va: number, value: number): void {
  const at = va % 4096;
  if (at > 4092) { setU16(mm, va, value); setU16(mm, va + 2, value >>> 16); return; }
  mm.pageAt(va, true).setU32(at, value);
}
export function setI64(mm: Mm, va: number, value: number): void {
  setU32(mm, va, value % 4294967296);
  setU32(mm, va + 4, Math.floor(value / 4294967296));
}
export function setBig(mm: Mm, va: number, value: bigint): void {
  setU32(mm, va, Number(value & 0xffffffffn));
  setU32(mm, va + 4, Number((value >> 32n) & 0xffffffffn));
}

export function copyIn(mm: Mm, va: number, length: number): Uint8Array {
  if (length < 0 || length > 0x4000_0000) throw EFAULT;
  const out = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    const at = (va + done) % 4096, n = Math.min(4096 - at, length - done);
    Window.copy(out, done, mm.pageAt(va + done, false), at, n);
    done += n;
  }
  mm.frames.work.copied(length);
  return out;
}
export function copyOut(mm: Mm, va: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) {
    const at = (va + done) % 4096, n = Math.min(4096 - at, bytes.length - done);
    Window.copy(mm.pageAt(va + done, true), at, bytes, done, n);
    done += n;
  }
  mm.frames.work.copied(bytes.length);
}
/** The same for the first `length` bytes of a structure, word by word if it lies in one page. */
export function copyOutWords(mm: Mm, va: number, words: Uint32Array, length: number): void {
  const at = va % 4096;
  if (at % 4 !== 0 || at + length > 4096) { copyOut(mm, va, new Uint8Array(words.buffer, 0, length)); return; }
  const page = mm.pageAt(va, true);
  for (let i = 0; i < length >> 2; i++) page.setU32(at + i * 4, words[i]!);
  mm.frames.work.copied(length);
}
/** Writes for a debugger, also where user level may not (Mm.pageForced). */
export function copyForced(mm: Mm, va: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) {
    const at = (va + done) % 4096, n = Math.min(4096 - at, bytes.length - done);
    Window.copy(mm.pageForced(va + done, true), at, bytes, done, n);
    done += n;
  }
  mm.frames.work.copied(bytes.length);
}
export function clearUser(mm: Mm, va: number, length: number): void {
  for (let done = 0; done < length; ) {
    const at = (va + done) % 4096, n = Math.min(4096 - at, length - done);
    mm.pageAt(va + done, true).zero(at, n);
    done += n;
  }
  mm.frames.work.copied(length);
}

/** Bytes up to the terminating zero (not included); undefined when there is none within `max`. */
export function getBytesZ(mm: Mm, va: number, max: number): Uint8Array | undefined {
  const parts: Uint8Array[] = [];
  for (let length = 0; length < max; ) {
    const at = (va + length) % 4096, page = mm.pageAt(va + length, false), end = page.indexOf(0, at);
    const n = (end < 0 ? 4096 : end) - at;
    parts.push(page.read(at, n));
    mm.frames.work.copied(n);
    length += n;
    if (end >= 0) return length > max ? undefined : parts.length === 1 ? parts[0]! : join(parts, length);
  }
  return undefined;
}
function join(parts: readonly Uint8Array[], length: number): Uint8Array {
  const out = new Uint8Array(length);
  let at = 0;
  for (const bytes of parts) { out.set(bytes, at); at += bytes.length; }
  return out;
}
/** A path or name. `undefined`: too long. */
export function getString(mm: Mm, va: number, max = 4096): string | undefined {
  const at = va % 4096, page = mm.pageAt(va, false), end = page.indexOf(0, at), n = end - at, known = end < 0 || n > max ? undefined
    : seenIn(page, at, n);
  if (known !== undefined) { mm.frames.work.copied(n); return known; }
  const bytes = getBytesZ(mm, va, max);
  return bytes && textOf(bytes);
}

/** End of user addresses (Sv39): higher ones are refused before any look-up. */
const ADDRESSES = 2 ** 38;
/** Whether [va, va + length) can be user memory at all; a length with its highest bit set never fits. */
export const couldBeUser = (va: number, length: number): boolean => va >= 0 && length >= 0 && va + length <= ADDRESSES;

/** A cursor over memory that a transfer fills or drains: one buffer or a list of them, of a process or of the server. */
export interface Io {
  /** Bytes left to transfer. */
  readonly left: number;
  readonly done: number;
  /** The rest is one buffer. */
  readonly onePiece: boolean;
  /** Copies n ≤ left bytes of `src` to it. */
  put(src: Bytes, at: number, n: number): void;
  /** Copies n ≤ left bytes from it. */
  take(dst: Bytes, at: number, n: number): void;
  zero(n: number): void;
  /** Undoes the last n bytes, which were one piece, to retry the transfer later. */
  back(n: number): void;
}

/** The most bytes that one call moves while swap is in use: all their pages are brought in first, and must stay until it ends. */
export const AT_ONCE = 1 << 20;

export class UserIo implements Io {
  left = 0;
  done = 0;
  private mm: Mm;
  private va: number;
  private inSegment: number;
  private readonly more: { base: number; length: number }[];
  constructor(mm: Mm, base: number, length: number, more: { base: number; length: number }[] = []) {
    this.mm = mm; this.va = base; this.inSegment = length; this.more = more;
    this.left = length;
    for (const segment of more) this.left += segment.length;
    if (mm?.sleepy) {
      if (mm.swapped?.size) this.left = Math.min(this.left, AT_ONCE);
      let rest = this.left;
      for (const segment of [{ base, length }, ...more]) {
        if (rest > 0 && segment.length > 0) mm.need(segment.base, Math.min(segment.length, rest));
        rest -= segment.length;
      }
    }
  }
  get onePiece(): boolean { return this.inSegment === this.left || (this.inSegment === 0 && this.more.length === 1); }
  /** Uses the object again for one buffer. */
  reset(mm: Mm, base: number, length: number): this {
    this.mm = mm; this.va = base; this.inSegment = length; this.left = length; this.done = 0;
    if (mm.sleepy) { if (mm.swapped?.size) this.left = Math.min(length, AT_ONCE); mm.need(base, this.left); }
    return this;
  }
  /** Bytes that may be copied in one piece now; steps to the next segment where one is used up. */
  private chunk(n: number): number {
    while (this.inSegment === 0) {
      const segment = this.more.shift();
      if (!segment) return 0;
      this.va = segment.base;
      this.inSegment = segment.length;
    }
    const room = 4096 - (this.va % 4096);
    return n < room ? Math.min(n, this.inSegment) : Math.min(room, this.inSegment);
  }
  back(n: number): void { this.step(-n); }
  /** No more than so many bytes are left. */
  cut(n: number): void { this.left = Math.min(this.left, n); }
  private step(n: number): void { this.va += n; this.inSegment -= n; this.left -= n; this.done += n; }
  put(src: Bytes, at: number, n: number): void {
    this.mm.frames.work.copied(n);
    while (n > 0) {
      const part = this.chunk(n);
      Window.copy(this.mm.pageAt(this.va, true), this.va % 4096, src, at, part);
      this.step(part); at += part; n -= part;
    }
  }
  take(dst: Bytes, at: number, n: number): void {
    this.mm.frames.work.copied(n);
    while (n > 0) {
      const part = this.chunk(n);
      Window.copy(dst, at, this.mm.pageAt(this.va, false), this.va % 4096, part);
      this.step(part); at += part; n -= part;
    }
  }
  zero(n: number): void {
    this.mm.frames.work.copied(n);
    while (n > 0) {
      const part = this.chunk(n), to = this.va % 4096;
      this.mm.pageAt(this.va, true).zero(to, part);
      this.step(part); n -= part;
    }
  }
}

export class KernelIo implements Io {
  done = 0;
  readonly bytes: Uint8Array;
  constructor(bytes: Uint8Array) { this.bytes = bytes; }
  get onePiece(): boolean { return true; }
  get left(): number { return this.bytes.length - this.done; }
  put(src: Bytes, at: number, n: number): void { Window.copy(this.bytes, this.done, src, at, n); this.done += n; }
  take(dst: Bytes, at: number, n: number): void { Window.copy(dst, at, this.bytes, this.done, n); this.done += n; }
  zero(n: number): void { this.bytes.fill(0, this.done, this.done + n); this.done += n; }
  back(n: number): void { this.done -= n; }
}
