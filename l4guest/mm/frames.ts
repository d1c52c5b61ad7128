/**
 * Page frames: the server's memory pool, counted by users, and read-only files already in memory (ROMs). A frame is named
 * by its page number in the server's address space, so that the same number serves page tables, map items and look-ups.
 *
 * A frame's count is the number of page-table entries and page-cache slots that hold it. ROM frames and the zero frame are not counted.
 */
import type { Window } from '../../microkernel/abi/index.ts';
import { PAGE } from '../abi/linux.ts';
import type { Co, Sleeper } from '../kernel/wait.ts';
import { Work } from '../kernel/work.ts';
import type { PageTable } from './pagetable.ts';

/** Memory that the arch layer gives the server. `bytes` stays valid for ever. */
export interface Pool { readonly pfn: number; readonly pages: number; readonly bytes: Window }

interface RomRange { readonly first: number; readonly end: number; readonly bytes: Window; readonly views: (Window | undefined)[] }

const CODE = 1;

/** An address space for a page store. */
export interface Paged { readonly frames: Frames; readonly table: PageTable; swapped: Map<number, number> | undefined }

/** The store for swapped-out pages (kernel/swap.ts): a slot holds the bytes of a page. */
export interface PageStore {
  /** A table starts, or stops, to refer to a slot. */
  hold(slot: number): void;
  drop(slot: number): void;
  /** Puts the page back in its table: 0 or -errno. */
  bring(t: Sleeper, mm: Paged, vpn: number): Co<number>;
  readonly pages: number;
}

export class Frames {
  readonly total: number;
  readonly zero: number;
  /** The record of the server's work. */
  readonly work: Work;
  private readonly base: number;
  private readonly bytes: Window;
  private readonly counts: Int32Array;
  private readonly flags: Uint8Array;
  /** In groups of 1,024, because most of a pool is never used. */
  private readonly views: (Window | undefined)[][] = [];
  /** Frames that were freed, the last on top; below them frames never used, from `fresh` on. */
  private readonly stack: Int32Array;
  private given = 0;
  private fresh = 0;
  /** Frames kept back from the server's own needs, so that a program gets an error instead of being killed. */
  private readonly margin: number;
  /** Bytes charged for memory outside the pool, and the frames that stay idle for it. */
  private outside = 0;
  private readonly reserved: number[] = [];
  private readonly roms: RomRange[] = [];
  private readonly changedCode: (pfn: number) => void;

  /** `changedCode` is called for writes to frames whose code the processor may have seen. */
  constructor(pool: Pool, changedCode: (pfn: number) => void, work = new Work()) {
    this.work = work;
    this.base = pool.pfn;
    this.total = pool.pages;
    this.margin = pool.pages >> 6;
    this.bytes = pool.bytes;
    this.changedCode = changedCode;
    this.counts = new Int32Array(pool.pages);
    this.flags = new Uint8Array(pool.pages);
    this.stack = new Int32Array(pool.pages);
    this.zero = this.alloc();
  }

  get free(): number { return this.given + this.total - this.fresh; }
  /** Frames without a page: free ones, and those reserved for other memory of the server. */
  get idle(): number { return this.free + this.reserved.length; }
  /** Caches that can free pages. */
  readonly shrinkers = new Set<{ shrink(): number }>();
  /** Whether this many frames are free, or caches can return them. */
  has(n: number): boolean { return this.free >= n || (this.shrink() && this.free >= n); }
  /** The store for swapped-out pages; undefined without swap. */
  store: PageStore | undefined;
  private shrink(): boolean {
    let n = 0;
    for (const shrinker of this.shrinkers) n += shrinker.shrink();
    return n > 0;
  }

  private take(): number { return this.given > 0 ? this.stack[--this.given]! : this.fresh++; }

