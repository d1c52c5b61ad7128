/** Virtual memory areas: the ranges of an address space, with rights and backing object. Addresses are byte addresses. */
import type { Window } from '../../microkernel/abi/index.ts';
import type { Co, Sleeper } from '../kernel/wait.ts';
import type { Work } from '../kernel/work.ts';
import type { PageTable } from './pagetable.ts';

/** The address space that an area belongs to, as far as areas know it: its table, and what it owes the processor. */
export interface Owner {
  readonly table: PageTable;
  readonly frames: { readonly work: Work };
  owe(from: number, to: number, rights: number, pte?: number): void;
  sleepy: boolean
}

/**
 * An object that can back a mapping: regular files, shared anonymous memory, some devices. Pages are numbered from the start of the object.
 */
export interface Mappable {
  /** Frame to map for reading page `index`; -1 beyond the end of the object, 0 when memory is short. Its count is not raised. */
  frameToRead(index: number): number;
  /** Frame that belongs to the object, to be written in place (shared mappings). */
  frameToWrite(index: number): number;
  /** A page was made writable in a shared mapping: the times of what it belongs to. */
  stored?(): void;
  /** Whether `frameToRead` answers without work: for fault-around. */
  resident(index: number): boolean;
  /** Page `index` as it is, without making a frame for it; undefined where that cannot be said. */
  glance?(index: number): Window | undefined;
  /** `frameToRead` and `frameToWrite` may throw NotHere. */
  readonly sleeps?: boolean;
  /** Writes back what was stored to it: msync. */
  writeBack?(t: Sleeper): Co<number>;
  /** Areas that map this object now. */
  readonly areas: Set<Vma>;
  /** No area maps it any more. */
  unmapped(): void;
  /** A removed segment of System V IPC: it ends when its last area goes, even if that area would be mapped again at once. */
  readonly ending?: boolean;
  readonly ino: number;
  readonly dev: number;
}

export class Vma {
  mm: Owner;
  start: number;
  end: number;
  prot: number;
  shared: boolean;
  /** undefined: anonymous and private. */
  object: Mappable | undefined;
  /** Page of `object` that stands at `start`. */
  first: number;
  /** What /proc/PID/maps shows. */
  name: string;
  growsDown = false;
  /** Shared mapping of a file that was not opened for writing: mprotect may not add the right to write. */
  mayWrite = true;
  /** MADV_DONTFORK, MADV_WIPEONFORK. */
  fork: 'copy' | 'none' | 'wipe' = 'copy';
  /** MADV_DONTDUMP: core dumps leave it out. */
  undumped = false;
  /** mlock: 1 = all pages are there, 2 = those that were touched (MLOCK_ONFAULT). */
  locked: 0 | 1 | 2 = 0;
  /** mseal: it stays as it is. */
  sealed = false;

  constructor(mm: Owner, start: number, end: number, prot: number, shared: boolean, object: Mappable | undefined, first: number,
      name: string) {
    this.mm = mm;
    this.start = start;
    this.end = end;
    this.prot = prot;
    this.shared = shared;
    this.object = object;
    this.first = first;
    this.name = name;
    mm.frames.work.area();
    object?.areas.add(this);
    if (object?.sleeps) mm.sleepy = true;
  }
  /** Page of the object that stands at this virtual page. */
  pageOf(vpn: number): number { return this.first + vpn - this.start / 4096; }

  private copy(mm: Owner, start: number, end: number): Vma {
    const vma = new Vma(mm, start, end, this.prot, this.shared, this.object, this.first + (start - this.start) / 4096, this.name);
    vma.growsDown = this.growsDown; vma.mayWrite = this.mayWrite; vma.fork = this.fork; vma.locked = this.locked; vma.sealed = this.sealed;
    vma.undumped = this.undumped;
    return vma;
  }
  /** For fork: locks are not inherited. */
  clone(mm: Owner): Vma { const v = this.copy(mm, this.start, this.end); v.locked = 0; return v; }
  /** The same rights and object elsewhere. */
  moved(start: number, end: number, first: number): Vma { const v = this.copy(this.mm, start, end); v.first = first; return v; }
  /** Cuts this area at `at`: it keeps the lower part, the result is the upper part. */
  split(at: number): Vma {
    const upper = this.copy(this.mm, at, this.end);
    this.end = at;
    return upper;
  }
  gone(): void {
    if (this.object?.areas.delete(this) && this.object.areas.size === 0) this.object.unmapped();
  }
  /** Whether `next` continues this area, so that both can be merged. */
  joins(next: Vma): boolean {
    return this.end === next.start && this.prot === next.prot && this.shared === next.shared && this.object === next.object
      && this.name === next.name
      && this.growsDown === next.growsDown && this.mayWrite === next.mayWrite && this.fork === next.fork && this.locked === next.locked
      && this.sealed === next.sealed && this.undumped === next.undumped
      && (this.object === undefined || this.first + (this.end - this.start) / 4096 === next.first);
  }
}

