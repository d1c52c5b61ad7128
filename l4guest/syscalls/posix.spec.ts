/** What the Open POSIX tests found: times of mapped files, timers for a time of the day, locks beyond all addresses. */
import { describe, expect, it } from 'vitest';
import { E } from '../abi/errno.ts';
import { Map_, O, Prot } from '../abi/linux.ts';
import { Unix } from '../testing/unix.ts';

const PAGE = 4096;
class World extends Unix {
  /** Seconds of access and modification. */
  times(path: string): readonly [number, number] {
    const at = this.space(128);
    this.call('newfstatat', -100, path, at, 0);
    const v = new DataView(this.bytes(at, 128).buffer);
    return [Number(v.getBigInt64(72, true)), Number(v.getBigInt64(88, true))];
  }
  words(...n: number[]): number { return this.put(new Uint8Array(new BigInt64Array(n.map(BigInt)).buffer)); }
}

describe('POSIX', () => {
  it('mapping a file is an access, the first store to a page of it a modification', () => {
    const u = new World(), fd = u.open('/tmp/f', O.CREAT | O.RDWR);
    u.write(fd, 'text');
    const [, made] = u.times('/tmp/f');
    u.pass(2e9);
    const at = u.call('mmap', 0, PAGE, Prot.READ | Prot.WRITE, Map_.SHARED, fd, 0)!;
    expect(u.times('/tmp/f')).toEqual([made + 2, made]);
    u.pass(2e9);
    u.main.mm.pageAt(at, true).setU8(0, 65);
    expect(u.times('/tmp/f')).toEqual([made + 2, made + 4]);
  });
  it('a timer for a time of the day rings when the clock is set behind it', () => {
    const u = new World(), id = u.space(8), now = u.space(16), event = new Uint8Array(64);
    new DataView(event.buffer).setInt32(12, 1, true); // SIGEV_NONE
    expect(u.call('timer_create', 0, u.put(event), id)).toBe(0);
    u.call('clock_gettime', 0, now);
    const s = Number(new DataView(u.bytes(now, 16).buffer).getBigInt64(0, true)), left = (): number => {
      const old = u.space(32);
      u.call('timer_gettime', 0, old);
      return Number(new DataView(u.bytes(old, 32).buffer).getBigInt64(16, true));
    };
    u.call('timer_settime', 0, 1, u.words(0, 0, s + 1000, 0), 0);
    u.call('clock_settime', 0, u.words(s + 400, 0));
    expect(Math.abs(left() - 599)).toBeLessThanOrEqual(1);
    u.call('clock_settime', 0, u.words(s + 2000, 0));
    u.pass(1e6);
    expect(left()).toBe(0);
  });
  it('who waits for a word is woken by real-time priority, then in the order of coming', () => {
    const u = new World(), at = u.call('mmap', 0, PAGE, Prot.READ | Prot.WRITE, Map_.SHARED | Map_.ANONYMOUS, -1, 0)!;
    const threads = [0, 2, 3, 3, 0].map((rt) => {
      const t = u.fork();
      t.rt = rt;
      u.callOf(t, 'futex', at, 0, 0, 0, 0, 0);
      return t;
    });
    const order = threads.map(() => { u.call('futex', at, 1, 1); return threads.indexOf(u.settle()[0]!); });
    expect(order).toEqual([2, 3, 1, 0, 4]);
  });
  it('what lies beyond all addresses is not locked', () => {
    const u = new World(), far = 2 ** 63 - PAGE;
    expect([u.call('mlock', far, 8), u.call('munlock', far, 8)]).toEqual([-E.NOMEM, -E.NOMEM]);
  });
});
