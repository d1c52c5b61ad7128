/** Regular files behind a 9P server: reads and writes go through, mappings share a page cache. */
import type { Window } from '../../../microkernel/abi/index.ts';
import { E } from '../../abi/errno.ts';
import { O, PAGE, SiCode, Sig } from '../../abi/linux.ts';
import { NotHere, type Later } from '../../kernel/later.ts';
import type { Thread } from '../../kernel/thread.ts';
import { WaitQueue, type Co, type Sleeper } from '../../kernel/wait.ts';
import type { Mm } from '../../mm/mm.ts';
import type { Io } from '../../mm/uaccess.ts';
import type { Mappable, Vma } from '../../mm/vma.ts';
import { PageCache } from '../cache.ts';
import { File, type MapAnswer } from '../file.ts';
import { Inode, type Changes } from '../inode.ts';
import type { NineFs, NineNode } from './fs.ts';

/** Pages that a fault fetches at once. */
const AHEAD = 16;
/** The open flags for the server, by what the caller's flags ask for. */
const modeOf = (flags: number): number => flags & (O.ACCMODE | O.APPEND | O.SYNC | O.DSYNC);

export class NineRegular extends Inode implements Mappable {
  declare readonly fs: NineFs;
  readonly node: NineNode;
  readonly sleeps = true;
  private readonly cache: PageCache;
  /** Open fids without a user, by their open flags. */
  private readonly opened = new Map<number, number>();
  /** A fid through which stores to mappings are written back. */
  private writeFid: number | undefined;
  /** The fid through which pages are fetched. */
  private readFid: number | undefined;
  private isWritingBack = false;
  private readonly writtenBack = new WaitQueue();
  /** Changes of the contents come from this side: the cached pages stay valid. */
  private own = false;
  constructor(node: NineNode) {
    super(node.fs, node.mode, node.ino);
    this.node = node;
    this.cache = new PageCache(node.fs.k.frames);
    node.onChange = (length) => this.contentsChanged(length);
    node.idleFid = () => this.opened.values().next().value;
  }
  override get size(): number { return this.node.length; }
  override get blocks(): number { return this.node.blocks; }
  get areas(): Set<Vma> { return this.cache.areas; }
  get isMapped(): boolean { return this.cache.areas.size > 0 || this.cache.dirty.size > 0; }
  override refresh(t: Thread): void { this.node.refresh(t); }
  override change(c: Changes, t: Thread): Later<number> { return this.node.set(t, c); }
  override touchAttributes(): void { this.node.stale(); }
  override *truncate(length: number, thread: Thread): Co<number> {
    const result = yield* this.node.set(thread, {}, length);
    if (result < 0) return result;
    this.wrote(length);
    this.cache.cut(length);
    this.node.length = length;
    yield* this.noteOwn(thread);
    return 0;
  }
  override drop(): void {
    if (this.isMapped) return;
    this.closeIdle();
    if (this.writeFid !== undefined) this.fs.session.forget(this.writeFid);
    this.writeFid = undefined;
    if (this.readFid !== undefined) this.fs.session.forget(this.readFid);
    this.readFid = undefined;
    this.cache.release();
    this.node.release();
  }
  private contentsChanged(length: number): void {
    this.ahead = undefined;
    if (!this.own) this.cache.drop(0, Infinity, true);
    this.cache.drop(Math.ceil(length / PAGE));
    this.own = false;
  }
  /** The server has received the bytes written here, up to `end`. */
  wrote(end: number): void {
    this.ahead = undefined;
    this.own = true;
    this.node.length = Math.max(this.node.length, end);
    this.node.stale();
  }
  update(pos: number, bytes: Uint8Array): void { this.cache.update(pos, bytes); }
  /** After own changes: reads the file's time, so that a later change by the host can be recognized. Unnecessary without cached pages. */
  *noteOwn(t: Sleeper): Co<void> { if (this.own && this.cache.size > 0) yield* this.node.ask(t); }

  // ── open files ───────────────────────────────────────────────────────────────────────────────────────────────────────

