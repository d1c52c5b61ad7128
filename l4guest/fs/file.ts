/**
 * Open file descriptions, and the table of descriptors that names them. Operations never sleep: one that would sleep returns -EAGAIN, and
 * the system call layer waits on the file's queue and tries again.
 */
import { E } from '../abi/errno.ts';
import { O, Poll, S } from '../abi/linux.ts';
import type { Later } from '../kernel/later.ts';
import type { Process } from '../kernel/process.ts';
import type { Thread } from '../kernel/thread.ts';
import type { Co, WaitQueue } from '../kernel/wait.ts';
import type { Mm } from '../mm/mm.ts';
import type { Io } from '../mm/uaccess.ts';
import type { Mappable } from '../mm/vma.ts';
import { Watch, notify, notifyFile } from './watch.ts';
import type { Owner } from './leases.ts';
import type { DirEntry, Directory, Inode } from './inode.ts';
import { above, textOfPath, type DirPath, type Mount, type Path } from './path.ts';

/** A request of mmap to a file. `frames` returns the source of the mapping; a number is -errno. */
export interface MapAnswer {
  readonly object: Mappable | undefined; readonly name: string;
  /** A shared mapping must not become writable (a sealed memfd). */
  readonly readOnly?: boolean;
}

/** The greatest position. */
const MOST_POSITION = 2 ** 63;

/** Server memory of an open file with everything it needs, bytes. */
const FILE_COST = 1536;
interface Purse { charge(bytes: number): boolean; uncharge(bytes: number): void }

export class File {
  readonly inode: Inode;
  flags: number;
  /** The flags that it was opened with. */
  private readonly opened: number;
  pos = 0;
  refs = 1;
  /** The directory in which it was opened, or to which it has moved since: for /proc, maps and watches. */
  dir: Directory | undefined;
  name = '';
  /** Its name was removed; another file may have it now. */
  isUnlinked = false;
  mount: Mount | undefined;
  /** Signals changes of `poll`; undefined for files that are always ready. */
  wq: WaitQueue | undefined;
  /** The open call created the file. */
  created = false;
  /** The receiver of its signals (F_SETOWN and relatives). */
  owner: Owner | undefined;
  /** The account that it is charged to, once it has a descriptor. */
  purse: Purse | undefined;
  /** Actions when it ends: locks, leases, notices. */
  atEnd: (() => void)[] | undefined;

  constructor(inode: Inode, flags: number) {
    this.inode = inode;
    this.flags = this.opened = flags;
    inode.users++;
    if ((flags & O.ACCMODE) !== O.RDONLY) inode.writing++;
  }
  get readable(): boolean { return (this.flags & O.ACCMODE) !== O.WRONLY && (this.flags & O.PATH) === 0; }
  get writable(): boolean { const m = this.flags & O.ACCMODE; return m !== O.RDONLY && (this.flags & O.PATH) === 0; }
  get nonblocking(): boolean { return (this.flags & O.NONBLOCK) !== 0; }
  /** How long a call on it may wait, ns: sockets with a timeout. */
  get readPatience(): number { return Infinity; }
  get writePatience(): number { return Infinity; }
  /** Whether the file has positions: lseek, pread. */
  get seekable(): boolean { return false; }

  /** Its bytes can go into a pipe and come out of one (splice, sendfile); false for files that return events. */
  get splices(): boolean { return !this.name.startsWith('anon_inode:'); }
  /** Its bytes can go into a pipe. */
  get splicesFrom(): boolean { return this.splices; }
  /** lseek does nothing instead of failing. */
  get seeksNowhere(): boolean { return false; }
  /** Reading and writing may sleep: each call then needs a cursor of its own. */
  readonly sleeps: boolean = false;

