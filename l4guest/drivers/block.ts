/**
 * Block devices: disks of the board (/dev/vda …) and loop devices, each a ByteSource under a device number. They can be read and looked
 * at; writing to them is not there yet.
 *
 * Documentation: loop(4), include/uapi/linux/fs.h and loop.h of Linux
 */
import { E } from '../abi/errno.ts';
import { O, S, makeDevice, minorOf } from '../abi/linux.ts';
import { NotHere } from '../kernel/later.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Thread } from '../kernel/thread.ts';
import type { Co, Sleeper } from '../kernel/wait.ts';
import { KernelIo, copyIn, copyOut, setBig, setU32, type Io } from '../mm/uaccess.ts';
import type { ByteSource } from '../fs/bytesource.ts';
import { File } from '../fs/file.ts';
import type { Inode } from '../fs/inode.ts';

const VIRTIO = 254, LOOP = 7, LOOPS = 8;
const Blk = { ROGET: 0x125e, GETSIZE: 0x1260, FLSBUF: 0x1261, SSZGET: 0x1268, BSZGET: 0x80081270, GETSIZE64: 0x80081272 } as const;
const Lo = {
  SET_FD: 0x4c00, CLR_FD: 0x4c01, SET_STATUS: 0x4c02, SET_STATUS64: 0x4c04, GET_STATUS64: 0x4c05, SET_CAPACITY: 0x4c07, CONFIGURE: 0x4c0a,
  GET_FREE: 0x4c82
} as const;
/** struct loop_info64: offset and size limit at 24, name at 72. */
const INFO = 232, INFO_OFFSET = 24, INFO_LIMIT = 32;

/** What stands behind a loop device's number. */
class Loop implements ByteSource {
  file: File | undefined;
  /** Who attached the file: it reads when no thread of a program does. */
  thread: Thread | undefined;
  offset = 0;
  limit = 0;
  info: Uint8Array = new Uint8Array(INFO);
  get size(): number {
    const rest = Math.max(0, (this.file?.inode.size ?? 0) - this.offset);
    return this.limit > 0 ? Math.min(rest, this.limit) : rest;
  }
  *read(s: Sleeper, pos: number, length: number): Co<Uint8Array | number> {
    const { file } = this, reader = 'proc' in s ? s as Thread : this.thread!, out = new Uint8Array(length), io = new KernelIo(out);
    if (!file || pos + length > this.size) return -E.IO;
    for (;;) {
      try {
        const n = file.read(io, this.offset + pos + io.done, reader), got = typeof n === 'number' ? n : yield* n;
        if (io.done === length) return out;
        if (got <= 0) return got < 0 ? got : -E.IO;
      } catch (e) {
        if (!(e instanceof NotHere)) throw e;
        io.done = 0;
        const r = yield* e.fetch(s);
        if (r < 0) return r;
      }
    }
  }
  clear(): void { this.file?.release(); this.file = undefined; this.offset = this.limit = 0; this.info = new Uint8Array(INFO); }
}

/** The block devices of one kernel. */
export class BlockDevices {
  readonly loops = Array.from({ length: LOOPS }, () => new Loop());
  readonly disks: ByteSource[] = [];
  /** Names and numbers for /dev. */
  get names(): { name: string; rdev: number }[] {
    return [
      ...this.disks.map((_, i) => ({ name: `vd${String.fromCharCode(97 + i)}`, rdev: makeDevice(VIRTIO, i * 16) })),
      ...this.loops.map((_, i) => ({ name: `loop${i}`, rdev: makeDevice(LOOP, i) }))
    ];
  }
  /** What is behind a device number; undefined: no disk there. */
  source(rdev: number): ByteSource | undefined {
    const minor = minorOf(rdev), major = (rdev >>> 8) & 0xfff;
    if (major === VIRTIO && minor % 16 === 0) return this.disks[minor / 16];
    const loop = major === LOOP ? this.loops[minor] : undefined;
    return loop?.file ? loop : undefined;
  }
  loop(rdev: number): Loop | undefined { return ((rdev >>> 8) & 0xfff) === LOOP ? this.loops[minorOf(rdev)] : undefined; }
}
const devices = new WeakMap<Kernel, BlockDevices>();
export function blockDevicesOf(k: Kernel): BlockDevices {
  let b = devices.get(k);
  if (!b) devices.set(k, b = new BlockDevices());
  return b;
}

