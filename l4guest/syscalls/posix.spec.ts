/** What the Open POSIX tests found: times of mapped files, timers, queues that are closed, buffers, turns, locks beyond all addresses. */
import { describe, expect, it } from 'vitest';
import { E } from '../abi/errno.ts';
import { Map_, O, Prot, Sig } from '../abi/linux.ts';
import { Run } from '../kernel/thread.ts';
import { Unix } from '../testing/unix.ts';

const PAGE = 4096;
class World extends Unix {
  /** Seconds of access and modification. */
  times(path: string): readonly [number, number] {
    const at = this.space(128);
    this.call('newfstatat', -100, path, at, 0);
    const view = new DataView(this.bytes(at, 128).buffer);
    return [Number(view.getBigInt64(72, true)), Number(view.getBigInt64(88, true))];
  }
  words(...n: number[]): number { return this.put(new Uint8Array(new BigInt64Array(n.map(BigInt)).buffer)); }
}

/** An ELF program of one page that has nothing in it. */
const program = ((): Uint8Array => {
  const bytes = new Uint8Array(128), view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  [[16, 2], [18, 0xf3], [52, 64], [54, 56], [56, 1]].forEach(([at, n]) => { view.setUint16(at!, n!, true); });
  [[20, 1], [64, 1], [68, 5]].forEach(([at, n]) => { view.setUint32(at!, n!, true); });
  [[24, 0x10000], [32, 64], [80, 0x10000], [96, 128], [104, 128], [112, PAGE]]
    .forEach(([at, n]) => { view.setBigUint64(at!, BigInt(n!), true); });
  return bytes;
})();

