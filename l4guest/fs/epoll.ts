/** epoll: an interest list whose items are woken by the files they watch. */
import { E } from '../abi/errno.ts';
import { O, Poll } from '../abi/linux.ts';
import { WaitQueue, type Waiter } from '../kernel/wait.ts';
import { File } from './file.ts';
import type { Inode } from './inode.ts';

export const Ep = { ET: 0x80000000, ONESHOT: 0x40000000, EXCLUSIVE: 0x10000000, ALWAYS: Poll.ERR | Poll.HUP } as const;

/** Epoll files watching epoll files, at most. */
const MAX_DEPTH = 5;
/** What EPOLLEXCLUSIVE may come with. */
const EXCLUSIVE_OK = 0x9000_0000 | 0x2000_0000 | Poll.IN | Poll.OUT | Poll.ERR | Poll.HUP;

class Item implements Waiter {
  readonly fd: number; readonly file: File;
  events: number; data: bigint;
  /** Something happened since it was reported last (edge-triggered items). */
  fresh = true;
  private readonly owner: EpollFile;
  constructor(owner: EpollFile, fd: number, file: File, events: number, data: bigint) { this.owner = owner; this.fd = fd; this.file = file; this.events = events; this.data = data; }
  wake(): void { this.fresh = true; this.owner.wq.wakeAll(); }
  ready(): number { return this.file.refs > 0 ? this.file.poll() & (this.events | Ep.ALWAYS) & 0xffff : 0; }
}

export class EpollFile extends File {
  override readonly wq = new WaitQueue();
  private readonly items = new Map<string, Item>();
  private readonly ids = new WeakMap<File, number>();
  private lastId = 0;
  constructor(inode: Inode, flags: number) { super(inode, O.RDWR | (flags & O.NONBLOCK)); this.name = 'anon_inode:[eventpoll]'; }

  private key(fd: number, f: File): string {
    let id = this.ids.get(f);
    if (id === undefined) this.ids.set(f, id = ++this.lastId);
    return `${fd}:${id}`;
  }
  control(op: number, fd: number, file: File, events: number, data: bigint): number {
    if (file === this) return -E.INVAL;
    if (op === 1 && file instanceof EpollFile && (file.reaches(this) || file.depth >= MAX_DEPTH)) return -E.LOOP;
    if (op === 1 && events & Ep.EXCLUSIVE && (file instanceof EpollFile || events & ~EXCLUSIVE_OK)) return -E.INVAL;
    if (!file.wq && (file.inode.isDir || file.seekable)) return -E.PERM;
    const key = this.key(fd, file), old = this.items.get(key);
    this.sweep();
    if (op === 1) {
      if (old) return -E.EXIST;
      const item = new Item(this, fd, file, events, data);
      this.items.set(key, item);
      file.wq?.add(item);
      if (item.ready()) this.wq.wakeAll();
      return 0;
    }
    if (!old) return -E.NOENT;
    if (op === 2) { this.drop(key, old); return 0; }
    if (op !== 3 || (old.events | events) & Ep.EXCLUSIVE) return -E.INVAL;
    old.events = events; old.data = data; old.fresh = true;
    if (old.ready()) this.wq.wakeAll();
    return 0;
  }
  /** Epoll files that this one watches. */
  private get nested(): EpollFile[] { return [...this.items.values()].flatMap((i) => (i.file instanceof EpollFile && i.file.refs > 0 ? [i.file] : [])); }
  private reaches(other: EpollFile): boolean { return this === other || this.nested.some((n) => n.reaches(other)); }
  private get depth(): number { return 1 + Math.max(0, ...this.nested.map((n) => n.depth)); }
  private drop(key: string, item: Item): void { this.items.delete(key); item.file.wq?.remove(item); }
  /** Closed files leave the list by themselves. */
  private sweep(): void { for (const [key, item] of this.items) if (item.file.refs <= 0) this.drop(key, item); }

  collect(max: number): { events: number; data: bigint }[] {
    const out: { events: number; data: bigint }[] = [];
    for (const [key, item] of [...this.items]) {
      if (item.file.refs <= 0) { this.drop(key, item); continue; }
      if (out.length >= max) break;
      if (item.events & Ep.ET && !item.fresh) continue;
      const events = item.ready();
      if (!events) continue;
      out.push({ events, data: item.data });
      item.fresh = false;
      if (item.events & Ep.ONESHOT) item.events = Ep.ET;
      this.items.delete(key); // to the end: fairness
      this.items.set(key, item);
    }
    return out;
  }
  override poll(): number { for (const i of this.items.values()) if ((!(i.events & Ep.ET) || i.fresh) && i.ready()) return Poll.IN | Poll.RDNORM; return 0; }
  protected override closed(): void { for (const [key, item] of [...this.items]) this.drop(key, item); }
}
