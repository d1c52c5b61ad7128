/** inotify: watches on inodes, events as records in a queue. */
import { E } from '../abi/errno.ts';
import { O, Poll } from '../abi/linux.ts';
import { WaitQueue } from '../kernel/wait.ts';
import { bytesOf, type Io } from '../mm/uaccess.ts';
import { File } from './file.ts';
import type { Inode } from './inode.ts';

export const Watch = {
  ACCESS: 1, MODIFY: 2, ATTRIB: 4, CLOSE_WRITE: 8, CLOSE_NOWRITE: 0x10, OPEN: 0x20, MOVED_FROM: 0x40, MOVED_TO: 0x80, CREATE: 0x100,
  DELETE: 0x200, DELETE_SELF: 0x400, MOVE_SELF: 0x800, IGNORED: 0x8000, ISDIR: 0x40000000, ONESHOT: 0x80000000, ADD: 0x20000000,
} as const;

/** Tells the watchers of an inode, if there are any. `name`: which entry of a directory. */
export function notify(inode: Inode, mask: number, name = '', cookie = 0): void {
  if (inode.watchers) for (const w of [...inode.watchers]) w.notify(mask, cookie, name);
}
let cookies = 0;
export const newCookie = (): number => ++cookies;

/** struct inotify_event: i32 wd, u32 mask, u32 cookie, u32 len, char name[len]. */
function record(wd: number, mask: number, cookie: number, name: string): Uint8Array {
  const text = bytesOf(name), length = name === '' ? 0 : Math.ceil((text.length + 1) / 16) * 16, out = new Uint8Array(16 + length), v = new DataView(out.buffer);
  v.setInt32(0, wd, true); v.setUint32(4, mask >>> 0, true); v.setUint32(8, cookie, true); v.setUint32(12, length, true);
  out.set(text, 16);
  return out;
}

class Watching {
  readonly file: InotifyFile; readonly wd: number; readonly inode: Inode;
  mask: number;
  constructor(file: InotifyFile, wd: number, inode: Inode, mask: number) { this.file = file; this.wd = wd; this.inode = inode; this.mask = mask; }
  notify(mask: number, cookie: number, name: string): void {
    if (mask & this.mask & 0xfff) this.file.post(record(this.wd, mask, cookie, name));
    if (mask & Watch.DELETE_SELF || (this.mask & Watch.ONESHOT && mask & this.mask & 0xfff)) this.file.remove(this.wd);
  }
}

export class InotifyFile extends File {
  override readonly wq = new WaitQueue();
  private readonly queue: Uint8Array[] = [];
  private readonly watches = new Map<number, Watching>();
  private last = 0;
  constructor(inode: Inode, flags: number) { super(inode, O.RDONLY | (flags & O.NONBLOCK)); this.name = 'anon_inode:inotify'; }

  post(r: Uint8Array): void {
    const top = this.queue[this.queue.length - 1];
    if (top && top.length === r.length && top.every((b, i) => b === r[i])) return;
    this.queue.push(r);
    this.wq.wakeAll();
  }
  add(inode: Inode, mask: number): number {
    for (const w of this.watches.values()) if (w.inode === inode) { w.mask = mask & Watch.ADD ? w.mask | mask : mask; return w.wd; }
    const w = new Watching(this, ++this.last, inode, mask);
    this.watches.set(w.wd, w);
    (inode.watchers ??= new Set()).add(w);
    return w.wd;
  }
  remove(wd: number): number {
    const w = this.watches.get(wd);
    if (!w) return -E.INVAL;
    this.watches.delete(wd);
    w.inode.watchers?.delete(w);
    if (w.inode.watchers?.size === 0) w.inode.watchers = undefined;
    this.post(record(wd, Watch.IGNORED, 0, ''));
    return 0;
  }
  override read(io: Io): number {
    if (!this.queue.length) return -E.AGAIN;
    const start = io.done;
    while (this.queue.length && this.queue[0]!.length <= io.left) { const r = this.queue.shift()!; io.put(r, 0, r.length); }
    return io.done > start ? io.done - start : -E.INVAL;
  }
  override poll(): number { return this.queue.length ? Poll.IN | Poll.RDNORM : 0; }
  protected override closed(): void { for (const wd of [...this.watches.keys()]) this.remove(wd); }
}
