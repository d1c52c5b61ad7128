/**
 * A folder of this computer as the 9P server's host end: Node's files, each reached through a `Finder`, so that none outside the folder is.
 */
import {
  chmodSync, closeSync, constants, fchmodSync, fdatasyncSync, fstatSync, fsyncSync, ftruncateSync, futimesSync, linkSync, lstatSync,
  lutimesSync, mkdirSync, openSync, opendirSync, readSync,
  readlinkSync, renameSync, rmdirSync, statfsSync, symlinkSync, truncateSync, unlinkSync, utimesSync, writeSync, type BigIntStats, type Dir,
  type Stats,
} from 'node:fs';
import {
  FolderError, Mode, type Attributes, type Changes, type HostFile, type HostFolder, type HostListing, type OpenFlags, type Path, type Space,
  type Taken
} from '../../system/folders/folder.ts';
import { bytesOf } from '../pack.ts';
import { folderError, onHost } from './errors.ts';
import { finderFor, within, type Finder, type HostPath, type Pinned } from './find.ts';

const { O_APPEND, O_CREAT, O_EXCL, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR, O_SYNC, O_TRUNC, O_WRONLY } = constants;
const uid = process.getuid?.(), gid = process.getgid?.();

/** Files of the user who runs Tessera belong to root in the guest, like those of a root file system. */
function attributesOf(stat: BigIntStats, kept = 0): Attributes {
  const { dev, ino, nlink, rdev, size, blksize, blocks, atimeNs, mtimeNs, ctimeNs } = stat;
  const mode = Number(stat.mode) & ~(Mode.setId & ~kept),
    own = (id: bigint, mine: number | undefined) => (Number(id) === mine ? 0 : Number(id));
  return {
    mode, uid: own(stat.uid, uid), gid: own(stat.gid, gid), device: dev, ino, nlink, rdev, size, blksize, blocks, atime: atimeNs,
    mtime: mtimeNs, ctime: ctimeNs
  };
}

function openFlags({ read, write, append, truncate, sync }: OpenFlags): number {
  const access = read && write ? O_RDWR : write ? O_WRONLY : O_RDONLY;
  return access | (append ? O_APPEND : 0) | (truncate && write ? O_TRUNC : 0) | (sync ? O_SYNC : 0) | O_NOCTTY | O_NONBLOCK;
}

const BILLION = 1e9;
/**
 * A time as Node's calls take it: seconds, exact to a quarter of a microsecond; before 1970 a date, exact to a millisecond (negative
 * seconds are 'now' to Node).
 */
function seconds(time: bigint | 'now' | undefined, old: bigint): number | Date {
  if (time === 'now') return Date.now() / 1000;
  const exact = time ?? old;
  if (exact < 0n) return new Date(Number(exact / 1_000_000n));
  return Number(exact / 1_000_000_000n) + Number(exact % 1_000_000_000n) / BILLION;
}

const NO_ENTRY = { bigint: true, throwIfNoEntry: false } as const;

class OpenFile implements HostFile {
  readonly fd: number;
  readonly opened: Attributes;
  constructor(fd: number, opened: Attributes) { this.fd = fd; this.opened = opened; }

  read(into: Uint8Array, offset: number): number { return onHost(() => readSync(this.fd, into, 0, into.length, offset)); }
  write(bytes: Uint8Array, offset: number): number { return onHost(() => writeSync(this.fd, bytes, 0, bytes.length, offset)); }
  stat(): Attributes { return onHost(() => attributesOf(fstatSync(this.fd, { bigint: true }))); }
  sync(dataOnly: boolean): void { onHost(() => (dataOnly ? fdatasyncSync : fsyncSync)(this.fd)); }
  close(): void { onHost(() => closeSync(this.fd)); }

  change({ mode, size, atime, mtime }: Changes): void {
    onHost(() => {
      if (mode !== undefined) fchmodSync(this.fd, mode & Mode.kept);
      if (size !== undefined) ftruncateSync(this.fd, size);
      if (atime === undefined && mtime === undefined) return;
      const old = fstatSync(this.fd, { bigint: true });
      futimesSync(this.fd, seconds(atime, old.atimeNs), seconds(mtime, old.mtimeNs));
    });
  }
}

