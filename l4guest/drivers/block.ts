/**
 * Block devices: disks of the board (/dev/vda …) with their partitions (/dev/vda1 …), and loop devices, each a source of bytes under a
 * device number. Writes reach the disk before the call returns; there are no buffers.
 *
 * Documentation: include/uapi/linux/fs.h
 */
import { E } from '../abi/errno.ts';
import { Cap, O, makeDevice, minorOf } from '../abi/linux.ts';
import { capable } from '../kernel/creds.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Thread } from '../kernel/thread.ts';
import type { Co, Sleeper } from '../kernel/wait.ts';
import { getBig, setBig, setU16, setU32, type Io } from '../mm/uaccess.ts';
import { PartOf, type BlockSource } from '../fs/bytesource.ts';
import { File } from '../fs/file.ts';
import type { Inode } from '../fs/inode.ts';
import { Lo, Loop } from './loop.ts';
import { findPartitions, type Partition } from './partitions.ts';

const VIRTIO = 254, LOOP = 7, LOOPS = 8, MINORS = 16, PIECE = 65_536;
const Blk = {
  ROSET: 0x125d, ROGET: 0x125e, RRPART: 0x125f, GETSIZE: 0x1260, FLSBUF: 0x1261, RAGET: 0x1263, SSZGET: 0x1268, DISCARD: 0x1277,
  IOMIN: 0x1278, IOOPT: 0x1279, ALIGNOFF: 0x127a, PBSZGET: 0x127b, ZEROOUT: 0x127f, BSZGET: 0x80081270, BSZSET: 0x40081271,
  GETSIZE64: 0x80081272, GEOMETRY: 0x301,
} as const;

export interface BlockDevice { readonly name: string; readonly rdev: number; readonly source: BlockSource }

/** The block devices of one kernel. */
export class BlockDevices {
  readonly loops = Array.from({ length: LOOPS }, (_, i) => new Loop(i));
  private readonly disks: { readonly source: BlockSource; parts: ReadonlyMap<number, PartOf> }[] = [];
  /** Called when a device appears or vanishes, so that /dev follows. */
  onChange: ((name: string, rdev: number, there: boolean) => void) | undefined;

  addDisk(source: BlockSource, partitions: readonly Partition[]): void {
    this.disks.push({ source, parts: partsOf(source, partitions) });
  }
  /** Replaces a disk's partitions. */
  private divide(disk: number, partitions: readonly Partition[]): void {
    const entry = this.disks[disk]!, before = this.partNames(disk);
    for (const blockDevice of before) this.onChange?.(blockDevice.name, blockDevice.rdev, false);
    entry.parts = partsOf(entry.source, partitions);
    for (const part of this.partNames(disk)) this.onChange?.(part.name, part.rdev, true);
  }
  private partNames(disk: number): BlockDevice[] {
    return [...this.disks[disk]!.parts].map(([n, source]) =>
      ({ name: `${nameOf(disk)}${n}`, rdev: makeDevice(VIRTIO, disk * MINORS + n), source }));
  }
  /** All entries for /dev. */
  get all(): BlockDevice[] {
    return [
      ...this.disks.flatMap((d, i) => [{ name: nameOf(i), rdev: makeDevice(VIRTIO, i * MINORS), source: d.source }, ...this.partNames(i)]),
      ...this.loops.map((source, i) => ({ name: `loop${i}`, rdev: makeDevice(LOOP, i), source }))
    ];
  }
  /** The source of a device number; undefined: no such disk. */
  source(rdev: number): BlockSource | undefined {
    const minor = minorOf(rdev), major = (rdev >>> 8) & 0xfff, disk = major === VIRTIO ? this.disks[Math.floor(minor / MINORS)] : undefined;
    if (disk) return minor % MINORS === 0 ? disk.source : disk.parts.get(minor % MINORS);
    const loop = major === LOOP ? this.loops[minor] : undefined;
    return loop?.file ? loop : undefined;
  }
  loop(rdev: number): Loop | undefined { return ((rdev >>> 8) & 0xfff) === LOOP ? this.loops[minorOf(rdev)] : undefined; }
  /** Reads the partition table of a disk again (BLKRRPART). */
  *rescan(sleeper: Sleeper, rdev: number): Co<number> {
    const disk = minorOf(rdev) / MINORS, source = this.source(rdev);
    if (((rdev >>> 8) & 0xfff) !== VIRTIO || !Number.isInteger(disk) || !source) return -E.INVAL;
    const search = findPartitions(source.size);
    let step = search.next();
    while (!step.done) {
      const { pos, length } = step.value, bytes = pos + length <= source.size ? yield* source.read(sleeper, pos, length) : undefined;
      step = search.next(typeof bytes === 'number' ? undefined : bytes);
    }
    this.divide(disk, step.value);
    return 0;
  }
}
const nameOf = (disk: number): string => `vd${String.fromCharCode(97 + disk)}`;
const partsOf = (source: BlockSource, partitions: readonly Partition[]): ReadonlyMap<number, PartOf> =>
  new Map(partitions.map((p) => [p.number, new PartOf(source, p.start, p.size)]));

const devices = new WeakMap<Kernel, BlockDevices>();
export function blockDevicesOf(k: Kernel): BlockDevices {
  let blockDevices = devices.get(k);
  if (!blockDevices) devices.set(k, blockDevices = new BlockDevices());
  return blockDevices;
}

export function openBlock(thread: Thread, inode: Inode, flags: number): File | number {
  const all = blockDevicesOf(thread.k), loop = all.loop(inode.rdev), source = all.source(inode.rdev);
  if (!loop && !source) return -E.NXIO;
  if (source?.readOnly && (flags & O.ACCMODE) !== O.RDONLY) return -E.ACCES;
  return new BlockFile(inode, flags, all);
}

