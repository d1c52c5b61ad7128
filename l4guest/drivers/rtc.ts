/**
 * The real-time clock, /dev/rtc0: a clock of its own that starts with the wall clock, in seconds; an alarm, updates each second, and a
 * periodic interrupt. One open file at a time.
 *
 * Documentation: rtc(4), include/uapi/linux/rtc.h; answers compared with Linux 6.12
 */
import { E } from '../abi/errno.ts';
import { Cap, Poll, RTC_MAJOR } from '../abi/linux.ts';
import { capable } from '../kernel/creds.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Thread } from '../kernel/thread.ts';
import type { Timer } from '../kernel/timers.ts';
import { WaitQueue } from '../kernel/wait.ts';
import { File } from '../fs/file.ts';
import { GeneratedDir } from '../fs/generated.ts';
import type { FileSystem, Inode } from '../fs/inode.ts';
import { copyIn, copyOut, getBig, setBig, type Io } from '../mm/uaccess.ts';
import type { Mm } from '../mm/mm.ts';

const Rtc = {
  AIE_ON: 0x7001, AIE_OFF: 0x7002, UIE_ON: 0x7003, UIE_OFF: 0x7004, PIE_ON: 0x7005, PIE_OFF: 0x7006, ALM_SET: 0x40247007,
  ALM_READ: 0x80247008, RD_TIME: 0x80247009, SET_TIME: 0x4024700a, IRQP_READ: 0x8008700b, IRQP_SET: 0x4008700c, WKALM_SET: 0x4028700f,
  WKALM_RD: 0x80287010, PARAM_GET: 0x40187013,
} as const;
/** Bits of what `read` returns below the count. */
const Irq = { ANY: 0x80, PERIODIC: 0x40, ALARM: 0x20, UPDATE: 0x10 } as const;
/** struct rtc_time: nine i32; its years count from 1900, its months from 0, its days of the year from 1. */
const TM = 36, FEATURES = 0x11n, MAX_USER_HZ = 64, MAX_HZ = 8192, DAY = 86_400, NS = 1e9;
/** The last second that the clock can show. */
const LAST = 18_446_744_073;

/** The clock of one kernel; `file`: the open file. */
class RealTimeClock {
  readonly k: Kernel;
  /** Seconds since 1970 when the server's clock began. */
  base: number;
  alarm = 0;
  pending = false;
  hz = 1;
  file: RtcFile | undefined;
  readonly armed = new Map<number, Timer>();
  constructor(k: Kernel) { this.k = k; this.base = Number(k.clock.startNs / 1_000_000_000n); }

  get seconds(): number { return this.base + Math.floor(this.k.clock.now() / NS); }
  /** The server's time at which this clock shows that second. */
  private at(second: number): number { return (second - this.base) * NS; }

  /** Turns an interrupt on: the alarm once, the others again and again. */
  arm(irq: number): void {
    this.disarm(irq);
    const { k } = this, now = k.clock.now();
    const next = irq === Irq.ALARM ? this.at(this.alarm) : irq === Irq.UPDATE ? this.at(this.seconds + 1) : now + NS / this.hz;
    this.armed.set(irq, k.timers.add(Math.max(next, now + 1), () => {
      this.armed.delete(irq);
      if (irq === Irq.ALARM) this.pending = true; else this.arm(irq);
      this.file?.interrupt(irq);
    }));
    k.cpu.rearm();
  }
  disarm(irq: number): void {
    this.k.timers.cancel(this.armed.get(irq));
    this.armed.delete(irq);
  }
  setTime(seconds: number): void {
    this.base += seconds - this.seconds;
    for (const irq of [...this.armed.keys()]) this.arm(irq);
  }
  setAlarm(seconds: number, enabled: boolean): number {
    if (seconds <= this.seconds) return enabled ? -E.TIME : 0;
    this.alarm = seconds;
    this.pending = false;
    if (enabled) this.arm(Irq.ALARM); else this.disarm(Irq.ALARM);
    return 0;
  }
}
const clocks = new WeakMap<Kernel, RealTimeClock>();
function clockOf(k: Kernel): RealTimeClock {
  const rtc = clocks.get(k) ?? new RealTimeClock(k);
  clocks.set(k, rtc);
  return rtc;
}

