/** tmpfs: directories as maps, files in frames. The root file system is one too, filled from a tar image or by hand. */
import { E } from '../abi/errno.ts';
import { O, S } from '../abi/linux.ts';
import { NotHere } from '../kernel/later.ts';
import type { Co, Sleeper } from '../kernel/wait.ts';
import type { DirOrigin, FileOrigin } from './origin.ts';
import type { Thread } from '../kernel/thread.ts';
import type { Frames } from '../mm/frames.ts';
import { Parts } from '../kernel/work.ts';
import { bytesOf } from '../mm/text.ts';
import { DirectoryFile, File, PathFile } from './file.ts';
import { Directory, Inode, lessName, type DirEntry, type FileSystem, type Owner } from './inode.ts';
import type { Time } from '../kernel/clocks.ts';
import { RegularInode, type Image, type MemoryFs } from './regular.ts';

/** Opens inodes other than files, directories and links: device nodes, fifos, sockets. The drivers set this. */
export type OpenSpecial = (t: Thread, inode: Inode, flags: number) => File | number;

/** Limits and the root's attributes; undefined: no limit, or the type's default. `blocks` are pages. */
export interface TmpOptions {
  readonly blocks?: number;
  readonly inodes?: number;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number
}

/** A size as tmpfs reads it: bytes, with k, m, g or t, or a share of memory in percent. */
function sizeOf(text: string, pages: number): number {
  const match = /^(\d+)([kmgt%]?)$/i.exec(text), unit = match?.[2]!.toLowerCase();
  return match ? Number(match[1]) * (unit === '%' ? pages * 4096 / 100 : 1024 ** ' kmgt'.indexOf(unit || ' ')) : NaN;
}
/** Reads the options that `mount -o` gives a tmpfs; -EINVAL for an unknown one. 0 means no limit. */
export function readOptions(data: string, pages: number): TmpOptions | number {
  const out: { -readonly [K in keyof TmpOptions]: TmpOptions[K] } = {};
  for (const word of data.split(',').filter((w) => w !== '')) {
    const [key, value = ''] = word.split('='), plain = sizeOf(value, pages);
    if (key === 'size') out.blocks = Math.ceil(plain / 4096) || (plain === 0 ? Infinity : NaN);
    else if (key === 'nr_blocks') out.blocks = plain || (plain === 0 ? Infinity : NaN);
    else if (key === 'nr_inodes') out.inodes = plain || (plain === 0 ? Infinity : NaN);
    else if (key === 'mode') out.mode = /^[0-7]+$/.test(value) ? parseInt(value, 8) & 0o7777 : NaN;
    else if (key === 'uid' || key === 'gid') out[key] = /^\d+$/.test(value) ? Number(value) : NaN;
    else if (key !== 'huge' && key !== 'mpol') return -E.INVAL;
  }
  return Object.values(out).some(Number.isNaN) ? -E.INVAL : out;
}

/** Server memory of an inode with its name, bytes; and of one from an origin, most of which are never used again. */
const INODE_COST = 1024, FOUND_COST = 320;
/** A listed entry of an origin's directory, with its type. */
const LISTED_COST = 320;
/** The most missing names that a file system remembers. */
const MOST_MISSING = 16_384;
/** The part of memory that file systems leave to programs. */
const MARGIN = 1 / 32;

export class TmpFs implements MemoryFs, FileSystem {
  readonly type: string;
  readonly dev: number;
  readonly magic: number;
  readonly source: string;
  readonly frames: Frames;
  readonly clock: () => Time;
  readonly openSpecial: OpenSpecial;
  readOnly = false;
  limits: TmpOptions;
  /** The default limit in pages: a tmpfs may use half of memory. */
  private readonly most: number;
  private pages = 0;
  private inodes = 0;
  readonly root: TmpDir;
  private lastIno = 0;

