/**
 * sigma0: knows the owner of each frame. Free memory is a sorted list of ranges; an allocated range leaves the list, so no frame is
 * allocated twice. Small requests are served from the top, large ones from the bottom, so that superpages stay possible.
 */
import { roundUp } from '../client/memory.ts';

const PAGE = 4096, LARGE = 0x20_0000;
interface Range { base: number; size: number }

export class Frames {
  private free: Range[];
  /** Used pages, which must be zeroed before their next owner gets them. Page numbers count from `first`. */
  private readonly used: Uint8Array;
  private readonly first: number;
  readonly total: number;

  constructor(ranges: readonly Range[]) {
    this.free = ranges.map(r => ({ base: r.base, size: r.size })).filter(r => r.size > 0).sort((a, b) => a.base - b.base);
    this.first = this.free.length ? this.free[0]!.base / PAGE : 0;
    const end = this.free.reduce((m, r) => Math.max(m, r.base + r.size), 0);
    this.used = new Uint8Array(Math.max(0, end / PAGE - this.first));
    this.total = this.available;
  }

  get available(): number { return this.free.reduce((sum, r) => sum + r.size, 0); }

  /** `size` bytes (whole pages) of contiguous frames aligned to `align`, or undefined. `clear` is called for ranges that are not zero. */
  take(size: number, align: number, clear: (base: number, size: number) => void): number | undefined {
    const bytes = roundUp(size);
    const base = bytes < LARGE ? this.fromTop(bytes, align) : this.fromBottom(bytes, align);
    if (base !== undefined) this.clean(base, bytes, clear);
    return base;
  }
  /** Frees frames. Overlap with free memory is an internal error. */
  give(base: number, size: number): void {
    const i = this.free.findIndex(r => r.base > base), at = i < 0 ? this.free.length : i;
    const before = this.free[at - 1], after = this.free[at];
    if ((before && before.base + before.size > base) || (after && base + size > after.base)) throw new Error('frames: given back twice');
    const joinsBefore = before !== undefined && before.base + before.size === base,
      joinsAfter = after !== undefined && base + size === after.base;
    if (joinsBefore && joinsAfter) { before.size += size + after.size; this.free.splice(at, 1); }
    else if (joinsBefore) before.size += size;
    else if (joinsAfter) { after.base = base; after.size += size; }
    else this.free.splice(at, 0, { base, size });
  }

  private fromBottom(size: number, align: number): number | undefined {
    for (let i = 0; i < this.free.length; i++) {
      const range = this.free[i]!, base = Math.ceil(range.base / align) * align;
      if (base + size <= range.base + range.size) return this.cut(i, base, size);
    }
    return undefined;
  }
  private fromTop(size: number, align: number): number | undefined {
    for (let i = this.free.length - 1; i >= 0; i--) {
      const range = this.free[i]!, base = Math.floor((range.base + range.size - size) / align) * align;
      if (base >= range.base) return this.cut(i, base, size);
    }
    return undefined;
  }
  private cut(i: number, base: number, size: number): number {
    const range = this.free[i]!, tail = range.base + range.size - (base + size);
    const parts: Range[] = [];
    if (base > range.base) parts.push({ base: range.base, size: base - range.base });
    if (tail > 0) parts.push({ base: base + size, size: tail });
    this.free.splice(i, 1, ...parts);
    return base;
  }
  private clean(base: number, size: number, clear: (base: number, size: number) => void): void {
    const from = base / PAGE - this.first, to = from + size / PAGE;
    for (let page = this.used.indexOf(1, from); page >= 0 && page < to; page = this.used.indexOf(1, page)) {
      const begin = page;
      while (page < to && this.used[page] === 1) page++;
      clear((begin + this.first) * PAGE, (page - begin) * PAGE);
    }
    this.used.fill(1, from, to);
  }
}
