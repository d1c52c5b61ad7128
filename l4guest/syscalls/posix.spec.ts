/** Cases that the Open POSIX tests found: times of mapped files, timers, closed queues, buffers, turns, locks beyond all addresses. */
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

/** An ELF program of one empty page. */
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
  it('mapping a file counts as an access, the first store to a page as a modification', () => {
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
  it('an absolute timer of the real-time clock fires when the clock is set beyond it', () => {
    const world = new World(), id = world.space(8), now = world.space(16), event = new Uint8Array(64);
    new DataView(event.buffer).setInt32(12, 1, true); // SIGEV_NONE
    expect(world.call('timer_create', 0, world.put(event), id)).toBe(0);
    world.call('clock_gettime', 0, now);
    const seconds = Number(new DataView(world.bytes(now, 16).buffer).getBigInt64(0, true)), left = (): number => {
      const old = world.space(32);
      world.call('timer_gettime', 0, old);
      return Number(new DataView(world.bytes(old, 32).buffer).getBigInt64(16, true));
    };
    world.call('timer_settime', 0, 1, world.words(0, 0, seconds + 1000, 0), 0);
    world.call('clock_settime', 0, world.words(seconds + 400, 0));
    expect(Math.abs(left() - 599)).toBeLessThanOrEqual(1);
    world.call('clock_settime', 0, world.words(seconds + 2000, 0));
    world.pass(1e6);
    expect(left()).toBe(0);
  });
  it('a timer may be set for a time before boot: missed firings count up to 2³¹ − 1', () => {
    const world = new World(), id = world.space(8), now = world.space(16), info = world.space(128), alarm = world.words(1 << 13);
    world.call('rt_sigprocmask', 0, alarm, 0, 8);
    world.call('timer_create', 0, 0, id);
    world.call('clock_gettime', 0, now);
    const seconds = Number(new DataView(world.bytes(now, 16).buffer).getBigInt64(0, true));
    world.call('timer_settime', 0, 1, world.words(0, 1, seconds - 4, 0), 0);
    world.pass(1e6);
    expect([world.call('rt_sigtimedwait', alarm, info, 0, 8), world.u32(info + 20)]).toEqual([14, 0x7fff_ffff]);
  });
  it('futex wakes waiters by real-time priority, then in order of arrival', () => {
    const world = new World(), at = world.call('mmap', 0, PAGE, Prot.READ | Prot.WRITE, Map_.SHARED | Map_.ANONYMOUS, -1, 0)!;
    const threads = [0, 2, 3, 3, 0].map((rt) => {
      const thread = world.fork();
      thread.rt = rt;
      world.callOf(thread, 'futex', at, 0, 0, 0, 0, 0);
      return thread;
    });
    const order = threads.map(() => { world.call('futex', at, 1, 1); return threads.indexOf(world.settle()[0]!); });
    expect(order).toEqual([2, 3, 1, 0, 4]);
  });
  it('mlock refuses addresses beyond the address space', () => {
    const world = new World(), far = 2 ** 63 - PAGE;
    expect([world.call('mlock', far, 8), world.call('munlock', far, 8)]).toEqual([-E.NOMEM, -E.NOMEM]);
  });
  it('a timer that fired once has no time left, whether or not its signal was ignored', () => {
    const world = new World(), id = world.space(8), old = world.space(32), event = new Uint8Array(64);
    for (const signal of [Sig.CONT, Sig.USR1]) {
      new DataView(event.buffer).setInt32(8, signal, true);
      world.call('rt_sigprocmask', 0, world.words(1 << (Sig.USR1 - 1)), 0, 8);
      world.call('timer_create', 1, world.put(event), id);
      world.call('timer_settime', world.u32(id), 0, world.words(0, 0, 1, 0), 0);
      world.passQuietly(world.k.clock.now() + 2e9);
      world.call('timer_gettime', world.u32(id), old);
      expect([...world.bytes(old, 32)].every((b) => b === 0)).toBe(true);
    }
  });
  it('a new program inherits no timers, and no locks of descriptors that exec closes', () => {
    const world = new World(), id = world.space(8), fd = world.open('/tmp/program', O.CREAT | O.RDWR, 0o755), lock = new Uint8Array(32);
    world.call('write', fd, program, program.length);
    world.call('close', fd);
    const child = world.fork();
    world.callOf(child, 'timer_create', 0, 0, id);
    const locked = world.callOf(child, 'openat', -100, '/tmp/locked', O.CREAT | O.RDWR | O.CLOEXEC, 0o644)!;
    lock[0] = 1; // F_WRLCK
    const lockAgain = (): number | undefined => world.call('fcntl', world.open('/tmp/locked', O.RDWR), 6, lock);
    expect([world.callOf(child, 'fcntl', locked, 6, lock), lockAgain()]).toEqual([0, -E.AGAIN]);
    expect([world.callOf(child, 'timer_gettime', 0, 0), world.callOf(child, 'execve', '/tmp/program', 0, 0)]).toEqual([-E.FAULT, 0]);
    expect([world.callOf(child, 'timer_gettime', 0, 0), lockAgain()]).toEqual([-E.INVAL, 0]);
  });
  it('a process that closes a message queue gets no more notifications, even if others have it open', () => {
    const world = new World(), queue = world.call('mq_open', 'q', O.CREAT | O.RDWR, 0o600, 0)!, event = new Uint8Array(64),
      child = world.fork();
    new DataView(event.buffer).setInt32(8, Sig.USR1, true);
    expect([world.call('mq_notify', queue, event), world.callOf(child, 'mq_notify', queue, event)]).toEqual([0, -E.BUSY]);
    world.call('close', queue);
    expect(world.callOf(child, 'mq_notify', queue, event)).toBe(0);
  });
  it('the last datagram may reach beyond the sender buffer', () => {
    const world = new World(), at = world.space(8), half = new Uint8Array(106_496);
    world.call('socketpair', 1, 2, 0, at);
    const socket = world.u32(at), bytes = world.put(half);
    expect([1, 2, 3].map(() => world.call('sendto', socket, bytes, half.length, 0x40, 0, 0))).toEqual([half.length, half.length, -E.AGAIN]);
  });
  it('a real-time thread runs at once when it wakes; an ordinary thread waits for the end of the turn', () => {
    const world = new World(), { cpu } = world.k, runs = world.fork(), woken = world.fork();
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
    world.passQuietly(world.k.clock.now() + 60_000);
    expect(cpu.resched).toBe(true);
  });
});
