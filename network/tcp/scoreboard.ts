/**
 * Ranges beyond the acknowledged bytes that the peer has reported by SACK: sorted, disjoint. Losses and bytes in flight follow from them.
 *
 * Documentation: RFC 2018, RFC 6675 (IsLost, SetPipe, NextSeg).
 */
import { before, distance, earlier, later, upTo, type Range } from './segment.ts';

const RANGES_MOST = 256;
/** Segments received beyond a hole that make the hole a loss. */
export const DUPLICATES = 3;

export class Scoreboard {
  #ranges: Range[] = [];

  get ranges(): readonly Range[] { return this.#ranges; }
  get bytes(): number { return this.#ranges.reduce((n, range) => n + distance(range.to, range.from), 0); }
  /** The end of the last range that the peer has reported; undefined when it has reported none. */
  get highest(): number | undefined { return this.#ranges.at(-1)?.to; }

  clear(): void { this.#ranges = []; }

  /** Everything before `una` is acknowledged. */
  acknowledge(una: number): void {
    if (this.#ranges.length === 0 || upTo(una, this.#ranges[0]!.from)) return;
    this.#ranges = this.#ranges.filter((range) => before(una, range.to)).map((range) => ({ from: later(una, range.from), to: range.to }));
  }

  /** Adds ranges between `una` and `max` and ignores all others, which are invalid. Returns whether anything was new. */
  add(sacks: readonly Range[], una: number, max: number): boolean {
    const was = this.bytes;
    for (const { from, to } of sacks) if (upTo(una, from) && before(from, to) && upTo(to, max)) this.#merge({ from, to });
    return this.bytes > was;
  }

  #merge(added: Range): void {
    let { from, to } = added;
    const apart = this.#ranges.filter((range) => {
      const touches = upTo(range.from, to) && upTo(from, range.to);
      if (touches) { from = earlier(from, range.from); to = later(to, range.to); }
      return !touches;
    });
    if (apart.length >= RANGES_MOST) return;
    const place = apart.findIndex((range) => before(to, range.from));
    apart.splice(place < 0 ? apart.length : place, 0, { from, to });
    this.#ranges = apart;
  }

  /** The gaps between `una` and the highest range, each with the bytes and ranges received beyond it. */
  *holes(una: number): Generator<Range & { readonly bytesBeyond: number; readonly rangesBeyond: number }> {
    let at = una, bytesBeyond = this.bytes;
    for (const [i, range] of this.#ranges.entries()) {
      if (before(at, range.from)) yield { from: at, to: range.from, bytesBeyond, rangesBeyond: this.#ranges.length - i };
      bytesBeyond -= distance(range.to, range.from);
      at = range.to;
    }
  }

  /** Is the hole a loss? @spec RFC 6675 4, IsLost */
  static isLost(hole: { bytesBeyond: number; rangesBeyond: number }, mss: number): boolean {
    return hole.rangesBeyond >= DUPLICATES || hole.bytesBeyond > (DUPLICATES - 1) * mss;
  }
}
