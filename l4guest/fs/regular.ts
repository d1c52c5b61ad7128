/**
 * Regular files: pages in frames of the pool, on top of an optional read-only image in memory (a file of a tar ROM). The first write to a
 * page copies it from the image; where the image is page-aligned, its pages are mapped directly.
 */
import { capableOver } from './walk.ts';
import { Window } from '../../microkernel/abi/index.ts';
import { E } from '../abi/errno.ts';
import { Cap, O, PAGE } from '../abi/linux.ts';
import { NotHere } from '../kernel/later.ts';
import type { Co, Sleeper } from '../kernel/wait.ts';
import type { FileOrigin } from './origin.ts';
import type { Thread } from '../kernel/thread.ts';
import type { Frames } from '../mm/frames.ts';
import { zapObject } from '../mm/mm.ts';
import type { Io } from '../mm/uaccess.ts';
import type { Mappable, Vma } from '../mm/vma.ts';
import { PageMap } from './pages.ts';
import { File, type MapAnswer } from './file.ts';
import { Inode, type FileSystem } from './inode.ts';

/** Bytes of a file in memory. `pfn`: the server page number of the first byte if that byte is page-aligned, else 0. */
export interface Image { readonly bytes: Window; readonly pfn: number }

export interface MemoryFs extends FileSystem {
  readonly frames: Frames;
  takePage(): boolean;
  holdPage(): void;
  givePages(n: number): void;
  giveInode(inode: Inode): void
}

/** Pages fetched at once. */
const AHEAD = 16;
const NOTHING = new Uint8Array(PAGE);

export class RegularInode extends Inode implements Mappable {
  declare readonly fs: MemoryFs;
  readonly areas = new Set<Vma>();
  private length = 0;
  /** Frame of each page; without one the page comes from the image, or is a hole. */
  private readonly pages: PageMap;
  private image: Image | undefined;
  /** Bytes of the image that are still part of the file. */
  private imageLength = 0;
  /** The origin of pages outside memory, which are the first `imageLength` bytes. */
  private origin: FileOrigin | undefined;
  /** Pages that are unchanged since the origin delivered them. */
  private clean: Set<number> | undefined;
  /** Seals: a file that is not a memfd accepts none. */
  seals = 1;

  constructor(fs: MemoryFs, mode: number, image?: Image, origin?: FileOrigin) {
    super(fs, mode);
    if (origin) { this.origin = origin; this.length = this.imageLength = origin.size; }
    this.pages = new PageMap(fs.frames);
    if (image) { this.image = image; this.length = this.imageLength = image.bytes.length; }
  }
  override get size(): number { return this.length; }
  override get blocks(): number {
    const image = Math.ceil(this.imageLength / PAGE);
    return (image + this.pages.count - (image > 0 ? this.pages.countIn(0, image) : 0)) * 8;
  }
  override open(_t: Thread, flags: number): File { return new RegularFile(this, flags); }

  get sleeps(): boolean { return this.origin !== undefined; }

