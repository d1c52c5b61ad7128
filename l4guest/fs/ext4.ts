/**
 * ext2, ext3 and ext4 for reading: a tree of an origin (origin.ts), so that names and pages are read on demand.
 *
 *   superblock at 1024 │ group descriptors │ per group: bitmaps, inode table, blocks
 *
 * A file system whose journal has not been replayed is refused, because its contents are inconsistent.
 *
 * @spec linux Documentation/filesystems/ext4
 */
import { E } from '../abi/errno.ts';
import { S, makeDevice } from '../abi/linux.ts';
import type { Time } from '../kernel/clocks.ts';
import type { Co, Sleeper } from '../kernel/wait.ts';
import { textOf } from '../mm/text.ts';
import type { ByteSource } from './bytesource.ts';
import type { DirEntry, Inode } from './inode.ts';
import type { DirOrigin, FileOrigin } from './origin.ts';
import { LinkInode, TmpDir, type TmpFs } from './tmpfs.ts';

const MAGIC = 0xef53, EXTENT_MAGIC = 0xf30a, ROOT = 2, UNWRITTEN = 0x8000;
/**
 * Incompatible features: file types in entries, recovery needed, extents, 64 bit, flexible groups, multiple mounts, checksum seed, large
 * directories.
 */
const Incompat = {
  filetype: 2, recover: 4, extents: 0x40, bit64: 0x80, mmp: 0x100, flexBg: 0x200, csumSeed: 0x2000, largeDir: 0x4000
} as const;
const KNOWN =
  Incompat.filetype | Incompat.extents | Incompat.bit64 | Incompat.mmp | Incompat.flexBg | Incompat.csumSeed | Incompat.largeDir;
const EXTENTS_FL = 0x80000;
/** Size limit of a directory in bytes. */
const MOST_DIRECTORY = 64 << 20;
/** Types in directory entries, by number. */
const TYPES = [0, S.IFREG, S.IFDIR, S.IFCHR, S.IFBLK, S.IFIFO, S.IFSOCK, S.IFLNK];

const view = (b: Uint8Array): DataView => new DataView(b.buffer, b.byteOffset, b.length);

/** An inode of the disk. */
interface Node {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly links: number;
  readonly size: number;
  readonly flags: number;
  readonly block: Uint8Array;
  readonly atime: Time;
  readonly mtime: Time;
  readonly ctime: Time
}
/** Blocks [first, first + count) of a file lie at `at`; 0: they are a hole. */
interface Run { readonly first: number; readonly count: number; readonly at: number }

export class Ext4 {
  readonly blockSize: number;
  private readonly disk: ByteSource;
  private readonly perGroup: number;
  private readonly inodeSize: number;
  private readonly inodes: number;
  private readonly descriptorAt: number;
  private readonly descriptorSize: number;

  private constructor(disk: ByteSource, sb: DataView) {
    this.disk = disk;
    this.blockSize = 1024 << sb.getUint32(24, true);
    this.inodes = sb.getUint32(0, true);
    this.perGroup = sb.getUint32(40, true);
    this.inodeSize = sb.getUint32(76, true) === 0 ? 128 : sb.getUint16(88, true);
    this.descriptorAt = (sb.getUint32(20, true) + 1) * this.blockSize;
    const pages = (blocks: number): number => Math.floor(blocks * this.blockSize / 4096);
    this.space = {
      blocks: pages(sb.getUint32(4, true)), free: pages(sb.getUint32(12, true)), files: this.inodes, freeFiles: sb.getUint32(16, true)
    };
    this.descriptorSize = sb.getUint32(96, true) & Incompat.bit64 ? Math.max(32, sb.getUint16(254, true)) : 32;
  }

  /** Examines a disk: -EINVAL when there is no such file system, -EUCLEAN when its journal must be replayed first. */
  /** For statfs. */
  readonly space: { readonly blocks: number; readonly free: number; readonly files: number; readonly freeFiles: number };

  static *open(sleeper: Sleeper, disk: ByteSource): Co<Ext4 | number> {
    if (disk.size < 2048) return -E.INVAL;
    const bytes = yield* disk.read(sleeper, 1024, 1024);
    if (typeof bytes === 'number') return bytes;
    const sb = view(bytes), incompat = sb.getUint32(96, true);
    if (sb.getUint16(56, true) !== MAGIC || sb.getUint32(24, true) > 6 || sb.getUint32(40, true) === 0) return -E.INVAL;
    if (incompat & Incompat.recover) return -E.UCLEAN;
    if (incompat & ~KNOWN) return -E.INVAL;
    const made = new Ext4(disk, sb), { inodeSize } = made;
    return inodeSize >= 128 && inodeSize <= made.blockSize && (inodeSize & (inodeSize - 1)) === 0 ? made : -E.UCLEAN;
  }

