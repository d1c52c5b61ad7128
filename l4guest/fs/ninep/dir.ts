/** Directories, links and special files behind a 9P server. */
import { REMOVE_DIR } from '../../../roottask/client/ninep/index.ts';
import { E } from '../../abi/errno.ts';
import { O, S, majorOf, minorOf } from '../../abi/linux.ts';
import { NotHere, type Later } from '../../kernel/later.ts';
import type { Thread } from '../../kernel/thread.ts';
import type { Co, Sleeper } from '../../kernel/wait.ts';
import { DirectoryFile, PathFile, type File } from '../file.ts';
import { Directory, Inode, type Changes, type DirEntry, type Owner } from '../inode.ts';
import type { SpecialInode } from '../tmpfs.ts';
import { NineRegular } from './file.ts';
import type { NineFs, NineInode, NineNode } from './fs.ts';
import { fromWire, toWire } from './session.ts';

/** A remembered name; undefined inode: it did not exist. */
interface Entry { readonly inode: NineInode | undefined; readonly at: number }
/** Files are read ahead from so many reads one after the other on. */
const ENOUGH_READS = 4, MOST_READS = 16;
/** Names to look up ahead, and the sequential look-ups before it starts. */
const NAMES_AHEAD = 16, ENOUGH_FOUND = 4;
/** Server memory of a remembered listing's entry, bytes. */
const LISTED_COST = 96;
/** The most names that a directory remembers. */
const MOST_NAMES = 16_384;

export class NineDir extends Directory {
  declare readonly fs: NineFs;
  readonly node: NineNode;
  private names = new Map<string, Entry>();
  private entries: { readonly list: DirEntry[]; readonly at: number } | undefined;
  constructor(node: NineNode) {
    super(node.fs, node.mode, node.ino);
    this.node = node;
    node.onRead = () => { this.reads = Math.min(this.reads + 2, MOST_READS); };
  }
  override get size(): number { return this.node.length; }
  override get blocks(): number { return this.node.blocks; }
  override refresh(t: Thread): void { this.node.refresh(t); }
  override change(c: Changes, t: Thread): Later<number> { return this.node.set(t, c); }
  override touchAttributes(): void { this.node.stale(); }
  override drop(): void {
    this.fs.k.frames.uncharge(this.paid);
    this.paid = 0;
    this.order = [];
    this.entries = undefined;
    this.node.release();
  }
  override open(_t: Thread, flags: number): File { return new DirectoryFile(this, flags); }
  /** The server knows. */
  override isEmpty(): boolean { return true; }

  override lookup(name: string, thread: Thread): Inode | undefined {
    const entry = this.names.get(name);
    if (entry && this.fs.isFresh(entry.at, thread)) return entry.inode;
    throw new NotHere((s) => this.find(s, name));
  }
  override toRemove(name: string): Inode | undefined {
    const inode = this.names.get(name)?.inode;
    return inode?.isDir ? undefined : inode;
  }
  /** A file that was created before its `make`: the name was unknown, and most names that are opened with O_CREAT are new. */
  private made: { readonly name: string; readonly inode: NineInode; readonly by: Sleeper; readonly at: number } | undefined;
  /** Files that the current call has created. */
  private madeBy(sleeper: Sleeper, name: string): NineInode | undefined {
    const { made } = this;
    return made && made.by === sleeper && made.name === name && made.at >= sleeper.since ? made.inode : undefined;
  }
  override lookupToMake(name: string, bits: number, thread: Thread): Inode | undefined {
    const entry = this.names.get(name);
    if (this.madeBy(thread, name)) return undefined;
    if (entry && (entry.inode || this.fs.isFresh(entry.at, thread))) return this.lookup(name, thread);
    throw new NotHere((s) => this.makeOrFind(s, name, bits));
  }
  private *makeOrFind(sleeper: Sleeper, name: string, bits: number): Co<number> {
    const inode = yield* this.makeFile(sleeper, name, bits);
    if (typeof inode === 'number') return yield* this.find(sleeper, name);
    this.made = { name, inode, by: sleeper, at: this.fs.k.clock.now() };
    return 0;
  }
  private *find(sleeper: Sleeper, name: string): Co<number> {
    const { names, read } = this.next(name), { fid } = this.node;
    if (names.length > 0) {
      let isFound = false;
      const text = toWire(name), failed = yield* this.fs.findAll(sleeper, fid, names, read, (other, inode) => {
        isFound ||= other === text;
        this.know(fromWire(other), inode);
      });
      if (failed || isFound) return failed;
    }
    const found = yield* this.fs.find(sleeper, fid, toWire(name));
    if (typeof found === 'number') return found;
    this.know(name, found);
    return 0;
  }
  // A program that reads one file after the other in the order in which they were listed gets the next few with each; one that only
  // looks at them, or removes them, gets to know the next ones.

