import { describe, expect, it } from 'vitest';
import { E } from '../abi/errno.ts';
import { O, Sig } from '../abi/linux.ts';
import { Unix } from '../testing/unix.ts';


describe('corners that suites of others found', () => {
  it('an identifier of System V IPC may be asked for, and how many there are is a setting', () => {
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
  it('a queue of messages is not made when there is no descriptor for it', () => {
    const u = new Unix();
    u.call('prlimit64', 0, 7, new Uint8Array(new BigUint64Array([0n, 1024n]).buffer), 0);
    expect(u.call('mq_open', 'q', O.CREAT | O.RDWR, 0o600, 0)).toBe(-E.MFILE);
    expect(u.k.ipc.queues.size).toBe(0);
  });
  it('mq_notify by SIGEV_THREAD puts a cookie into the netlink socket that the library waits on', () => {
    const u = new Unix(), queue = u.call('mq_open', 'q', O.CREAT | O.RDWR, 0o600, 0)!, socket = u.call('socket', 16, 3, 0)!;
    const cookie = u.put(new Uint8Array(32).fill(7)), event = new Uint8Array(64), view = new DataView(event.buffer);
    view.setBigUint64(0, BigInt(cookie), true); view.setInt32(8, socket, true); view.setInt32(12, 2, true);
    expect([u.call('mq_notify', queue, event), u.call('mq_timedsend', queue, 'x', 1, 0, 0)]).toEqual([0, 0]);
    const at = u.space(64);
    expect([u.call('recvfrom', socket, at, 64, 0, 0, 0), u.bytes(at, 32)[31], u.bytes(at, 32)[0]]).toEqual([32, 1, 7]);
    view.setInt32(8, queue, true);
    expect(u.call('mq_notify', queue, event)).toBe(-E.NOTSOCK);
  });
  it('MSG_MORE holds a datagram back until the rest has come; an empty queue of errors is empty', () => {
    const u = new Unix(), a = u.call('socket', 2, 2, 0)!, b = u.call('socket', 2, 2, 0)!,
      name = new Uint8Array([2, 0, 0x30, 0x39, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]), at = u.space(64);
    expect([u.call('bind', b, name, 16), u.call('sendto', a, 'ab', 2, 0x8000, name, 16),
      u.call('recvfrom', b, at, 64, 0x40, 0, 0)]).toEqual([0, 2, -E.AGAIN]);
    expect([u.call('sendto', a, 'cd', 2, 0, name, 16), u.call('recvfrom', b, at, 64, 0x40, 0, 0), u.text(at, 4)]).toEqual([2, 4, 'abcd']);
    expect(u.call('recvfrom', b, at, 64, 0x2000, 0, 0)).toBe(-E.AGAIN);
  });
  it('what is read as events goes into no pipe; a file that is written is not run', () => {
    const u = new Unix(), [r, w] = u.pipe(), event = u.call('eventfd2', 1, 0)!;
    expect([u.call('splice', event, 0, w, 0, 8, 0), u.call('splice', r, 0, event, 0, 8, 0)]).toEqual([-E.INVAL, -E.INVAL]);
    const fd = u.open('/tmp/program', O.CREAT | O.WRONLY, 0o755);
    expect([u.call('execve', '/tmp/program', 0, 0), u.call('close', fd), u.call('execve', '/tmp/program', 0, 0)]).toEqual(
      [-E.TXTBSY, 0, -E.NOEXEC]);
  });
  it('a message has so many pieces and a name that is no less than nothing', () => {
    const u = new Unix(), pair = u.space(8);
    u.call('socketpair', 1, 1, 0, pair);
    const header = (nameLength: number, pieces: number): Uint8Array => {
      const b = new Uint8Array(56), v = new DataView(b.buffer);
      v.setBigUint64(0, BigInt(pair), true);
      v.setInt32(8, nameLength, true);
      v.setBigInt64(24, BigInt(pieces), true);
      return b;
    };
    expect([u.call('recvmsg', u.u32(pair), header(-1, 0), 0x40), u.call('recvmsg', u.u32(pair), header(0, -1), 0x40),
      u.call('sendmsg', u.u32(pair), header(0, 1025), 0)]).toEqual([-E.INVAL, -E.MSGSIZE, -E.MSGSIZE]);
  });
  it('what children used is told of those that were waited for', () => {
    const u = new Unix(), at = u.space(144), maxRss = (who: number): number => { u.call('getrusage', who, at); return u.u32(at + 32); };
    const one = u.fork();
    one.proc.pagesBefore = 50;
    u.callOf(one, 'exit_group', 0);
    expect(maxRss(-1)).toBe(0);
    u.call('wait4', -1, 0, 0, 0);
    expect(maxRss(-1)).toBeGreaterThan(0);
    u.call('rt_sigaction', Sig.CHLD, new Uint8Array(new BigUint64Array([1n, 0n, 0n, 0n]).buffer), 0, 8);
    const before = u.main.proc.childPages, two = u.fork();
    two.proc.pagesBefore = 1000;
    u.callOf(two, 'exit_group', 0);
    expect(u.main.proc.childPages).toBe(before);
  });
  it('names of nothing: readlinkat of "", utimensat of no path, a slack that goes back to what it was', () => {
    const u = new Unix();
    expect([u.call('readlinkat', -100, '', u.space(8), 8), u.call('utimensat', -100, 0, 0, 0)]).toEqual([-E.NOENT, -E.FAULT]);
    u.call('prctl', 29, 70_000);
    const child = u.fork();
    expect([u.callOf(child, 'prctl', 29, 0), u.callOf(child, 'prctl', 30)]).toEqual([0, 70_000]);
  });
  it('a file that is copied behind its own end ends the call, not the server', () => {
    const u = new Unix(), out = u.open('/tmp/f', O.CREAT | O.RDWR);
    u.write(out, 'abc');
    const from = u.open('/tmp/f');
    const n = u.call('sendfile', out, from, 0, 0xffffffff)!;
    expect(n).toBeGreaterThan(3);
    expect(n).toBeLessThan(1 << 20);
  });
});
