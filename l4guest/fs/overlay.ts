/**
 * overlay: merges directories of several trees. Changes go to the uppermost tree: a lower file is copied up before a write, a whiteout (a
 * character device 0:0) covers a removed lower name, and an opaque directory hides everything below it.
 *
 *   upper   a (changed)   b → whiteout        merged   a (changed)      c
 *   lower   a             b            c
 *
 * @spec linux Documentation/filesystems/overlayfs.rst
 */
import { E } from '../abi/errno.ts';
import { O, S } from '../abi/linux.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Time } from '../kernel/clocks.ts';
import { NotHere, after, sooner, type Later } from '../kernel/later.ts';
import type { Thread } from '../kernel/thread.ts';
import type { Co, Sleeper } from '../kernel/wait.ts';
import { KernelIo } from '../mm/uaccess.ts';
import { DirectoryFile, File } from './file.ts';
import { Directory, Inode, type Changes, type DirEntry, type FileSystem, type Owner } from './inode.ts';

const OPAQUE = 'trusted.overlay.opaque', CHUNK = 65_536;
const isWhiteout = (i: Inode): boolean => i.type === S.IFCHR && i.rdev === 0;
const isOpaque = (d: Directory): boolean => d.xattrs?.get(OPAQUE)?.[0] === 0x79;
const optionOf = (data: string, name: string): string | undefined =>
  data.split(',').find((w) => w.startsWith(`${name}=`))?.slice(name.length + 1);

/** Server memory of a found name, bytes; without memory for it, each look-up starts again. */
const KNOWN_COST = 384;

export class OverlayFs implements FileSystem {
  readonly type = 'overlay'; readonly magic = 0x794c7630; readonly source = 'overlay';
  readonly dev: number;
  readOnly: boolean;
  readonly options: string;
  readonly weight = 4096;
  readonly root: OverlayDir;
  /** The number of overlays on top of each other, this one included. */
  readonly depth: number;
  readonly k: Kernel;
  constructor(k: Kernel, dev: number, lowers: readonly Directory[], upper: Directory | undefined, options: string) {
    this.k = k; this.dev = dev; this.readOnly = upper === undefined; this.options = `,${options}`;
    this.depth = 1 + Math.max(0, ...[...lowers, ...(upper ? [upper] : [])].map((d) => (d.fs instanceof OverlayFs ? d.fs.depth : 0)));
    this.root = new OverlayDir(this, upper, lowers);
  }
  now(): Time { return this.k.clock.time(); }
  newIno(): number { return 0; }
  usage(t: Thread): ReturnType<FileSystem['usage']> { return (this.root.upper ?? this.root.lowers[0]!).fs.usage(t); }
}

/** The trees named by `mount -o`; undefined for invalid options. `lowerdir` begins with the uppermost. */
export function overlayOptions(data: string): { readonly lowers: string[]; readonly upper: string | undefined } | undefined {
  const lower = optionOf(data, 'lowerdir'), upper = optionOf(data, 'upperdir'), work = optionOf(data, 'workdir');
  if (!lower || (upper === undefined) !== (work === undefined)) return undefined;
  return { lowers: lower.split(':').filter((p) => p !== ''), upper };
}

/** Attributes are copied from the real inode when it is found and when it changes. */
function mirror(i: Inode, real: Inode): void {
  i.mode = real.mode; i.uid = real.uid; i.gid = real.gid; i.nlink = real.nlink; i.rdev = real.rdev;
  i.atime = real.atime; i.mtime = real.mtime; i.ctime = real.ctime;
}

export class OverlayDir extends Directory {
  declare readonly fs: OverlayFs;
  upper: Directory | undefined;
  readonly lowers: readonly Directory[];
  /** Found inodes, so that one name has one inode. */
  private readonly known = new Map<string, OverlayDir | OverlayInode>();
  constructor(fs: OverlayFs, upper: Directory | undefined, lowers: readonly Directory[]) {
    const real = upper ?? lowers[0]!;
    super(fs, real.mode, real.ino);
    this.upper = upper;
    this.lowers = lowers;
    mirror(this, real);
  }
  get real(): Directory { return this.upper ?? this.lowers[0]!; }
  override get size(): number { return this.real.size; }
  override refresh(t: Thread): void { this.real.refresh(t); mirror(this, this.real); }
  override open(_t: Thread, flags: number): File { return new DirectoryFile(this, flags); }
  override isEmpty(t: Thread): boolean { return this.list(t).length === 0; }