  frameToRead(index: number): number {
    if (index * PAGE >= this.length) return -1;
    const own = this.pages.get(index);
    if (own !== 0) return own;
    this.needPage(index);
    if (index * PAGE >= this.imageLength) return this.areas.size > 0 ? this.frameToWrite(index) : this.fs.frames.zero;
    const pfn = this.image!.pfn;
    if (pfn !== 0 && (index + 1) * PAGE <= this.imageLength) return pfn + index;
    return this.frameToWrite(index);
  }
  resident(index: number): boolean {
    if (index * PAGE >= this.length) return false;
    return (this.pages.get(index)) !== 0 || ((this.image?.pfn ?? 0) !== 0 && (index + 1) * PAGE <= this.imageLength);
  }
  glance(index: number): Window | undefined {
    const own = this.pages.get(index), from = index * PAGE;
    return own !== 0 ? this.fs.frames.page(own)
      : this.image && from < this.imageLength ? this.image.bytes.part(from, Math.min(from + PAGE, this.imageLength))
      : undefined;
  }
  stored(): void { this.mtime = this.ctime = this.fs.now(); }
  frameToWrite(index: number): number {
    if (index * PAGE >= this.length) return -1;
    const own = this.pages.get(index);
    if (own !== 0) { this.clean?.delete(index); return own; }
    this.needPage(index);
    if (!this.fs.takePage()) return -1;
    const pfn = this.fs.frames.alloc();
    // Room is reserved last, because reclaiming memory for the frame may free empty room.
    if (pfn === 0 || !this.pages.reserve(index)) { if (pfn !== 0) this.fs.frames.unref(pfn); this.fs.givePages(1); return 0; }
    const from = index * PAGE;
    if (from < this.imageLength) {
      Window.copy(this.fs.frames.page(pfn), 0, this.image!.bytes, from, Math.min(PAGE, this.imageLength - from));
      this.fs.frames.work.copied(PAGE);
      if (this.areas.size > 0 && this.image!.pfn !== 0) zapObject(this.areas, index, index + 1, this.fs.frames);
    }
    this.clean?.delete(index);
    this.pages.set(index, pfn);
    this.fs.frames.work.found();
    return pfn;
  }

  // ── pages of an origin ───────────────────────────────────────────────────────────────────────────────────────────────

  /** Throws NotHere for a page that must be fetched. */
  private needPage(index: number): void {
    if (this.origin !== undefined && index * PAGE < this.imageLength && this.pages.get(index) === 0)
      throw new NotHere((t) => this.fetch(t, this.origin!, index));
  }
  private *fetch(sleeper: Sleeper, origin: FileOrigin, index: number): Co<number> {
    const from = index - (index % AHEAD),
      bytes = yield* origin.read(sleeper, from * PAGE, Math.min(AHEAD * PAGE, this.imageLength - from * PAGE));
    if (typeof bytes === 'number') return bytes;
    let has = false;
    for (let at = 0, page = from; at < bytes.length; at += PAGE, page++) {
      // A damaged disk has less of a file than its size says.
      const isWhole = bytes.length - at >= Math.min(PAGE, this.imageLength - page * PAGE);
      if (isWhole && !this.fill(page, bytes.subarray(at, at + PAGE)) && page === index) return -E.NOMEM;
      has ||= isWhole && page === index;
    }
    return has ? 0 : -E.IO;
  }
  private fill(index: number, contents: Uint8Array): boolean {
    const keep = Math.min(contents.length, this.imageLength - index * PAGE);
    if (this.pages.get(index) !== 0 || keep <= 0) return true;
    const pfn = this.fs.frames.allocDirty();
    if (pfn === 0) return false;
    if (!this.pages.reserve(index)) { this.fs.frames.unref(pfn); return false; }
    this.fs.holdPage();
    const page = this.fs.frames.page(pfn);
    Window.copy(page, 0, contents, 0, keep);
    page.zero(keep, PAGE - keep);
    this.fs.frames.work.copied(PAGE);
    this.pages.set(index, pfn);
    if (!this.clean) this.fs.frames.shrinkers.add(this);
    (this.clean ??= new Set()).add(index);
    return true;
  }
  /** Memory is short: frees pages that can be fetched again and that no process maps. Returns the number of freed pages. */
  shrink(): number {
    let n = 0;
    for (const index of this.clean ?? []) {
      if (!this.fs.frames.sole(this.pages.get(index))) continue;
      this.clean!.delete(index);
      this.free(index, index + 1);
      n++;
    }
    return n;
  }

