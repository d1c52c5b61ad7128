/**
 * The interfaces of the virtual file system. An Inode is an object with a name somewhere; a Directory is an inode that contains names; a
 * FileSystem creates inodes. Data in memory is returned at once, errors as -errno. Data that is not in memory raises NotHere, and the
 * operation is repeated once it is (kernel/later.ts); changes to a remote file system return `Later`.
 */
import { E } from '../abi/errno.ts';
import { S } from '../abi/linux.ts';
import type { Time } from '../kernel/clocks.ts';
import type { Later } from '../kernel/later.ts';
import type { Thread } from '../kernel/thread.ts';
import type { Sleeper } from '../kernel/wait.ts';
import type { File } from './file.ts';
import type { Mount } from './path.ts';
import { Watch, notify, type Opened } from './watch.ts';

export interface FileSystem {
  readonly type: string;
  readonly dev: number;
  readonly magic: number;
  readonly source: string;
  readOnly: boolean;
  /** Options besides the flags of mounts, for /proc/mounts: `,size=…`. */
  readonly options: string;
  readonly root: Inode;
  /** Memory of its own trees besides the charged inodes, bytes. */
  readonly weight?: number;
  /** Makes everything written durable. */
  sync?(t: Sleeper): Later<number>;
  /** Takes new options (mount -o remount): 0 or -errno, with nothing changed. */
  remount?(data: string): number;
  now(): Time;
  newIno(): number;
  /** Blocks (4096 bytes) in all and free, for statfs. */
  usage(t: Thread): { blocks: number; free: number; files: number; freeFiles: number };
}

/** An inode and its place in the tree, as an open file has them. Without a mount it has no place (pipes, sockets). */
export interface Located {
  readonly inode: Inode;
  readonly mount: Mount | undefined;
  readonly dir?: Directory | undefined;
  readonly name?: string
}