/** The open file of a block device; `source` is undefined for a loop device without a file. */
export class BlockFile extends File {
  override readonly sleeps = true;
  private readonly all: BlockDevices;
  constructor(inode: Inode, flags: number, all: BlockDevices) { super(inode, flags); this.all = all; }
  get source(): BlockSource | undefined { return this.all.source(this.inode.rdev); }
  override get seekable(): boolean { return true; }
  override get end(): number { return this.source?.size ?? 0; }
  /** O_DIRECT requires whole sectors. */
  private torn(pos: number, length: number): boolean { return (this.flags & O.DIRECT) !== 0 && (pos % 512 !== 0 || length % 512 !== 0); }
  override *read(io: Io, pos: number, thread: Thread): Co<number> {
    const { source } = this, n = Math.max(0, Math.min(io.left, (source?.size ?? 0) - pos));
    if (this.torn(pos, io.left)) return -E.INVAL;
    if (!source || n === 0) return 0;
    for (let done = 0; done < n; ) {
      const bytes = yield* source.read(thread, pos + done, Math.min(PIECE, n - done));
      if (typeof bytes === 'number') return done > 0 ? done : bytes;
      io.put(bytes, 0, bytes.length);
      done += bytes.length;
    }
    return n;
  }
  override *write(io: Io, pos: number, thread: Thread): Co<number> {
    const { source } = this, n = Math.min(io.left, (source?.size ?? 0) - pos);
    if (this.torn(pos, io.left)) return -E.INVAL;
    if (io.left === 0) return 0;
    if (!source || n <= 0) return -E.NOSPC;
    if (source.readOnly) return -E.PERM;
    for (let done = 0; done < n; ) {
      const bytes = new Uint8Array(Math.min(PIECE, n - done));
      io.take(bytes, 0, bytes.length);
      const failed = yield* source.write(thread, pos + done, bytes);
      if (failed) return done > 0 ? done : failed;
      done += bytes.length;
    }
    if (this.flags & (O.SYNC | O.DSYNC)) return (yield* source.flush(thread)) || n;
    return n;
  }
  override sync(t: Thread): Co<number> | number { return this.source?.flush(t) ?? 0; }
  override ioctl(thread: Thread, command: number, arg: number): number | Co<number> {
    const size = this.source?.size ?? 0, loop = this.all.loop(this.inode.rdev), { mm } = thread;
    switch (command) {
      case Blk.GETSIZE64: setBig(mm, arg, BigInt(size)); return 0;
      case Blk.GETSIZE: setBig(mm, arg, BigInt(Math.floor(size / 512))); return 0;
      case Blk.SSZGET: case Blk.PBSZGET: case Blk.IOMIN: setU32(mm, arg, 512); return 0;
      case Blk.IOOPT: case Blk.ALIGNOFF: setU32(mm, arg, 0); return 0;
      case Blk.BSZGET: setBig(mm, arg, 4096n); return 0;
      case Blk.BSZSET: return getBig(mm, arg) === 4096n ? 0 : -E.INVAL;
      case Blk.RAGET: setBig(mm, arg, 256n); return 0;
      case Blk.ROGET: setU32(mm, arg, this.source?.readOnly ? 1 : 0); return 0;
      case Blk.FLSBUF: return capable(thread.creds, Cap.SYS_ADMIN) ? this.sync(thread) : -E.ACCES;
      case Blk.RRPART: return capable(thread.creds, Cap.SYS_ADMIN) ? this.all.rescan(thread, this.inode.rdev) : -E.ACCES;
      case Blk.DISCARD: return -E.OPNOTSUPP;
      case Blk.ZEROOUT: return this.writable ? this.zero(thread, arg) : -E.BADF;
      case Blk.GEOMETRY: return loop ? -E.NOTTY : tellGeometry(thread, arg, size);
      default: return loop ? loop.control(thread, command, arg, this.writable) : -E.NOTTY;
    }
  }
  /** BLKZEROOUT: start and length in bytes, whole sectors. */
  private *zero(thread: Thread, va: number): Co<number> {
    const start = Number(getBig(thread.mm, va)), length = Number(getBig(thread.mm, va + 8)), { source } = this;
    if (start % 512 || length % 512 || !source || start + length > source.size) return -E.INVAL;
    for (let done = 0; done < length; done += PIECE) {
      const failed = yield* source.write(thread, start + done, new Uint8Array(Math.min(PIECE, length - done)));
      if (failed) return failed;
    }
    return 0;
  }
}
/** struct hd_geometry: heads, sectors, cylinders, start; as reported for virtio disks without their own geometry. */
function tellGeometry(thread: Thread, va: number, size: number): number {
  setU16(thread.mm, va, 64 | (32 << 8));
  setU16(thread.mm, va + 2, Math.floor(size / 512 / (64 * 32)) & 0xffff);
  setBig(thread.mm, va + 8, 0n);
  return 0;
}

/** /dev/loop-control: finds a free loop device. Their number is fixed. */
export class LoopControl extends File {
  private readonly k: Kernel;
  constructor(inode: Inode, flags: number, k: Kernel) { super(inode, flags); this.k = k; }
  override ioctl(_t: Thread, command: number, arg: number): number {
    const { loops } = blockDevicesOf(this.k);
    if (command === Lo.CTL_ADD) return loops[arg] ? -E.EXIST : -E.NOSPC;
    if (command === Lo.CTL_REMOVE) return loops[arg] ? -E.BUSY : -E.NODEV;
    if (command !== Lo.GET_FREE) return -E.NOTTY;
    const free = loops.findIndex((l) => !l.file);
    return free < 0 ? -E.NOSPC : free;
  }
}
