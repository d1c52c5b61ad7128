/**
 * The clocks of a time space: how far its monotonic clock and its clock since boot are ahead. unshare(CLONE_NEWTIME) makes one for the
 * caller's children.
 */
import { E } from '../abi/errno.ts';
import { Clock, Clone } from '../abi/linux.ts';
import { FirstIno, firstUsers, type Space, type UserSpace } from './spaces.ts';

export class TimeSpace implements Space {
  readonly kind = Clone.NEWTIME;
  readonly ino: number;
  readonly owner: UserSpace;
  /** Nanoseconds; they cannot change once a process lives in the space. */
  monotonic = 0;
  boot = 0;
  settled = false;
  constructor(ino: number = FirstIno.TIME, owner: UserSpace = firstUsers) { this.ino = ino; this.owner = owner; }
  /** How far a clock is ahead of the system's. */
  ahead(clock: number): number {
    switch (clock) {
      case Clock.MONOTONIC: case Clock.MONOTONIC_RAW: case Clock.MONOTONIC_COARSE: return this.monotonic;
      case Clock.BOOTTIME: case Clock.BOOTTIME_ALARM: return this.boot;
      default: return 0;
    }
  }
  text(): string {
    const row = (name: string, ns: number): string => {
      const seconds = Math.floor(ns / 1e9);
      return `${name.padEnd(10)} ${String(seconds).padStart(10)} ${String(ns - seconds * 1e9).padStart(9)}\n`;
    };
    return row('monotonic', this.monotonic) + row('boottime', this.boot);
  }
  /** Accepts lines of clock, seconds, nanoseconds: all of them, or none. `now`: no clock may be set before its start. */
  accept(text: string, now: number): number {
    const lines = text.trim().split('\n').map((l) => /^(monotonic|boottime|1|7)\s+(-?\d+)\s+(\d+)$/.exec(l.trim()));
    if (this.settled) return -E.ACCES;
    if (lines.length > 2 || lines.some((m) => !m || Number(m[3]) >= 1e9)) return -E.INVAL;
    const set = lines.map((m) => [/^(m|1)/.test(m![1]!), Number(m![2]) * 1e9 + Number(m![3])] as const);
    if (set.some(([, ns]) => now + ns < 0 || now + ns > 2 ** 62)) return -E.RANGE;
    for (const [first, ns] of set) if (first) this.monotonic = ns; else this.boot = ns;
    return 0;
  }
}
export const firstTime = new TimeSpace();
