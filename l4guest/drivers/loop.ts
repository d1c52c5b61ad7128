/**
 * Loop devices: a file as a disk.
 *
 * Documentation: loop(4), include/uapi/linux/loop.h
 */
import { E } from '../abi/errno.ts';
import { S } from '../abi/linux.ts';
import { NotHere } from '../kernel/later.ts';
import type { Thread } from '../kernel/thread.ts';
import type { Co, Sleeper } from '../kernel/wait.ts';
import { KernelIo, copyIn, copyOut } from '../mm/uaccess.ts';
import type { BlockSource } from '../fs/bytesource.ts';
import type { File } from '../fs/file.ts';

export const Lo = {
  SET_FD: 0x4c00, CLR_FD: 0x4c01, SET_STATUS: 0x4c02, SET_STATUS64: 0x4c04, GET_STATUS64: 0x4c05, CHANGE_FD: 0x4c06, SET_CAPACITY: 0x4c07,
  SET_DIRECT_IO: 0x4c08, SET_BLOCK_SIZE: 0x4c09, CONFIGURE: 0x4c0a, CTL_ADD: 0x4c80, CTL_REMOVE: 0x4c81, GET_FREE: 0x4c82,
} as const;
/** struct loop_info64: device and inode of the file at 0, offset and size limit at 24, number and flags at 40 and 52, name at 56. */
const INFO = 232, At = { device: 0, inode: 8, rdevice: 16, offset: 24, limit: 32, number: 40, encryption: 44, flags: 52 } as const;
const LoFlag = { READ_ONLY: 1, AUTOCLEAR: 4, PARTSCAN: 8 } as const, SETTABLE = LoFlag.AUTOCLEAR | LoFlag.PARTSCAN;

/** The device behind a loop device's number. */
export class Loop implements BlockSource {
  readonly number: number;
  file: File | undefined;
  /** The process that attached the file: it reads if no program's thread does. */
  private thread: Thread | undefined;
  private offset = 0;
  private limit = 0;
  private flags = 0;
  private info: Uint8Array = new Uint8Array(INFO);
  constructor(number: number) { this.number = number; }
  get readOnly(): boolean { return (this.flags & LoFlag.READ_ONLY) !== 0; }
  get size(): number {
    const rest = Math.max(0, (this.file?.inode.size ?? 0) - this.offset), bytes = this.limit > 0 ? Math.min(rest, this.limit) : rest;
    return bytes - (bytes % 512);
  }
  *read(sleeper: Sleeper, pos: number, length: number): Co<Uint8Array | number> {
    if (!this.file || pos + length > this.size) return -E.IO;
    const out = new Uint8Array(length), failed = yield* this.transfer(sleeper, new KernelIo(out), pos, length, false);
    return failed || out;
  }
  *write(sleeper: Sleeper, pos: number, bytes: Uint8Array): Co<number> {
    if (this.readOnly) return -E.ROFS;
    if (!this.file || pos + bytes.length > this.size) return -E.IO;
    return yield* this.transfer(sleeper, new KernelIo(bytes), pos, bytes.length, true);
  }
  *flush(sleeper: Sleeper): Co<number> {
    const later = this.file?.sync('proc' in sleeper ? sleeper as Thread : this.thread!, true) ?? 0;
    return typeof later === 'number' ? later : yield* later;
  }
  private *transfer(sleeper: Sleeper, io: KernelIo, pos: number, length: number, writing: boolean): Co<number> {
    const file = this.file!, by = 'proc' in sleeper ? sleeper as Thread : this.thread!;
    while (io.done < length) {
      const before = io.done;
      try {
        const at = this.offset + pos + io.done, n = writing ? file.write(io, at, by) : file.read(io, at, by);
        const got = typeof n === 'number' ? n : yield* n;
        if (got <= 0) return got < 0 ? got : -E.IO;
      } catch (error) {
        if (!(error instanceof NotHere)) throw error;
        if (io.done > before) io.back(io.done - before);
        const fetched = yield* error.fetch(sleeper);
        if (fetched < 0) return fetched;
      }
    }
    return 0;
  }

  control(thread: Thread, command: number, arg: number, writable: boolean): number {
    if (command === Lo.SET_FD) return this.attach(thread, arg, new Uint8Array(INFO), writable);
    if (command === Lo.CONFIGURE) {
      const bytes = copyIn(thread.mm, arg, 8 + INFO), view = new DataView(bytes.buffer), block = view.getUint32(4, true);
      if (block !== 0 && (block < 512 || block > 4096 || block & (block - 1))) return -E.INVAL;
      return this.attach(thread, view.getUint32(0, true), bytes.slice(8), writable);
    }
    if (!this.file) return command >>> 8 === 0x4c ? -E.NXIO : -E.NOTTY;
    switch (command) {
      case Lo.CLR_FD: this.clear(); return 0;
      case Lo.SET_STATUS64: return this.setInfo(copyIn(thread.mm, arg, INFO), SETTABLE);
      case Lo.GET_STATUS64: copyOut(thread.mm, arg, this.status()); return 0;
      case Lo.SET_CAPACITY: case Lo.SET_DIRECT_IO: return 0;
      case Lo.SET_BLOCK_SIZE: return arg < 512 || arg > 4096 || arg & (arg - 1) ? -E.INVAL : 0;
      case Lo.SET_STATUS: case Lo.CHANGE_FD: return -E.INVAL;
      default: return -E.NOTTY;
    }
  }
  private attach(thread: Thread, fd: number, info: Uint8Array, writable: boolean): number {
    const file = thread.proc.fds.get(fd);
    if (!file) return -E.BADF;
    if (this.file) return -E.BUSY;
    if (file.inode.type !== S.IFREG && file.inode.type !== S.IFBLK) return -E.INVAL;
    const failed = this.setInfo(info, SETTABLE | LoFlag.READ_ONLY);
    if (failed) return failed;
    this.file = file.hold();
    this.thread = thread;
    if (!file.writable || !writable) this.flags |= LoFlag.READ_ONLY;
    return 0;
  }
  private setInfo(info: Uint8Array, settable: number): number {
    const view = new DataView(info.buffer, info.byteOffset), flags = view.getUint32(At.flags, true),
      offset = Number(view.getBigUint64(At.offset, true)), limit = Number(view.getBigUint64(At.limit, true));
    if (view.getUint32(At.encryption, true) !== 0 || flags & ~0x1f) return -E.INVAL;
    if (offset >= 2 ** 63 || limit >= 2 ** 63) return -E.OVERFLOW;
    this.info = info;
    this.offset = offset;
    this.limit = limit;
    this.flags = (this.flags & ~settable) | (flags & settable);
    return 0;
  }
  private status(): Uint8Array {
    const out = this.info.slice(), view = new DataView(out.buffer), i = this.file!.inode;
    view.setBigUint64(At.device, BigInt(i.dev), true);
    view.setBigUint64(At.inode, BigInt(i.ino), true);
    view.setBigUint64(At.rdevice, BigInt(i.rdev), true);
    view.setUint32(At.number, this.number, true);
    view.setUint32(At.flags, this.flags, true);
    return out;
  }
  private clear(): void {
    this.file?.release();
    this.file = this.thread = undefined;
    this.offset = this.limit = this.flags = 0;
    this.info = new Uint8Array(INFO);
  }
}