/** Sorted, disjoint areas. */
export class VmaList {
  readonly list: Vma[] = [];
  private last: Vma | undefined;
  /** By powers of two: above this address no gap has so many pages. A search begins there, so that full stretches are searched once. */
  private readonly full: number[] = [];

  /** Index of the first area that ends above `va`. */
  indexAbove(va: number): number {
    let lo = 0, hi = this.list.length;
    while (lo < hi) {
      const mid = (lo + hi) >>> 1;
      if (this.list[mid]!.end > va) hi = mid; else lo = mid + 1;
    }
    return lo;
  }
  find(va: number): Vma | undefined {
    const last = this.last;
    if (last !== undefined && va >= last.start && va < last.end) return last;
    const vma = this.list[this.indexAbove(va)];
    if (vma === undefined || vma.start > va) return undefined;
    return this.last = vma;
  }
  /** Where a search from the top for a gap of `pages` pages may begin, below `top`. */
  searchFrom(pages: number, top: number): number {
    let at = top;
    for (let order = Math.min(this.full.length - 1, Math.floor(Math.log2(pages))); order >= 0; order--)
      at = Math.min(at, this.full[order] ?? top);
    return at;
  }
  /** A search for `pages` found nothing above `at`. */
  foundNothingAbove(pages: number, at: number): void {
    const order = Math.ceil(Math.log2(pages));
    this.full[order] = Math.min(this.full[order] ?? Infinity, at);
  }
  /** A range is free again: gaps end where the next area starts. */
  private freed(end: number): void {
    const next = this.list[this.indexAbove(end - 1)], to = next ? next.start : Infinity;
    for (let order = 0; order < this.full.length; order++)
      if (this.full[order] !== undefined && this.full[order]! < to) this.full[order] = to;
  }
  /** The first area that ends above `va`, whether or not it contains it. */
  above(va: number): Vma | undefined { return this.list[this.indexAbove(va)]; }
  /** Inserts an area and merges it with neighbours of the same kind. The range must be free. */
  insert(vma: Vma): Vma {
    const i = this.indexAbove(vma.start), before = this.list[i - 1], after = this.list[i];
    this.last = undefined;
    if (before?.joins(vma)) {
      before.end = vma.end;
      vma.gone();
      if (after && before.joins(after)) { before.end = after.end; after.gone(); this.list.splice(i, 1); }
      return before;
    }
    if (after && vma.joins(after)) {
      after.first -= (after.start - vma.start) / 4096;
      after.start = vma.start;
      vma.gone();
      return after;
    }
    this.list.splice(i, 0, vma);
    return vma;
  }
  /** Cuts areas so that [start, end) begins and ends between areas; returns the areas inside. */
  isolate(start: number, end: number): Vma[] {
    this.last = undefined;
    this.cut(start);
    this.cut(end);
    const from = this.indexAbove(start), inside: Vma[] = [];
    for (let i = from; i < this.list.length && this.list[i]!.start < end; i++) inside.push(this.list[i]!);
    return inside;
  }
  private cut(at: number): void {
    const i = this.indexAbove(at), vma = this.list[i];
    if (vma && vma.start < at) this.list.splice(i + 1, 0, vma.split(at));
  }
  remove(start: number, end: number): Vma[] {
    const inside = this.isolate(start, end);
    if (inside.length) this.list.splice(this.list.indexOf(inside[0]!), inside.length);
    for (const vma of inside) vma.gone();
    if (inside.length) this.freed(end);
    return inside;
  }
  /** Merges neighbours of the same kind around a range whose areas have changed. */
  merge(start: number, end: number): void {
    this.last = undefined;
    let i = Math.max(1, this.indexAbove(start));
    while (i < this.list.length && this.list[i]!.start <= end) {
      const lower = this.list[i - 1]!, upper = this.list[i]!;
      if (lower.joins(upper)) { lower.end = upper.end; upper.gone(); this.list.splice(i, 1); } else i++;
    }
  }
}