describe('POSIX', () => {
  it('mapping a file is an access, the first store to a page of it a modification', () => {
    const world = new World(), fd = world.open('/tmp/f', O.CREAT | O.RDWR);
    world.write(fd, 'text');
    const [, made] = world.times('/tmp/f');
    world.pass(2e9);
    const at = world.call('mmap', 0, PAGE, Prot.READ | Prot.WRITE, Map_.SHARED, fd, 0)!;
    expect(world.times('/tmp/f')).toEqual([made + 2, made]);
    world.pass(2e9);
    world.main.mm.pageAt(at, true).setU8(0, 65);
    expect(world.times('/tmp/f')).toEqual([made + 2, made + 4]);
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
  it('a timer may be set for a time before the system began: the firings missed since are counted up to 2³¹ − 1', () => {
    const u = new World(), id = u.space(8), now = u.space(16), info = u.space(128), alarm = u.words(1 << 13);
    u.call('rt_sigprocmask', 0, alarm, 0, 8);
    u.call('timer_create', 0, 0, id);
    u.call('clock_gettime', 0, now);
    const s = Number(new DataView(u.bytes(now, 16).buffer).getBigInt64(0, true));
    u.call('timer_settime', 0, 1, u.words(0, 1, s - 4, 0), 0);
    u.pass(1e6);
    expect([u.call('rt_sigtimedwait', alarm, info, 0, 8), u.u32(info + 20)]).toEqual([14, 0x7fff_ffff]);
  });
  it('who waits for a word is woken by real-time priority, then in the order of coming', () => {
    const u = new World(), at = u.call('mmap', 0, PAGE, Prot.READ | Prot.WRITE, Map_.SHARED | Map_.ANONYMOUS, -1, 0)!;
    const threads = [0, 2, 3, 3, 0].map((rt) => {
      const thread = u.fork();
      thread.rt = rt;
      u.callOf(thread, 'futex', at, 0, 0, 0, 0, 0);
      return thread;
    });
    const order = threads.map(() => { u.call('futex', at, 1, 1); return threads.indexOf(u.settle()[0]!); });
    expect(order).toEqual([2, 3, 1, 0, 4]);
  });
  it('what lies beyond all addresses is not locked', () => {
    const u = new World(), far = 2 ** 63 - PAGE;
    expect([u.call('mlock', far, 8), u.call('munlock', far, 8)]).toEqual([-E.NOMEM, -E.NOMEM]);
  });
  it('a timer that fired once, whether or not its signal was ignored, has no time left', () => {
    const u = new World(), id = u.space(8), old = u.space(32), event = new Uint8Array(64);
    for (const signal of [Sig.CONT, Sig.USR1]) {
      new DataView(event.buffer).setInt32(8, signal, true);
      u.call('rt_sigprocmask', 0, u.words(1 << (Sig.USR1 - 1)), 0, 8);
      u.call('timer_create', 1, u.put(event), id);
      u.call('timer_settime', u.u32(id), 0, u.words(0, 0, 1, 0), 0);
      u.passQuietly(u.k.clock.now() + 2e9);
      u.call('timer_gettime', u.u32(id), old);
      expect([...u.bytes(old, 32)].every((b) => b === 0)).toBe(true);
    }
  });
  it('a new program has none of the timers of the old one, and no locks by what is closed then', () => {
    const u = new World(), id = u.space(8), fd = u.open('/tmp/program', O.CREAT | O.RDWR, 0o755), lock = new Uint8Array(32);
    u.call('write', fd, program, program.length);
    u.call('close', fd);
    const child = u.fork();
    u.callOf(child, 'timer_create', 0, 0, id);
    const locked = u.callOf(child, 'openat', -100, '/tmp/locked', O.CREAT | O.RDWR | O.CLOEXEC, 0o644)!;
    lock[0] = 1; // F_WRLCK
    expect([u.callOf(child, 'fcntl', locked, 6, lock), u.call('fcntl', u.open('/tmp/locked', O.RDWR), 6, lock)]).toEqual([0, -E.AGAIN]);
    expect([u.callOf(child, 'timer_gettime', 0, 0), u.callOf(child, 'execve', '/tmp/program', 0, 0)]).toEqual([-E.FAULT, 0]);
    expect([u.callOf(child, 'timer_gettime', 0, 0), u.call('fcntl', u.open('/tmp/locked', O.RDWR), 6, lock)]).toEqual([-E.INVAL, 0]);
  });
  it('who closes a message queue is no longer told of messages, though others have it open', () => {
    const u = new World(), q = u.call('mq_open', 'q', O.CREAT | O.RDWR, 0o600, 0)!, event = new Uint8Array(64), child = u.fork();
    new DataView(event.buffer).setInt32(8, Sig.USR1, true);
    expect([u.call('mq_notify', q, event), u.callOf(child, 'mq_notify', q, event)]).toEqual([0, -E.BUSY]);
    u.call('close', q);
    expect(u.callOf(child, 'mq_notify', q, event)).toBe(0);
  });
  it('the last datagram may reach beyond the sender buffer', () => {
    const u = new World(), at = u.space(8), half = new Uint8Array(106_496);
    u.call('socketpair', 1, 2, 0, at);
    const a = u.u32(at), bytes = u.put(half);
    expect([1, 2, 3].map(() => u.call('sendto', a, bytes, half.length, 0x40, 0, 0))).toEqual([half.length, half.length, -E.AGAIN]);
  });
  it('a thread of real time runs at once when it is woken; its equals let the other one have a turn', () => {
    const u = new World(), { cpu } = u.k, runs = u.fork(), woken = u.fork();
    for (const rt of [5, 0]) {
      woken.rt = rt;
      woken.state = Run.blocked;
      runs.state = Run.current;
      runs.virtual = woken.virtual + 1e9;
      cpu.take(runs);
      cpu.resched = false;
      woken.wake();
      cpu.preempt();
      expect(cpu.resched).toBe(rt > 0);
      if (rt > 0) cpu.ready.remove(woken);
    }
    u.passQuietly(u.k.clock.now() + 60_000);
    expect(cpu.resched).toBe(true);
  });
});
