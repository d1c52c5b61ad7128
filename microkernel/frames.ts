/**
 * The kernel's own frames: page tables, UTCBs. A range of RAM outside all tasks. Single frames come from its lower end, groups of four
 * (the 16 KiB roots of guest-physical spaces) from its upper end; freed frames are reused first, last in first out, so that a new task
 * often gets the root of the one that ended.
 *
 * The caller has charged a quota before; all quotas together do not exceed the range.
 */
import type { PhysicalMemory } from '../machine/api.ts';
import { BYTES } from './costs.ts';

const GROUP = 4 * BYTES.frame;

export class Frames {
  readonly base: number;
  readonly end: number;
  /** The range as 32-bit words: index (pa - base) / 4. Page tables are written and walked through this. */
  readonly words: Uint32Array;
  readonly #memory: PhysicalMemory;
  readonly #singles: number[] = [];
  readonly #groups: number[] = [];
  #low: number;
  #high: number;
  /** Frames in use. */
  used = 0;

  constructor(memory: PhysicalMemory, base: number, bytes: number) {
    this.#memory = memory;
    this.base = this.#low = base;
    this.end = this.#high = base + bytes;
    const view = memory.view(base, bytes);
    this.words = new Uint32Array(view.buffer, view.byteOffset, bytes / 4);
  }

  /** Physical address of a zeroed frame, or of four that are aligned to 16 KiB; 0 when there are none. */
  take(n: 1 | 4 = 1): number {
    const pa = n === 1 ? this.#single() : this.#group();
    if (pa === 0) return 0;
    this.used += n;
    this.#memory.writable(pa, n * BYTES.frame);
    const at = (pa - this.base) / 4;
    this.words.fill(0, at, at + n * BYTES.frame / 4);
    return pa;
  }
  give(pa: number, n: 1 | 4 = 1): void {
    this.used -= n;
    (n === 1 ? this.#singles : this.#groups).push(pa);
  }

  #single(): number {
    const known = this.#singles.pop();
    if (known !== undefined) return known;
    const fresh = this.#low < this.#high, pa = fresh ? this.#low : this.#groups.pop() ?? 0;
    if (fresh) this.#low += BYTES.frame;
    else if (pa > 0) for (let i = 3; i > 0; i--) this.#singles.push(pa + i * BYTES.frame);
    return pa;
  }
  #group(): number {
    const known = this.#groups.pop(), high = Math.floor(this.#high / GROUP) * GROUP - GROUP;
    if (known !== undefined || high < this.#low) return known ?? 0;
    for (let odd = high + GROUP; odd < this.#high; odd += BYTES.frame) this.#singles.push(odd);
    return this.#high = high;
  }
}
