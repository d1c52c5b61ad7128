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

  private constructor(disk: ByteSource, v: DataView) {
    const sector = v.getUint16(11, true), reserved = v.getUint16(14, true), tables = v.getUint8(16), roots = v.getUint16(17, true),
      each = v.getUint16(22, true) || v.getUint32(36, true), total = v.getUint16(19, true) || v.getUint32(32, true);
    this.disk = disk;
    this.clusterSize = v.getUint8(13) * sector;
    this.tableAt = reserved * sector;
    this.rootAt = this.tableAt + tables * each * sector;
    this.rootBytes = roots * ENTRY;
    this.dataAt = this.rootAt + Math.ceil(this.rootBytes / sector) * sector;
    this.clusters = Math.max(0, Math.floor((total * sector - this.dataAt) / this.clusterSize));
    this.bits = v.getUint16(22, true) === 0 ? 32 : this.clusters < 4085 ? 12 : 16;
    this.rootCluster = this.bits === 32 ? v.getUint32(44, true) : 0;
  }
  /** For statfs, in pages; free ones are not counted. */
  get space(): { blocks: number; free: number; files: number; freeFiles: number } {
    return { blocks: Math.floor(this.clusters * this.clusterSize / PAGE), free: 0, files: 0, freeFiles: 0 };
  }
  /** Examines a disk: -EINVAL when there is no such file system. */
  static *open(t: Sleeper, disk: ByteSource): Co<Fat | number> {
    if (disk.size < 512) return -E.INVAL;
    const b = yield* disk.read(t, 0, 512);
    if (typeof b === 'number') return b;
    const v = view(b), sector = v.getUint16(11, true), each = v.getUint8(13), media = v.getUint8(21),
      power = (n: number): boolean => n > 0 && (n & (n - 1)) === 0;
    if (!power(sector) || sector < 512 || sector > 4096 || !power(each)) return -E.INVAL;
    if (v.getUint16(14, true) === 0 || v.getUint8(16) === 0) return -E.INVAL;
    if (media !== 0xf0 && media < 0xf8) return -E.INVAL;
    const fat = new Fat(disk, v);
    return fat.clusters > 0 && fat.dataAt < disk.size ? fat : -E.INVAL;
  }

  /** The cluster after another one, or END. */
  private *next(t: Sleeper, cluster: number): Co<number> {
    if (cluster < 2 || cluster >= this.clusters + 2) return -E.UCLEAN - 1;
    const at = this.tableAt + (this.bits === 12 ? cluster + (cluster >> 1) : cluster * (this.bits / 8));
    let n = 0;
    for (let i = 0; i < (this.bits === 32 ? 4 : 2); i++) {
      const page = yield* this.tablePage(t, Math.floor((at + i) / PAGE));
      if (typeof page === 'number') return -E.IO - 1;
      n += (page[(at + i) % PAGE] ?? 0) * 2 ** (8 * i);
    }
    if (this.bits === 12) n = cluster & 1 ? n >> 4 : n & 0xfff;
    if (this.bits === 32) n %= 0x1000_0000;
    return n >= 2 ** Math.min(28, this.bits) - 8 ? END : n;
  }
  private *tablePage(t: Sleeper, n: number): Co<Uint8Array | number> {
    const kept = this.table.get(n);
    if (kept) return kept;
    const page = yield* this.disk.read(t, n * PAGE, Math.min(PAGE, this.disk.size - n * PAGE));
    if (typeof page === 'number') return page;
    if (this.table.size >= PAGES_KEPT) this.table.clear();
    this.table.set(n, page);
    return page;
  }
  /** Cluster number `index` of a chain; END beyond it; below that an error, minus one. */
  private *clusterAt(t: Sleeper, chain: Chain, index: number): Co<number> {
    const { marks } = chain;
    let mark = Math.min(Math.floor(index / MARK), marks.length - 1), at = marks[mark]!;
    for (let i = mark * MARK; i < index; i++) {
      at = yield* this.next(t, at);
      if (at < 0) return at;
      if ((i + 1) % MARK === 0 && ++mark === marks.length) marks.push(at);
    }
    return at;
  }
  /** Bytes [pos, pos + length) of a chain; fewer at its end. */
  *contents(t: Sleeper, chain: Chain, pos: number, length: number): Co<Uint8Array | number> {
    const out = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const cluster = chain.first === 0 ? END : yield* this.clusterAt(t, chain, Math.floor((pos + done) / this.clusterSize)),
        skip = (pos + done) % this.clusterSize, n = Math.min(this.clusterSize - skip, length - done);
      if (cluster === END) return out.subarray(0, done);
      if (cluster < 2 || cluster >= this.clusters + 2) return cluster < END ? cluster + 1 : -E.IO;
      const bytes = yield* this.disk.read(t, this.dataAt + (cluster - 2) * this.clusterSize + skip, n);
      if (typeof bytes === 'number') return bytes;
      out.set(bytes, done);
      done += n;
    }
    return out;
  }
  /** The entries of a directory; first cluster 0: the root of FAT12 and FAT16. */
  *entries(t: Sleeper, first: number): Co<Found[] | number> {
    if (first === 0) {
      const b = yield* this.disk.read(t, this.rootAt, this.rootBytes);
      return typeof b === 'number' ? b : readEntries(b);
    }
    const chain: Chain = { first, marks: [first] }, parts: Uint8Array[] = [];
    for (let at = 0; at < MOST_DIRECTORY; at += this.clusterSize) {
      const b = yield* this.contents(t, chain, at, this.clusterSize);
      if (typeof b === 'number') return b;
      if (b.length === 0) break;
      parts.push(b);
    }
    const all = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
    parts.reduce((at, p) => { all.set(p, at); return at + p.length; }, 0);
    return readEntries(all);
  }
}

