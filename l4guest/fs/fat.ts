/**
 * FAT12, FAT16 and FAT32 with long names, for reading: a tree of an origin (origin.ts). Names are case-preserving, and look-up is
 * case-sensitive.
 *
 *   boot sector │ reserved │ tables of clusters │ root directory (FAT12 and 16) │ clusters
 *
 * Documentation: Microsoft Extensible Firmware Initiative FAT32 File System Specification 1.03
 */
import { E } from '../abi/errno.ts';
import { S } from '../abi/linux.ts';
import type { Time } from '../kernel/clocks.ts';
import type { Co, Sleeper } from '../kernel/wait.ts';
import type { ByteSource } from './bytesource.ts';
import type { DirEntry, Inode } from './inode.ts';
import type { DirOrigin } from './origin.ts';
import { TmpDir, type TmpFs } from './tmpfs.ts';

const ENTRY = 32, MOST_DIRECTORY = 2 << 20, MARK = 256, PAGE = 4096, PAGES_KEPT = 64;
const Attribute = { READ_ONLY: 1, VOLUME: 8, DIRECTORY: 16, LONG: 15 } as const;
/** The chain ends: no cluster has this number. */
const END = -1;

const view = (b: Uint8Array): DataView => new DataView(b.buffer, b.byteOffset, b.length);

/** A file or directory: its first cluster (0: none; the root of FAT12 and 16 has none either) and what its entry says. */
interface Found {
  readonly name: string; readonly first: number; readonly size: number; readonly directory: boolean; readonly readOnly: boolean;
  readonly mtime: Time; readonly ctime: Time; readonly atime: Time;
}
/** Every MARK-th cluster of a chain, as far as it was followed. */
interface Chain { readonly first: number; readonly marks: number[] }

export class Fat {
  private readonly disk: ByteSource;
  readonly bits: 12 | 16 | 32;
  readonly clusterSize: number;
  private readonly clusters: number;
  private readonly tableAt: number;
  private readonly rootAt: number;
  private readonly rootBytes: number;
  private readonly dataAt: number;
  readonly rootCluster: number;
  private readonly table = new Map<number, Uint8Array>();

  private constructor(disk: ByteSource, view: DataView) {
    const sector = view.getUint16(11, true), reserved = view.getUint16(14, true), tables = view.getUint8(16),
      roots = view.getUint16(17, true),
      each = view.getUint16(22, true) || view.getUint32(36, true), total = view.getUint16(19, true) || view.getUint32(32, true);
    this.disk = disk;
    this.clusterSize = view.getUint8(13) * sector;
    this.tableAt = reserved * sector;
    this.rootAt = this.tableAt + tables * each * sector;
    this.rootBytes = roots * ENTRY;
    this.dataAt = this.rootAt + Math.ceil(this.rootBytes / sector) * sector;
    this.clusters = Math.max(0, Math.floor((total * sector - this.dataAt) / this.clusterSize));
    this.bits = view.getUint16(22, true) === 0 ? 32 : this.clusters < 4085 ? 12 : 16;
    this.rootCluster = this.bits === 32 ? view.getUint32(44, true) : 0;
  }
  /** For statfs, in pages; free ones are not counted. */
  get space(): { blocks: number; free: number; files: number; freeFiles: number } {
    return { blocks: Math.floor(this.clusters * this.clusterSize / PAGE), free: 0, files: 0, freeFiles: 0 };
  }
  /** Examines a disk: -EINVAL when there is no such file system. */
  static *open(sleeper: Sleeper, disk: ByteSource): Co<Fat | number> {
    if (disk.size < 512) return -E.INVAL;
    const bytes = yield* disk.read(sleeper, 0, 512);
    if (typeof bytes === 'number') return bytes;
    const fields = view(bytes), sector = fields.getUint16(11, true), each = fields.getUint8(13), media = fields.getUint8(21),
      power = (n: number): boolean => n > 0 && (n & (n - 1)) === 0;
    if (!power(sector) || sector < 512 || sector > 4096 || !power(each)) return -E.INVAL;
    if (fields.getUint16(14, true) === 0 || fields.getUint8(16) === 0) return -E.INVAL;
    if (media !== 0xf0 && media < 0xf8) return -E.INVAL;
    const fat = new Fat(disk, fields);
    return fat.clusters > 0 && fat.dataAt < disk.size ? fat : -E.INVAL;
  }