function putTime(mm: Mm, va: number, seconds: number): void {
  const date = new Date(seconds * 1000), year = date.getUTCFullYear();
  const day = Math.floor((Date.UTC(year, date.getUTCMonth(), date.getUTCDate()) - Date.UTC(year, 0, 0)) / 1000 / DAY);
  const fields = Int32Array.of(date.getUTCSeconds(), date.getUTCMinutes(), date.getUTCHours(), date.getUTCDate(), date.getUTCMonth(),
    year - 1900, date.getUTCDay(), day, 0);
  copyOut(mm, va, new Uint8Array(fields.buffer));
}
const fieldsAt = (mm: Mm, va: number): Int32Array => new Int32Array(copyIn(mm, va, TM).slice().buffer);
/** Seconds since 1970; undefined for a time that there is not. */
function secondsOf([second, minute, hour, day, month, year]: Int32Array): number | undefined {
  const fits = (n: number | undefined, end: number): boolean => n! >= 0 && n! < end, date = new Date(Date.UTC(year! + 1900, month!, day!));
  if (!fits(second, 60) || !fits(minute, 60) || !fits(hour, 24) || !fits(month, 12) || year! < 70) return undefined;
  if (day! < 1 || date.getUTCMonth() !== month) return undefined;
  return date.getTime() / 1000 + hour! * 3600 + minute! * 60 + second!;
}

export function openRtc(thread: Thread, inode: Inode, flags: number): File | number {
  const rtc = clockOf(thread.k);
  return rtc.file ? -E.BUSY : (rtc.file = new RtcFile(inode, flags, rtc));
}

class RtcFile extends File {
  override readonly wq = new WaitQueue();
  private readonly rtc: RealTimeClock;
  private count = 0;
  private irqs = 0;
  constructor(inode: Inode, flags: number, rtc: RealTimeClock) { super(inode, flags); this.rtc = rtc; }

  interrupt(irq: number): void {
    this.count++;
    this.irqs |= irq | Irq.ANY;
    this.wq.wakeAll(Poll.IN | Poll.RDNORM);
  }
  override read(io: Io): number {
    if (io.left < 4) return -E.INVAL;
    if (this.irqs === 0) return -E.AGAIN;
    const bytes = new Uint8Array(BigUint64Array.of(BigInt(this.count) << 8n | BigInt(this.irqs)).buffer).subarray(0, io.left < 8 ? 4 : 8);
    io.put(bytes, 0, bytes.length);
    this.count = this.irqs = 0;
    return bytes.length;
  }
  override poll(): number { return this.irqs !== 0 ? Poll.IN | Poll.RDNORM : 0; }
  protected override closed(): void {
    for (const irq of [Irq.UPDATE, Irq.PERIODIC]) this.rtc.disarm(irq);
    this.rtc.file = undefined;
  }

