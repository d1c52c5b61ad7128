/** inotify: watches on inodes, events as records in a queue. Watchers of a file and of its folder are notified of its events. */
import { E } from '../abi/errno.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { O, Poll } from '../abi/linux.ts';
import type { Thread } from '../kernel/thread.ts';
import { WaitQueue } from '../kernel/wait.ts';
import { bytesOf, setU32, type Io } from '../mm/uaccess.ts';
import { File } from './file.ts';
import type { Inode } from './inode.ts';
import { Watch, type Opened } from './watch.ts';

export { Watch, newCookie, notify, notifyAt, notifyFile } from './watch.ts';

/** All valid bits of inotify_add_watch. */
export const WATCH_BITS = 0xf700_efff | 0;
/** Server memory of a watch and of a queued event, bytes. */
const WATCH_COST = 256, EVENT_COST = 96;
const FIONREAD = 0x541b;

/** struct inotify_event: i32 wd, u32 mask, u32 cookie, u32 len, char name[len]. */
function record(wd: number, mask: number, cookie: number, name: string): Uint8Array {
  const text = bytesOf(name), length = name === '' ? 0 : Math.ceil((text.length + 1) / 16) * 16, out = new Uint8Array(16 + length),
    view = new DataView(out.buffer);
  view.setInt32(0, wd, true); view.setUint32(4, mask >>> 0, true); view.setUint32(8, cookie, true); view.setUint32(12, length, true);
  out.set(text, 16);
  return out;
}

class Watching {
  readonly file: InotifyFile; readonly wd: number; readonly inode: Inode;
  mask: number;
  constructor(file: InotifyFile, wd: number, inode: Inode, mask: number) {
    this.file = file;
    this.wd = wd;
    this.inode = inode;
    this.mask = mask;
  }
  notify(mask: number, cookie: number, name: string, opened?: Opened): void {
    const wanted = mask & this.mask & Watch.ALL;
    if (wanted && !(this.mask & Watch.EXCL_UNLINK && opened && this.isGone(opened))) this.file.post(record(this.wd, mask, cookie, name));
    if (mask & (Watch.DELETE_SELF | Watch.UNMOUNT) || (this.mask & Watch.ONESHOT && wanted)) this.file.remove(this.wd);
  }
  private isGone({ inode, dir, name }: Opened): boolean { return dir.lookup(name, this.file.k.cpu.current as Thread) !== inode; }
}

/** Limits of instances and watches per user. */
class Usage { instances = 0; watches = 0; }
const usage = new WeakMap<Kernel, Map<number, Usage>>();
function usageOf(k: Kernel, uid: number): Usage {
  let all = usage.get(k);
  if (!all) usage.set(k, all = new Map());
  let own = all.get(uid);
  if (!own) all.set(uid, own = new Usage());
  return own;
}
/** A new instance for the thread's user; -EMFILE, -ENOMEM. */
export function openInotify(thread: Thread, inode: Inode, flags: number): InotifyFile | number {
  const usage = usageOf(thread.k, thread.creds.uid);
  if (usage.instances >= thread.k.sysctl.number('fs/inotify/max_user_instances')) return -E.MFILE;
  usage.instances++;
  return new InotifyFile(thread.k, inode, flags, usage);
}

export class InotifyFile extends File {
  override readonly wq = new WaitQueue();
  readonly k: Kernel;
  private readonly user: Usage;
  private queue: Uint8Array[] = [];
  private head = 0;
  private readonly watches = new Map<number, Watching>();
  private last = 0;
  constructor(k: Kernel, inode: Inode, flags: number, user: Usage) {
    super(inode, O.RDONLY | (flags & O.NONBLOCK));
    this.k = k;
    this.user = user;
    this.name = 'anon_inode:inotify';
  }

