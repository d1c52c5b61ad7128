/**
 * Physical memory as TypeScript uses it: loaders, devices that do DMA, the kernel. A write first drops decoded code in its range, so that
 * harts execute the new bytes.
 */
import { PAGE, RAM_BASE } from './engine/layout.ts';
import type { EngineSide } from './engine/port.ts';
import type { PhysicalMemory } from './api.ts';
import type { Linear } from './linear.ts';

export class Ram implements PhysicalMemory {
  readonly base = RAM_BASE;
  readonly size: number;
  readonly #linear: Linear;
  readonly #engine: EngineSide;

  constructor(linear: Linear, engine: EngineSide) {
    this.#linear = linear;
    this.#engine = engine;
    this.size = linear.layout.ramBytes;
  }

  isRam(pa: number, length: number): boolean { return this.#linear.at(pa, length) !== 0; }

  u8(pa: number): number { return this.#linear.data.getUint8(this.#at(pa, 1)); }
  u16(pa: number): number { return this.#linear.data.getUint16(this.#at(pa, 2), true); }
  u32(pa: number): number { return this.#linear.data.getUint32(this.#at(pa, 4), true); }
  u64(pa: number): bigint { return this.#linear.data.getBigUint64(this.#at(pa, 8), true); }

  setU8(pa: number, v: number): void { this.#linear.data.setUint8(this.#forWrite(pa, 1), v); }
  setU16(pa: number, v: number): void { this.#linear.data.setUint16(this.#forWrite(pa, 2), v, true); }
  setU32(pa: number, v: number): void { this.#linear.data.setUint32(this.#forWrite(pa, 4), v, true); }
  setU64(pa: number, v: bigint): void { this.#linear.data.setBigUint64(this.#forWrite(pa, 8), v, true); }

  view(pa: number, length: number): Uint8Array {
    const at = this.#at(pa, length);
    return this.#linear.u8.subarray(at, at + length);
  }

  writable(pa: number, length: number): Uint8Array {
    const at = this.#forWrite(pa, length);
    return this.#linear.u8.subarray(at, at + length);
  }

  write(pa: number, bytes: Uint8Array): void { this.writable(pa, bytes.length).set(bytes); }

  fill(pa: number, length: number, byte: number): void {
    const at = this.#forWrite(pa, length);
    this.#linear.u8.fill(byte, at, at + length);
  }

  copy(to: number, from: number, length: number): void {
    const source = this.#at(from, length);
    this.#linear.u8.copyWithin(this.#forWrite(to, length), source, source + length);
  }

  #at(pa: number, length: number): number {
    const at = this.#linear.at(pa, length);
    if (at === 0) throw new RangeError(`physical memory: no RAM at 0x${pa.toString(16)} (${length} bytes)`);
    return at;
  }

  #forWrite(pa: number, length: number): number {
    const at = this.#at(pa, length);
    if (length > PAGE || this.#engine.hasCode(at - (at % PAGE)) || this.#engine.hasCode(at + length - 1 - ((at + length - 1) % PAGE))) {
      this.#engine.dropCode(at, length);
    }
    return at;
  }
}