  override lookup(name: string, thread: Thread): Inode | undefined {
    const top = this.upper?.lookup(name, thread), below = this.below(name, thread), real = top ?? below[0];
    if (real === undefined || isWhiteout(real)) { this.forget(name); return undefined; }
    const old = this.known.get(name);
    if (old?.real === real) return old;
    const made = real instanceof Directory ? this.merged(real, top, below) : new OverlayInode(this, name, real, top !== undefined);
    if (made instanceof OverlayDir) { made.parent = this; made.name = name; }
    if (old || this.fs.k.frames.charge(KNOWN_COST)) this.known.set(name, made);
    return made;
  }
  private forget(name: string): void { if (this.known.delete(name)) this.fs.k.frames.uncharge(KNOWN_COST); }
  /** The inodes that the lower trees have under a name, down to the first whiteout. */
  private below(name: string, thread: Thread): Inode[] {
    const found: Inode[] = [];
    for (const directory of this.lowers) {
      const i = directory.lookup(name, thread);
      if (i && isWhiteout(i)) { if (found.length === 0) found.push(i); break; }
      if (i) found.push(i);
      if (i instanceof Directory && isOpaque(i)) break;
    }
    return found;
  }
  private merged(real: Directory, top: Inode | undefined, below: readonly Inode[]): OverlayDir {
    const lowers: Directory[] = [];
    if (!(top instanceof Directory && isOpaque(top))) for (const i of below) { if (!(i instanceof Directory)) break; lowers.push(i); }
    return new OverlayDir(this.fs, top instanceof Directory ? top : undefined, lowers.length > 0 ? lowers : [real]);
  }
  override list(thread: Thread): DirEntry[] {
    const hidden = new Set<string>(), out: DirEntry[] = [];
    for (const directory of [...(this.upper ? [this.upper] : []), ...this.lowers]) {
      for (const dirEntry of directory.list(thread)) {
        if (hidden.has(dirEntry.name)) continue;
        hidden.add(dirEntry.name);
        if (dirEntry.type !== S.IFCHR || !isWhiteout(directory.lookup(dirEntry.name, thread)!)) out.push(dirEntry);
      }
    }
    return out;
  }

