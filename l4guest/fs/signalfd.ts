/** signalfd: pending signals as 128-byte records. */
import { E } from '../abi/errno.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { O, Poll } from '../abi/linux.ts';
import type { Thread } from '../kernel/thread.ts';
import type { Io } from '../mm/uaccess.ts';
import { File } from './file.ts';
import type { Inode } from './inode.ts';

export class SignalFile extends File {
  set: bigint;
  private readonly k: Kernel;
  constructor(inode: Inode, flags: number, k: Kernel, set: bigint) {
    super(inode, O.RDWR | (flags & O.NONBLOCK));
    this.set = set; this.k = k; this.wq = k.signalWq; this.name = 'anon_inode:[signalfd]';
  }
  override get seeksNowhere(): boolean { return true; }
  override read(io: Io, _pos: number, thread: Thread): number {
    if (io.left < 128) return -E.INVAL;
    const start = io.done;
    while (io.left >= 128) {
      const sigInfo = thread.pending.take(~this.set) ?? thread.proc.pending.take(~this.set);
      if (!sigInfo) break;
      const bytes = new Uint8Array(128), view = new DataView(bytes.buffer);
      view.setUint32(0, sigInfo.signo, true); view.setInt32(4, sigInfo.errno ?? 0, true); view.setInt32(8, sigInfo.code, true);
      view.setUint32(12, sigInfo.pid ?? 0, true);
      view.setUint32(16, sigInfo.uid ?? 0, true);
      view.setUint32(24, sigInfo.timer ?? 0, true);
      view.setUint32(32, sigInfo.overrun ?? 0, true);
      view.setInt32(40, sigInfo.status ?? 0, true);
      view.setInt32(44, Number(BigInt.asIntN(32, sigInfo.value ?? 0n)), true);
      view.setBigUint64(48, BigInt.asUintN(64, sigInfo.value ?? 0n), true);
      view.setBigUint64(72, BigInt(sigInfo.addr ?? 0), true);
      io.put(bytes, 0, 128);
    }
    return io.done > start ? io.done - start : -E.AGAIN;
  }
  override get details(): string { return `sigmask:\t${BigInt.asUintN(64, this.set).toString(16).padStart(16, '0')}\n`; }
  override poll(): number {
    const thread = this.k.cpu.current;
    return thread && ((thread.pending.bits | thread.proc.pending.bits) & this.set) !== 0n ? Poll.IN | Poll.RDNORM : 0;
  }
}