  /** Reads up to io.left bytes at `pos` (ignored where there are no positions). */
  read(_io: Io, _pos: number, _t: Thread): Later<number> { return -E.INVAL; }
  write(_io: Io, _pos: number, _t: Thread): Later<number> { return -E.INVAL; }
  /** Makes everything written durable: fsync, fdatasync. */
  sync(_t: Thread, _dataOnly: boolean): Later<number> { return 0; }
  poll(): number { return Poll.IN | Poll.OUT | Poll.RDNORM | Poll.WRNORM; }
  ioctl(_t: Thread, _command: number, _arg: number): number | Co<number> { return -E.NOTTY; }
  /** The position of O_APPEND and SEEK_END. */
  get end(): number { return this.inode.size; }
  seek(offset: number, whence: number): number {
    if (whence < 0 || whence > 4) return -E.INVAL;
    if (!this.seekable) return this.seeksNowhere ? 0 : -E.SPIPE;
    const to = whence > 2 ? this.inode.seek(offset, whence === 3) : [0, this.pos, this.end][whence]! + offset;
    if (to < 0) return whence > 2 ? to : -E.INVAL;
    if (to > MOST_POSITION) return whence === 0 ? -E.INVAL : -E.OVERFLOW;
    return this.pos = to;
  }
  /** Additional lines in /proc/PID/fdinfo. */
  get details(): string { return ''; }
  map(_mm: Mm, _shared: boolean, _write: boolean): MapAnswer | number { return -E.NODEV; }
  /** Called when the last descriptor is closed. */
  protected closed(): void { /* nothing to do */ }
  /** Called when a process closes one of its descriptors, or ends. */
  flush(_p: Process): void { /* nothing to do */ }
  /** Releases one reference; the last one ends the file. */
  release(): void {
    if (--this.refs > 0) return;
    const i = this.inode;
    if (this.dir?.watchers !== undefined || i.watchers !== undefined) this.tellClosed();
    this.closed();
    this.purse?.uncharge(FILE_COST);
    if (this.atEnd) for (const end of this.atEnd) end();
    if ((this.opened & O.ACCMODE) !== O.RDONLY) i.writing--;
    if (this.mount) this.mount.users--;
    if (--i.users === 0 && i.nlink === 0) { notify(i, Watch.DELETE_SELF); i.drop(); }
  }
  private tellClosed(): void { if (!(this.flags & O.PATH)) notifyFile(this, this.writable ? Watch.CLOSE_WRITE : Watch.CLOSE_NOWRITE); }
  hold(): this { this.refs++; return this; }
  /** Charges memory for the file, once; false: not enough memory. */
  charge(purse: Purse): boolean {
    if (this.purse !== undefined) return true;
    if (!purse.charge(FILE_COST)) return false;
    this.purse = purse;
    return true;
  }

  /** Notes where it was found, which keeps that mount in use. */
  enter(at: Path): void {
    this.dir ??= at.dir;
    if (this.name === '') this.name = at.name;
    this.mount = at.mount;
    at.mount.users++;
  }
  /** Path seen from `root`, as /proc/PID/fd shows it. */
  path(root: DirPath): string {
    const at = this.mount && { mount: this.mount, inode: this.inode, dir: this.dir, name: this.name },
      path = at && (textOfPath(at, root) ?? textOfPath(at));
    if (path === undefined) return this.name;
    return this.inode.nlink === 0 ? `${path} (deleted)` : path;
  }
}

/** Server memory of a snapshot's entry, bytes. */
const ENTRY_COST = 64;

/** An open directory: its entries are a snapshot taken at position 0. */
export class DirectoryFile extends File {
  private entries: DirEntry[] | undefined;
  override get seekable(): boolean { return true; }
  override read(): number { return -E.ISDIR; }
  override seek(offset: number, whence: number): number {
    if (whence > 1) return -E.INVAL;
    const to = whence === 0 ? offset : this.pos + offset;
    if (to < 0) return -E.INVAL;
    if (to === 0) this.forget();
    return this.pos = to;
  }
  private forget(): void {
    this.held?.uncharge(ENTRY_COST * this.entries!.length);
    this.held = this.entries = undefined;
  }
  private held: Purse | undefined;
  protected override closed(): void { this.forget(); }
  /** Takes the snapshot; undefined: not enough memory. */
  snapshot(thread: Thread): DirEntry[] | undefined {
    if (this.entries && this.pos > 0) return this.entries;
    this.forget();
    const directory = this.inode as Directory,
      up = this.mount ? above({ mount: this.mount, inode: directory }, thread.proc.fs.root).inode : directory.parent;
    const entries = [{ name: '.', ino: directory.ino, type: S.IFDIR }, { name: '..', ino: up.ino, type: S.IFDIR },
      ...directory.list(thread)];
    if (!thread.k.frames.charge(ENTRY_COST * entries.length)) return undefined;
    this.held = thread.k.frames;
    return this.entries = entries;
  }
}

/** An O_PATH descriptor: it names the inode and permits nothing else. */
export class PathFile extends File {
  override read(): number { return -E.BADF; }
  override write(): number { return -E.BADF; }
}

/** `file` is undefined for an O_PATH descriptor: most calls do not see it, those that ask for `any` do. */
interface Descriptor { readonly file: File | undefined; readonly any: File; cloexec: boolean }
const slotOf = (any: File, cloexec: boolean): Descriptor => ({ file: any.flags & O.PATH ? undefined : any, any, cloexec });

/** Server memory of a number, and of a descriptor in addition, bytes; a table is charged in units of PAID. */
const NUMBER_COST = 8, SLOT_COST = 48, PAID = 4096;
/** Numbers by which a table grows at once; higher numbers are stored separately, so that one of them does not create a long table. */
const NEAR = 1024;

export class FdTable {
  private readonly purse: Purse | undefined;
  /** Bytes charged. */
  private paid = 0;
  private count = 0;
  private slots: (Descriptor | undefined)[] = [];
  private far: Map<number, Descriptor> | undefined;
  private lowest = 0;
  users = 1;
  constructor(purse?: Purse) { this.purse = purse; }

  private slot(fd: number): Descriptor | undefined { return this.slots[fd] ?? this.far?.get(fd); }
  private isNear(fd: number): boolean { return fd < this.slots.length + NEAR; }
  private set(fd: number, slot: Descriptor): void {
    if (!this.isNear(fd)) { (this.far ??= new Map()).set(fd, slot); return; }
    this.far?.delete(fd);
    while (this.slots.length < fd) this.slots.push(undefined);
    this.slots[fd] = slot;
  }