  private get waiting(): number { return this.queue.length - this.head; }
  post(bytes: Uint8Array): void {
    const top = this.waiting > 0 ? this.queue[this.queue.length - 1]! : undefined,
      most = this.k.sysctl.number('fs/inotify/max_queued_events');
    if (top && top.length === bytes.length && top.every((b, i) => b === bytes[i])) return;
    if (this.waiting > most) return;
    const full = this.waiting === most || !this.k.frames.charge(EVENT_COST + bytes.length);
    if (full && top && new DataView(top.buffer).getUint32(4, true) === Watch.Q_OVERFLOW) return;
    this.queue.push(full ? record(-1, Watch.Q_OVERFLOW, 0, '') : bytes);
    this.wq.wakeAll();
  }
  /** A watch descriptor, or -errno. */
  add(inode: Inode, mask: number): number {
    const bits = mask & (Watch.ALL | Watch.EXCL_UNLINK | Watch.ONESHOT);
    for (const watcher of inode.watchers ?? []) {
      if (!(watcher instanceof Watching) || watcher.file !== this) continue;
      if (mask & Watch.MASK_CREATE) return -E.EXIST;
      watcher.mask = mask & Watch.ADD ? watcher.mask | bits : bits;
      return watcher.wd;
    }
    if (this.user.watches >= this.k.sysctl.number('fs/inotify/max_user_watches')) return -E.NOSPC;
    if (!this.k.frames.charge(WATCH_COST)) return -E.NOMEM;
    this.user.watches++;
    const watching = new Watching(this, ++this.last, inode, bits);
    this.watches.set(watching.wd, watching);
    (inode.watchers ??= new Set()).add(watching);
    return watching.wd;
  }
  remove(wd: number): number {
    const watching = this.watches.get(wd);
    if (!watching) return -E.INVAL;
    this.forget(watching);
    this.post(record(wd, Watch.IGNORED, 0, ''));
    return 0;
  }
  private forget(watching: Watching): void {
    this.watches.delete(watching.wd);
    watching.inode.watchers?.delete(watching);
    if (watching.inode.watchers?.size === 0) watching.inode.watchers = undefined;
    this.user.watches--;
    this.k.frames.uncharge(WATCH_COST);
  }
  override get seeksNowhere(): boolean { return true; }
  override read(io: Io): number {
    if (this.waiting === 0) return -E.AGAIN;
    const start = io.done;
    while (this.waiting > 0 && this.queue[this.head]!.length <= io.left) {
      const bytes = this.queue[this.head]!;
      io.put(bytes, 0, bytes.length);
      this.head++;
      this.uncharge(bytes);
      if (this.head > 256) { this.queue = this.queue.slice(this.head); this.head = 0; }
    }
    return io.done > start ? io.done - start : -E.INVAL;
  }
  /** Removes an event from the queue; the overflow event was never charged. */
  private uncharge(r: Uint8Array): void {
    if (new DataView(r.buffer).getUint32(4, true) !== Watch.Q_OVERFLOW) this.k.frames.uncharge(EVENT_COST + r.length);
  }
  override poll(): number { return this.waiting > 0 ? Poll.IN | Poll.RDNORM : 0; }
  override ioctl(thread: Thread, command: number, arg: number): number {
    if (command !== FIONREAD) return -E.NOTTY;
    let n = 0;
    for (let i = this.head; i < this.queue.length; i++) n += this.queue[i]!.length;
    setU32(thread.mm, arg, n);
    return 0;
  }
  /** Lines of /proc/PID/fdinfo. */
  override get details(): string {
    const hex = (n: number): string => (n >>> 0).toString(16);
    return [...this.watches.values()].map((w) =>
      `inotify wd:${hex(w.wd)} ino:${hex(w.inode.ino)} sdev:${hex(w.inode.dev)} mask:${hex(w.mask)} ignored_mask:0 fhandle-bytes:8 `
        + `fhandle-type:1 f_handle:${hex(w.inode.ino).padStart(16, '0')}\n`).join(
      '');
  }
  protected override closed(): void {
    for (const watching of [...this.watches.values()]) this.forget(watching);
    for (let i = this.head; i < this.queue.length; i++) this.uncharge(this.queue[i]!);
    this.queue = [];
    this.user.instances--;
  }
}
