/** epoll: an interest list whose items are woken by the files they watch. */
import { E } from '../abi/errno.ts';
import { Cap, O, Poll } from '../abi/linux.ts';
import { capable } from '../kernel/creds.ts';
import { UserFault } from '../kernel/failure.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Thread } from '../kernel/thread.ts';
import { WaitQueue, type Waiter } from '../kernel/wait.ts';
import { copyIn, copyOut } from '../mm/uaccess.ts';
import { File } from './file.ts';
import type { Inode } from './inode.ts';

export const Ep = { ET: 0x80000000, ONESHOT: 0x40000000, EXCLUSIVE: 0x10000000, ALWAYS: Poll.ERR | Poll.HUP } as const;

/** Bounds for nested epoll files, and for paths of each length by which a file may be watched, so that wake-ups and checks are bounded. */
const MAX_DEPTH = 4, MOST_WAYS = [1000, 500, 100, 50, 10] as const;
const Op = { ADD: 1, DEL: 2, MOD: 3 } as const;
/** Server memory of an item, bytes. */
const ITEM_COST = 320;
/** What a fired EPOLLONESHOT item keeps of its events: it reports nothing, not even an error, until EPOLL_CTL_MOD. */
const HOW = 0xf000_0000;
const GET_PARAMETERS = 0x80088a02, SET_PARAMETERS = 0x40088a01, MOST_BUDGET = 64;
/** Flags permitted with EPOLLEXCLUSIVE. */
const EXCLUSIVE_OK = 0x9000_0000 | 0x2000_0000 | Poll.IN | Poll.OUT | Poll.ERR | Poll.HUP;

class Item implements Waiter {
  readonly fd: number; readonly file: File;
  events: number; data: bigint;
  /** An event has occurred since the last report (edge-triggered items). */
  fresh = true;
  private readonly owner: EpollFile;
  constructor(owner: EpollFile, fd: number, file: File, events: number, data: bigint) {
    this.owner = owner;
    this.fd = fd;
    this.file = file;
    this.events = events;
    this.data = data;
  }
  get exclusive(): boolean { return (this.events & Ep.EXCLUSIVE) !== 0; }
  wants(events: number): boolean { return (events & this.events) !== 0; }
  wake(events: number): void {
    if (!this.wants(events)) return;
    this.fresh = true;
    this.owner.wq.wakeAll(Poll.IN | Poll.RDNORM);
  }
  ready(): number { return this.file.refs > 0 ? this.file.poll() & this.events & 0xffff : 0; }
}

export class EpollFile extends File {
  override readonly wq = new WaitQueue();
  private readonly items = new Map<string, Item>();
  private readonly ids = new WeakMap<File, number>();
  private lastId = 0;
  private readonly k: Kernel;
  constructor(k: Kernel, inode: Inode, flags: number) {
    super(inode, O.RDWR | (flags & O.NONBLOCK));
    this.k = k;
    this.name = 'anon_inode:[eventpoll]';
  }
  override get seeksNowhere(): boolean { return true; }
  /** The parameters of busy polling are kept: no card here is polled. */
  private readonly busyPolling = new Uint8Array(8);
  override ioctl(thread: Thread, command: number, arg: number): number {
    if (command === GET_PARAMETERS) { copyOut(thread.mm, arg, this.busyPolling); return 0; }
    if (command !== SET_PARAMETERS) return -E.INVAL;
    const bytes = copyIn(thread.mm, arg, 8), view = new DataView(bytes.buffer), budget = view.getUint16(4, true);
    if (bytes[7] !== 0 || bytes[6]! > 1 || view.getInt32(0, true) < 0) return -E.INVAL;
    if (budget > MOST_BUDGET && !capable(thread.creds, Cap.NET_ADMIN)) return -E.PERM;
    this.busyPolling.set(bytes);
    return 0;
  }
  override get details(): string {
    return [...this.items.values()].map(({ fd, events, data, file }) => `tfd: ${String(fd).padStart(8)} events: ${
      (events >>> 0).toString(16).padStart(8)} data: ${BigInt.asUintN(64, data).toString(16).padStart(16)}  pos:${
      file.pos} ino:${file.inode.ino.toString(16)} sdev:${file.inode.fs.dev.toString(16)}\n`).join('');
  }