  *inode(sleeper: Sleeper, n: number): Co<Node | number> {
    if (n < 1 || n > this.inodes) return -E.IO;
    const group = Math.floor((n - 1) / this.perGroup),
      descriptor = yield* this.disk.read(sleeper, this.descriptorAt + group * this.descriptorSize, this.descriptorSize);
    if (typeof descriptor === 'number') return descriptor;
    const table = view(descriptor).getUint32(8, true) + (this.descriptorSize >= 64 ? view(descriptor).getUint32(40, true) * 2 ** 32 : 0);
    const bytes = yield* this.disk.read(sleeper, table * this.blockSize + ((n - 1) % this.perGroup) * this.inodeSize, this.inodeSize);
    return typeof bytes === 'number' ? bytes : readInode(bytes);
  }

  /** Contents of a file, [pos, pos + length), which lies inside it. */
  *contents(sleeper: Sleeper, node: Node, pos: number, length: number): Co<Uint8Array | number> {
    const out = new Uint8Array(length), { blockSize } = this;
    for (let done = 0; done < length; ) {
      const block = Math.floor((pos + done) / blockSize), run = yield* this.run(sleeper, node, block);
      if (typeof run === 'number') return run;
      const skip = pos + done - run.first * blockSize, n = Math.min(length - done, run.count * blockSize - skip);
      if (n <= 0) return -E.UCLEAN;
      if (run.at !== 0) {
        const bytes = yield* this.disk.read(sleeper, run.at * blockSize + skip, n);
        if (typeof bytes === 'number') return bytes;
        out.set(bytes, done);
      }
      done += n;
    }
    return out;
  }
  private run(t: Sleeper, node: Node, block: number): Co<Run | number> {
    return node.flags & EXTENTS_FL ? this.extent(t, node.block, block) : this.indirect(t, node, block);
  }

  private *extent(sleeper: Sleeper, top: Uint8Array, block: number): Co<Run | number> {
    let bytes = top, end = 2 ** 32;
    for (let level = 0; level < 6; level++) {
      const fields = view(bytes), count = fields.getUint16(2, true), depth = fields.getUint16(6, true);
      if (fields.getUint16(0, true) !== EXTENT_MAGIC || 12 + count * 12 > bytes.length) return -E.UCLEAN;
      let i = 0;
      while (i < count && fields.getUint32(12 + i * 12, true) <= block) i++;
      if (i < count) end = Math.min(end, fields.getUint32(12 + i * 12, true));
      if (i === 0) return { first: block, count: end - block, at: 0 };
      const at = 12 + (i - 1) * 12, first = fields.getUint32(at, true);
      if (depth === 0) {
        const length = fields.getUint16(at + 4, true), n = length > UNWRITTEN ? length - UNWRITTEN : length,
          start = fields.getUint16(at + 6, true) * 2 ** 32 + fields.getUint32(at + 8, true);
        return block < first + n ? { first, count: n, at: length > UNWRITTEN ? 0 : start } : { first: block, count: end - block, at: 0 };
      }
      const below = fields.getUint16(at + 8, true) * 2 ** 32 + fields.getUint32(at + 4, true);
      const next = yield* this.disk.read(sleeper, below * this.blockSize, this.blockSize);
      if (typeof next === 'number') return next;
      bytes = next;
    }
    return -E.UCLEAN;
  }
  /** The block map of a file without extents: twelve blocks directly, then tables one, two and three levels deep. */
  private *indirect(sleeper: Sleeper, node: Node, block: number): Co<Run | number> {
    const each = this.blockSize / 4;
    let index = block - 12, depth = 1, table = 0;
    if (block < 12) return { first: block, count: 1, at: view(node.block).getUint32(block * 4, true) };
    while (depth <= 3 && index >= each ** depth) { index -= each ** depth; depth++; }
    if (depth > 3) return -E.UCLEAN;
    table = view(node.block).getUint32((11 + depth) * 4, true);
    for (; depth > 0; depth--) {
      if (table === 0) return { first: block, count: 1, at: 0 };
      const at = Math.floor(index / each ** (depth - 1)), entry = yield* this.disk.read(sleeper, table * this.blockSize + at * 4, 4);
      if (typeof entry === 'number') return entry;
      table = view(entry).getUint32(0, true);
      index %= each ** (depth - 1);
    }
    return { first: block, count: 1, at: table };
  }

  *entries(sleeper: Sleeper, node: Node): Co<DirEntry[] | number> {
    if (node.size > MOST_DIRECTORY) return -E.UCLEAN;
    const bytes = yield* this.contents(sleeper, node, 0, node.size), out: DirEntry[] = [];
    if (typeof bytes === 'number') return bytes;
    const fields = view(bytes);
    for (let at = 0; at + 8 <= bytes.length; ) {
      const ino = fields.getUint32(at, true), length = fields.getUint16(at + 4, true), n = bytes[at + 6]!;
      if (length < 8 || length % 4 !== 0 || at + length > bytes.length || 8 + n > length) return -E.UCLEAN;
      const name = textOf(bytes.subarray(at + 8, at + 8 + n));
      if (ino !== 0 && n > 0 && name !== '.' && name !== '..') out.push({ name, ino, type: TYPES[bytes[at + 7]!] ?? 0 });
      at += length;
    }
    return out;
  }
}