  /** The cluster after another one, or END. */
  private *next(sleeper: Sleeper, cluster: number): Co<number> {
    if (cluster < 2 || cluster >= this.clusters + 2) return -E.UCLEAN - 1;
    const at = this.tableAt + (this.bits === 12 ? cluster + (cluster >> 1) : cluster * (this.bits / 8));
    let n = 0;
    for (let i = 0; i < (this.bits === 32 ? 4 : 2); i++) {
      const page = yield* this.tablePage(sleeper, Math.floor((at + i) / PAGE));
      if (typeof page === 'number') return -E.IO - 1;
      n += (page[(at + i) % PAGE] ?? 0) * 2 ** (8 * i);
    }
    if (this.bits === 12) n = cluster & 1 ? n >> 4 : n & 0xfff;
    if (this.bits === 32) n %= 0x1000_0000;
    return n >= 2 ** Math.min(28, this.bits) - 8 ? END : n;
  }
  private *tablePage(sleeper: Sleeper, n: number): Co<Uint8Array | number> {
    const kept = this.table.get(n);
    if (kept) return kept;
    const page = yield* this.disk.read(sleeper, n * PAGE, Math.min(PAGE, this.disk.size - n * PAGE));
    if (typeof page === 'number') return page;
    if (this.table.size >= PAGES_KEPT) this.table.clear();
    this.table.set(n, page);
    return page;
  }
  /** Cluster number `index` of a chain; END beyond it; a number below END is an error, minus one. */
  private *clusterAt(sleeper: Sleeper, chain: Chain, index: number): Co<number> {
    const { marks } = chain;
    let mark = Math.min(Math.floor(index / MARK), marks.length - 1), at = marks[mark]!;
    for (let i = mark * MARK; i < index; i++) {
      at = yield* this.next(sleeper, at);
      if (at < 0) return at;
      if ((i + 1) % MARK === 0 && ++mark === marks.length) marks.push(at);
    }
    return at;
  }
  /** Bytes [pos, pos + length) of a chain; fewer at its end. */
  *contents(sleeper: Sleeper, chain: Chain, pos: number, length: number): Co<Uint8Array | number> {
    const out = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const cluster = chain.first === 0 ? END : yield* this.clusterAt(sleeper, chain, Math.floor((pos + done) / this.clusterSize)),
        skip = (pos + done) % this.clusterSize, n = Math.min(this.clusterSize - skip, length - done);
      if (cluster === END) return out.subarray(0, done);
      if (cluster < 2 || cluster >= this.clusters + 2) return cluster < END ? cluster + 1 : -E.IO;
      const bytes = yield* this.disk.read(sleeper, this.dataAt + (cluster - 2) * this.clusterSize + skip, n);
      if (typeof bytes === 'number') return bytes;
      out.set(bytes, done);
      done += n;
    }
    return out;
  }
  /** The entries of a directory; first cluster 0: the root of FAT12 and FAT16. */
  *entries(sleeper: Sleeper, first: number): Co<Found[] | number> {
    if (first === 0) {
      const bytes = yield* this.disk.read(sleeper, this.rootAt, this.rootBytes);
      return typeof bytes === 'number' ? bytes : readEntries(bytes);
    }
    const chain: Chain = { first, marks: [first] }, parts: Uint8Array[] = [];
    for (let at = 0; at < MOST_DIRECTORY; at += this.clusterSize) {
      const bytes = yield* this.contents(sleeper, chain, at, this.clusterSize);
      if (typeof bytes === 'number') return bytes;
      if (bytes.length === 0) break;
      parts.push(bytes);
    }
    const all = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
    parts.reduce((at, p) => { all.set(p, at); return at + p.length; }, 0);
    return readEntries(all);
  }
}