  /** Rises when a file that was just found is opened to be read, falls when one is only found. */
  private reads = 0;
  /** How many names were found in sequence. */
  private run = 0;
  /** The order of names when they were last listed: a hint, whatever became of them. */
  private order: readonly DirEntry[] = [];
  /** Bytes charged for it. */
  private paid = 0;
  /** Where in it the last name stood that was found. */
  private lastAt = -1;
  private next(name: string): { readonly names: string[]; readonly read: boolean } {
    const { order, lastAt } = this, at = placeIn(order, name, lastAt, this.run > 0),
      follows = at === lastAt + 1 || (at >= 0 && at === lastAt);
    this.reads = Math.max(0, this.reads - 1);
    this.run = follows ? Math.min(this.run + 1, ENOUGH_FOUND) : 0;
    this.lastAt = at;
    const names: string[] = [], read = this.reads >= ENOUGH_READS;
    if (!follows || !(read || this.run === ENOUGH_FOUND)) return { names, read: false };
    for (let i = at; i < order.length && names.length < NAMES_AHEAD; i++) {
      if (read ? order[i]!.type !== S.IFREG : order[i]!.type === S.IFDIR) break;
      names.push(toWire(order[i]!.name));
    }
    this.lastAt += Math.max(0, names.length - 1);
    return { names, read };
  }
  private know(name: string, inode: NineInode | undefined): void {
    if (this.names.size >= MOST_NAMES) this.forgetNames();
    this.names.set(name, { inode, at: this.fs.k.clock.now() });
    if (inode) inode.node.home = { dir: this.node, name: toWire(name) };
    if (inode instanceof Directory) { inode.parent = this; inode.name = name; }
  }
  /** Drops unused nodes and returns their fids to the server. */
  private forgetNames(): void {
    const old = this.names;
    this.names = new Map();
    for (const { inode } of old.values())
      if (inode && inode.users === 0 && inode.covered === 0 && !inode.watchers && !(inode instanceof Directory) && !isMapped(inode))
        inode.drop();
  }

  override list(thread: Thread): DirEntry[] {
    if (!this.entries || !this.fs.isFresh(this.entries.at, thread)) throw new NotHere((s) => this.readAll(s));
    return this.entries.list;
  }
  private *readAll(sleeper: Sleeper): Co<number> {
    const { frames } = this.fs.k;
    let paid = 0;
    const list = yield* this.fs.session.list(sleeper, this.node.fid, (n) => {
      if (!frames.charge(n * LISTED_COST)) return false;
      paid += n * LISTED_COST;
      return true;
    });
    frames.uncharge(typeof list === 'number' ? paid : this.paid);
    if (typeof list === 'number') return list;
    this.paid = paid;
    this.entries = { list, at: this.fs.k.clock.now() };
    this.order = list;
    this.lastAt = -1;
    return 0;
  }

  // ── changes: the server performs them, then the result is fetched ────────────────────────────────────────────────────

  private changed(): void { this.entries = undefined; this.node.stale(); }

  override *make(name: string, mode: number, rdev: number, _owner: Owner | undefined, thread: Thread): Co<Inode | number> {
    const type = mode & S.IFMT, text = toWire(name), { session } = this.fs, bits = mode & 0o7777;
    const made = type === S.IFREG ? this.madeBy(thread, name) : undefined;
    this.made = undefined;
    if (made) return made;
    if (type === S.IFREG) return yield* this.makeFile(thread, name, bits);
    const reply = type === S.IFDIR ? yield* session.ask(thread, 'mkdir', { fid: this.node.fid, name: text, mode: bits, gid: 0 })
      : yield* session.ask(thread, 'mknod', { fid: this.node.fid, name: text, mode, major: majorOf(rdev), minor: minorOf(rdev), gid: 0 });
    return typeof reply === 'number' ? reply : yield* this.look(thread, name);
  }
  /** The new file's fid comes open for reading and writing; the caller opens it next. */
  private *makeFile(sleeper: Sleeper, name: string, mode: number): Co<NineInode | number> {
    const made = yield* this.fs.create(sleeper, this.node.fid, toWire(name), mode);
    if (typeof made === 'number') return made;
    this.changed();
    this.know(name, made.inode);
    if (made.inode instanceof NineRegular) made.inode.takeOpen(made.fid, O.RDWR); else this.fs.session.forget(made.fid);
    return made.inode;
  }
  override *makeLink(name: string, target: string, _owner: Owner | undefined, thread: Thread): Co<Inode | number> {
    const reply = yield* this.fs.session.ask(thread, 'symlink', { fid: this.node.fid, name: toWire(name), target: toWire(target), gid: 0 });
    return typeof reply === 'number' ? reply : yield* this.look(thread, name);
  }
  private *look(thread: Thread, name: string): Co<Inode | number> {
    this.changed();
    const failed = yield* this.find(thread, name);
    return failed || (this.names.get(name)?.inode ?? -E.NOENT);
  }
  override *link(name: string, inode: Inode, thread: Thread): Co<number> {
    const fid = yield* (inode as NineInode).node.way(thread),
      fields = fid < 0 ? fid : yield* this.fs.session.ask(thread, 'link', { folder: this.node.fid, fid, name: toWire(name) });
    if (typeof fields === 'number') return fields;
    this.gone(name);
    inode.touchAttributes();
    return 0;
  }
  private gone(name: string): void { this.names.delete(name); this.changed(); }