function readInode(bytes: Uint8Array): Node {
  const fields = view(bytes), mode = fields.getUint16(0, true), extra = bytes.length > 140 ? fields.getUint16(128, true) : 0;
  const time = (at: number, more: number): Time => {
    const fine = 128 + extra >= more + 4 ? fields.getUint32(more, true) : 0;
    return { s: fields.getInt32(at, true) + (fine & 3) * 2 ** 32, n: fine >>> 2 };
  };
  return {
    mode, uid: fields.getUint16(2, true) + fields.getUint16(120, true) * 65536,
    gid: fields.getUint16(24, true) + fields.getUint16(122, true) * 65536,
    links: fields.getUint16(26, true), size: fields.getUint32(4, true) + fields.getUint32(108, true) * 2 ** 32,
    flags: fields.getUint32(32, true), block: bytes.slice(40, 100),
    atime: time(8, 140), ctime: time(12, 132), mtime: time(16, 136),
  };
}

/** A directory on the disk. */
class Ext4Folder implements DirOrigin {
  private readonly tree: Tree;
  private readonly node: Node;
  private names: readonly DirEntry[] | undefined;
  constructor(tree: Tree, node: Node) { this.tree = tree; this.node = node; }
  *list(sleeper: Sleeper): Co<readonly DirEntry[] | number> {
    if (this.names) return this.names;
    const list = yield* this.tree.ext4.entries(sleeper, this.node);
    if (typeof list !== 'number') this.names = list;
    return list;
  }
  *find(sleeper: Sleeper, name: string): Co<Inode | undefined | number> {
    const list = yield* this.list(sleeper);
    if (typeof list === 'number') return list;
    const entry = list.find((e) => e.name === name);
    return entry && (yield* this.tree.inode(sleeper, entry.ino));
  }
}
/** In-memory inodes of the disk's inodes, each created once. */
class Tree {
  readonly ext4: Ext4;
  private readonly fs: TmpFs;
  private readonly made = new Map<number, Inode>();
  constructor(ext4: Ext4, fs: TmpFs) { this.ext4 = ext4; this.fs = fs; }

  *inode(sleeper: Sleeper, n: number): Co<Inode | number> {
    const known = this.made.get(n), node = known ?? (yield* this.ext4.inode(sleeper, n));
    if (known || typeof node === 'number') return known ?? (node as number);
    const inode = yield* this.make(sleeper, node as Node);
    if (typeof inode !== 'number' && !inode.isDir) this.made.set(n, inode);
    return inode;
  }
  private *make(sleeper: Sleeper, node: Node): Co<Inode | number> {
    const type = node.mode & S.IFMT, { ext4, fs } = this, old = view(node.block).getUint16(0, true),
      rdev = old !== 0 ? makeDevice(old >> 8, old & 0xff) : view(node.block).getUint32(4, true);
    let inode: Inode;
    if (type === S.IFLNK) {
      const target = node.size < 60 && !(node.flags & EXTENTS_FL)
        ? node.block.subarray(0, node.size)
        : yield* ext4.contents(sleeper, node, 0, Math.min(node.size, 4096));
      if (typeof target === 'number') return target;
      inode = new LinkInode(fs, textOf(target));
    } else {
      const file: FileOrigin | undefined = type === S.IFREG
        ? { size: node.size, read: (s, pos, length) => ext4.contents(s, node, pos, Math.max(0, Math.min(length, node.size - pos))) }
        : undefined;
      inode = fs.root.create(node.mode, rdev, undefined, file);
    }
    if (inode instanceof TmpDir) inode.origin = new Ext4Folder(this, node);
    dress(inode, node);
    return inode;
  }
}
function dress(i: Inode, n: Node): void {
  if (!i.isLink) i.mode = n.mode;
  i.uid = n.uid; i.gid = n.gid;
  if (!i.isDir) i.nlink = n.links;
  i.atime = n.atime; i.mtime = n.mtime; i.ctime = n.ctime;
}

/** Fills a directory in memory from the disk's root. 0 or -errno. */
export function* beginAsExt4(sleeper: Sleeper, root: TmpDir, ext4: Ext4): Co<number> {
  const node = yield* ext4.inode(sleeper, ROOT);
  if (typeof node === 'number') return node;
  if ((node.mode & S.IFMT) !== S.IFDIR) return -E.UCLEAN;
  root.origin = new Ext4Folder(new Tree(ext4, root.fs), node);
  dress(root, node);
  return 0;
}