  constructor(init: {
    type: string; dev: number; magic?: number | undefined; source?: string; frames: Frames; clock: () => Time; openSpecial: OpenSpecial
  },
      mode = 0o755, limits: TmpOptions = {}) {
    this.limits = limits;
    this.most = init.type === 'tmpfs' ? init.frames.total >> 1 : init.frames.total;
    this.type = init.type; this.dev = init.dev; this.magic = init.magic ?? 0x01021994; this.source = init.source ?? init.type;
    this.frames = init.frames; this.clock = init.clock; this.openSpecial = init.openSpecial;
    this.root = new TmpDir(this, limits.mode ?? mode);
    this.root.uid = limits.uid ?? 0;
    this.root.gid = limits.gid ?? 0;
  }
  now(): Time { return this.clock(); }
  newIno(): number { return ++this.lastIno; }
  /** What statfs reports instead if the files come from an origin. */
  space: { readonly blocks: number; readonly free: number; readonly files: number; readonly freeFiles: number } | undefined;

  usage(): { blocks: number; free: number; files: number; freeFiles: number } {
    if (this.space) return this.space;
    const { blocks = this.most, inodes = this.frames.total } = this.limits;
    return {
      blocks, free: Math.max(0, Math.min(this.frames.free, blocks - this.pages)), files: inodes,
      freeFiles: Math.max(0, inodes - this.inodes)
    };
  }
  get options(): string {
    const { blocks, inodes, mode, uid, gid } = this.limits;
    const given = {
      size: blocks === undefined ? undefined : `${blocks * 4}k`, nr_inodes: inodes, mode: mode?.toString(8), uid: uid || undefined,
      gid: gid || undefined
    };
    return Object.entries(given).map(([name, value]) => (value === undefined ? '' : `,${name}=${value}`)).join('');
  }
  remount(data: string): number {
    const next = readOptions(data, this.frames.total);
    if (typeof next === 'number') return next;
    if ((next.blocks ?? Infinity) < this.pages || (next.inodes ?? Infinity) < this.inodes) return -E.INVAL;
    this.limits = { ...this.limits, ...next };
    return 0;
  }
  /** Counts one more page; false: the file system is full. */
  takePage(): boolean {
    if (this.pages >= (this.limits.blocks ?? this.most) || !this.frames.has(this.frames.total * MARGIN)) return false;
    this.pages++;
    return true;
  }
  /** Counts a page that is a copy of the origin's; it is never refused. */
  holdPage(): void { this.pages++; }
  givePages(n: number): void { this.pages -= n; }
  /** Counts one more inode; `bytes`: what it holds besides its name. False: the file system is full. */
  takeInode(bytes = 0): boolean {
    if (this.inodes >= (this.limits.inodes ?? Infinity) || !this.frames.charge(INODE_COST + bytes)) return false;
    this.inodes++;
    this.frames.work.made(Parts.inode);
    return true;
  }
  /** Counts an inode that an origin delivered, once per name: for memory, not for the limit. */
  takeFound(inode: Inode): boolean {
    if (!this.frames.charge(FOUND_COST)) return false;
    inode.found++;
    return true;
  }
  /** Names that origins do not have, so that they are not requested twice; when they are too many, all are forgotten. */
  private missing = new Map<TmpDir, Set<string>>();
  private missingCount = 0;
  missed(dir: TmpDir, name: string): boolean { return this.missing.get(dir)?.has(name) ?? false; }
  isMissing(dir: TmpDir, name: string): void {
    if (++this.missingCount > MOST_MISSING) { this.missing.clear(); this.missingCount = 1; }
    let names = this.missing.get(dir);
    if (!names) this.missing.set(dir, names = new Set());
    names.add(name);
  }
  /** An inode ends. One from an image was never counted. */
  giveInode(inode: Inode): void {
    if (inode.found > 0) this.frames.uncharge(FOUND_COST * inode.found);
    inode.found = 0;
    if (!inode.counted) return;
    this.inodes--;
    this.frames.uncharge(INODE_COST + (inode instanceof LinkInode ? inode.target.length : 0));
  }
  /** A name is removed: one that `link` made counts as an inode, as on Linux. */
  giveName(inode: Inode): void {
    if (inode.moreNames === 0 || inode.nlink < 2) return;
    inode.moreNames--;
    this.inodes--;
    this.frames.uncharge(INODE_COST);
  }
}