  private key(fd: number, file: File): string {
    let id = this.ids.get(file);
    if (id === undefined) this.ids.set(file, id = ++this.lastId);
    return `${fd}:${id}`;
  }
  /** epoll_ctl: 0 or -errno, asked in Linux's order. */
  control(op: number, fd: number, file: File, events: number, data: bigint): number {
    if (!file.wq) return -E.PERM;
    if (file === this) return -E.INVAL;
    if (events & Ep.EXCLUSIVE && (op === Op.MOD || (op === Op.ADD && (file instanceof EpollFile || events & ~EXCLUSIVE_OK))))
      return -E.INVAL;
    if (op === Op.ADD && file instanceof EpollFile) {
      if (file.reaches(this) || file.depth + this.height > MAX_DEPTH) return -E.LOOP;
      if (!file.mayBeWatchedBy(this)) return -E.INVAL;
    }
    const key = this.key(fd, file), old = this.items.get(key);
    this.sweep();
    switch (op) {
      case Op.ADD: return old ? -E.EXIST : this.watch(key, new Item(this, fd, file, events | Ep.ALWAYS, data));
      case Op.DEL: if (!old) return -E.NOENT; this.drop(key, old); return 0;
      case Op.MOD: return old ? this.modify(old, events, data) : -E.NOENT;
      default: return -E.INVAL;
    }
  }
  private watch(key: string, item: Item): number {
    if (this.items.size >= this.k.sysctl.number('fs/epoll/max_user_watches')) return -E.NOSPC;
    if (!this.k.frames.charge(ITEM_COST)) return -E.NOMEM;
    this.items.set(key, item);
    item.file.wq!.add(item);
    if (item.file instanceof EpollFile) item.file.watched(this, 1);
    if (item.ready()) this.wq.wakeAll(Poll.IN | Poll.RDNORM);
    return 0;
  }
  private modify(item: Item, events: number, data: bigint): number {
    if (item.events & Ep.EXCLUSIVE) return -E.INVAL;
    item.events = events | Ep.ALWAYS; item.data = data; item.fresh = true;
    if (item.ready()) this.wq.wakeAll(Poll.IN | Poll.RDNORM);
    return 0;
  }
  /** The epoll files that watch this one, and through how many descriptors. */
  private readonly watchers = new Map<EpollFile, number>();
  private watched(by: EpollFile, more: number): void {
    const n = (this.watchers.get(by) ?? 0) + more;
    if (n > 0) this.watchers.set(by, n); else this.watchers.delete(by);
  }
  /** The number of paths of each length by which other epoll files watch this one. */
  private ways(known: Map<EpollFile, readonly number[]>): readonly number[] {
    const old = known.get(this);
    if (old) return old;
    const out = MOST_WAYS.map(() => 0);
    for (const [epollFile, n] of this.watchers) {
      if (epollFile.refs <= 0) continue;
      out[0]! += n;
      epollFile.ways(known).slice(0, -1).forEach((more, i) => { out[i + 1]! += n * more; });
    }
    known.set(this, out);
    return out;
  }
  /**
   * Whether the paths to this file, and to all files that it watches, stay within the bounds.
   * @spec linux fs/eventpoll.c reverse_path_check
   */
  private mayBeWatchedBy(by: EpollFile): boolean {
    const known = new Map<EpollFile, readonly number[]>(), below = new Set<EpollFile>([this]);
    for (const epollFile of below) for (const n of epollFile.nested) below.add(n);
    this.watched(by, 1);
    try {
      for (const lower of below) if (lower.ways(known).some((n, i) => n > MOST_WAYS[i]!)) return false;
      return true;
    } finally { this.watched(by, -1); }
  }
  private get height(): number {
    let n = -1;
    for (let layer = new Set<EpollFile>([this]); layer.size > 0 && n <= MAX_DEPTH; n++) {
      const above = new Set<EpollFile>();
      for (const epollFile of layer) for (const watcher of epollFile.watchers.keys()) if (watcher.refs > 0) above.add(watcher);
      layer = above;
    }
    return n;
  }
  /** Epoll files that this one watches. */
  private get nested(): EpollFile[] {
    return [...this.items.values()].flatMap((i) => (i.file instanceof EpollFile && i.file.refs > 0 ? [i.file] : []));
  }
  private reaches(other: EpollFile): boolean {
    const below = new Set<EpollFile>([this]);
    for (const epollFile of below) for (const n of epollFile.nested) below.add(n);
    return below.has(other);
  }
  /** Depth of nested epoll files from here down. */
  private get depth(): number {
    let n = 0;
    for (let layer = new Set<EpollFile>([this]); layer.size > 0 && n <= MAX_DEPTH; n++) {
      const below = new Set<EpollFile>();
      for (const epollFile of layer) for (const inner of epollFile.nested) below.add(inner);
      layer = below;
    }
    return n;
  }
  private drop(key: string, item: Item): void {
    if (!this.items.delete(key)) return;
    item.file.wq?.remove(item);
    if (item.file instanceof EpollFile) item.file.watched(this, -1);
    this.k.frames.uncharge(ITEM_COST);
  }
  /** Removes closed files from the list. */
  private sweep(): void { for (const [key, item] of this.items) if (item.file.refs <= 0) this.drop(key, item); }

  /** Reports up to `max` events in turn; if a report fails, the remaining events stay. Returns the number reported. */
  collect(max: number, tell: (i: number, events: number, data: bigint) => void): number {
    let told = 0;
    for (const [key, item] of [...this.items]) {
      if (item.file.refs <= 0) { this.drop(key, item); continue; }
      if (told >= max) break;
      if (item.events & Ep.ET && !item.fresh) continue;
      const events = item.ready();
      if (!events) continue;
      try { tell(told, events, item.data); } catch (error) { if (!(error instanceof UserFault) || told === 0) throw error; break; }
      told++;
      item.fresh = false;
      if (item.events & Ep.ONESHOT) item.events &= HOW;
      this.items.delete(key); // moves it to the end of the list, for fairness
      this.items.set(key, item);
    }
    return told;
  }
  override poll(): number {
    for (const i of this.items.values()) if ((!(i.events & Ep.ET) || i.fresh) && i.ready()) return Poll.IN | Poll.RDNORM;
    return 0;
  }
  protected override closed(): void { for (const [key, item] of [...this.items]) this.drop(key, item); }
}
