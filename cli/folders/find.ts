/**
 * Paths beneath a folder of the host, found without following links.
 *
 * On Linux the finder opens a directory name by name, each in the one before and without following a link, and holds it as a descriptor.
 * It works in the directory through /proc/self/fd/N, so that a name exchanged on the way changes nothing. It keeps descriptors of
 * directories, because a build asks for the same ones again; before a request uses one, it asks the kernel where the directory is now,
 * because it may have been moved out of the folder. Other systems have no such paths: there the finder checks each name on the way, and
 * checks again when the file is open.
 */
import {
  closeSync, constants, fstatSync, lstatSync, openSync, readlinkSync, realpathSync, statfsSync, statSync, type BigIntStats
} from 'node:fs';
import { FolderError, type Path } from '../../system/folders/folder.ts';
import { bytesOf } from '../pack.ts';

/** A path for Node's calls: its text where that is ASCII, which Node takes faster, else its bytes. */
export type HostPath = Buffer | string;

/** A file that stays the same one between two calls. `path` leads to itself where that is possible, else to its name. */
export interface Pinned { readonly path: HostPath; readonly stat: BigIntStats; close(): void }

export interface Finder {
  /** The directory with these names; use it at once. */
  folder(path: Path): HostPath;
  /** The file at this path; a link is not followed. */
  pin(path: Path): Pinned;
  /** Opens this path with Node's flags, unless it is a link; the caller checks its type. */
  open(path: Path, flags: number): number;
  /** Runs one request, which asks the kernel only once where each directory is. */
  together<T>(act: () => T): T;
  /** Names have changed: ask the kernel again. */
  anew(): void;
  /** Closes the directories that are kept open. */
  close(): void;
}

/** O_PATH: a descriptor that names a file and cannot read it. Node has no name for this flag. */
const O_PATH = 0o10000000;
const { O_DIRECTORY, O_NOFOLLOW } = constants;
/** Directories kept open: in all, and on the path to one directory. */
const MOST_KEPT = 64, KEPT_AT_ONCE = 24;
/** The longest path of a descriptor that the kernel tells, in bytes, with room for its additions; steps up in one path. */
const LONGEST_TOLD = 4000, STEPS_UP = 1000;
/** File systems whose files give access to processes, also to this one. */
const PROC = 0x9fa0n, SYSFS = 0x62656572n;

/** Nested directories: as many as a path of Linux can name. Deeper ones are listed but cannot be entered. */
const MOST_DEPTH = 2048;

const last = (path: Path) => path[path.length - 1]!;
const through = (fd: number) => `/proc/self/fd/${fd}`;

// oxlint-disable-next-line no-control-regex
const ASCII = /^[\x01-\x7f]*$/;
/** A byte string as a path. */
const asPath = (text: string): HostPath => (ASCII.test(text) ? text : bytesOf(text));

/** The path of a name in a directory. */
export function within(folder: HostPath, name: string): HostPath {
  return typeof folder === 'string' ? asPath(`${folder}/${name}`) : Buffer.concat([folder, bytesOf(`/${name}`)]);
}

function isOfTheKernel(fd: number): boolean {
  const { type } = statfsSync(through(fd), { bigint: true });
  return type === PROC || type === SYSFS;
}

class ThroughDescriptors implements Finder {
  private readonly root: number;
  private readonly device: bigint;
  /** By path, the least recently used first. */
  private readonly kept = new Map<string, number>();
  /** Kept directories whose place the kernel has confirmed in this request. */
  private readonly sure = new Set<number>();
  /** Where the folder itself is, as the kernel said in this request. */
  private rootPath: string | undefined;
  private isTogether = false;

  constructor(host: string) {
    this.root = openSync(host, O_PATH | O_DIRECTORY);
    try {
      this.device = fstatSync(this.root, { bigint: true }).dev;
      if (isOfTheKernel(this.root)) throw new FolderError('EACCES');
    } catch (error) {
      closeSync(this.root);
      throw error;
    }
  }

  folder(path: Path): HostPath { return through(this.descriptor(path)); }

  pin(path: Path): Pinned {
    const fd = openSync(this.named(path), O_PATH | O_NOFOLLOW);
    return { path: through(fd), stat: fstatSync(fd, { bigint: true }), close: () => closeSync(fd) };
  }

  open(path: Path, flags: number): number { return openSync(this.named(path), flags | O_NOFOLLOW); }

  private named(path: Path): HostPath {
    return path.length === 0 ? `${through(this.root)}/.` : within(this.folder(path.slice(0, -1)), last(path));
  }

  together<T>(act: () => T): T {
    this.anew();
    this.isTogether = true;
    try {
      return act();
    } finally {
      this.isTogether = false;
    }
  }
  anew(): void {
    this.sure.clear();
    this.rootPath = undefined;
  }
  close(): void {
    for (const fd of this.kept.values()) closeSync(fd);
    this.kept.clear();
    this.anew();
    closeSync(this.root);
  }

  private descriptor(path: Path): number {
    if (path.length === 0) return this.root;
    const key = path.join('/');
    return this.known(path, key) ?? this.walk(path, key);
  }

  /** A descriptor that is kept, if its directory is still there. */
  private known(path: Path, key: string): number | undefined {
    const fd = this.kept.get(key);
    if (fd === undefined) return undefined;
    this.kept.delete(key);
    if (this.isStillAt(fd, path, key)) {
      this.keep(key, fd);
      return fd;
    }
    this.shut(fd);
    return undefined;
  }

