/**
 * The engine's WebAssembly memory through typed arrays, and where RAM lies in it. A *linear address* is a byte offset
 * into that memory; a *physical address* is what the simulated machine sees.
 */
import { computeLayout, PAGE, RAM_BASE } from './engine/layout.ts';
import type { Layout } from './engine/layout.ts';

export class Linear {
  readonly memory: WebAssembly.Memory;
  readonly layout: Layout;
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly i32: Int32Array;
  readonly u32: Uint32Array;
  readonly i64: BigInt64Array;
  readonly u64: BigUint64Array;
  readonly f64: Float64Array;
  readonly data: DataView;
  /** 1 for each RAM page that some TLB may hold a write tag for. */
  readonly written: Uint8Array;
  readonly #ram: number;
  readonly #pages: number;

  /** @throws RangeError when the RAM does not fit (see `computeLayout`). */
  constructor(ramBytes: number, harts: number) {
    this.layout = computeLayout(ramBytes, harts);
    // Allocated once, at its maximum: memories that grow have crashed hosts (ENGINE.md).
    this.memory = new WebAssembly.Memory({ initial: this.layout.wasmPages, maximum: this.layout.wasmPages });
    const buffer = this.memory.buffer;
    this.u8 = new Uint8Array(buffer);
    this.u16 = new Uint16Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.u32 = new Uint32Array(buffer);
    this.i64 = new BigInt64Array(buffer);
    this.u64 = new BigUint64Array(buffer);
    this.f64 = new Float64Array(buffer);
    this.data = new DataView(buffer);
    this.#ram = this.layout.ram;
    this.#pages = this.layout.ramPages;
    this.written = new Uint8Array(this.#pages);
  }

  /** Linear address of physical page number `ppn`, or 0 when it is not RAM. */
  page(ppn: number): number {
    const i = ppn - RAM_BASE / PAGE;
    return i >= 0 && i < this.#pages ? this.#ram + i * PAGE : 0;
  }

  /** Linear address of physical address `pa`, or 0 when `length` bytes there are not all RAM. */
  at(pa: number, length: number): number {
    const i = pa - RAM_BASE;
    return i >= 0 && i + length <= this.layout.ramBytes ? this.#ram + i : 0;
  }

  /** Index into `written` of the RAM page at this linear address. */
  ramIndex(page: number): number { return (page - this.#ram) / PAGE; }
}