  // ── changes ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Throws NotHere until this directory is in the upper tree. */
  needUpper(thread: Thread): Directory {
    if (this.upper) return this.upper;
    throw new NotHere((s) => this.copyUp(s, thread));
  }
  *copyUp(sleeper: Sleeper, thread: Thread): Co<number> {
    const above = this.parent as OverlayDir, real = this.real;
    if (this.upper) return 0;
    if (above === this) return -E.ROFS;
    const failed = yield* above.copyUp(sleeper, thread);
    if (failed) return failed;
    const made = yield* sooner(above.upper!.make(this.name, real.mode, 0, { uid: real.uid, gid: real.gid }, thread));
    if (typeof made === 'number') return made;
    this.upper = made as Directory;
    return yield* dress(made, real, thread);
  }
  /** Removes the whiteout that a new name replaces, if there is one. */
  private clear(name: string, upper: Directory, thread: Thread): Later<number> {
    const old = upper.lookup(name, thread);
    return old ? upper.unlink(name, old, thread) : 0;
  }
  private put<T extends Inode>(name: string, thread: Thread, make: (upper: Directory) => Later<T | number>): Later<Inode | number> {
    const upper = this.needUpper(thread), hides = this.below(name, thread).length > 0;
    return after(this.clear(name, upper, thread), (failed) => (failed < 0 ? failed : after(make(upper), (made) => {
      if (typeof made === 'number') return made;
      if (made instanceof Directory && hides) (made.xattrs ??= new Map()).set(OPAQUE, Uint8Array.of(0x79));
      mirror(this, this.real);
      return this.lookup(name, thread)!;
    })));
  }
  override make(name: string, mode: number, rdev: number, owner: Owner | undefined, t: Thread): Later<Inode | number> {
    return this.put(name, t, (u) => u.make(name, mode, rdev, owner, t));
  }
  override makeLink(name: string, target: string, owner: Owner | undefined, t: Thread): Later<Inode | number> {
    return this.put(name, t, (u) => u.makeLink(name, target, owner, t));
  }
  override makeNameless(mode: number, owner: Owner | undefined, t: Thread): Later<Inode | number> {
    return this.needUpper(t).makeNameless(mode, owner, t);
  }
  override link(name: string, inode: Inode, thread: Thread): Later<number> {
    const real = (inode as OverlayInode).needUpper(thread);
    return after(this.put(name, thread, (u) => after(u.link(name, real, thread), (r) => (r < 0 ? r : real))),
      (r) => (typeof r === 'number' ? r : 0));
  }
  override unlink(name: string, inode: Inode, thread: Thread): Later<number> {
    const upper = this.needUpper(thread), top = upper.lookup(name, thread), covers = this.below(name, thread).length > 0;
    // only whiteouts: the directory appears empty
    const inside = top instanceof Directory ? top.list(thread).map((e) => [e.name, top.lookup(e.name, thread)!] as const) : [];
    this.forget(name);
    inode.nlink = inode.isDir ? 0 : Math.max(0, inode.nlink - 1);
    return this.unlinkUpper(upper, name, top, inside, covers, thread);
  }
  private *unlinkUpper(upper: Directory, name: string, top: Inode | undefined, inside: readonly (readonly [string, Inode])[],
      covers: boolean, thread: Thread): Co<number> {
    for (const [n, i] of inside) { const result = yield* sooner((top as Directory).unlink(n, i, thread)); if (result < 0) return result; }
    const removed = top ? yield* sooner(upper.unlink(name, top, thread)) : 0;
    if (removed < 0 || !covers) return removed;
    const made = yield* sooner(upper.make(name, S.IFCHR, 0, { uid: 0, gid: 0 }, thread));
    return typeof made === 'number' ? made : 0;
  }
  /** A merged directory cannot be renamed; programs copy it instead. */
  override move(name: string, inode: Inode, to: Directory, toName: string, old: Inode | undefined, thread: Thread): Later<number> {
    const into = to as OverlayDir, upper = this.needUpper(thread), target = into.needUpper(thread);
    if (inode instanceof OverlayDir && (inode.upper === undefined || inode.lowers[0] !== inode.upper)) return -E.XDEV;
    const real = inode instanceof OverlayDir ? inode.upper! : (inode as OverlayInode).needUpper(thread),
      there = target.lookup(toName, thread),
      covers = this.below(name, thread).length > 0;
    const hides = into.below(toName, thread).length > 0 && real instanceof Directory;
    this.forget(name);
    into.forget(toName);
    if (old) old.nlink = old.isDir ? 0 : Math.max(0, old.nlink - 1);
    return after(upper.move(name, real, target, toName, there, thread), (moved) => {
      if (moved < 0) return moved;
      if (hides) (real.xattrs ??= new Map()).set(OPAQUE, Uint8Array.of(0x79));
      return covers ? after(upper.make(name, S.IFCHR, 0, { uid: 0, gid: 0 }, thread), (made) => (typeof made === 'number' ? made : 0)) : 0;
    });
  }
  override change(changes: Changes, thread: Thread): Later<number> {
    const upper = this.needUpper(thread);
    return after(upper.change(changes, thread), (r) => { mirror(this, upper); return r; });
  }
}
/** Gives a copy the attributes of its source. */
function* dress(copy: Inode, of: Inode, t: Thread): Co<number> {
  return yield* sooner(copy.change({ mode: of.mode & 0o7777, uid: of.uid, gid: of.gid, atime: of.atime, mtime: of.mtime }, t));
}