export class TmpDir extends Directory {
  declare readonly fs: TmpFs;
  private readonly names = new Map<string, Inode>();
  constructor(fs: TmpFs, mode: number) { super(fs, S.IFDIR | mode); this.nlink = 2; }
  /** A directory with an origin reports the size of a directory on disk: looking up names in it does not change it. */
  override get size(): number { return this.origin === undefined ? 40 + this.names.size * 20 : 4096; }
  override open(_t: Thread, flags: number): File | number { return new DirectoryFile(this, flags); }
  /** The origin of names that have not been looked up yet. */
  origin: DirOrigin | undefined;
  /** Names that the origin does not have, or that were removed. */
  private absent: Set<string> | undefined;
  private unasked: Map<string, DirEntry> | undefined;

  override lookup(name: string, _t?: Thread): Inode | undefined {
    const found = this.names.get(name);
    if (found !== undefined || this.origin === undefined || this.absent?.has(name)) return found;
    if (this.unasked) {
      const entry = this.unasked.get(name), listed = entry && this.origin.listed?.(entry);
      if (!entry) return undefined;
      if (listed && this.takeOver(name, listed)) return listed;
    } else if (this.fs.missed(this, name)) return undefined;
    throw new NotHere((t) => this.fetch(t, this.origin!, name));
  }
  private *fetch(sleeper: Sleeper, origin: DirOrigin, name: string): Co<number> {
    const found = yield* origin.find(sleeper, name);
    if (typeof found === 'number') return found;
    if (!this.isNew(name)) return 0; // another call was faster
    if (found === undefined) { this.fs.isMissing(this, name); return 0; }
    return this.takeOver(name, found) ? 0 : -E.NOMEM;
  }
  private isNew(name: string): boolean { return !this.names.has(name) && !this.absent?.has(name); }
  /** Stores a name of the origin; false: no memory for it. */
  private takeOver(name: string, found: Inode): boolean {
    if (!this.fs.takeFound(found)) return false;
    this.names.set(name, found);
    if (found instanceof Directory) { found.parent = this; found.name = name; this.nlink++; }
    return true;
  }
  override list(): DirEntry[] {
    const out: DirEntry[] = [], more = this.rest();
    for (const [name, i] of this.names) out.push({ name, ino: i.ino, type: i.type });
    for (const dirEntry of more) if (this.isNew(dirEntry.name)) out.push(dirEntry);
    return out;
  }
  override isEmpty(): boolean { return this.names.size === 0 && this.list().length === 0; }
  /** The origin's names that are not in memory yet. */
  private rest(): Iterable<DirEntry> {
    if (this.origin === undefined || this.unasked) return this.unasked?.values() ?? [];
    throw new NotHere((t) => this.askRest(t, this.origin!));
  }
  private *askRest(sleeper: Sleeper, origin: DirOrigin): Co<number> {
    const list = yield* origin.list(sleeper);
    if (typeof list === 'number') return list;
    if (this.unasked) return 0; // another call was faster
    const unasked = new Map(list.map((e) => [e.name, e]));
    if (!this.fs.frames.charge(LISTED_COST * unasked.size)) return -E.NOMEM;
    this.unasked = unasked;
    return 0;
  }
  override drop(): void {
    if (this.unasked) this.fs.frames.uncharge(LISTED_COST * this.unasked.size);
    this.unasked = undefined;
    this.fs.giveInode(this);
  }

