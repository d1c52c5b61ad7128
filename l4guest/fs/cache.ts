/**
 * The cached pages of a file whose contents live elsewhere: filled on access, shared by all mappings, written back after stores. A clean
 * page in no page table may be dropped when memory is short.
 *
 *   absent ──fill──→ clean ──store──→ dirty ──write back──→ clean ──drop──→ absent
 */
import { Window } from '../../microkernel/abi/index.ts';
import { PAGE } from '../abi/linux.ts';
import type { Frames } from '../mm/frames.ts';
import { guardObject, zapObject } from '../mm/mm.ts';
import type { Vma } from '../mm/vma.ts';

export class PageCache {
  readonly areas = new Set<Vma>();
  readonly dirty = new Set<number>();
  private readonly frames: Frames;
  /** Frame by page. */
  private readonly pages = new Map<number, number>();
  constructor(frames: Frames) {
    this.frames = frames;
    frames.shrinkers.add(this);
  }

  get size(): number { return this.pages.size; }
  /** Frame of a page; 0: not cached. */
  get(index: number): number { return this.pages.get(index) ?? 0; }
  bytes(index: number): Window { return this.frames.page(this.get(index)); }

  /** Fills a page unless it is cached already; the rest of the page is zero. False: no memory. */
  fill(index: number, contents: Uint8Array): boolean {
    if (this.pages.has(index)) return true;
    const pfn = this.frames.allocDirty();
    if (pfn === 0) return false;
    const page = this.frames.page(pfn);
    Window.copy(page, 0, contents, 0, contents.length);
    page.zero(contents.length, PAGE - contents.length);
    this.frames.work.copied(PAGE);
    this.pages.set(index, pfn);
    return true;
  }
  /** Updates cached copies of bytes that were written elsewhere. */
  update(pos: number, bytes: Uint8Array): void {
    if (this.pages.size === 0) return;
    for (let done = 0; done < bytes.length; ) {
      const index = Math.floor((pos + done) / PAGE), at = (pos + done) % PAGE, n = Math.min(PAGE - at, bytes.length - done),
        pfn = this.get(index);
      if (pfn !== 0) { Window.copy(this.frames.page(pfn), at, bytes, done, n); this.frames.wrote(pfn); }
      done += n;
    }
  }
  /** A dirty page is about to be written back: makes the next store to it fault again. */
  clean(index: number): void {
    this.dirty.delete(index);
    guardObject(this.areas, index, index + 1);
  }
  /** Drops pages [from, to); `keepDirty` keeps dirty ones. */
  drop(from = 0, to = Infinity, keepDirty = false): void {
    for (const [index, pfn] of this.pages) {
      if (index < from || index >= to || (keepDirty && this.dirty.has(index))) continue;
      if (this.areas.size > 0) zapObject(this.areas, index, index + 1, this.frames);
      this.pages.delete(index);
      this.dirty.delete(index);
      this.frames.unref(pfn);
    }
  }
  /** The file now ends within a page: zeroes the rest of that page. */
  cut(length: number): void {
    this.drop(Math.ceil(length / PAGE));
    const pfn = length % PAGE === 0 ? 0 : this.get(Math.floor(length / PAGE));
    if (pfn !== 0) this.frames.page(pfn).zero(length % PAGE, PAGE - (length % PAGE));
  }
  /** Memory is short: drops unmapped pages. Returns the number of freed pages. */
  shrink(): number {
    let n = 0;
    for (const [index, pfn] of this.pages) {
      if (this.dirty.has(index) || !this.frames.sole(pfn)) continue;
      this.pages.delete(index);
      this.frames.unref(pfn);
      n++;
    }
    return n;
  }
  /** Drops everything: the file is gone, or will not be used again. */
  release(): void {
    this.drop();
    this.frames.shrinkers.delete(this);
  }
}
