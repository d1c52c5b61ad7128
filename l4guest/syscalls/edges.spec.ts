import { describe, expect, it } from 'vitest';
import { E } from '../abi/errno.ts';
import { O, Sig } from '../abi/linux.ts';
import { Unix } from '../testing/unix.ts';

const ET = 0x80000000, ONESHOT = 0x40000000, IN = 1, OUT = 4, HUP = 0x10, AT_FDCWD = -100;

/** A watched file: `look` returns the events that one epoll_pwait reports. */
function watch(unix: Unix, fd: number, events: number): { look: () => number[]; epoll: number } {
  const epoll = unix.call('epoll_create1', 0)!, at = unix.space(64), event = new Uint8Array(16);
  new DataView(event.buffer).setUint32(0, events, true);
  expect(unix.call('epoll_ctl', epoll, 1, fd, event)).toBe(0);
  return { epoll, look: () => Array.from({ length: unix.call('epoll_pwait', epoll, at, 4, 0, 0, 0)! }, (_, i) => unix.u32(at + 16 * i)) };
}
function pair(unix: Unix, type: number): [number, number] {
  const at = unix.space(8);
  unix.call('socketpair', 1, type | O.NONBLOCK, 0, at);
  return [unix.u32(at), unix.u32(at + 4)];
}
const words = (...n: bigint[]): Uint8Array => new Uint8Array(new BigInt64Array(n).buffer);

describe('edges that a watcher sees, as on Linux', () => {
  it('a writer of a pipe hears of room only when the pipe was full', () => {
    const unix = new Unix(), [reader, writer] = unix.pipe(O.NONBLOCK), { look } = watch(unix, writer, OUT | ET);
    expect(look()).toEqual([OUT]);
    while (unix.write(writer, 'x'.repeat(4096))! > 0);
    unix.read(reader, 1);
    expect(look()).toEqual([]);
    unix.read(reader, 4095);
    expect(look()).toEqual([OUT]);
    unix.read(reader, 4096);
    expect(look()).toEqual([]);
  });
  it('a datagram that is read makes room for its sender, not for its reader', () => {
    const unix = new Unix(), [left, right] = pair(unix, 2), { look } = watch(unix, left, IN | OUT | ET);
    look();
    unix.write(right, '1');
    unix.write(right, '2');
    expect(look()).toEqual([IN | OUT]);
    unix.read(left, 8);
    expect(look()).toEqual([]);
  });
  it('a signal that is pending already is no new event for a signalfd', () => {
    const unix = new Unix(), mask = words(1n << BigInt(Sig.USR1 - 1));
    unix.call('rt_sigprocmask', 0, mask, 0, 8);
    const { look } = watch(unix, unix.call('signalfd4', -1, mask, 8, O.NONBLOCK)!, IN | ET);
    unix.call('kill', unix.main.proc.pid, Sig.USR1);
    expect(look()).toEqual([IN]);
    unix.call('kill', unix.main.proc.pid, Sig.USR1);
    expect(look()).toEqual([]);
  });
  it('a fired EPOLLONESHOT item reports nothing, not even a hang-up', () => {
    const unix = new Unix(), [reader, writer] = unix.pipe(O.NONBLOCK), { look } = watch(unix, reader, IN | ONESHOT);
    unix.write(writer, 'x');
    expect(look()).toEqual([IN]);
    unix.call('close', writer);
    expect(look()).toEqual([]);
  });
  it('a stream that neither side may write any more has hung up', () => {
    const unix = new Unix(), [left, right] = pair(unix, 1), { look } = watch(unix, left, IN | OUT);
    unix.call('shutdown', right, 1);
    expect(look()[0]! & HUP).toBe(0);
    unix.call('shutdown', right, 0);
    expect(look()[0]! & HUP).toBe(HUP);
  });
  it('a sender that found a queue full of the messages of others is told when it has room', () => {
    const unix = new Unix(), [receiver, first, second] = [0, 1, 2].map(() => unix.call('socket', 1, 2 | O.NONBLOCK, 0)!),
      name = new Uint8Array([1, 0, 0, 65]);
    unix.k.sysctl.set('net/unix/max_dgram_qlen', '5');
    unix.call('bind', receiver!, name, 4);
    unix.call('connect', first!, name, 4);
    unix.call('connect', second!, name, 4);
    while (unix.write(first!, 'x')! > 0);
    const { look } = watch(unix, second!, OUT | ET);
    expect([unix.write(second!, 'y'), look()]).toEqual([-E.AGAIN, []]);
    unix.read(receiver!, 8);
    expect(look()).toEqual([OUT]);
  });
});

