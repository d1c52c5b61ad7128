/**
 * The kernel's own frames: page tables, UTCBs. A range of RAM that no task has. Single frames come from its lower end, groups of four
 * (the 16 KiB roots of guest-physical spaces) from its upper end; what was given back is used first, last in first out, so that a
 * task that comes after another often gets the same root.
 *
 * Who allocates has charged a quota before; all quotas together are not more than the range.
 */
import type { PhysicalMemory } from '../machine/api.ts';
import { BYTES } from './costs.ts';

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

  /** A zeroed frame's physical address, 0 when there is none. */
  take(): number {
    let pa = this.#singles.pop() ?? 0;
    if (pa === 0 && this.#low < this.#high) { pa = this.#low; this.#low += BYTES.frame; }
    if (pa === 0) pa = this.#splitGroup();
    if (pa === 0) return 0;
    this.used++;
    this.#clear(pa, BYTES.frame);
    return pa;
  }

  /** Four zeroed frames, aligned to 16 KiB; 0 when there are none. */
  takeGroup(): number {
    let pa = this.#groups.pop() ?? 0;
    if (pa === 0) {
      const high = Math.floor(this.#high / 16384) * 16384 - 16384;
      if (high < this.#low) return 0;
      for (let odd = high + 16384; odd < this.#high; odd += BYTES.frame) this.#singles.push(odd);
      pa = this.#high = high;
    }
    this.used += 4;
    this.#clear(pa, 4 * BYTES.frame);
    return pa;
  }

  give(pa: number): void { this.used--; this.#singles.push(pa); }
  giveGroup(pa: number): void { this.used -= 4; this.#groups.push(pa); }

  #splitGroup(): number {
    const pa = this.#groups.pop();
    if (pa === undefined) return 0;
    for (let i = 3; i > 0; i--) this.#singles.push(pa + i * BYTES.frame);
    return pa;
  }
  #clear(pa: number, bytes: number): void {
    this.#memory.writable(pa, bytes);
    const at = (pa - this.base) / 4;
    this.words.fill(0, at, at + bytes / 4);
  }
}
