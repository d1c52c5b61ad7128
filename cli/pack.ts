/**
 * Host files and folders as one tar archive, which is how a root file system reaches the Unix server. A plan knows what will be in the archive and
 * how long it is; the contents of the files are read when it is written, straight to where it shall be: once, before the run.
 */
import { closeSync, lstatSync, openSync, readSync, readdirSync, readFileSync, readlinkSync, realpathSync, type Stats } from 'node:fs';
import { BLOCK, byteString, bytesOf, laidOut, rounded, Type, writeHeader, type Entry, type TarEntry, type TypeFlag } from './tar.ts';

/** Where a host file or folder shall appear in the archive. */
export interface Placement { host: string; guest: string }

/** Files of ours that are root's when root does not run us: an ordinary user's folder shall look like root's own in the guest. */
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
    else if (type === Type.file) Object.assign(entry, { size: stat.size, from: host });
    else if (type === Type.link) entry.link = readlinkSync(bytesOf(host), 'latin1');
    if (inode) this.seen.set(inode, name);
    if (name !== '') this.entries.push(entry);
    if (type === Type.dir) for (const base of readdirSync(bytesOf(host), 'latin1').sort()) this.add(`${host}/${base}`, name ? `${name}/${base}` : base);
  }
}

/** Folders above a placed file that are not in the archive otherwise. */
function parents(name: string): Entry[] {
  const parts = name.split('/').slice(0, -1);
  return parts.map((_, i) => emptyFolder(parts.slice(0, i + 1).join('/')));
}

/** Reads a whole host file into the archive; a file that shrank meanwhile leaves zeros. */
function readInto(to: Buffer, at: number, path: string, size: number): void {
  const fd = openSync(bytesOf(path), 'r');
  try {
    for (let done = 0; done < size; ) {
      const n = readSync(fd, to, at + done, size - done, done);
      if (n === 0) return;
      done += n;
    }
  } finally {
    closeSync(fd);
  }
}

const emptyFolder = (name: string): Entry => ({ name, type: Type.dir, mode: name === 'tmp' ? 0o1777 : 0o755, uid: 0, gid: 0, mtime: 0, size: 0, link: '' });

export class Plan {
  /** Bytes of the archive. */
  length = 0;
  private entries: Entry[] = [];
  private readonly walk = new Walk();
  private readonly there: Set<string>;

  /** Empty folders first. What is placed at "" becomes the root itself. */
  constructor(placements: readonly Placement[], folders: readonly string[] = []) {
    this.there = new Set(folders);
    this.walk.entries.push(...folders.map(emptyFolder));
    this.add(...placements);
  }

  add(...placements: readonly Placement[]): void {
    const { walk, there } = this;
    for (const { host, guest } of placements) {
      const name = guest.replace(/^\/+|\/+$/g, '');
      const from = walk.entries.length;
      walk.entries.push(...parents(byteString(name)).filter((above) => !there.has(above.name)));
      walk.place(host, name);
      for (let i = from; i < walk.entries.length; i++) there.add(walk.entries[i]!.name);
    }
    this.entries = laidOut(walk.entries);
    this.length = this.entries.reduce((sum, entry) => sum + BLOCK + rounded(entry.size), 2 * BLOCK);
  }

  /** Writes the archive to memory of its length that is still zero. A file that has shrunk since leaves zeros. */
  copyTo(target: Uint8Array): void {
    const archive = Buffer.from(target.buffer, target.byteOffset, target.length);
    let at = 0;
    for (const entry of this.entries) {
      writeHeader(archive, at, entry);
      at += BLOCK;
      if (typeof entry.from === 'string') readInto(archive, at, entry.from, entry.size);
      else entry.from?.(archive.subarray(at, at + entry.size));
      at += rounded(entry.size);
    }
  }

  /** What `readTar` would say of the archive. */
  files(): Map<string, TarEntry> {
    return new Map(this.walk.entries.map((entry) => [entry.name, new Planned(entry)]));
  }
}

/** Its contents are read when they are looked at. */
class Planned implements TarEntry {
  readonly type: string;
  readonly mode: number;
  readonly link: string;
  private readonly from: Entry['from'];

  constructor({ type, mode, link, from }: Entry) {
    this.type = type;
    this.mode = mode;
    this.link = link;
    this.from = from;
  }

  get data(): Uint8Array { return typeof this.from === 'string' ? readFileSync(bytesOf(this.from)) : new Uint8Array(0); }
}

/** The archive in memory of its own. */
export function packTar(placements: readonly Placement[], folders: readonly string[] = []): Buffer {
  const plan = new Plan(placements, folders);
  const archive = Buffer.alloc(plan.length);
  plan.copyTo(archive);
  return archive;
}