  override ioctl(thread: Thread, command: number, arg: number): number {
    const { rtc } = this, { mm } = thread;
    switch (command >>> 0) {
      case Rtc.RD_TIME: putTime(mm, arg, rtc.seconds); return 0;
      case Rtc.SET_TIME: return this.setTime(thread, arg);
      case Rtc.ALM_READ: putTime(mm, arg, rtc.alarm); return 0;
      case Rtc.ALM_SET: return this.setNextAlarm(mm, arg);
      case Rtc.WKALM_RD:
        copyOut(mm, arg, Uint8Array.of(rtc.armed.has(Irq.ALARM) ? 1 : 0, rtc.pending ? 1 : 0, 0, 0));
        putTime(mm, arg + 4, rtc.alarm);
        return 0;
      case Rtc.WKALM_SET: return this.setAlarm(mm, arg);
      case Rtc.AIE_ON: return rtc.alarm > rtc.seconds ? (rtc.arm(Irq.ALARM), 0) : 0;
      case Rtc.AIE_OFF: rtc.disarm(Irq.ALARM); return 0;
      case Rtc.UIE_ON: rtc.arm(Irq.UPDATE); return 0;
      case Rtc.UIE_OFF: rtc.disarm(Irq.UPDATE); return 0;
      case Rtc.PIE_ON: case Rtc.PIE_OFF: return this.periodic(thread, (command >>> 0) === Rtc.PIE_ON);
      case Rtc.IRQP_READ: setBig(mm, arg, BigInt(rtc.hz)); return 0;
      case Rtc.IRQP_SET: return this.setRate(thread, arg);
      case Rtc.PARAM_GET:
        if (getBig(mm, arg) !== 0n) return -E.INVAL;
        setBig(mm, arg + 8, FEATURES);
        return 0;
      default: return -E.NOTTY;
    }
  }
  private setTime(thread: Thread, arg: number): number {
    if (!capable(thread.creds, Cap.SYS_TIME)) return -E.ACCES;
    const seconds = secondsOf(fieldsAt(thread.mm, arg));
    if (seconds === undefined) return -E.INVAL;
    if (seconds > LAST) return -E.RANGE;
    this.rtc.setTime(seconds);
    return 0;
  }
  /** An alarm by time of day: today, or tomorrow if that has passed. It is not on yet. */
  private setNextAlarm(mm: Mm, arg: number): number {
    const [second, minute, hour] = fieldsAt(mm, arg), { rtc } = this;
    if (!(second! >= 0 && second! < 60 && minute! >= 0 && minute! < 60 && hour! >= 0 && hour! < 24)) return -E.INVAL;
    const today = rtc.seconds - rtc.seconds % DAY + hour! * 3600 + minute! * 60 + second!;
    return rtc.setAlarm(today <= rtc.seconds ? today + DAY : today, false);
  }
  private setAlarm(mm: Mm, arg: number): number {
    const enabled = copyIn(mm, arg, 1)[0] === 1, seconds = secondsOf(fieldsAt(mm, arg + 4));
    return seconds === undefined ? -E.INVAL : this.rtc.setAlarm(seconds, enabled);
  }
  private periodic(thread: Thread, on: boolean): number {
    const { rtc } = this;
    if (on && rtc.hz > MAX_USER_HZ && !capable(thread.creds, Cap.SYS_RESOURCE)) return -E.ACCES;
    if (on) rtc.arm(Irq.PERIODIC); else rtc.disarm(Irq.PERIODIC);
    return 0;
  }
  private setRate(thread: Thread, hz: number): number {
    if (hz > MAX_USER_HZ && !capable(thread.creds, Cap.SYS_RESOURCE)) return -E.ACCES;
    if (!(hz > 0) || hz > MAX_HZ) return -E.INVAL;
    this.rtc.hz = hz;
    if (this.rtc.armed.has(Irq.PERIODIC)) this.rtc.arm(Irq.PERIODIC);
    return 0;
  }
}

const textOf = (seconds: number): readonly [date: string, time: string] => {
  const text = new Date(seconds * 1000).toISOString();
  return [text.slice(0, 10), text.slice(11, 19)];
};

/** /sys/class/rtc/rtc0. */
export function rtcDir(fs: FileSystem, k: Kernel): GeneratedDir {
  const rtc = clockOf(k);
  return new GeneratedDir(fs).file('name', () => 'tessera\n').file('date', () => `${textOf(rtc.seconds)[0]}\n`)
    .file('time', () => `${textOf(rtc.seconds)[1]}\n`).file('since_epoch', () => `${rtc.seconds}\n`).file('hctosys', () => '1\n')
    .file('max_user_freq', () => `${MAX_USER_HZ}\n`).file('range', () => `[0,${LAST}]\n`).file('dev', () => `${RTC_MAJOR}:0\n`)
    .file('uevent', () => `MAJOR=${RTC_MAJOR}\nMINOR=0\nDEVNAME=rtc0\n`);
}
/** /proc/driver/rtc. */
export function rtcText(k: Kernel): string {
  const rtc = clockOf(k), [date, time] = textOf(rtc.seconds), [day, hour] = textOf(rtc.alarm),
    yes = (is: boolean): string => (is ? 'yes' : 'no');
  return Object.entries({
    rtc_time: time, rtc_date: date, alrm_time: hour, alrm_date: day, alarm_IRQ: yes(rtc.armed.has(Irq.ALARM)),
    alrm_pending: yes(rtc.pending),
    'update IRQ enabled': yes(rtc.armed.has(Irq.UPDATE)), 'periodic IRQ enabled': yes(rtc.armed.has(Irq.PERIODIC)),
    'periodic IRQ frequency': rtc.hz, 'max user IRQ frequency': MAX_USER_HZ, '24hr': 'yes',
  }).map(([name, value]) => `${name}${name.length < 8 ? '\t\t' : '\t'}: ${value}\n`).join('');
}
