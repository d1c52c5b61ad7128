/**
 * Translations that another page has evicted from their TLB entry, by a hash of the page, so that they return without a walk. Without this,
 * pages that share an entry and alternate (Linux: the kernel's image and the map of all memory) would cause a walk each time.
 *
 * A victim has the format of a TLB entry (engine/layout.ts), and is dropped with it. The entry whose empty tags are not 0 has none.
 */
import { TLB_ENTRY } from '../engine/layout.ts';

/** Number of victims, and words of each. */
const COUNT = 64, WORDS = TLB_ENTRY / 4;
const placeOf = (lo: number): number => ((lo >>> 12 ^ lo >>> 20) & (COUNT - 1)) * WORDS;

/** Does the entry at word `at` hold a tag for this page? */
export function holds(m: Int32Array, at: number, tag: number, hi: number): boolean {
  return (m[at] === tag && m[at + 1] === hi) || (m[at + 2] === tag && m[at + 3] === hi) || (m[at + 4] === tag && m[at + 5] === hi);
}

export class Victims {
  readonly #words = new Int32Array(COUNT * WORDS);
  readonly #back = new Int32Array(WORDS);

  /** The entry at word `at` of the TLBs is about to be overwritten. */
  keep(words: Int32Array, at: number): void {
    const tag = words[at] || words[at + 2] || words[at + 4];
    const victims = this.#words;
    const to = placeOf(tag);
    for (let i = 0; i < WORDS; i++) victims[to + i] = words[at + i];
  }

  /** Is there a victim with this tag for this kind of access (0 load, 1 store, 2 fetch)? */
  has(lo: number, hi: number, kind: number): boolean {
    const at = placeOf(lo) + 2 * kind;
    return this.#words[at] === (lo & -4096) && this.#words[at + 1] === hi;
  }

  /** Puts the victim of this address into the entry at word `at`; the entry there becomes a victim if it `stays`. */
  swap(lo: number, words: Int32Array, at: number, stays: boolean): void {
    const victims = this.#words;
    const back = this.#back;
    const from = placeOf(lo);
    for (let i = 0; i < WORDS; i++) {
      back[i] = victims[from + i];
      victims[from + i] = 0;
    }
    if (stays) this.keep(words, at);
    for (let i = 0; i < WORDS; i++) words[at + i] = back[i];
  }

  /** The translation of this page is no longer valid. */
  forget(lo: number, hi: number): void { if (holds(this.#words, placeOf(lo), lo & -4096, hi)) this.forgetAddress(lo); }
  /** … of this address, whatever its upper half is. */
  forgetAddress(lo: number): void { this.#words.fill(0, placeOf(lo), placeOf(lo) + WORDS); }
  clear(): void { this.#words.fill(0); }

  /** Removes the write tag for the RAM page at linear address `page` (32 bits, signed). */
  forbidWrites(page: number): void {
    const words = this.#words;
    for (let i = 0; i < words.length; i += WORDS) if ((words[i + 6] & -4096) === page) words[i + 2] = words[i + 3] = 0;
  }
}
