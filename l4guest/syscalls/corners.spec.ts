import { describe, expect, it } from 'vitest';
import { E } from '../abi/errno.ts';
import { O, Sig } from '../abi/linux.ts';
import { Unix } from '../testing/unix.ts';


describe('corner cases that public suites found', () => {
  it('an identifier of System V IPC may be requested, and a setting limits their number', () => {
    const unix = new Unix(), write = (path: string, text: string): void => {
      const fd = unix.open(path, O.WRONLY);
      unix.write(fd, text);
      unix.call('close', fd);
    };
    write('/proc/sys/kernel/msg_next_id', '300');
    expect([unix.call('msgget', 0, 0o600), unix.read(unix.open('/proc/sys/kernel/msg_next_id'))]).toEqual([300, '-1\n']);
    write('/proc/sys/kernel/msgmni', '1');
    expect(unix.call('msgget', 0, 0o600)).toBe(-E.NOSPC);
  });
  it('mq_open makes no queue if the process has no free descriptor', () => {
    const unix = new Unix();
    unix.call('prlimit64', 0, 7, new Uint8Array(new BigUint64Array([0n, 1024n]).buffer), 0);
    expect(unix.call('mq_open', 'q', O.CREAT | O.RDWR, 0o600, 0)).toBe(-E.MFILE);
    expect(unix.k.ipc.queues.size).toBe(0);
  });
  it('mq_notify by SIGEV_THREAD puts a cookie into the netlink socket that the library waits on', () => {
    const unix = new Unix(), queue = unix.call('mq_open', 'q', O.CREAT | O.RDWR, 0o600, 0)!, socket = unix.call('socket', 16, 3, 0)!;
    const cookie = unix.put(new Uint8Array(32).fill(7)), event = new Uint8Array(64), view = new DataView(event.buffer);
    view.setBigUint64(0, BigInt(cookie), true); view.setInt32(8, socket, true); view.setInt32(12, 2, true);
    expect([unix.call('mq_notify', queue, event), unix.call('mq_timedsend', queue, 'x', 1, 0, 0)]).toEqual([0, 0]);
    const at = unix.space(64);
    expect([unix.call('recvfrom', socket, at, 64, 0, 0, 0), unix.bytes(at, 32)[31], unix.bytes(at, 32)[0]]).toEqual([32, 1, 7]);
    view.setInt32(8, queue, true);
    expect(unix.call('mq_notify', queue, event)).toBe(-E.NOTSOCK);
  });
  it('MSG_MORE holds a datagram back until the rest is sent; an empty error queue reports EAGAIN', () => {
    const unix = new Unix(), sender = unix.call('socket', 2, 2, 0)!, receiver = unix.call('socket', 2, 2, 0)!,
      name = new Uint8Array([2, 0, 0x30, 0x39, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]), at = unix.space(64);
    expect([unix.call('bind', receiver, name, 16), unix.call('sendto', sender, 'ab', 2, 0x8000, name, 16),
      unix.call('recvfrom', receiver, at, 64, 0x40, 0, 0)]).toEqual([0, 2, -E.AGAIN]);
    expect([unix.call('sendto', sender, 'cd', 2, 0, name, 16), unix.call('recvfrom', receiver, at, 64, 0x40, 0, 0),
      unix.text(at, 4)]).toEqual([2, 4, 'abcd']);
    expect(unix.call('recvfrom', receiver, at, 64, 0x2000, 0, 0)).toBe(-E.AGAIN);
  });
  it('what MSG_MORE holds back is charged until it is sent or the socket is closed', () => {
    const unix = new Unix(), sender = unix.call('socket', 2, 2, 0)!, piece = unix.put(new Uint8Array(4096)),
      name = unix.put(new Uint8Array([2, 0, 0x30, 0x39, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]));
    unix.call('sendto', sender, piece, 0, 0x8000, name, 16);
    const before = unix.k.frames.free;
    for (let i = 0; i < 15; i++) expect(unix.call('sendto', sender, piece, 4096, 0x8000, name, 16)).toBe(4096);
    expect(before - unix.k.frames.free).toBeGreaterThanOrEqual(14);
    unix.call('close', sender);
    expect(unix.k.frames.free).toBeGreaterThanOrEqual(before);
  });
  it('splice refuses files that are read as events; execve refuses a file that is open for writing', () => {
    const unix = new Unix(), [readEnd, writeEnd] = unix.pipe(), event = unix.call('eventfd2', 1, 0)!;
    expect([unix.call('splice', event, 0, writeEnd, 0, 8, 0), unix.call('splice', readEnd, 0, event, 0, 8, 0)])
      .toEqual([-E.INVAL, -E.INVAL]);
    const fd = unix.open('/tmp/program', O.CREAT | O.WRONLY, 0o755);
    expect([unix.call('execve', '/tmp/program', 0, 0), unix.call('close', fd), unix.call('execve', '/tmp/program', 0, 0)]).toEqual(
      [-E.TXTBSY, 0, -E.NOEXEC]);
  });
  it('a message has a limited number of pieces, and its name no negative length', () => {
    const unix = new Unix(), pair = unix.space(8);
    unix.call('socketpair', 1, 1, 0, pair);
    const header = (nameLength: number, pieces: number): Uint8Array => {
      const bytes = new Uint8Array(56), view = new DataView(bytes.buffer);
      view.setBigUint64(0, BigInt(pair), true);
      view.setInt32(8, nameLength, true);
      view.setBigInt64(24, BigInt(pieces), true);
      return bytes;
    };
    expect([unix.call('recvmsg', unix.u32(pair), header(-1, 0), 0x40), unix.call('recvmsg', unix.u32(pair), header(0, -1), 0x40),
      unix.call('sendmsg', unix.u32(pair), header(0, 1025), 0)]).toEqual([-E.INVAL, -E.MSGSIZE, -E.MSGSIZE]);
  });
  it('usage of children counts only children that were waited for', () => {
    const unix = new Unix(), at = unix.space(144),
      maxRss = (who: number): number => { unix.call('getrusage', who, at); return unix.u32(at + 32); };
    const one = unix.fork();
    one.proc.pagesBefore = 50;
    unix.callOf(one, 'exit_group', 0);
    expect(maxRss(-1)).toBe(0);
    unix.call('wait4', -1, 0, 0, 0);
    expect(maxRss(-1)).toBeGreaterThan(0);
    unix.call('rt_sigaction', Sig.CHLD, new Uint8Array(new BigUint64Array([1n, 0n, 0n, 0n]).buffer), 0, 8);
    const before = unix.main.proc.childPages, two = unix.fork();
    two.proc.pagesBefore = 1000;
    unix.callOf(two, 'exit_group', 0);
    expect(unix.main.proc.childPages).toBe(before);
  });
  it('readlinkat of "", utimensat without a path, a timer slack that returns to its default', () => {
    const unix = new Unix();
    expect([unix.call('readlinkat', -100, '', unix.space(8), 8), unix.call('utimensat', -100, 0, 0, 0)]).toEqual([-E.NOENT, -E.FAULT]);
    unix.call('prctl', 29, 70_000);
    const child = unix.fork();
    expect([unix.callOf(child, 'prctl', 29, 0), unix.callOf(child, 'prctl', 30)]).toEqual([0, 70_000]);
  });
  it('sendfile of a file behind its own end ends with the call, not with the server', () => {
    const unix = new Unix(), out = unix.open('/tmp/f', O.CREAT | O.RDWR);
    unix.write(out, 'abc');
    const from = unix.open('/tmp/f');
    const n = unix.call('sendfile', out, from, 0, 0xffffffff)!;
    expect(n).toBeGreaterThan(3);
    expect(n).toBeLessThan(1 << 20);
  });
});