  override open(thread: Thread, flags: number): File {
    const mode = modeOf(flags);
    if (mode === O.RDONLY) this.node.home?.dir.onRead?.();
    const fid = this.opened.get(mode) ?? (mode & O.APPEND ? undefined : this.opened.get(O.RDWR));
    if (fid === undefined) throw new NotHere((s) => this.openWith(s, mode));
    this.node.refresh(thread);
    for (const [mode, other] of this.opened) if (other === fid) this.opened.delete(mode);
    return new NineFile(this, flags, fid);
  }
  /** The file was found together with its neighbours: takes an open fid, and its first bytes. */
  takeAhead(fid: number, data: Uint8Array): void {
    if (this.opened.has(O.RDONLY)) { this.fs.session.forget(fid); return; }
    this.opened.set(O.RDONLY, fid);
    this.fs.isIdle(this);
    this.ahead = { data, at: this.fs.k.clock.now() };
  }
  /** First bytes that were read ahead; the whole file if it is shorter than AHEAD_BYTES. */
  private ahead: { readonly data: Uint8Array; readonly at: number } | undefined;
  /** Bytes from `pos` on, if they were read ahead and are fresh enough for the reader. */
  readAhead(pos: number, thread: Thread): Uint8Array | undefined {
    const { ahead } = this;
    if (!ahead) return undefined;
    if (!this.fs.isFresh(ahead.at, thread)) { this.ahead = undefined; return undefined; }
    return pos < ahead.data.length ? ahead.data.subarray(pos) : undefined;
  }
  /** Takes a fid that is already open. */
  takeOpen(fid: number, mode: number): void { this.opened.set(mode, fid); }
  /**
   * A file is closed: its fid serves the next open, for a while. A fid that may write is not kept, because running the file on the host
   * would then fail with ETXTBSY.
   */
  giveBack(fid: number, mode: number): void {
    if (this.nlink === 0 || mode !== O.RDONLY || this.opened.has(mode)) { this.fs.session.forget(fid); return; }
    this.opened.set(mode, fid);
    this.fs.isIdle(this);
  }
  /** Closes fids that are open and unused. */
  closeIdle(): void {
    this.ahead = undefined;
    for (const fid of this.opened.values()) this.fs.session.forget(fid);
    this.opened.clear();
  }
  private *openWith(sleeper: Sleeper, mode: number): Co<number> {
    const fid = yield* this.openFid(sleeper, mode);
    if (fid < 0) return fid;
    this.takeOpen(fid, mode);
    return 0;
  }
  private *openFid(sleeper: Sleeper, mode: number): Co<number> {
    const { session } = this.fs, fid = yield* this.node.takeWay(sleeper);
    if (fid < 0) return fid;
    const reply = yield* session.ask(sleeper, 'lopen', { fid, flags: mode });
    if (typeof reply !== 'number') return fid;
    session.forget(fid);
    return reply;
  }

  // ── mappings ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  frameToRead(index: number): number {
    const pfn = this.cache.get(index);
    if (pfn !== 0) return pfn;
    if (index * PAGE >= this.node.length) return -1;
    throw new NotHere((t) => this.fetch(t, index));
  }
  frameToWrite(index: number): number {
    const pfn = this.frameToRead(index);
    if (pfn > 0) this.cache.dirty.add(index);
    return pfn;
  }
  resident(index: number): boolean { return this.cache.get(index) !== 0; }
  glance(index: number): Window | undefined { return this.cache.get(index) === 0 ? undefined : this.cache.bytes(index); }
  private *fetch(sleeper: Sleeper, index: number): Co<number> {
    const from = index - (index % AHEAD), { session } = this.fs, fid = this.readFid ?? (yield* this.openFid(sleeper, O.RDONLY));
    if (fid < 0) return fid;
    this.readFid = fid;
    const reply = yield* session.ask(sleeper, 'read', { fid, offset: BigInt(from * PAGE), count: Math.min(AHEAD * PAGE, session.chunk) });
    if (typeof reply === 'number') return reply;
    if (reply.data.length <= (index - from) * PAGE) return -E.IO;
    for (let at = 0; at < reply.data.length; at += PAGE)
      if (!this.cache.fill(from + at / PAGE, reply.data.subarray(at, at + PAGE)) && from + at / PAGE === index) return -E.NOMEM;
    return 0;
  }
  /** Prepares a mapping whose stores reach the file: they need a fid to be written back through. */
  prepareStores(): void { if (this.writeFid === undefined) throw new NotHere((t) => this.openBack(t)); }
  private *openBack(sleeper: Sleeper): Co<number> {
    const fid = yield* this.openFid(sleeper, O.RDWR);
    if (fid < 0) return fid;
    this.writeFid = fid;
    return 0;
  }
  unmapped(): void {
    if (this.cache.dirty.size > 0) this.fs.k.workers.start((t) => this.writeBack(t));
    else if (this.nlink === 0 && this.users === 0) this.drop();
  }
  /** Writes back all pages with stores. */
  *writeBack(sleeper: Sleeper): Co<number> {
    const { session } = this.fs;
    while (this.isWritingBack) yield* sleeper.nap(this.writtenBack);
    this.isWritingBack = true;
    let failed = 0;
    try {
      for (const index of [...this.cache.dirty].sort((a, b) => a - b)) {
        const offset = index * PAGE, n = Math.min(PAGE, this.node.length - offset);
        this.cache.clean(index);
        if (n <= 0 || this.writeFid === undefined) continue;
        const reply = yield* session.ask(sleeper, 'write',
          { fid: this.writeFid, offset: BigInt(offset), data: this.cache.bytes(index).read(0, n) });
        if (typeof reply === 'number') failed ||= reply; else this.wrote(offset + n);
      }
      yield* this.noteOwn(sleeper);
    } finally { this.isWritingBack = false; this.writtenBack.wakeAll(); }
    if (!this.isMapped && this.nlink === 0 && this.users === 0) this.drop();
    return failed;
  }
  get hasStores(): boolean { return this.cache.dirty.size > 0; }
}

