/**
 * Host files and folders as one tar archive, which is how a root file system reaches the Unix server. A plan knows the archive's entries
 * and length; the files are read when the archive is written, directly to its destination: once, before the run.
 */
import { closeSync, lstatSync, openSync, readSync, readdirSync, readlinkSync, realpathSync, type Stats } from 'node:fs';
import { Archive, emptyFolder, foldersAbove } from '../system/files/archive.ts';
import { byteString, Type, type Entry, type TypeFlag } from '../system/files/tar.ts';

/** The bytes of a byte string, as a path of the host. */
export const bytesOf = (text: string): Buffer => Buffer.from(text, 'latin1');

/** Where a host file or folder appears in the archive. */
export interface Placement { host: string; guest: string }

/** The user's files become root's, so that an ordinary user's folder looks like root's own in the guest. */
function owner(id: number, mine: number | undefined): number {
  return id === mine ? 0 : id;
}

function typeOf(stat: Stats): TypeFlag | undefined {
  if (stat.isFile()) return Type.file;
  if (stat.isDirectory()) return Type.dir;
  if (stat.isSymbolicLink()) return Type.link;
  if (stat.isCharacterDevice()) return Type.char;
  if (stat.isBlockDevice()) return Type.block;
  return stat.isFIFO() ? Type.fifo : undefined;
}

/** Walks host files and folders, named by byte strings. Hard links stay links; sockets are left out. */
class Walk {
  readonly entries: Entry[] = [];
  private readonly seen = new Map<string, string>();
  private readonly uid = process.getuid?.();
  private readonly gid = process.getgid?.();

  /** One placement, which may be a link itself: links between its files stay links, those to another placement's files become files. */
  place(host: string, name: string): void {
    this.seen.clear();
    this.add(realpathSync(host, 'latin1'), byteString(name));
  }

  private add(host: string, name: string): void {
    const stat = lstatSync(bytesOf(host));
    const type = typeOf(stat);
    if (type === undefined) return;
    const entry: Entry = {
      name, type, mode: stat.mode & 0o7777, uid: owner(stat.uid, this.uid), gid: owner(stat.gid, this.gid),
      mtime: Math.floor(stat.mtimeMs / 1000), size: 0, link: '',
    };
    const inode = stat.nlink > 1 && type === Type.file ? `${stat.dev}:${stat.ino}` : '';
    const first = this.seen.get(inode);
    if (first !== undefined) Object.assign(entry, { type: Type.hard, link: first });
    else if (type === Type.file) Object.assign(entry, { size: stat.size, from: (into: Uint8Array) => readInto(into, host) });
    else if (type === Type.link) entry.link = readlinkSync(bytesOf(host), 'latin1');
    if (inode) this.seen.set(inode, name);
    if (name !== '') this.entries.push(entry);
    if (type === Type.dir)
      for (const base of readdirSync(bytesOf(host), 'latin1').sort()) this.add(`${host}/${base}`, name ? `${name}/${base}` : base);
  }
}

/** Reads a whole host file into the archive; a file that shrank meanwhile leaves zeros. */
function readInto(to: Uint8Array, path: string): void {
  const fd = openSync(bytesOf(path), 'r');
  try {
    for (let done = 0; done < to.length; ) {
      const n = readSync(fd, to, done, to.length - done, done);
      if (n === 0) return;
      done += n;
    }
  } finally {
    closeSync(fd);
  }
}

export class Plan extends Archive {
  private readonly walk = new Walk();
  private readonly there: Set<string>;

  /** Empty folders first. A placement at "" becomes the root itself. */
  constructor(placements: readonly Placement[], folders: readonly string[] = []) {
    super();
    this.there = new Set(folders);
    this.walk.entries.push(...folders.map(emptyFolder));
    this.add(...placements);
  }

  add(...placements: readonly Placement[]): void {
    const { walk, there } = this;
    for (const { host, guest } of placements) {
      const name = guest.replace(/^\/+|\/+$/g, '');
      const from = walk.entries.length;
      walk.entries.push(...foldersAbove(byteString(name)).filter((above) => !there.has(above.name)));
      walk.place(host, name);
      for (let i = from; i < walk.entries.length; i++) there.add(walk.entries[i]!.name);
    }
    this.set(walk.entries);
  }
}

/** The archive in new memory. */
export function packTar(placements: readonly Placement[], folders: readonly string[] = []): Buffer {
  const bytes = new Plan(placements, folders).bytes();
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
