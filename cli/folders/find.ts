/**
 * Paths beneath a folder of the host, found without following links.
 *
 * On Linux a directory is reached name by name, each opened in the one before without following a link, and held as a descriptor; what is
 * done in it is done through /proc/self/fd/N, so that nothing that is exchanged meanwhile on the way there matters. Descriptors of
 * directories are kept, because a build asks for the same ones again; before a request uses one, the kernel is asked where it is now: a
 * directory that was moved out of the folder is not in it. Elsewhere there are no such paths: the way is looked at name by name, and
 * looked at again when the file is open.
 */
import { closeSync, constants, fstatSync, lstatSync, openSync, readlinkSync, realpathSync, statfsSync, type BigIntStats } from 'node:fs';
import { FolderError, type Path } from '../../system/folders/folder.ts';
import { bytesOf } from '../pack.ts';

/** A path for Node's calls: its text where that is ASCII, which Node takes faster, else its bytes. */
export type HostPath = Buffer | string;

/** A file that stays the same one between two calls. `path` leads to itself where that is possible, else to its name. */
export interface Pinned { readonly path: HostPath; readonly stat: BigIntStats; close(): void }

export interface Finder {
  /** The directory of these names, to be used at once. */
  folder(path: Path): HostPath;
  /** What has this path, a link itself if it is one. */
  pin(path: Path): Pinned;
  /** Opens what has this path, which is no link, as Node's flags say; what it is the caller finds out. */
  open(path: Path, flags: number): number;
  /** Does what belongs to one request, within which the kernel is asked once where a directory is. */
  together<T>(act: () => T): T;
  /** Names were changed: it is asked anew. */
  anew(): void;
  /** The directories that are kept are let go. */
  close(): void;
}

/** O_PATH: a descriptor that is a place and cannot be read. Node has no name for it. */
const O_PATH = 0o10000000;
const { O_DIRECTORY, O_NOFOLLOW } = constants;
/** Directories kept open. */
const MOST_KEPT = 64;
/** File systems whose files are doors to processes, ours among them. */
const PROC = 0x9fa0n, SYSFS = 0x62656572n;

/** As deep as a path that Linux takes can go. */
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

class ThroughDescriptors implements Finder {
  private readonly root: number;
  private readonly device: bigint;
  /** By path, the least recently used first. */
  private readonly kept = new Map<string, number>();
  /** Those of them that the kernel was asked about within this request. */
  private readonly sure = new Set<number>();
  /** Where the folder itself is, asked within this request. */
  private rootPath: string | undefined;
  private isTogether = false;

  constructor(host: string) {
    this.root = openSync(host, O_PATH | O_DIRECTORY);
    this.device = fstatSync(this.root, { bigint: true }).dev;
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
    const key = path.join('/'), old = this.kept.get(key);
    if (old !== undefined) {
      this.kept.delete(key);
      if ((this.isTogether && this.sure.has(old)) || this.isStillAt(old, key)) {
        this.sure.add(old);
        this.kept.set(key, old);
        return old;
      }
      this.shut(old);
    }
    return this.walk(path, key);
  }

  /** From the nearest directory that is kept, or the root. */
  private walk(path: Path, key: string): number {
    if (path.length > MOST_DEPTH) throw new FolderError('ENAMETOOLONG');
    const parent = this.descriptor(path.slice(0, -1));
    const fd = openSync(within(through(parent), last(path)), O_PATH | O_DIRECTORY | O_NOFOLLOW);
    try {
      this.mustBeOfFiles(fd);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    this.sure.add(fd);
    this.kept.set(key, fd);
    if (this.kept.size > MOST_KEPT) this.forgetOldest(fd);
    return fd;
  }

  private forgetOldest(but: number): void {
    for (const [key, fd] of this.kept) {
      if (fd === but) continue;
      this.kept.delete(key);
      return this.shut(fd);
    }
  }
  /** Its number may be another directory's next. */
  private shut(fd: number): void {
    this.sure.delete(fd);
    closeSync(fd);
  }

  /** A directory of /proc or /sys that is mounted in the folder is no folder of files: its files reach into processes, this one too. */
  private mustBeOfFiles(fd: number): void {
    if (fstatSync(fd, { bigint: true }).dev === this.device) return;
    const { type } = statfsSync(through(fd), { bigint: true });
    if (type === PROC || type === SYSFS) throw new FolderError('EACCES');
  }

  private whereRootIs(): string {
    if (this.isTogether && this.rootPath !== undefined) return this.rootPath;
    return this.rootPath = readlinkSync(through(this.root), 'latin1');
  }

  /** The kernel tells where a descriptor's directory is. Ways that are too long for it to tell are walked anew. */
  private isStillAt(fd: number, key: string): boolean {
    try {
      const root = this.whereRootIs();
      return readlinkSync(through(fd), 'latin1') === `${root === '/' ? '' : root}/${key}`;
    } catch {
      return false;
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

  /** The file that is open is the one that was looked at, and its name still leads there without a link. */
  private confirm(fd: number, pinned: Pinned): void {
    const open = fstatSync(fd, { bigint: true }), named = lstatSync(pinned.path, { bigint: true });
    const same = (a: BigIntStats, b: BigIntStats) => a.dev === b.dev && a.ino === b.ino;
    if (!same(open, pinned.stat) || !same(open, named) || real(pinned.path) !== (pinned.path as Buffer).toString('latin1'))
      throw new FolderError('ELOOP');
  }

  /** Every way is looked at each time. */
  together<T>(act: () => T): T { return act(); }
  anew(): void {}
  close(): void {}
}

/** How paths beneath this folder are found on this host. */
export function finderFor(host: string, linux = process.platform === 'linux'): Finder {
  return linux ? new ThroughDescriptors(host) : new ByNames(host);
}