/** Offsets of the thirteen letters of a long name's piece in its entry. */
const LETTERS = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30];
function readEntries(bytes: Uint8Array): Found[] {
  const out: Found[] = [], fields = view(bytes);
  let long: { pieces: string[]; sum: number } | undefined;
  for (let at = 0; at + ENTRY <= bytes.length && bytes[at] !== 0; at += ENTRY) {
    const attributes = bytes[at + 11]!;
    if (bytes[at] === 0xe5) { long = undefined; continue; }
    if ((attributes & 0x3f) === Attribute.LONG) {
      if (bytes[at]! & 0x40) long = { pieces: [], sum: bytes[at + 13]! };
      if (long && long.sum === bytes[at + 13]) long.pieces.unshift(pieceOf(fields, at)); else long = undefined;
      continue;
    }
    const name = (long?.sum === sumOf(bytes, at) ? long.pieces.join('').split('\0')[0]! : '') || shortName(bytes, at);
    long = undefined;
    if (attributes & Attribute.VOLUME || name === '.' || name === '..' || name.includes('/')) continue;
    out.push({
      name, first: fields.getUint16(at + 20, true) * 65536 + fields.getUint16(at + 26, true), size: fields.getUint32(at + 28, true),
      directory: (attributes & Attribute.DIRECTORY) !== 0, readOnly: (attributes & Attribute.READ_ONLY) !== 0,
      mtime: timeOf(fields.getUint16(at + 24, true), fields.getUint16(at + 22, true), 0),
      ctime: timeOf(fields.getUint16(at + 16, true), fields.getUint16(at + 14, true), bytes[at + 13]!),
      atime: timeOf(fields.getUint16(at + 18, true), 0, 0),
    });
  }
  return out;
}
const pieceOf = (v: DataView, at: number): string => String.fromCharCode(...LETTERS.map((i) => v.getUint16(at + i, true)));
const sumOf = (bytes: Uint8Array, at: number): number => {
  let sum = 0;
  for (let i = 0; i < 11; i++) sum = (((sum & 1) << 7) + (sum >> 1) + bytes[at + i]!) & 0xff;
  return sum;
};
/** A short name: eight letters and three, in lower case if byte 12 says so. */
function shortName(bytes: Uint8Array, at: number): string {
  const text = (from: number, to: number, lower: boolean): string => {
    const part = String.fromCharCode(...bytes.subarray(at + from, at + to)).replace(/ +$/, '').replace(/^\x05/, '\xe5');
    return lower ? part.toLowerCase() : part;
  };
  const base = text(0, 8, (bytes[at + 12]! & 8) !== 0), end = text(8, 11, (bytes[at + 12]! & 16) !== 0);
  return end === '' ? base : `${base}.${end}`;
}
/** Date (years from 1980, month, day), time in steps of two seconds, and hundredths; taken as UTC. */
function timeOf(date: number, time: number, hundredths: number): Time {
  if (date === 0) return { s: 0, n: 0 };
  const ms = Date.UTC(1980 + (date >> 9), ((date >> 5) & 15) - 1, date & 31, time >> 11, (time >> 5) & 63, (time & 31) * 2);
  return { s: Math.floor(ms / 1000) + Math.floor(hundredths / 100), n: (hundredths % 100) * 1e7 };
}

class FatFolder implements DirOrigin {
  private readonly fat: Fat;
  private readonly fs: TmpFs;
  private readonly first: number;
  private found: readonly Found[] | undefined;
  constructor(fat: Fat, fs: TmpFs, first: number) { this.fat = fat; this.fs = fs; this.first = first; }
  private *all(sleeper: Sleeper): Co<readonly Found[] | number> {
    if (this.found) return this.found;
    const list = yield* this.fat.entries(sleeper, this.first);
    if (typeof list !== 'number') this.found = list;
    return list;
  }
  *list(sleeper: Sleeper): Co<readonly DirEntry[] | number> {
    const all = yield* this.all(sleeper);
    return typeof all === 'number' ? all : all.map((f) => ({ name: f.name, ino: 0, type: f.directory ? S.IFDIR : S.IFREG }));
  }
  *find(sleeper: Sleeper, name: string): Co<Inode | undefined | number> {
    const all = yield* this.all(sleeper), found = typeof all === 'number' ? undefined : all.find((x) => x.name === name);
    return found ? this.make(found) : typeof all === 'number' ? all : undefined;
  }
  private make(found: Found): Inode {
    const { fat, fs } = this, chain: Chain = { first: found.first, marks: [found.first] };
    const inode = found.directory ? fs.root.create(S.IFDIR | 0o755) : fs.root.create(S.IFREG | 0o755, 0, undefined,
      { size: found.size, read: (s, pos, length) => fat.contents(s, chain, pos, Math.max(0, Math.min(length, found.size - pos))) });
    // A directory without a cluster is empty: cluster 1 does not exist.
    if (inode instanceof TmpDir) inode.origin = new FatFolder(fat, fs, found.first || 1);
    inode.mode = (inode.mode & S.IFMT) | (found.readOnly ? 0o555 : 0o755);
    inode.mtime = found.mtime; inode.ctime = found.ctime; inode.atime = found.atime;
    return inode;
  }
}
/** Fills a directory in memory from the disk's root. */
export function beginAsFat(root: TmpDir, fat: Fat): void { root.origin = new FatFolder(fat, root.fs, fat.rootCluster); }