  /** Copies up to io.left bytes from `pos` on into `io`. */
  readTo(io: Io, pos: number): number {
    const start = io.done, end = Math.min(this.length, pos + io.left);
    while (pos < end) {
      const index = Math.floor(pos / PAGE), at = pos % PAGE, own = this.pages.get(index);
      let n = Math.min(PAGE - at, end - pos);
      this.fs.frames.work.found();
      if (own !== 0) io.put(this.fs.frames.page(own), at, n);
      else if (pos < this.imageLength && this.origin !== undefined) this.needPage(index);
      else if (pos
          < this.imageLength) { n = Math.min(this.imageRun(index, end) - pos, this.imageLength - pos); io.put(this.image!.bytes, pos, n); }
      else io.zero(n);
      pos += n;
    }
    return io.done - start;
  }
  /** End of the run of pages from `index` on that come from the image. */
  private imageRun(index: number, end: number): number {
    let i = index + 1;
    while (i * PAGE < end && i * PAGE < this.imageLength && this.pages.get(i) === 0) i++;
    return Math.min(end, i * PAGE);
  }
  writeFrom(io: Io, pos: number): number {
    const start = io.done, end = pos + io.left;
    if (this.origin) for (let i = Math.floor(pos / PAGE); i * PAGE < Math.min(end, this.imageLength); i++) this.needPage(i);
    while (pos < end) {
      const index = Math.floor(pos / PAGE), at = pos % PAGE, n = Math.min(PAGE - at, end - pos), before = this.length;
      this.fs.frames.work.found();
      if (pos + n > this.length) this.length = pos + n;
      const pfn = this.frameToWrite(index);
      if (pfn <= 0) { this.length = before; return io.done > start ? io.done - start : -E.NOSPC; }
      const done = io.done;
      try {
        io.take(this.fs.frames.page(pfn), at, n);
      } catch (error) { this.length = Math.max(before, pos + (io.done - done)); throw error; }
      this.fs.frames.wrote(pfn);
      pos += n;
    }
    return io.done - start;
  }
  override truncate(length: number): number {
    if ((this.seals & 2 && length < this.length) || (this.seals & 4 && length > this.length)) return -E.PERM;
    if (length < this.length) {
      if (this.pages.count > 0) this.fs.frames.work.made(); // unmaps the pages everywhere
      const keep = Math.ceil(length / PAGE), had = Math.ceil(this.length / PAGE);
      if (this.areas.size > 0) zapObject(this.areas, keep, had, this.fs.frames, true);
      this.free(keep, Infinity);
      if (length % PAGE !== 0 && keep > 0 && this.pages.get(keep - 1) !== 0)
        this.fs.frames.page(this.pages.get(keep - 1)).zero(length % PAGE, PAGE - (length % PAGE));
      this.imageLength = Math.min(this.imageLength, length);
    }
    this.length = length;
    this.touch();
    return 0;
  }
  private free(from: number, to: number): void { this.pages.cut(from, to, (pfn) => { this.fs.frames.unref(pfn); this.fs.givePages(1); }); }
  /** Turns [from, to) bytes into a hole: 0, or -EPERM if the file is sealed. */
  punch(from: number, to: number): number {
    if (this.seals & 0x18) return -E.PERM;
    const end = Math.min(to, this.length), first = Math.ceil(from / PAGE), last = Math.floor(end / PAGE);
    if (from >= end) return 0;
    if (last > first) {
      if (this.areas.size > 0) zapObject(this.areas, first, last, this.fs.frames);
      this.free(first, last);
      // The image's bytes there read as zeros from now on, in frames of the file's own.
      for (let i = first; i < Math.min(last,
          Math.ceil(this.imageLength
            / PAGE)); i++) {
              if (this.origin) { this.fill(i, NOTHING); this.clean?.delete(i); continue; }
              const pfn = this.frameToWrite(i);
              if (pfn > 0) this.fs.frames.page(pfn).zero(0, PAGE);
            }
    }
    for (const [start, stop] of last >= first ? [[from, first * PAGE], [last * PAGE, end]] as const : [[from, end]] as const)
      this.zero(start, stop);
    return 0;
  }
  /** Zeroes bytes of a page if it is in memory. */
  private zero(from: number, to: number): void {
    if (from >= to) return;
    const index = Math.floor(from / PAGE), pfn = this.pages.get(index) !== 0 || from < this.imageLength ? this.frameToWrite(index) : 0;
    if (pfn > 0) { this.fs.frames.page(pfn).zero(from % PAGE, to - from); this.fs.frames.wrote(pfn); }
  }
  /** Gives [from, to) bytes frames: 0, or -ENOSPC, which takes the new frames back. */
  allocate(from: number, to: number): number {
    const first = Math.floor(from / PAGE), last = Math.ceil(to / PAGE), had = this.length, given: number[] = [];
    if (last - first - this.pages.countIn(first, last) > this.fs.frames.free) return -E.NOSPC;
    this.length = Math.max(had, to);
    for (let i = first; i < last; i++) {
      if (this.pages.get(i) !== 0 || i * PAGE < this.imageLength) continue;
      if (this.frameToWrite(i) > 0) { given.push(i); continue; }
      for (const page of given) this.free(page, page + 1);
      this.length = had;
      return -E.NOSPC;
    }
    this.length = had;
    return 0;
  }
  /** SEEK_DATA and SEEK_HOLE: where data, or a hole, begins from `pos` on. -ENXIO. */
  override seek(pos: number, data: boolean): number {
    if (pos < 0 || pos >= this.length) return -E.NXIO;
    const image = Math.ceil(this.imageLength / PAGE), pages = Math.ceil(this.length / PAGE), here = Math.floor(pos / PAGE),
      isData = (i: number): boolean => i < image || this.pages.get(i) !== 0;
    if (data) { const i = isData(here) ? here : this.pages.next(here, pages); return i >= pages ? -E.NXIO : Math.max(pos, i * PAGE); }
    let i = here;
    while (i < pages && isData(i)) i = i < image ? image : i + 1;
    return Math.min(this.length, Math.max(pos, i * PAGE));
  }
  /** The number of pages of [from, to) in memory: cachestat. */
  cached(from: number, to: number): number { return this.pages.countIn(from, to); }
  /** Called when the last area stops mapping the file. */
  onUnmapped: (() => void) | undefined;
  ending = false;