  /** A zeroed frame with count 1, or 0 when the pool is empty. */
  alloc(): number {
    const pfn = this.allocDirty();
    if (pfn !== 0) this.page(pfn).zero(0, PAGE);
    return pfn;
  }
  /** The same without zeroing, for callers that fill it at once. */
  allocDirty(): number {
    if (this.free === 0 && !this.shrink()) return 0;
    const i = this.take();
    this.work.paged();
    this.counts[i] = 1;
    if (this.flags[i] !== 0) { this.flags[i] = 0; this.changedCode(this.base + i); }
    return this.base + i;
  }
  /**
   * Charges the pool for server memory that programs cause elsewhere (buffers of pipes and sockets, names, records of all kinds), so that
   * the pool bounds that too. False: not enough memory. `uncharge` returns it.
   */
  charge(bytes: number): boolean {
    if (!this.affords(bytes)) return false;
    const want = Math.ceil((this.outside + bytes) / PAGE);
    while (this.reserved.length < want) this.reserved.push(this.take());
    this.outside += bytes;
    return true;
  }
  /** Whether `charge` would succeed; caches give up pages for it where necessary. */
  affords(bytes: number): boolean {
    const more = Math.ceil((this.outside + bytes) / PAGE) - this.reserved.length;
    return more <= 0 || this.has(more + this.margin);
  }
  /** Charges unconditionally, when frames have just become free; it may use the margin. */
  owed(bytes: number): void {
    this.outside += bytes;
    const want = Math.ceil(this.outside / PAGE);
    while (this.reserved.length < want && this.free > 0) this.reserved.push(this.take());
  }
  uncharge(bytes: number): void {
    this.outside = Math.max(0, this.outside - bytes);
    const keep = Math.ceil(this.outside / PAGE);
    while (this.reserved.length > keep) this.stack[this.given++] = this.reserved.pop()!;
  }
  /** Most bytes that an address space may request at once: all memory and swap. */
  get promise(): number { return (this.total * 2 + (this.store?.pages ?? 0)) * PAGE; }
  private counted(pfn: number): boolean { return pfn >= this.base && pfn < this.base + this.total && pfn !== this.zero; }
  ref(pfn: number): void { if (this.counted(pfn)) this.counts[pfn - this.base]!++; }
  unref(pfn: number): void {
    if (!this.counted(pfn)) return;
    const i = pfn - this.base;
    if (--this.counts[i]! > 0) return;
    this.stack[this.given++] = i;
    this.work.returned();
  }
  /** Page-table entries and page-cache slots that hold it; 0 for frames that are not counted. */
  users(pfn: number): number { return this.counted(pfn) ? this.counts[pfn - this.base]! : 0; }
  /** Whether exactly one holder is left, so that it may write without copying. */
  sole(pfn: number): boolean { return this.counted(pfn) && this.counts[pfn - this.base] === 1; }

  /** Marks a frame that is about to be mapped executable. */
  markCode(pfn: number): void { if (pfn >= this.base && pfn < this.base + this.total) this.flags[pfn - this.base] = CODE; }
  /** To be called when the server has written to a frame. */
  wrote(pfn: number): void { const i = pfn - this.base; if (i >= 0 && i < this.total && this.flags[i] !== 0) this.changedCode(pfn); }

  /** The bytes of a frame. */
  page(pfn: number): Window {
    const i = pfn - this.base;
    if (i >= 0 && i < this.total) return (this.views[i >> 10] ??= [])[i & 1023] ??= this.bytes.part(i * PAGE, (i + 1) * PAGE);
    for (const rom of this.roms)
      if (pfn >= rom.first && pfn < rom.end)
        return rom.views[pfn - rom.first] ??= rom.bytes.part((pfn - rom.first) * PAGE, (pfn - rom.first + 1) * PAGE);
    throw new Error(`no such frame: ${pfn}`);
  }

  /** Announces a read-only range: `bytes` starts at page `first`. */
  addRom(first: number, bytes: Window): void {
    this.roms.push({ first, end: first + Math.ceil(bytes.length / PAGE), bytes, views: [] });
  }
}
