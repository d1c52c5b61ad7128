/**
 * An archive as a read-only folder of the host: its index is made once, and contents are read in place. The archive may be a file, of
 * which only headers are read at the start, or bytes in memory.
 */
import { tarEntries, type TarHeader, type Archive } from '../../l4guest/fs/tar-format.ts';
import { FolderError, Mode, type Attributes, type HostFile, type HostFolder, type HostListing, type Path, type Space } from './folder.ts';
import { linkOf, listing, nodeAt, regular } from './tree.ts';

const TYPES: Readonly<Record<string, number>> = { 2: Mode.link, 3: Mode.char, 4: Mode.block, 5: Mode.dir, 6: Mode.fifo };
const SECOND = 1_000_000_000n, BLOCK = 4096n, SECTOR = 512n;
const MOST_BYTES = 0x7fff_ffff;

/** A file of the archive; a directory has names. */
class Node {
  readonly ino: bigint;
  mode = Mode.dir | 0o755;
  uid = 0; gid = 0; mtime = 0; nlink = 1; rdev = 0;
  dataAt = 0; size = 0; link = '';
  names: Map<string, Node> | undefined;
  constructor(ino: bigint) { this.ino = ino; }
}
const split = (path: string): string[] => path.split('/').filter((name) => name !== '' && name !== '.' && name !== '..');

export class TarFolder implements HostFolder {
  private readonly source: Archive;
  private readonly root: Node;
  private last = 0n;

  /** Throws `TarError` if the archive cannot be read. */
  constructor(source: Archive) {
    this.source = source;
    this.root = this.directory();
    for (const header of tarEntries(source)) this.place(header);
  }
  private node(): Node { return new Node(++this.last); }
  private directory(): Node { const d = this.node(); d.names = new Map(); return d; }

  /** The directory of a path's last name; creates missing directories. */
  private parent(names: readonly string[]): Map<string, Node> {
    let at = this.root;
    for (const name of names) {
      let next = at.names!.get(name);
      if (!next?.names) at.names!.set(name, next = this.directory());
      at = next;
    }
    return at.names!;
  }
  private place(header: TarHeader): void {
    const names = split(header.name), name = names.pop(), isDir = header.type === '5';
    if (name === undefined) { this.dress(this.root, header, Mode.dir); return; }
    const into = this.parent(names), old = into.get(name);
    if (isDir && old?.names) { this.dress(old, header, Mode.dir); return; }
    if (header.type === '1') { this.hardLink(into, name, header); return; }
    const made = isDir ? this.directory() : this.node();
    this.dress(made, header, TYPES[header.type] ?? Mode.file);
    into.set(name, made);
  }
  private hardLink(into: Map<string, Node>, name: string, header: TarHeader): void {
    const to = split(header.link), last = to.pop(), target = last === undefined ? undefined : this.parent(to).get(last);
    if (!target || target.names) return;
    target.nlink++;
    into.set(name, target);
  }
  private dress(node: Node, header: TarHeader, type: number): void {
    node.mode = type | (type === Mode.link ? 0o777 : header.mode);
    node.uid = header.uid; node.gid = header.gid; node.mtime = header.mtime;
    node.dataAt = header.dataAt; node.size = type === Mode.link ? header.link.length : header.size; node.link = header.link;
    node.rdev = (header.major << 8) | header.minor;
  }

  private find(path: Path): Node { return nodeAt(this.root, path); }
  stat(path: Path): Attributes { return attributesOf(this.find(path)); }
  readlink(path: Path): string { return linkOf(this.find(path)); }
  open(path: Path): HostFile {
    const node = regular(this.find(path)), { source } = this;
    return {
      read: (into, offset) => {
        const n = Math.max(0, Math.min(into.length, node.size - offset, MOST_BYTES));
        if (n > 0) into.set(source.read(node.dataAt + offset, n));
        return n;
      },
      stat: () => attributesOf(node),
      write: refused, change: refused, sync: () => undefined, close: () => undefined,
    };
  }
  list(path: Path): HostListing { return listing(this.find(path)); }
  space(): Space {
    return {
      type: 0, bsize: Number(BLOCK), blocks: BigInt(this.source.length) / BLOCK, bfree: 0n, bavail: 0n, files: this.last, ffree: 0n
    };
  }
  syncFolder(): void { /* nothing changes */ }
  create(): HostFile { return refused(); }
  mkdir(): void { refused(); }
  symlink(): void { refused(); }
  link(): void { refused(); }
  rename(): void { refused(); }
  unlink(): void { refused(); }
  rmdir(): void { refused(); }
  change(): void { refused(); }
  close(): void { /* the source is its owner's */ }
}
function refused(): never { throw new FolderError('EROFS'); }

function attributesOf(n: Node): Attributes {
  const time = BigInt(n.mtime) * SECOND, size = BigInt(n.size);
  return {
    mode: n.mode, uid: n.uid, gid: n.gid, device: 0n, ino: n.ino, nlink: BigInt(n.names ? 2 : n.nlink), rdev: BigInt(n.rdev), size,
    blksize: BLOCK, blocks: (size + SECTOR - 1n) / SECTOR,
    atime: time, mtime: time, ctime: time,
  };
}