  unmapped(): void { this.onUnmapped?.(); if (this.nlink === 0 && this.users === 0) this.drop(); }
  override drop(): void {
    if (this.areas.size > 0) return; // its pages live on in mappings
    this.free(0, Infinity);
    this.fs.giveInode(this);
    this.image = this.origin = undefined;
    if (this.clean) this.fs.frames.shrinkers.delete(this);
    this.clean = undefined;
    this.length = this.imageLength = 0;
  }
}

/**
 * Positions up to here are exact numbers. A file may be longer, as on Linux, but a write beyond fails with EFBIG, as Linux's ext4 does
 * beyond 16 TiB.
 */
const MOST_WRITTEN = Number.MAX_SAFE_INTEGER;

export class RegularFile extends File {
  declare readonly inode: RegularInode;
  override get seekable(): boolean { return true; }
  override read(io: Io, pos: number): number {
    const i = this.inode, n = i.readTo(io, pos);
    if (i.atime.s < i.mtime.s && !(this.flags & O.NOATIME)) i.atime = i.fs.now();
    return n;
  }
  override write(io: Io, pos: number, thread: Thread): number {
    const i = this.inode;
    if (i.seals & 0x18) return -E.PERM;
    if (i.seals & 0x4 && pos + io.left > i.size) return -E.PERM;
    if (io.left > 0 && pos + io.left > MOST_WRITTEN) return -E.FBIG;
    i.touch();
    if (i.mode & 0o6000 && !capableOver(i, thread.creds, Cap.FSETID)) i.mode &= i.mode & 0o10 ? ~0o6000 : ~0o4000;
    return i.writeFrom(io, pos);
  }
  override map(_mm: unknown, shared: boolean, write: boolean): MapAnswer | number {
    const sealed = shared && (this.inode.seals & 0x18) !== 0;
    if (sealed && write) return -E.PERM;
    const { inode } = this;
    const { atime: time, mtime: modified } = inode;
    if ((time.s < modified.s || (time.s === modified.s && time.n <= modified.n)) && !(this.flags & O.NOATIME)) inode.atime = inode.fs.now();
    return { object: this.inode, name: '', readOnly: sealed };
  }
}