  /** Opens names from the nearest kept directory, or from the root. Of a long path it keeps only the end. */
  private walk(path: Path, key: string): number {
    if (path.length > MOST_DEPTH) throw new FolderError('ENAMETOOLONG');
    let { length } = key, at = path.length, fd: number | undefined, passing: number | undefined;
    while (fd === undefined && --at > 0) {
      length -= path[at]!.length + 1;
      const above = key.slice(0, length);
      if (this.kept.has(above)) fd = this.known(path.slice(0, at), above);
    }
    if (fd === undefined) {
      fd = this.root;
      length = 0;
    }
    for (; at < path.length; at++) {
      const isKept = path.length - 1 - at < KEPT_AT_ONCE;
      try {
        fd = this.enter(fd, path[at]!);
      } finally {
        if (passing !== undefined) closeSync(passing);
      }
      length += path[at]!.length + (at > 0 ? 1 : 0);
      passing = isKept ? undefined : fd;
      if (isKept) this.keep(key.slice(0, length), fd);
    }
    return fd;
  }

  /** Opens the directory of this name in another one. */
  private enter(parent: number, name: string): number {
    const fd = openSync(within(through(parent), name), O_PATH | O_DIRECTORY | O_NOFOLLOW);
    try {
      this.mustBeOfFiles(fd);
      return fd;
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  private keep(key: string, fd: number): void {
    this.sure.add(fd);
    this.kept.set(key, fd);
    while (this.kept.size > MOST_KEPT) this.forgetOldest(fd);
  }

  private forgetOldest(but: number): void {
    for (const [key, fd] of this.kept) {
      if (fd === but) continue;
      this.kept.delete(key);
      return this.shut(fd);
    }
  }
  /** The next directory may get the same number. */
  private shut(fd: number): void {
    this.sure.delete(fd);
    closeSync(fd);
  }

  /** Refuses /proc or /sys mounted in the folder: their files give access to processes, also to this one. */
  private mustBeOfFiles(fd: number): void {
    if (fstatSync(fd, { bigint: true }).dev === this.device) return;
    if (isOfTheKernel(fd)) throw new FolderError('EACCES');
  }

  private whereRootIs(): string {
    if (this.isTogether && this.rootPath !== undefined) return this.rootPath;
    return this.rootPath = readlinkSync(through(this.root), 'latin1');
  }

  /** Asks the kernel where a descriptor's directory is; a path too long for its answer is checked step by step. */
  private isStillAt(fd: number, path: Path, key: string): boolean {
    if (this.isTogether && this.sure.has(fd)) return true;
    try {
      const root = this.whereRootIs(), base = root === '/' ? '' : root;
      if (base.length + 1 + key.length > LONGEST_TOLD) return this.isBeneath(fd, path, LONGEST_TOLD - base.length);
      return readlinkSync(through(fd), 'latin1') === `${base}/${key}`;
    } catch {
      return false;
    }
  }

  /**
   * Goes up from the directory and compares: does it reach the directory that the beginning of the path names, as far as that has `room`?
   * So a directory that was moved elsewhere is never used; a new name of a directory below that point goes unnoticed while it is kept.
   */
  private isBeneath(fd: number, path: Path, room: number): boolean {
    let told = 0;
    for (let left = room - path[0]!.length; left > 0; left -= path[told]!.length + 1) told++;
    const top = fstatSync(this.descriptor(path.slice(0, told)), { bigint: true });
    let at = fd, up = path.length - told;
    try {
      for (; up > STEPS_UP; up -= STEPS_UP) {
        const higher = openSync(through(at) + '/..'.repeat(STEPS_UP), O_PATH | O_DIRECTORY);
        if (at !== fd) closeSync(at);
        at = higher;
      }
      const { dev, ino } = statSync(through(at) + '/..'.repeat(up), { bigint: true });
      return dev === top.dev && ino === top.ino;
    } finally {
      if (at !== fd) closeSync(at);
    }
  }
}

const real = (path: string | Buffer) => realpathSync.native(path, 'buffer').toString('latin1');

class ByNames implements Finder {
  private readonly root: string;

  constructor(host: string) { this.root = real(host); }

  folder(path: Path): HostPath {
    let here = this.root;
    for (const name of path) {
      here = `${here}/${name}`;
      if (!lstatSync(bytesOf(here)).isDirectory()) throw new FolderError('ENOTDIR');
    }
    if (real(bytesOf(here)) !== here) throw new FolderError('ELOOP');
    return bytesOf(here);
  }

  pin(path: Path): Pinned {
    const name = path.length === 0 ? bytesOf(this.root) : within(this.folder(path.slice(0, -1)), last(path));
    return { path: name, stat: lstatSync(name, { bigint: true }), close: () => {} };
  }

  open(path: Path, flags: number): number {
    const pinned = this.pin(path);
    if (pinned.stat.isSymbolicLink()) throw new FolderError('ELOOP');
    const fd = openSync(pinned.path, flags | O_NOFOLLOW);
    try {
      this.confirm(fd, pinned);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    return fd;
  }

  /** The open file must be the one that was checked, and its name must still lead there without a link. */
  private confirm(fd: number, pinned: Pinned): void {
    const open = fstatSync(fd, { bigint: true }), named = lstatSync(pinned.path, { bigint: true });
    const same = (a: BigIntStats, b: BigIntStats) => a.dev === b.dev && a.ino === b.ino;
    if (!same(open, pinned.stat) || !same(open, named) || real(pinned.path) !== (pinned.path as Buffer).toString('latin1'))
      throw new FolderError('ELOOP');
  }

  /** Every path is checked each time. */
  together<T>(act: () => T): T { return act(); }
  anew(): void {}
  close(): void {}
}

/** How paths beneath this folder are found on this host. */
export function finderFor(host: string, linux = process.platform === 'linux'): Finder {
  return linux ? new ThroughDescriptors(host) : new ByNames(host);
}