export function openBlock(t: Thread, inode: Inode, flags: number): File | number {
  const all = blockDevicesOf(t.k), loop = all.loop(inode.rdev);
  if (!loop && !all.source(inode.rdev)) return -E.NXIO;
  if (!loop && (flags & O.ACCMODE) !== O.RDONLY) return -E.ROFS;
  return new BlockFile(inode, flags, all);
}

class BlockFile extends File {
  override readonly sleeps = true;
  private readonly all: BlockDevices;
  constructor(inode: Inode, flags: number, all: BlockDevices) { super(inode, flags); this.all = all; }
  private get source(): ByteSource | undefined { return this.all.source(this.inode.rdev); }
  override get seekable(): boolean { return true; }
  override get end(): number { return this.source?.size ?? 0; }
  override *read(io: Io, pos: number, t: Thread): Co<number> {
    const { source } = this, n = Math.max(0, Math.min(io.left, (source?.size ?? 0) - pos));
    if (!source || n === 0) return 0;
    for (let done = 0; done < n; ) {
      const bytes = yield* source.read(t, pos + done, Math.min(65_536, n - done));
      if (typeof bytes === 'number') return done > 0 ? done : bytes;
      io.put(bytes, 0, bytes.length);
      done += bytes.length;
    }
    return n;
  }
  override write(): number { return -E.ROFS; }
  override ioctl(t: Thread, command: number, arg: number): number {
    const size = this.source?.size ?? 0, loop = this.all.loop(this.inode.rdev);
    switch (command) {
      case Blk.GETSIZE64: setBig(t.mm, arg, BigInt(size)); return 0;
      case Blk.GETSIZE: setBig(t.mm, arg, BigInt(Math.floor(size / 512))); return 0;
      case Blk.SSZGET: setU32(t.mm, arg, 512); return 0;
      case Blk.BSZGET: setBig(t.mm, arg, 4096n); return 0;
      case Blk.ROGET: setU32(t.mm, arg, 1); return 0;
      case Blk.FLSBUF: return 0;
      default: return loop ? loopControl(t, loop, command, arg) : -E.NOTTY;
    }
  }
}

function loopControl(t: Thread, loop: Loop, command: number, arg: number): number {
  switch (command) {
    case Lo.SET_FD: return attach(t, loop, arg, new Uint8Array(INFO));
    case Lo.CONFIGURE: {
      const b = copyIn(t.mm, arg, 8 + INFO);
      return attach(t, loop, new DataView(b.buffer).getUint32(0, true), b.slice(8));
    }
    case Lo.CLR_FD: if (!loop.file) return -E.NXIO; loop.clear(); return 0;
    case Lo.SET_STATUS64: if (!loop.file) return -E.NXIO; setInfo(loop, copyIn(t.mm, arg, INFO)); return 0;
    case Lo.GET_STATUS64: if (!loop.file) return -E.NXIO; copyOut(t.mm, arg, loop.info); return 0;
    case Lo.SET_CAPACITY: return loop.file ? 0 : -E.NXIO;
    case Lo.SET_STATUS: return -E.INVAL;
    default: return -E.NOTTY;
  }
}
function attach(t: Thread, loop: Loop, fd: number, info: Uint8Array): number {
  const f = t.proc.fds.get(fd);
  if (!f) return -E.BADF;
  if (loop.file) return -E.BUSY;
  if (f.inode.type !== S.IFREG) return -E.INVAL;
  loop.file = f.hold();
  loop.thread = t;
  setInfo(loop, info);
  return 0;
}
function setInfo(loop: Loop, info: Uint8Array): void {
  const v = new DataView(info.buffer, info.byteOffset);
  loop.info = info;
  loop.offset = Number(v.getBigUint64(INFO_OFFSET, true) & 0x1f_ffff_ffff_ffffn);
  loop.limit = Number(v.getBigUint64(INFO_LIMIT, true) & 0x1f_ffff_ffff_ffffn);
}

/** /dev/loop-control: which loop device is free. */
export class LoopControl extends File {
  private readonly k: Kernel;
  constructor(inode: Inode, flags: number, k: Kernel) { super(inode, flags); this.k = k; }
  override ioctl(_t: Thread, command: number): number {
    if (command !== Lo.GET_FREE) return -E.NOTTY;
    const free = blockDevicesOf(this.k).loops.findIndex((l) => !l.file);
    return free < 0 ? -E.NOSPC : free;
  }
}