  override *unlink(name: string, inode: Inode, thread: Thread): Co<number> {
    const reply = yield* this.fs.session.ask(thread, 'unlinkat',
      { fid: this.node.fid, name: toWire(name), flags: inode.isDir ? REMOVE_DIR : 0 });
    if (typeof reply === 'number') return reply;
    this.gone(name);
    nameGone(inode);
    return 0;
  }
  override *move(name: string, inode: Inode, to: Directory, toName: string, old: Inode | undefined, thread: Thread): Co<number> {
    const dir = to as NineDir,
      reply = yield* this.fs.session.ask(thread, 'renameat', {
        from: this.node.fid, oldName: toWire(name), to: dir.node.fid, newName: toWire(toName)
      });
    if (typeof reply === 'number') return reply;
    this.gone(name);
    dir.gone(toName);
    if (old) nameGone(old);
    if (inode instanceof Directory) { inode.parent = dir; inode.name = toName; }
    (inode as NineInode).node.home = { dir: dir.node, name: toWire(toName) };
    inode.touchAttributes();
    return 0;
  }
}
/** The place of a name in a listing: after the last one, or anywhere, unless names came out of order too often. */
function placeIn(order: readonly DirEntry[], name: string, last: number, anywhere: boolean): number {
  if (order[last + 1]?.name === name) return last + 1;
  return anywhere || last < 0 ? order.findIndex((e) => e.name === name) : -1;
}
const isMapped = (i: Inode): boolean => i instanceof NineRegular && i.isMapped;
/** Removes a name: a file without names ends with its last user. */
function nameGone(i: Inode): void {
  i.nlink = i.isDir ? 0 : Math.max(0, i.nlink - 1);
  i.touchAttributes();
  if (i.nlink === 0 && i.users === 0) i.drop();
}

/** What is neither a folder nor a regular file. */
abstract class NineLeaf extends Inode {
  declare readonly fs: NineFs;
  readonly node: NineNode;
  constructor(node: NineNode) { super(node.fs, node.mode, node.ino); this.node = node; }
  override refresh(t: Thread): void { this.node.refresh(t); }
  override change(c: Changes, t: Thread): Later<number> { return this.node.set(t, c); }
  override touchAttributes(): void { this.node.stale(); }
  override drop(): void { this.node.release(); }
}

export class NineLink extends NineLeaf {
  private target: string | undefined;
  override get size(): number { return this.node.length; }
  override readlink(): string {
    if (this.target === undefined) throw new NotHere((s) => this.askTarget(s));
    return this.target;
  }
  private *askTarget(sleeper: Sleeper): Co<number> {
    const fid = yield* this.node.way(sleeper), reply = fid < 0 ? fid : yield* this.fs.session.ask(sleeper, 'readlink', { fid });
    if (typeof reply === 'number') return reply;
    this.target = fromWire(reply.target);
    return 0;
  }
  override open(_t: Thread, flags: number): File | number { return flags & O.PATH ? new PathFile(this, flags) : -E.LOOP; }
}

/** Set in the path of what guests made. */
const GUESTS = 1n << 63n;
/**
 * FIFOs, sockets and devices: they live in the guest; the server only remembers their names. The host's own are shown, and nothing else.
 */
export class NineSpecial extends NineLeaf {
  endpoint: unknown = undefined;
  override open(thread: Thread, flags: number): File | number {
    if (flags & O.PATH) return new PathFile(this, flags);
    return this.node.path & GUESTS ? this.fs.k.openSpecial(thread, this as unknown as SpecialInode, flags) : -E.NXIO;
  }
}

/** The inode for what a node's mode says. */
export function makeNineInode(node: NineNode): NineInode {
  switch (node.mode & S.IFMT) {
    case S.IFDIR: return new NineDir(node);
    case S.IFREG: return new NineRegular(node);
    case S.IFLNK: return new NineLink(node);
    default: return new NineSpecial(node);
  }
}