describe('answers that neighbours of known cases found', () => {
  it('a removed directory gets no new names', () => {
    const unix = new Unix();
    unix.call('mkdirat', AT_FDCWD, '/tmp/gone', 0o700);
    unix.call('chdir', '/tmp/gone');
    unix.call('unlinkat', AT_FDCWD, '/tmp/gone', 0x200);
    expect([unix.open('x', O.CREAT | O.RDWR), unix.call('mkdirat', AT_FDCWD, 'x', 0o700), unix.call('symlinkat', 'q', AT_FDCWD, 'x')])
      .toEqual([-E.NOENT, -E.NOENT, -E.NOENT]);
  });
  it('wait4 with a bad address for the status loses the child', () => {
    const unix = new Unix(), child = unix.fork();
    unix.k.endProcess(child.proc, 0);
    expect([unix.call('wait4', -1, 8, 0, 0), unix.call('wait4', -1, 0, 0, 0)]).toEqual([-E.FAULT, -E.CHILD]);
  });
  it('kill(-1) by a user who may reach nobody succeeds', () => {
    const unix = new Unix(), child = unix.fork();
    unix.callOf(child, 'setresuid', 1000, 1000, 1000);
    expect(unix.callOf(child, 'kill', -1, 0)).toBe(0);
  });
  it('lengths at the end of the range: of sendfile, copy_file_range, locks, mappings', () => {
    const unix = new Unix(), fd = unix.open('/tmp/f', O.CREAT | O.RDWR), other = unix.open('/tmp/g', O.CREAT | O.RDWR),
      [, writer] = unix.pipe(), flock = (start: bigint, length: bigint): Uint8Array => {
        const bytes = new Uint8Array(32), view = new DataView(bytes.buffer);
        view.setInt16(0, 1, true);
        view.setBigInt64(8, start, true);
        view.setBigInt64(16, length, true);
        return bytes;
      };
    unix.write(fd, '0123456789');
    expect(unix.call('sendfile', writer, fd, words(4096n), 2 ** 63 - 1024)).toBe(-E.INVAL);
    expect(unix.call('copy_file_range', fd, words(-1n), other, 0, 1, 0)).toBe(-E.OVERFLOW);
    expect([unix.call('fcntl', fd, 6, flock(1n << 62n, 1n << 62n)), unix.call('fcntl', fd, 6, flock((1n << 63n) - 1n, 2n))])
      .toEqual([0, -E.OVERFLOW]);
    expect([unix.call('mmap', 0, 4096, 3, 0x22, -1, -4096), unix.call('mmap', 0, 4096, 3, 0x40022, -1, 0)])
      .toEqual([-E.OVERFLOW, -E.NOMEM]);
  });
  it('descriptors without names: modes, inodes and file systems', () => {
    const unix = new Unix(), at = unix.space(160), event = unix.call('eventfd2', 0, 0)!, [reader] = unix.pipe(),
      mode = (fd: number): number => { unix.call('fstat', fd, at); return unix.u32(at + 16); },
      ino = (fd: number): number => { unix.call('fstat', fd, at); return unix.u32(at + 8); },
      magic = (fd: number): number => { unix.call('fstatfs', fd, at); return unix.u32(at); },
      [one, two] = [0, 0].map(() => unix.call('pidfd_open', unix.main.proc.pid, 0)!);
    expect([mode(event), mode(one!), ino(one!) === ino(two!)]).toEqual([0o600, 0o700, true]); // no type
    expect([magic(event), magic(reader)]).toEqual([0x09041934, 0x50495045]);
  });
  it('SO_PEEK_OFF passes over what was peeked, and a read moves it back', () => {
    const unix = new Unix(), [left, right] = pair(unix, 1), at = unix.space(16),
      peek = (): [number, string] => { const n = unix.call('recvfrom', right, at, 2, 2, 0, 0)!; return [n, unix.text(at, 2)]; };
    unix.write(left, '012345');
    unix.call('setsockopt', right, 1, 42, new Uint8Array([3, 0, 0, 0]), 4);
    expect([peek(), unix.read(right, 2), peek(), peek()[0]]).toEqual([[2, '34'], '01', [1, '54'], -E.AGAIN]);
  });
  it('credentials that name nobody are refused', () => {
    const unix = new Unix(), [left] = pair(unix, 1), send = (pid: number, gid: number): number => {
      const control = new Uint8Array(32), view = new DataView(control.buffer), header = new Uint8Array(56),
        piece = unix.put(new Uint8Array(1));
      view.setBigUint64(0, 28n, true); view.setUint32(8, 1, true); view.setUint32(12, 2, true);
      view.setUint32(16, pid, true); view.setUint32(24, gid, true);
      const message = new DataView(header.buffer);
      message.setBigUint64(16, BigInt(unix.put(words(BigInt(piece), 1n))), true);
      message.setBigUint64(24, 1n, true);
      message.setBigUint64(32, BigInt(unix.put(control)), true);
      message.setBigUint64(40, 32n, true);
      return unix.call('sendmsg', left, header, 0)!;
    };
    expect([send(4242, 0), send(unix.main.proc.pid, 0xffff_ffff), send(unix.main.proc.pid, 0)]).toEqual([-E.SRCH, -E.INVAL, 1]);
  });
  it('a listener that was shut down refuses callers, and accept does not wait at it', () => {
    const unix = new Unix(), listener = unix.call('socket', 1, 1, 0)!, name = new Uint8Array([1, 0, 0, 66]),
      call = (): number => unix.call('connect', unix.call('socket', 1, 1 | O.NONBLOCK, 0)!, name, 4)!;
    unix.call('bind', listener, name, 4);
    unix.call('listen', listener, 1);
    unix.call('shutdown', listener, 0);
    expect([call(), unix.call('accept', listener, 0, 0)]).toEqual([-E.CONNREFUSED, -E.INVAL]);
  });
  it('TFD_TIMER_CANCEL_ON_SET tells of a clock that was set', () => {
    const unix = new Unix(), timer = unix.call('timerfd_create', 0, O.NONBLOCK)!, at = unix.space(8);
    unix.call('timerfd_settime', timer, 3, words(0n, 0n, 1n << 40n, 0n), 0);
    unix.call('clock_settime', 0, words(5n, 0n));
    expect([unix.call('read', timer, at, 8), unix.call('read', timer, at, 8)]).toEqual([-E.CANCELED, 8]);
  });
  it('clone3 and pidfds: into no control group, lists of undos in another space, a thread that leads nothing', () => {
    const unix = new Unix(), thread = unix.fork(unix.main, { flags: 0x10f00 }),
      clone3 = (flags: bigint): number | undefined => unix.call('clone3', words(flags, 0n, 0n, 0n, 17n, 0n, 0n, 0n, 0n, 0n, 5n), 88);
    expect([clone3(0x2_0000_0000n), clone3(0x0804_0000n), unix.call('pidfd_open', thread.tid, 0)]).toEqual([-E.BADF, -E.INVAL, -E.INVAL]);
  });
  it('a pseudo-terminal is locked at first, has the settings of a new pair, and its master reads all that is there', () => {
    const unix = new Unix(), master = unix.open('/dev/ptmx', O.RDWR | O.NONBLOCK), at = unix.space(64);
    expect(unix.open('/dev/pts/0', O.RDWR)).toBe(-E.IO);
    unix.call('ioctl', master, 0x40045431, unix.put(new Uint8Array(4)));
    const slave = unix.open('/dev/pts/0', O.RDWR | O.NOCTTY);
    unix.call('ioctl', slave, 0x5401, at);
    expect([unix.u32(at), unix.u32(at + 8)]).toEqual([0x500, 0xbf]);
    unix.call('ioctl', slave, 0x5413, at);
    expect(unix.u32(at)).toBe(0);
    unix.write(master, 'ab\x7fc d\x17\n');
    expect(unix.read(master)).toBe('ab\b \bc d\b \b\r\n');
    unix.write(slave, 'one\n');
    unix.write(slave, 'two\n');
    expect(unix.read(master)).toBe('one\r\ntwo\r\n');
    expect([unix.call('ioctl', slave, 0x5441, O.RDWR), unix.call('ioctl', master, 0x40045436, 9)]).toEqual([-E.IO, -E.INVAL]);
  });
  it('erasing on paper: ECHOPRT prints what goes between \\ and /', () => {
    const unix = new Unix(), master = unix.open('/dev/ptmx', O.RDWR | O.NONBLOCK), at = unix.space(64);
    unix.call('ioctl', master, 0x40045431, unix.put(new Uint8Array(4)));
    const slave = unix.open('/dev/pts/0', O.RDWR | O.NOCTTY);
    unix.call('ioctl', slave, 0x5401, at);
    const settings = unix.bytes(at, 36);
    settings[13]! |= 4;
    unix.call('ioctl', slave, 0x5402, settings);
    unix.write(master, 'ab\x7f\x7f\n');
    expect(unix.read(master)).toBe('ab\\ba/\r\n');
  });
});