class Listing implements HostListing {
  private readonly dir: Dir;
  private open = true;
  constructor(dir: Dir) { this.dir = dir; }

  next(): string | undefined { return onHost(() => this.dir.readSync()?.name); }
  close(): void {
    if (this.open) onHost(() => this.dir.closeSync());
    this.open = false;
  }
}

/** Entries that Node reads at a time. */
const ENTRIES = 256;

export class NodeFolder implements HostFolder {
  private readonly find: Finder;

  /** Set-ID bits that the guest sees: none in a shared folder, all in a root file system. */
  private readonly kept: number;

  readonly readOnly: boolean;

  constructor(host: string, finder = finderFor(host), kept = 0, readOnly = false) {
    this.find = finder;
    this.kept = kept;
    this.readOnly = readOnly;
  }

  stat(path: Path): Attributes {
    const stat = onHost(() => lstatSync(this.named(path), NO_ENTRY));
    if (!stat) throw new FolderError('ENOENT'); // the most common answer: Node's exception for it takes longer than the look
    return attributesOf(stat, this.kept);
  }
  stats(folder: Path, names: readonly string[]): (Attributes | FolderError)[] {
    const at = onHost(() => this.find.folder(folder));
    return names.map((name) => orError(() => {
      const stat = lstatSync(within(at, name), NO_ENTRY);
      return stat ? attributesOf(stat, this.kept) : new FolderError('ENOENT');
    }));
  }
  contents(folder: Path, names: readonly string[], most: number, room: number): (Uint8Array | FolderError)[] {
    const at = onHost(() => this.find.folder(folder));
    return names.map((name) => orError(() => {
      const bytes = wholeFile(within(at, name), Math.min(most, room));
      room -= bytes.length;
      return bytes;
    }));
  }
  readlink(path: Path): string {
    return onHost(() => readlinkSync(this.named(path), 'latin1'));
  }
  /** It is looked at before it is opened, because opening a device may do something; and again when it is open. */
  take(path: Path): Taken {
    return onHost(() => {
      const stat = lstatSync(this.named(path), { throwIfNoEntry: false });
      if (!stat) throw new FolderError('ENOENT');
      if (!stat.isFile()) return { attributes: this.stat(path), file: undefined };
      const file = this.open(path, { read: true, write: false });
      return { attributes: file.opened, file };
    });
  }
  /** Checks the type of the open file, so that a name exchanged meanwhile opens nothing but a file. */
  open(path: Path, flags: OpenFlags): OpenFile {
    return onHost(() => held(this.find.open(path, openFlags(flags)), (fd) => {
      const stat = fstatSync(fd, { bigint: true });
      mustBeFile(stat);
      return new OpenFile(fd, attributesOf(stat));
    }));
  }
  create(path: Path, flags: OpenFlags, mode: number): HostFile {
    return onHost(() => held(openSync(this.named(path), openFlags(flags) | O_CREAT | O_EXCL | O_NOFOLLOW, mode & Mode.kept), (fd) => {
      let stat = fstatSync(fd, { bigint: true });
      if (settleMode(Number(stat.mode), mode, (exact) => fchmodSync(fd, exact))) stat = fstatSync(fd, { bigint: true });
      return new OpenFile(fd, attributesOf(stat));
    }));
  }
  list(path: Path): HostListing {
    return onHost(() => new Listing(opendirSync(this.find.folder(path) as unknown as string, { encoding: 'latin1', bufferSize: ENTRIES })));
  }
  mkdir(path: Path, mode: number): void {
    onHost(() => { mkdirSync(this.named(path), { mode: mode & Mode.kept }); });
    this.pinned(path, (made) => {
      if (made.stat.isDirectory()) settleMode(Number(made.stat.mode), mode, (exact) => chmodSync(made.path, exact));
    });
  }
  symlink(path: Path, target: string): void {
    onHost(() => symlinkSync(bytesOf(target), this.named(path)));
  }
  link(from: Path, to: Path): void {
    onHost(() => this.two(from, to, linkSync));
  }
  rename(from: Path, to: Path): void {
    onHost(() => this.two(from, to, renameSync));
  }
  unlink(path: Path): void {
    onHost(() => unlinkSync(this.named(path)));
  }
  rmdir(path: Path): void {
    onHost(() => rmdirSync(this.named(path)));
    this.find.anew();
  }
  change(path: Path, { mode, size, atime, mtime }: Changes): void {
    this.pinned(path, ({ path: exact, stat }) => {
      if (stat.isSymbolicLink()) {
        if (mode !== undefined || size !== undefined) throw new FolderError('EOPNOTSUPP');
        return lutimesSync(this.named(path), seconds(atime, stat.atimeNs), seconds(mtime, stat.mtimeNs));
      }
      if (!stat.isDirectory()) mustBeFile(stat);
      if (mode !== undefined) chmodSync(exact, mode & Mode.kept);
      if (size !== undefined) truncateSync(exact, size);
      if (atime !== undefined || mtime !== undefined) utimesSync(exact, seconds(atime, stat.atimeNs), seconds(mtime, stat.mtimeNs));
    });
  }
  syncFolder(path: Path): void {
    onHost(() => {
      const fd = openSync(this.find.folder(path), O_RDONLY);
      try {
        fsyncSync(fd);
      } finally {
        closeSync(fd);
      }
    });
  }
  space(path: Path): Space {
    return this.pinned(path, ({ path: exact }) => {
      const { type, bsize, blocks, bfree, bavail, files, ffree } = statfsSync(exact, { bigint: true });
      return { type: Number(BigInt.asUintN(32, type)), bsize: Number(bsize), blocks, bfree, bavail, files, ffree };
    });
  }
  together<T>(act: () => T): T { return this.find.together(act); }
  close(): void { this.find.close(); }

