/**
 * The virtual file system's nouns. An Inode is a thing that has a name somewhere; a Directory is an inode that gives names; a
 * FileSystem makes inodes. All of it is in memory, so nothing here ever sleeps: operations answer at once, errors as -errno.
 */
import { E } from '../abi/errno.ts';
import { S } from '../abi/linux.ts';
import type { Time } from '../kernel/clocks.ts';
import type { Thread } from '../kernel/thread.ts';
import type { File } from './file.ts';

export interface FileSystem {
  readonly type: string;
  readonly dev: number;
  readonly magic: number;
  readonly source: string;
  readOnly: boolean;
  options: string;
  now(): Time;
  newIno(): number;
  /** Blocks (4096 bytes) in all and free, for statfs. */
  usage(): { blocks: number; free: number; files: number };
}

/** An inode and where it was found: an open file is one. */
export interface Located { readonly inode: Inode; readonly dir: Directory | undefined; readonly name: string }

export abstract class Inode {
  readonly fs: FileSystem;
  readonly ino: number;
  mode: number;
  uid = 0;
  gid = 0;
  nlink = 1;
  rdev = 0;
  atime: Time; mtime: Time; ctime: Time;
  readonly btime: Time;
  /** Extended attributes, where any were set. */
  xattrs: Map<string, Uint8Array> | undefined;
  /** inotify watches on it. */
  watchers: Set<{ notify(mask: number, cookie: number, name: string): void }> | undefined;

  constructor(fs: FileSystem, mode: number) {
    this.fs = fs; this.mode = mode; this.ino = fs.newIno();
    this.atime = this.mtime = this.ctime = this.btime = fs.now();
  }
  get type(): number { return this.mode & S.IFMT; }
  get isDir(): boolean { return this.type === S.IFDIR; }
  get isLink(): boolean { return this.type === S.IFLNK; }
  get size(): number { return 0; }
  /** Blocks of 512 bytes. */
  get blocks(): number { return Math.ceil(this.size / 4096) * 8; }
  get dev(): number { return this.fs.dev; }
  /** A new open file description, or -errno. `flags` as in open(2). */
  abstract open(t: Thread, flags: number): File | number;
  truncate(_length: number): number { return -E.INVAL; }
  /** Links only: the text, or (magic links of procfs) the inode itself. */
  readlink(_t: Thread): string | number { return -E.INVAL; }
  jump(_t: Thread): Inode | Located | number | undefined { return undefined; }
  /** The last name and the last open file are gone. */
  drop(): void { /* nothing to free */ }
  /** Open files that refer to it (kept by File). */
  users = 0;
  /** Of these, how many may write. */
  writing = 0;
  touch(): void { this.mtime = this.ctime = this.fs.now(); }
  touchAttributes(): void { this.ctime = this.fs.now(); }
}

export interface DirEntry { readonly name: string; readonly ino: number; readonly type: number }

export abstract class Directory extends Inode {
  /** Itself for a root. */
  parent: Directory = this;
  name = '';
  /** Root of the file system mounted here, and for such a root the directory it hides. */
  mounted: Directory | undefined;
  covers: Directory | undefined;

  abstract lookup(name: string, t: Thread): Inode | undefined;
  abstract list(t: Thread): DirEntry[];
  /** Makes an inode of this mode and names it; -errno where that is not possible. */
  make(_name: string, _mode: number, _rdev: number, _t: Thread): Inode | number { return -E.PERM; }
  makeLink(_name: string, _target: string): Inode | number { return -E.PERM; }
  /** An inode of this file system without a name (O_TMPFILE). */
  makeNameless(_mode: number): Inode | number { return -E.OPNOTSUPP; }
  attach(_name: string, _inode: Inode): number { return -E.PERM; }
  detach(_name: string): number { return -E.PERM; }
  get isEmpty(): boolean { return true; }
}

/** Absolute path of a directory seen from `root`; undefined when it is not below it. */
export function pathOf(dir: Directory, root: Directory): string | undefined {
  let path = '';
  for (let d = dir; ; ) {
    if (d === root) return path === '' ? '/' : path;
    if (d.covers) { d = d.covers; continue; }
    if (d.parent === d) return undefined;
    path = `/${d.name}${path}`;
    d = d.parent;
  }
}
/** The directory to go on with after naming `dir`: what is mounted there. */
export function uncovered(dir: Directory): Directory {
  let d = dir;
  while (d.mounted) d = d.mounted;
  return d;
}