export class NineFile extends File {
  declare readonly inode: NineRegular;
  readonly fid: number;
  constructor(inode: NineRegular, flags: number, fid: number) {
    super(inode, flags);
    this.fid = fid;
    inode.node.openFid ??= fid;
  }
  override get seekable(): boolean { return true; }
  override readonly sleeps = true;
  override *read(io: Io, pos: number, thread: Thread): Co<number> {
    const { session } = this.inode.fs, start = io.done;
    if (this.inode.hasStores) yield* this.inode.writeBack(thread);
    if (pos >= this.inode.size && this.inode.node.isFresh(thread)) return 0;
    const ahead = this.inode.readAhead(pos, thread);
    if (ahead) {
      const n = Math.min(io.left, ahead.length);
      io.put(ahead, 0, n);
      pos += n;
      if (io.left === 0 || pos >= this.inode.size) return n;
    }
    while (io.left > 0) {
      const count = Math.min(io.left, session.chunk),
        reply = yield* session.ask(thread, 'read', { fid: this.fid, offset: BigInt(pos), count });
      if (typeof reply === 'number') return io.done > start ? io.done - start : reply;
      io.put(reply.data, 0, reply.data.length);
      pos += reply.data.length;
      if (reply.data.length < count) break;
    }
    return io.done - start;
  }
  override *write(io: Io, pos: number, thread: Thread): Co<number> {
    const { inode } = this, { session } = inode.fs, start = io.done, limit = thread.proc.limits.fileSize,
      append = (this.flags & O.APPEND) !== 0;
    if (pos >= limit && io.left > 0) { thread.k.signals.toThread(thread, Sig.XFSZ, SiCode.KERNEL); return -E.FBIG; }
    while (io.left > 0) {
      const data = new Uint8Array(Math.min(io.left, session.chunk, limit - pos));
      if (data.length === 0) break;
      io.take(data, 0, data.length);
      const reply = yield* session.ask(thread, 'write', { fid: this.fid, offset: BigInt(pos), data });
      if (typeof reply === 'number') { const done = io.done - start - data.length; return done > 0 ? done : reply; }
      if (!append) inode.update(pos, data.subarray(0, reply.count));
      pos += reply.count;
      inode.wrote(append ? 0 : pos);
      if (reply.count < data.length) return io.done - start - data.length + reply.count;
    }
    yield* inode.noteOwn(thread);
    return io.done - start;
  }
  override sync(t: Thread, dataOnly: boolean): Later<number> { return this.syncAll(t, dataOnly); }
  private *syncAll(thread: Thread, dataOnly: boolean): Co<number> {
    const failed = yield* this.inode.writeBack(thread),
      reply = yield* this.inode.fs.session.ask(thread, 'fsync', { fid: this.fid, dataOnly: dataOnly ? 1 : 0 });
    return failed || (typeof reply === 'number' ? reply : 0);
  }
  override map(_mm: Mm, shared: boolean): MapAnswer | number {
    if (shared && this.writable) this.inode.prepareStores();
    return { object: this.inode, name: '' };
  }
  protected override closed(): void {
    const { node } = this.inode;
    if (node.openFid === this.fid) node.openFid = undefined;
    this.inode.giveBack(this.fid, modeOf(this.flags));
  }
}
