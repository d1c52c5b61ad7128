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
  override read(io: Io, _pos: number, t: Thread): number {
    if (io.left < 128) return -E.INVAL;
    const start = io.done;
    while (io.left >= 128) {
      const s = t.pending.take(~this.set) ?? t.proc.pending.take(~this.set);
      if (!s) break;
      const b = new Uint8Array(128), v = new DataView(b.buffer);
      v.setUint32(0, s.signo, true); v.setInt32(4, s.errno ?? 0, true); v.setInt32(8, s.code, true);
      v.setUint32(12, s.pid ?? 0, true);
      v.setUint32(16, s.uid ?? 0, true);
      v.setUint32(24, s.timer ?? 0, true);
      v.setUint32(32, s.overrun ?? 0, true);
      v.setInt32(40, s.status ?? 0, true);
      v.setInt32(44, Number(BigInt.asIntN(32, s.value ?? 0n)), true);
      v.setBigUint64(48, BigInt.asUintN(64, s.value ?? 0n), true);
      v.setBigUint64(72, BigInt(s.addr ?? 0), true);
      io.put(b, 0, 128);
    }
    return io.done > start ? io.done - start : -E.AGAIN;
  }
  override poll(): number {
    const t = this.k.cpu.current;
    return t && ((t.pending.bits | t.proc.pending.bits) & this.set) !== 0n ? Poll.IN | Poll.RDNORM : 0;
  }
}
