/** eventfd and timerfd: counters that can be polled. */
import { E } from '../abi/errno.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { O, Poll } from '../abi/linux.ts';
import type { Timer } from '../kernel/timers.ts';
import { WaitQueue } from '../kernel/wait.ts';
import type { Io } from '../mm/uaccess.ts';
import { File } from './file.ts';
import type { Inode } from './inode.ts';

const MAX = 0xffff_ffff_ffff_fffen;
function putCount(io: Io, n: bigint): number {
  const b = new Uint8Array(8);
  new DataView(b.buffer).setBigUint64(0, n, true);
  io.put(b, 0, 8);
  return 8;
}

export class EventFile extends File {
  override readonly wq = new WaitQueue();
  private count: bigint;
  private readonly semaphore: boolean;
  constructor(inode: Inode, flags: number, count: number) {
    super(inode, O.RDWR | (flags & O.NONBLOCK));
    this.count = BigInt(count); this.semaphore = (flags & 1) !== 0; this.name = 'anon_inode:[eventfd]';
  }
  override read(io: Io): number {
    if (io.left < 8) return -E.INVAL;
    if (this.count === 0n) return -E.AGAIN;
    const n = this.semaphore ? 1n : this.count;
    this.count -= n;
    this.wq.wakeAll();
    return putCount(io, n);
  }
  override write(io: Io): number {
    if (io.left < 8) return -E.INVAL;
    const b = new Uint8Array(8);
    io.take(b, 0, 8);
    const n = new DataView(b.buffer).getBigUint64(0, true);
    if (n > MAX) return -E.INVAL;
    if (this.count + n > MAX) return -E.AGAIN;
    this.count += n;
    this.wq.wakeAll();
    return 8;
  }
  override poll(): number { return (this.count > 0n ? Poll.IN | Poll.RDNORM : 0) | (this.count < MAX ? Poll.OUT | Poll.WRNORM : 0); }
}

export class TimerFile extends File {
  override readonly wq = new WaitQueue();
  readonly clock: number;
  private readonly k: Kernel;
  private timer: Timer | undefined;
  private ticks = 0;
  at = 0;
  interval = 0;
  constructor(inode: Inode, flags: number, k: Kernel, clock: number) { super(inode, O.RDWR | (flags & O.NONBLOCK)); this.k = k; this.clock = clock; this.name = 'anon_inode:[timerfd]'; }

  /** Deadline on the server's clock, 0 = off. */
  set(at: number, interval: number): void {
    this.k.timers.cancel(this.timer);
    this.timer = undefined;
    this.ticks = 0;
    this.at = at;
    this.interval = interval;
    if (at > 0) this.arm();
    this.k.cpu.rearm();
  }
  private arm(): void {
    this.timer = this.k.timers.add(this.at, () => {
      const late = this.interval > 0 ? Math.floor((this.k.clock.now() - this.at) / this.interval) : 0;
      this.ticks += 1 + late;
      this.at = this.interval > 0 ? this.at + (late + 1) * this.interval : 0;
      if (this.at > 0) this.arm();
      this.wq.wakeAll();
    });
  }
  override read(io: Io): number {
    if (io.left < 8) return -E.INVAL;
    if (this.ticks === 0) return -E.AGAIN;
    const n = BigInt(this.ticks);
    this.ticks = 0;
    return putCount(io, n);
  }
  override poll(): number { return this.ticks > 0 ? Poll.IN | Poll.RDNORM : 0; }
  protected override closed(): void { this.k.timers.cancel(this.timer); }
}
