/** eventfd and timerfd: counters that can be polled. */
import { E } from '../abi/errno.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { O, Poll } from '../abi/linux.ts';
import type { Thread } from '../kernel/thread.ts';
import type { Timer } from '../kernel/timers.ts';
import { WaitQueue } from '../kernel/wait.ts';
import { getI64, type Io } from '../mm/uaccess.ts';
import { File } from './file.ts';
import type { Inode } from './inode.ts';

const MAX = 0xffff_ffff_ffff_fffen;
function putCount(io: Io, n: bigint): number {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, n, true);
  io.put(bytes, 0, 8);
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
    this.wq.wakeAll(Poll.OUT | Poll.WRNORM);
    return putCount(io, n);
  }
  override get seeksNowhere(): boolean { return true; }
  override write(io: Io): number {
    if (io.left !== 8 || !io.onePiece) return -E.INVAL;
    const bytes = new Uint8Array(8);
    io.take(bytes, 0, 8);
    const n = new DataView(bytes.buffer).getBigUint64(0, true);
    if (n > MAX) return -E.INVAL;
    if (this.count + n > MAX) { io.back(8); return -E.AGAIN; }
    this.count += n;
    this.wq.wakeAll(Poll.IN | Poll.RDNORM);
    return 8;
  }
  override poll(): number { return (this.count > 0n ? Poll.IN | Poll.RDNORM : 0) | (this.count < MAX ? Poll.OUT | Poll.WRNORM : 0); }
}

const TFD_IOC_SET_TICKS = 0x40085400, CANCEL_ON_SET = 2;

export class TimerFile extends File {
  override readonly wq = new WaitQueue();
  readonly clock: number;
  private readonly k: Kernel;
  private timer: Timer | undefined;
  private ticks = 0;
  /** It has fired and repeats, but it is armed again only when its count is read. */
  private fired = false;
  /** The next time on the server's clock, 0 = off. */
  at = 0;
  interval = 0;
  /** The flags of timerfd_settime, for /proc. */
  flags_ = 0;
  /** TFD_TIMER_CANCEL_ON_SET: the wall clock has been set since, which the next read reports. */
  private isCanceled = false;
  constructor(inode: Inode, flags: number, k: Kernel, clock: number) {
    super(inode, O.RDWR | (flags & O.NONBLOCK));
    this.k = k;
    this.clock = clock;
    this.name = 'anon_inode:[timerfd]';
  }

  /** Deadline on the server's clock, 0 = off. */
  set(at: number, interval: number, flags: number): void {
    this.k.timers.cancel(this.timer);
    if (flags === CANCEL_ON_SET + 1) this.k.clock.followers.add(this); else this.k.clock.followers.delete(this);
    this.isCanceled = false;
    this.timer = undefined;
    this.ticks = 0;
    this.fired = false;
    this.at = at;
    this.interval = interval;
    this.flags_ = flags;
    if (at > 0) this.arm();
    this.k.cpu.rearm();
  }
  private arm(): void {
    this.timer = this.k.timers.add(this.at, () => {
      this.timer = undefined;
      this.ticks++;
      if (this.interval > 0) this.fired = true; else this.at = 0;
      this.wq.wakeAll(Poll.IN | Poll.RDNORM);
    });
  }
  /** Counts the firings missed since it fired, and arms it for the next. */
  catchUp(): void {
    if (!this.fired) return;
    const passed = Math.floor((this.k.clock.now() - this.at) / this.interval);
    this.fired = false;
    this.ticks += passed;
    this.at += (passed + 1) * this.interval;
    this.arm();
    this.k.cpu.rearm();
  }
  get left(): number { return this.at > 0 ? Math.max(1, this.at - this.k.clock.now()) : 0; }
  override get seeksNowhere(): boolean { return true; }
  override read(io: Io): number {
    if (io.left < 8) return -E.INVAL;
    if (this.isCanceled) { this.isCanceled = false; return -E.CANCELED; }
    if (this.ticks === 0) return -E.AGAIN;
    this.catchUp();
    const n = BigInt(this.ticks);
    this.ticks = 0;
    return putCount(io, n);
  }
  override ioctl(thread: Thread, command: number, arg: number): number {
    if (command !== TFD_IOC_SET_TICKS) return -E.NOTTY;
    const n = getI64(thread.mm, arg);
    if (n === 0) return -E.INVAL;
    this.ticks = n;
    this.wq.wakeAll(Poll.IN | Poll.RDNORM);
    return 0;
  }
  override get details(): string {
    const pair = (ns: number): string => `(${Math.floor(ns / 1e9)}, ${Math.floor(ns % 1e9)})`;
    return `clockid: ${this.clock}\nticks: ${this.ticks}\nsettime flags: 0${this.flags_}\nit_value: ${pair(this.left)}\n`
      + `it_interval: ${pair(this.interval)}\n`;
  }
  clockWasSet(): void { this.isCanceled = true; this.ticks++; this.wq.wakeAll(Poll.IN | Poll.RDNORM); }
  override poll(): number { return this.ticks > 0 ? Poll.IN | Poll.RDNORM : 0; }
  protected override closed(): void { this.k.clock.followers.delete(this); this.k.timers.cancel(this.timer); }
}