/** Offsets of the thirteen letters of a long name's piece in its entry. */
const LETTERS = [1, 3, 5, 7, 9, 14, 16, 18, 20, 22, 24, 28, 30];
function readEntries(b: Uint8Array): Found[] {
  const out: Found[] = [], v = view(b);
  let long: { pieces: string[]; sum: number } | undefined;
  for (let at = 0; at + ENTRY <= b.length && b[at] !== 0; at += ENTRY) {
    const attributes = b[at + 11]!;
    if (b[at] === 0xe5) { long = undefined; continue; }
    if ((attributes & 0x3f) === Attribute.LONG) {
      if (b[at]! & 0x40) long = { pieces: [], sum: b[at + 13]! };
      if (long && long.sum === b[at + 13]) long.pieces.unshift(pieceOf(v, at)); else long = undefined;
      continue;
    }
    const name = (long?.sum === sumOf(b, at) ? long.pieces.join('').split('\0')[0]! : '') || shortName(b, at);
    long = undefined;
    if (attributes & Attribute.VOLUME || name === '.' || name === '..' || name.includes('/')) continue;
    out.push({
      name, first: v.getUint16(at + 20, true) * 65536 + v.getUint16(at + 26, true), size: v.getUint32(at + 28, true),
      directory: (attributes & Attribute.DIRECTORY) !== 0, readOnly: (attributes & Attribute.READ_ONLY) !== 0,
      mtime: timeOf(v.getUint16(at + 24, true), v.getUint16(at + 22, true), 0),
      ctime: timeOf(v.getUint16(at + 16, true), v.getUint16(at + 14, true), b[at + 13]!), atime: timeOf(v.getUint16(at + 18, true), 0, 0),
    });
  }
  return out;
}
const pieceOf = (v: DataView, at: number): string => String.fromCharCode(...LETTERS.map((i) => v.getUint16(at + i, true)));
const sumOf = (b: Uint8Array, at: number): number => {
  let sum = 0;
  for (let i = 0; i < 11; i++) sum = (((sum & 1) << 7) + (sum >> 1) + b[at + i]!) & 0xff;
  return sum;
};
/** Eight letters and three, in lower case where byte 12 says so. */
function shortName(b: Uint8Array, at: number): string {
  const text = (from: number, to: number, lower: boolean): string => {
    const s = String.fromCharCode(...b.subarray(at + from, at + to)).replace(/ +$/, '').replace(/^\x05/, '\xe5');
    return lower ? s.toLowerCase() : s;
  };
  const base = text(0, 8, (b[at + 12]! & 8) !== 0), end = text(8, 11, (b[at + 12]! & 16) !== 0);
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
  private *all(t: Sleeper): Co<readonly Found[] | number> {
    if (this.found) return this.found;
    const list = yield* this.fat.entries(t, this.first);
    if (typeof list !== 'number') this.found = list;
    return list;
  }
  *list(t: Sleeper): Co<readonly DirEntry[] | number> {
    const all = yield* this.all(t);
    return typeof all === 'number' ? all : all.map((f) => ({ name: f.name, ino: 0, type: f.directory ? S.IFDIR : S.IFREG }));
  }
  *find(t: Sleeper, name: string): Co<Inode | undefined | number> {
    const all = yield* this.all(t), f = typeof all === 'number' ? undefined : all.find((x) => x.name === name);
    return f ? this.make(f) : typeof all === 'number' ? all : undefined;
  }
  private make(f: Found): Inode {
    const { fat, fs } = this, chain: Chain = { first: f.first, marks: [f.first] };
    const inode = f.directory ? fs.root.create(S.IFDIR | 0o755) : fs.root.create(S.IFREG | 0o755, 0, undefined,
      { size: f.size, read: (s, pos, length) => fat.contents(s, chain, pos, Math.max(0, Math.min(length, f.size - pos))) });
    // A directory without a cluster is empty: cluster 1 is none.
    if (inode instanceof TmpDir) inode.origin = new FatFolder(fat, fs, f.first || 1);
    inode.mode = (inode.mode & S.IFMT) | (f.readOnly ? 0o555 : 0o755);
    inode.mtime = f.mtime; inode.ctime = f.ctime; inode.atime = f.atime;
    return inode;
  }
}
/** Fills a directory in memory from the disk's root. */
export function beginAsFat(root: TmpDir, fat: Fat): void { root.origin = new FatFolder(fat, root.fs, fat.rootCluster); }