  /** A new inode of the type in `mode`, not named yet. */
  create(mode: number, rdev = 0, image?: Image, origin?: FileOrigin): Inode {
    switch (mode & S.IFMT) {
      case S.IFDIR: return new TmpDir(this.fs, mode & 0o7777);
      case S.IFREG: return new RegularInode(this.fs, mode, image, origin);
      default: return new SpecialInode(this.fs, mode, rdev);
    }
  }
  override make(name: string, mode: number, rdev: number, owner?: Owner): Inode | number {
    if (!this.fs.takeInode()) return -E.NOSPC;
    const inode = this.create(mode, rdev);
    inode.counted = true;
    belong(inode, owner);
    this.add(name, inode);
    return inode;
  }
  override makeLink(name: string, target: string, owner?: Owner): Inode | number {
    if (!this.fs.takeInode(target.length)) return -E.NOSPC;
    const link = new LinkInode(this.fs, target);
    link.counted = true;
    belong(link, owner);
    this.add(name, link);
    return link;
  }
  override makeNameless(mode: number, owner?: Owner): Inode | number {
    if (!this.fs.takeInode()) return -E.NOSPC;
    const inode = this.create(S.IFREG | (mode & 0o7777));
    inode.counted = true;
    belong(inode, owner);
    inode.nlink = 0;
    return inode;
  }
  /** Names an inode of this file system; the caller counts the name. */
  add(name: string, inode: Inode): void {
    this.names.set(name, inode);
    if (inode instanceof Directory) { inode.parent = this; inode.name = name; this.nlink++; }
    this.touch();
  }
  /** Removes only the name. */
  take(name: string): void {
    const inode = this.names.get(name);
    if (!inode) return;
    this.names.delete(name);
    if (this.origin) (this.absent ??= new Set()).add(name);
    if (inode instanceof Directory) this.nlink--;
    this.touch();
  }
  override link(name: string, inode: Inode): number {
    if (!this.fs.takeInode()) return -E.NOSPC;
    inode.moreNames++;
    this.add(name, inode);
    inode.nlink++;
    inode.touchAttributes();
    return 0;
  }
  override unlink(name: string, inode: Inode): number {
    this.take(name);
    this.fs.giveName(inode);
    lessName(inode);
    return 0;
  }
  override move(name: string, inode: Inode, to: Directory, toName: string, old: Inode | undefined): number {
    this.take(name);
    if (old) { (to as TmpDir).take(toName); this.fs.giveName(old); lessName(old, true); }
    (to as TmpDir).add(toName, inode);
    inode.touchAttributes();
    return 0;
  }
  override exchange(name: string, inode: Inode, to: Directory, toName: string, other: Inode): number {
    this.take(name);
    (to as TmpDir).take(toName);
    this.add(name, other);
    (to as TmpDir).add(toName, inode);
    inode.touchAttributes();
    other.touchAttributes();
    return 0;
  }
}
function belong(inode: Inode, owner: Owner | undefined): void {
  if (!owner) return;
  inode.uid = owner.uid;
  inode.gid = owner.gid;
}

export class LinkInode extends Inode {
  readonly target: string;
  constructor(fs: FileSystem, target: string) { super(fs, S.IFLNK | 0o777); this.target = target; }
  override get size(): number { return bytesOf(this.target).length; }
  override get blocks(): number { return 0; }
  override readlink(): string { return this.target; }
  override drop(): void { (this.fs as TmpFs).giveInode(this); }
  override open(_t: Thread, flags: number): File | number { return flags & O.PATH ? new PathFile(this, flags) : -E.LOOP; }
}

export class SpecialInode extends Inode {
  declare readonly fs: TmpFs;
  /** What a fifo or a bound socket is connected to; belongs to the driver. */
  endpoint: unknown = undefined;
  override drop(): void { this.fs.giveInode(this); }
  constructor(fs: FileSystem, mode: number, rdev: number) { super(fs, mode); this.rdev = rdev; }
  override open(t: Thread, flags: number): File | number { return this.fs.openSpecial(t, this, flags); }
}