/** The owner of a new inode. */
export interface Owner { readonly uid: number; readonly gid: number }
/** Attributes to set; undefined ones stay. */
export interface Changes {
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly atime?: Time;
  readonly mtime?: Time;
  /** Which of the two times is the time of the call, by the file system's clock. */
  readonly now?: Time
}

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
  /** Whether it counts among the inodes of its file system. */
  counted = false;
  /** Names created by `link`. */
  moreNames = 0;
  /** How many names of an origin led to it. */
  found = 0;
  /** Extended attributes, once some have been set. */
  xattrs: Map<string, Uint8Array> | undefined;
  /** inotify watches on it. */
  watchers: Set<{ notify(mask: number, cookie: number, name: string, opened?: Opened): void }> | undefined;

  constructor(fs: FileSystem, mode: number, ino = fs.newIno()) {
    this.fs = fs; this.mode = mode; this.ino = ino;
    this.atime = this.mtime = this.ctime = this.btime = fs.now();
  }
  /** The mode that stat tells. */
  get shownMode(): number { return this.mode; }
  get type(): number { return this.mode & S.IFMT; }
  get isDir(): boolean { return this.type === S.IFDIR; }
  get isLink(): boolean { return this.type === S.IFLNK; }
  get size(): number { return 0; }
  /** No process may change it, not even root. */
  get immutable(): boolean { return false; }
  /** Blocks of 512 bytes. */
  get blocks(): number { return Math.ceil(this.size / 4096) * 8; }
  get dev(): number { return this.fs.dev; }
  /** A new open file description, or -errno. `flags` as in open(2). */
  abstract open(t: Thread, flags: number): File | number;
  truncate(_length: number, _t?: Thread): Later<number> { return -E.INVAL; }
  /** Refreshes attributes that others may change: raises NotHere until they are fetched. */
  refresh(_t: Thread): void { /* nobody else */ }
  /** Sets attributes; the caller has checked rights. */
  change(changes: Changes, _t?: Thread): Later<number> {
    if (changes.mode !== undefined) this.mode = this.type | changes.mode;
    if (changes.uid !== undefined) this.uid = changes.uid;
    if (changes.gid !== undefined) this.gid = changes.gid;
    if (changes.atime) this.atime = changes.atime;
    if (changes.mtime) this.mtime = changes.mtime;
    this.touchAttributes();
    return 0;
  }
  /** Of a link: its text, or (magic links of procfs) the inode itself. */
  readlink(_t: Thread): string | number { return -E.INVAL; }
  jump(_t: Thread): Located | number | undefined { return undefined; }
  /** SEEK_DATA and SEEK_HOLE from `pos` on: a file without holes is all data. */
  seek(pos: number, data: boolean): number { return pos < 0 || pos >= this.size ? -E.NXIO : data ? pos : this.size; }
  /** Called when the last name and the last open file are gone. */
  drop(): void { /* nothing to free */ }
  /** Called when a mount starts, and when it stops, to show it as its root. */
  hold(): void { /* nothing to keep */ }
  letGo(): void { /* nothing to keep */ }
  /** Number of mounts that cover it, in all mount spaces. */
  covered = 0;
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

  /** Looks up `name`; raises NotHere if it must be fetched. */
  abstract lookup(name: string, t: Thread): Inode | undefined;
  /**
   * The same for a caller that will create a regular file with these permission bits if there is none: `make` follows then. A remote file
   * system requests both at once.
   */
  lookupToMake(name: string, _bits: number, t: Thread): Inode | undefined { return this.lookup(name, t); }
  /** What is known of a name, and enough to remove it, because the server looks again. Never a folder. */
  toRemove?(name: string): Inode | undefined;
  abstract list(t: Thread): DirEntry[];
  /** Creates and names an inode of this mode; -errno where that is impossible. */
  make(_name: string, _mode: number, _rdev: number, _owner?: Owner, _t?: Thread): Later<Inode | number> { return -E.PERM; }
  makeLink(_name: string, _target: string, _owner?: Owner, _t?: Thread): Later<Inode | number> { return -E.PERM; }
  /** An inode of this file system without a name (O_TMPFILE). */
  makeNameless(_mode: number, _owner?: Owner, _t?: Thread): Later<Inode | number> { return -E.OPNOTSUPP; }
  /** Another name for an inode of this file system. */
  link(_name: string, _inode: Inode, _t?: Thread): Later<number> { return -E.PERM; }
  /** Removes a name; the caller has checked its type. */
  unlink(_name: string, _inode: Inode, _t?: Thread): Later<number> { return -E.PERM; }
  /** Moves a name to another directory of this file system, replacing `old` if there is one. */
  move(_name: string, _inode: Inode, _to: Directory, _toName: string, _old: Inode | undefined, _t?: Thread): Later<number> {
    return -E.PERM;
  }
  exchange(_name: string, _inode: Inode, _to: Directory, _toName: string, _other: Inode, _t?: Thread): Later<number> { return -E.INVAL; }
  /** Whether rmdir may remove it; raises NotHere if that must be fetched. */
  isEmpty(_t: Thread): boolean { return true; }
}

/**
 * Removes a name. An inode without names ends when no file has it open; if a rename replaced it, it ends after its watchers have been
 * notified.
 */
export function lessName(inode: Inode, byRename = false): void {
  inode.nlink = inode.isDir ? 0 : inode.nlink - 1;
  inode.touchAttributes();
  if (byRename) { replaced.push(inode); return; }
  if (!inode.isDir) notify(inode, Watch.ATTRIB);
  endNameless(inode);
}
const replaced: Inode[] = [];
/**
 * Sends the events of rename(2) that follow those of the names: first of replaced inodes, then of the moved one, then of inodes that end.
 */
export function tellReplaced(moved: Inode): void {
  for (const i of replaced) notify(i, Watch.ATTRIB | (i.isDir ? Watch.ISDIR : 0));
  notify(moved, Watch.MOVE_SELF);
  for (const i of replaced.splice(0)) endNameless(i);
}
function endNameless(inode: Inode): void {
  if (inode.nlink === 0 && inode.users === 0) { notify(inode, Watch.DELETE_SELF); inode.drop(); }
}