/** A file or other inode except a directory. Its open files are the real inode's. */
export class OverlayInode extends Inode {
  declare readonly fs: OverlayFs;
  real: Inode;
  private readonly dir: OverlayDir;
  private readonly name: string;
  private isUpper: boolean;
  constructor(dir: OverlayDir, name: string, real: Inode, isUpper: boolean) {
    super(dir.fs, real.mode, real.ino);
    this.dir = dir; this.name = name; this.real = real; this.isUpper = isUpper;
    mirror(this, real);
  }
  override get size(): number { return this.real.size; }
  override get blocks(): number { return this.real.blocks; }
  override refresh(t: Thread): void { this.real.refresh(t); mirror(this, this.real); }
  override readlink(t: Thread): string | number { return this.real.readlink(t); }
  override open(thread: Thread, flags: number): File | number {
    if ((flags & O.ACCMODE) !== O.RDONLY && this.type === S.IFREG) this.needUpper(thread);
    return this.real.open(thread, flags);
  }
  override truncate(length: number, t: Thread): Later<number> { return this.changing(t, (real) => real.truncate(length, t)); }
  override change(c: Changes, t: Thread): Later<number> { return this.changing(t, (real) => real.change(c, t)); }
  private changing(thread: Thread, act: (real: Inode) => Later<number>): Later<number> {
    const real = this.needUpper(thread);
    return after(act(real), (r) => { mirror(this, real); return r; });
  }
  /** Throws NotHere until the file is in the upper tree. */
  needUpper(thread: Thread): Inode {
    if (this.isUpper) return this.real;
    throw new NotHere((s) => this.copyUp(s, thread));
  }
  private *copyUp(sleeper: Sleeper, thread: Thread): Co<number> {
    const { real, name } = this, owner = { uid: real.uid, gid: real.gid }, failed = yield* this.dir.copyUp(sleeper, thread);
    if (failed || this.isUpper) return failed;
    const upper = this.dir.upper!,
      made = yield* sooner(real.isLink
        ? upper.makeLink(name, real.readlink(thread) as string, owner, thread)
        : upper.make(name, real.mode, real.rdev, owner, thread));
    if (typeof made === 'number') return made;
    const copied = real.type === S.IFREG ? yield* copyContents(sleeper, thread, real, made) : 0;
    if (copied < 0) { yield* sooner(upper.unlink(name, made, thread)); return copied; }
    if (!real.isLink) yield* dress(made, real, thread);
    this.real = made;
    this.isUpper = true;
    mirror(this, made);
    return 0;
  }
}
/** Copies one file to another, fetching data that is not in memory. */
function* copyContents(sleeper: Sleeper, thread: Thread, from: Inode, to: Inode): Co<number> {
  const source = yield* opened(sleeper, thread, from, O.RDONLY);
  if (typeof source === 'number') return source;
  const target = yield* opened(sleeper, thread, to, O.RDWR);
  if (typeof target === 'number') { source.release(); return target; }
  try {
    const buffer = new Uint8Array(CHUNK);
    for (let pos = 0; ; ) {
      const n = yield* step(sleeper, () => source.read(new KernelIo(buffer), pos, thread));
      if (n <= 0) return n;
      const written = yield* step(sleeper, () => target.write(new KernelIo(buffer.subarray(0, n)), pos, thread));
      if (written < n) return written < 0 ? written : -E.NOSPC;
      pos += n;
    }
  } finally { source.release(); target.release(); }
}
function* opened(sleeper: Sleeper, thread: Thread, i: Inode, flags: number): Co<File | number> {
  for (;;) {
    try { return i.open(thread, flags); } catch (error) {
      if (!(error instanceof NotHere)) throw error;
      const fetched = yield* error.fetch(sleeper);
      if (fetched < 0) return fetched;
    }
  }
}
function* step(sleeper: Sleeper, act: () => Later<number>): Co<number> {
  for (;;) {
    try { return yield* sooner(act()); } catch (error) {
      if (!(error instanceof NotHere)) throw error;
      const fetched = yield* error.fetch(sleeper);
      if (fetched < 0) return fetched;
    }
  }
}