  /** The path of a name in a directory that was found. */
  private named(path: Path): HostPath {
    return path.length === 0 ? within(this.find.folder(path), '.') : within(this.find.folder(path.slice(0, -1)), path[path.length - 1]!);
  }

  /** Finds the second name last; the directory of the first may be closed by then, and is found again. */
  private two(from: Path, to: Path, act: (from: HostPath, to: HostPath) => void): void {
    if (from.length === 0 || to.length === 0) throw new FolderError('EBUSY');
    const first = this.find.pin(from.slice(0, -1));
    try {
      act(within(first.path, from[from.length - 1]!), this.named(to));
    } finally {
      this.find.anew();
      first.close();
    }
  }

  private pinned<T>(path: Path, act: (pinned: Pinned) => T): T {
    return onHost(() => {
      const pinned = this.find.pin(path);
      try {
        return act(pinned);
      } finally {
        pinned.close();
      }
    });
  }
}

function orError<T>(act: () => T): T | FolderError {
  try {
    return act();
  } catch (error) {
    const why = folderError(error);
    if (why instanceof FolderError) return why;
    throw why;
  }
}

/** All bytes of a file. It is looked at before it is opened, because opening a device may do something; and again when it is open. */
function wholeFile(path: HostPath, most: number): Uint8Array {
  mustBeFile(lstatSync(path), most);
  const fd = openSync(path, openFlags({ read: true, write: false }) | O_NOFOLLOW);
  try {
    const stat = fstatSync(fd);
    mustBeFile(stat, most);
    const bytes = new Uint8Array(stat.size), n = bytes.length === 0 ? 0 : readSync(fd, bytes, 0, bytes.length, 0);
    return n < bytes.length ? bytes.subarray(0, n) : bytes;
  } finally {
    closeSync(fd);
  }
}

/** Uses a descriptor, and closes it if that fails. */
function held<T>(fd: number, act: (fd: number) => T): T {
  try {
    return act(fd);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function mustBeFile(stat: Stats | BigIntStats, most = Infinity): void {
  if (stat.isFile()) {
    if (stat.size <= most) return;
    throw new FolderError('EFBIG');
  }
  throw new FolderError(stat.isDirectory() ? 'EISDIR' : stat.isSymbolicLink() ? 'ELOOP' : 'ENXIO');
}

/**
 * Sets the mode that the guest asked for, because this process's umask must not change it: the guest has applied its own. A bit inherited
 * from the directory stays. Returns whether the mode had to be set.
 */
function settleMode(mode: number, wanted: number, set: (mode: number) => void): boolean {
  if ((mode & Mode.kept) === (wanted & Mode.kept)) return false;
  set((wanted & Mode.kept) | (mode & Mode.setId));
  return true;
}