  /** Weight of the table with `more` further descriptors, the highest being `fd`. */
  private weightWith(fd: number, more: number): number {
    return NUMBER_COST * (this.isNear(fd) ? Math.max(this.slots.length, fd + 1) : this.slots.length) + SLOT_COST * (this.count + more);
  }
  /** The charge for a copy. */
  get weight(): number { return Math.ceil(this.weightWith(0, 0) / PAID) * PAID; }
  /** Ensures memory for a descriptor of this number. */
  hasRoom(fd: number): boolean {
    const want = this.weightWith(fd, 1);
    if (want <= this.paid || !this.purse) return true;
    const more = Math.ceil((want - this.paid) / PAID) * PAID;
    if (!this.purse.charge(more)) return false;
    this.paid += more;
    return true;
  }

  /** The file of a descriptor that was opened for use; undefined for O_PATH, as most calls require. */
  get(fd: number): File | undefined { return (this.slots[fd | 0] ?? this.far?.get(fd | 0))?.file; }
  /** The same, O_PATH or not: for the few calls that only name, copy or close it. */
  any(fd: number): File | undefined { return this.slot(fd | 0)?.any; }
  cloexec(fd: number): boolean { return this.slot(fd)?.cloexec ?? false; }
  setCloexec(fd: number, on: boolean): void { const s = this.slot(fd); if (s) s.cloexec = on; }
  /** Puts the file (whose count passes to the table) at the lowest free number ≥ from; -EMFILE at the limit, -ENOMEM. */
  add(file: File, cloexec: boolean, limit: number, from = 0): number {
    let fd = Math.max(from, from <= this.lowest ? this.lowest : 0);
    while (this.slot(fd) !== undefined) fd++;
    if (fd >= limit) return -E.MFILE;
    if (!this.hasRoom(fd)) return -E.NOMEM;
    this.set(fd, slotOf(file, cloexec));
    this.count++;
    if (from <= this.lowest) this.lowest = fd + 1;
    return fd;
  }
  /** The number that the next file gets; -EMFILE. */
  lowestFree(limit: number): number {
    let fd = this.lowest;
    while (this.slot(fd) !== undefined) fd++;
    return fd < limit ? fd : -E.MFILE;
  }
  /** Puts a file at a given number and replaces the file there; the caller has checked `hasRoom`. */
  put(fd: number, file: File, cloexec: boolean): void {
    const old = this.slot(fd);
    if (!old) this.count++;
    this.set(fd, slotOf(file, cloexec));
    old?.any.release();
  }
  take(fd: number): File | undefined {
    const descriptor = this.slot(fd);
    if (!descriptor) return undefined;
    if (this.slots[fd]) this.slots[fd] = undefined;
    this.far?.delete(fd);
    this.count--;
    if (fd < this.lowest) this.lowest = fd;
    return descriptor.any;
  }
  /** All descriptors in the order of their numbers. */
  private all(): [number, Descriptor][] {
    const out: [number, Descriptor][] = [];
    for (let fd = 0; fd < this.slots.length; fd++) { const descriptor = this.slots[fd]; if (descriptor) out.push([fd, descriptor]); }
    return this.far?.size ? [...out, ...this.far].sort((a, b) => a[0] - b[0]) : out;
  }
  *entries(): Generator<[number, File]> { for (const [fd, s] of this.all()) yield [fd, s.any]; }
  /** The number after the highest descriptor in use. */
  get length(): number {
    let length = this.slots.length;
    if (this.far) for (const fd of this.far.keys()) length = Math.max(length, fd + 1);
    return length;
  }
  /** Numbers in use from `first` to `last`. */
  between(first: number, last: number): number[] { return this.all().map(([fd]) => fd).filter((fd) => fd >= first && fd <= last); }
  /** A copy; its `weight` has been charged (`isPaid`). */
  fork(isPaid = true): FdTable {
    const fdTable = new FdTable(this.purse), copy = (s: Descriptor): Descriptor => slotOf(s.any.hold(), s.cloexec);
    fdTable.paid = isPaid ? this.weight : 0;
    fdTable.count = this.count;
    fdTable.slots = this.slots.map((s) => s && copy(s));
    if (this.far?.size) fdTable.far = new Map([...this.far].map(([fd, s]) => [fd, copy(s)]));
    fdTable.lowest = this.lowest;
    return fdTable;
  }
  files(): File[] { return this.all().map(([, s]) => s.any); }
  /** Closes descriptors marked close-on-exec. */
  onExec(close: (fd: number) => void): void { for (const [fd, s] of this.all()) if (s.cloexec) close(fd); }
  /** Process `by` ends, and no other process uses this table. */
  closeAll(by?: Process): void {
    for (const [, descriptor] of this.all()) { if (by) descriptor.any.flush(by); descriptor.any.release(); }
    this.slots = [];
    this.far = undefined;
    this.lowest = this.count = 0;
    this.purse?.uncharge(this.paid);
    this.paid = 0;
  }
}
