import { describe, expect, it } from 'vitest';
import { E } from '../abi/errno.ts';
import { Unix } from '../testing/unix.ts';

const path = (p: string): Uint8Array => new Uint8Array([1, 0, ...new TextEncoder().encode(p), 0]);
const inet = (port: number): Uint8Array => new Uint8Array([2, 0, port >> 8, port & 255, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);

describe('sockets', () => {
  it('pairs carry bytes both ways, and end when one side closes', () => {
    const unix = new Unix(), at = unix.space(8);
    expect(unix.call('socketpair', 1, 1, 0, at)).toBe(0);
    const [a, b] = [unix.u32(at), unix.u32(at + 4)];
    unix.write(a, 'ping');
    expect(unix.read(b)).toBe('ping');
    unix.call('close', a);
    expect([unix.read(b), unix.write(b, 'x')]).toEqual(['', -E.PIPE]);
  });
  it('a listener accepts who connects, by path and by port', () => {
    for (const [family, address] of [[1, path('/tmp/s')], [2, inet(8080)]] as const) {
      const u = new Unix(), s = u.call('socket', family, 1, 0)!, c = u.call('socket', family, 1, 0)!;
      expect(u.call('connect', c, address, address.length)).toBe(family === 1 ? -E.NOENT : -E.CONNREFUSED);
      expect(u.call('bind', s, address, address.length)).toBe(0);
      expect(u.call('connect', c, address, address.length)).toBe(-E.CONNREFUSED);
      expect(u.call('listen', s, 1)).toBe(0);
      expect(u.call('connect', c, address, address.length)).toBe(0);
      const x = u.call('accept4', s, 0, 0, 0)!;
      u.write(c, 'hello');
      expect(u.read(x)).toBe('hello');
      expect(u.call('bind', u.call('socket', family, 1, 0)!, address, address.length)).toBe(-E.ADDRINUSE);
    }
  });
  it('descriptors travel with messages', () => {
    const u = new Unix(), at = u.space(8), [r, w] = u.pipe();
    u.call('socketpair', 1, 1, 0, at);
    const [a, b] = [u.u32(at), u.u32(at + 4)], text = u.put(new Uint8Array([42])), control = u.put(new Uint8Array(24));
    const message = (iov: number, ctl: number): Uint8Array => {
      const m = new Uint8Array(56), view = new DataView(m.buffer);
      view.setBigUint64(16, BigInt(iov), true);
      view.setBigUint64(24, 1n, true);
      view.setBigUint64(32, BigInt(ctl), true);
      view.setBigUint64(40, 24n, true);
      return m;
    };
    const iov = (va: number): number => {
      const m = new Uint8Array(16), v = new DataView(m.buffer);
      v.setBigUint64(0, BigInt(va), true);
      v.setBigUint64(8, 1n, true);
      return u.put(m);
    };
    const rights = new Uint8Array(24), v = new DataView(rights.buffer);
    v.setBigUint64(0, 20n, true); v.setUint32(8, 1, true); v.setUint32(12, 1, true); v.setUint32(16, r, true);
    expect(u.call('sendmsg', a, message(iov(text), u.put(rights)), 0)).toBe(1);
    u.call('close', r);
    expect(u.call('recvmsg', b, message(iov(u.space(8)), control), 0)).toBe(1);
    u.write(w, 'through');
    expect(u.read(u.u32(control + 16))).toBe('through');
  });
  it('datagrams keep their borders', () => {
    const u = new Unix(), s = u.call('socket', 2, 2, 0)!, c = u.call('socket', 2, 2, 0)!, a = inet(5353);
    u.call('bind', s, a, a.length);
    for (const t of ['one', 'two']) expect(u.call('sendto', c, t, 3, 0, a, a.length)).toBe(3);
    expect([u.read(s), u.read(s), u.call('recvfrom', s, u.space(8), 8, 0x40, 0, 0)]).toEqual(['one', 'two', -E.AGAIN]);
  });
  it('IPv6 alone leaves the port to IPv4; both share it otherwise', () => {
    const u = new Unix(), a = inet(7777), any6 = new Uint8Array(28), one = new Uint8Array([1, 0, 0, 0]);
    any6.set([10, 0, 7777 >> 8, 7777 & 255]);
    const s6 = u.call('socket', 10, 1, 0)!, s4 = u.call('socket', 2, 1, 0)!;
    expect(u.call('setsockopt', s6, 41, 26, one, 4)).toBe(0);
    expect([u.call('bind', s4, a, 16), u.call('bind', s6, any6, 28)]).toEqual([0, 0]);
    expect(u.call('bind', u.call('socket', 10, 1, 0)!, any6, 28)).toBe(-E.ADDRINUSE);
    for (const s of [s4, s6]) u.call('close', s);
    const both = u.call('socket', 10, 1, 0)!;
    expect([u.call('bind', both, any6, 28), u.call('listen', both, 5)]).toEqual([0, 0]);
    expect(u.call('bind', u.call('socket', 2, 1, 0)!, a, 16)).toBe(-E.ADDRINUSE);
    expect(u.call('connect', u.call('socket', 2, 1, 0)!, a, 16)).toBe(0);
  });
  it('what is not this computer is unreachable', () => {
    const u = new Unix(), a = inet(80);
    a[4] = 10;
    expect(u.call('connect', u.call('socket', 2, 1, 0)!, a, a.length)).toBe(-E.NETUNREACH);
  });
  it('TCP that does not wait connects in two steps', () => {
    const u = new Unix(), s = u.call('socket', 2, 1, 0)!, a = inet(8081),
      poll = (fd: number): number => {
        const at = u.put(new Uint8Array(new Uint32Array([fd, 0x1f]).buffer));
        u.call('ppoll', at, 1, u.put(new Uint8Array(16)), 0, 8);
        return u.u32(at + 4) >>> 16;
      };
    const error = (fd: number): number => {
      const at = u.space(8), n = u.put(new Uint8Array([4, 0, 0, 0]));
      u.call('getsockopt', fd, 1, 4, at, n);
      return u.u32(at);
    };
    const refused = u.call('socket', 2, 1 | 0o4000, 0)!;
    expect([
      u.call('connect', refused, a, 16), poll(refused) & 0x1c, error(refused), error(refused)
    ]).toEqual([-E.INPROGRESS, 0x1c, E.CONNREFUSED, 0]);
    u.call('bind', s, a, 16);
    u.call('listen', s, 0);
    const [c, late] = [u.call('socket', 2, 1 | 0o4000, 0)!, u.call('socket', 2, 1 | 0o4000, 0)!];
    expect([
      u.call('connect', c, a, 16), poll(c), error(c), u.call('connect', c, a, 16), u.call('connect', c, a, 16)
    ]).toEqual([-E.INPROGRESS, 4, 0, 0, -E.ISCONN]);
    expect(u.call('connect', u.call('socket', 2, 1 | 0o4000, 0)!, a, 16)).toBe(-E.INPROGRESS);
    expect([u.call('connect', late, a, 16), poll(late), u.call('connect', late, a, 16)]).toEqual([-E.INPROGRESS, 0, -E.ALREADY]);
    u.call('accept4', s, 0, 0, 0);
    u.call('accept4', s, 0, 0, 0);
    u.pass(1.2e9); // the SYN that the full queue dropped goes again after a second
    expect([poll(late), u.call('connect', late, a, 16)]).toEqual([4, 0]);
  });
  it('SO_RCVTIMEO ends a wait with EAGAIN', () => {
    const u = new Unix(), at = u.space(16), time = new Uint8Array(new BigInt64Array([1n, 500_000n]).buffer);
    u.call('socketpair', 1, 1, 0, at);
    expect(u.call('setsockopt', u.u32(at), 1, 20, time, 16)).toBe(0);
    const back = u.space(16), n = u.put(new Uint8Array([16, 0, 0, 0]));
    u.call('getsockopt', u.u32(at), 1, 20, back, n);
    expect([u.u32(back), u.u32(back + 8)]).toEqual([1, 500_000]);
    expect(u.call('recvfrom', u.u32(at), at, 1, 0, 0, 0)).toBeUndefined();
    expect(u.pass(1.4e9)).toEqual([]);
    expect(u.pass(0.2e9)).toEqual([u.main]);
    expect(u.main.regs.x(10)).toBe(-E.AGAIN);
  });
  it('SIOCGIF… and netlink tell of the loopback interface', () => {
    const u = new Unix(), udp = u.call('socket', 2, 2, 0)!, request = new Uint8Array(40), wrong = new Uint8Array(40);
    request.set([108, 111]); wrong.set([101, 116, 104, 48]);
    const at = u.put(request);
    expect([u.call('ioctl', udp, 0x8933, at), u.u32(at + 16), u.call('ioctl', udp, 0x8913, wrong)]).toEqual([0, 1, -E.NODEV]);
    const nl = u.call('socket', 16, 3, 0)!, ask = new Uint8Array(20), v = new DataView(ask.buffer), buffer = u.space(2048);
    v.setUint32(0, 20, true); v.setUint16(4, 22, true); v.setUint16(6, 0x301, true); v.setUint32(8, 77, true);
    expect(u.call('sendto', nl, ask, 20, 0, 0, 0)).toBe(20);
    const n = u.call('recvfrom', nl, buffer, 2048, 0, 0, 0)!, bytes = u.bytes(buffer, n);
    expect([u.u32(buffer + 4) & 0xffff, u.u32(buffer + 8), [...bytes].join().includes('127,0,0,1')]).toEqual([20, 77, true]);
    expect([
      u.call('recvfrom', nl, buffer, 2048, 0, 0, 0), u.u32(buffer + 4) & 0xffff, u.call('recvfrom', nl, buffer, 2048, 0x40, 0, 0)
    ]).toEqual([20, 3, -E.AGAIN]);
  });
  it('no packet has IP options: sshd refuses those that have', () => {
    const u = new Unix(), s = u.call('socket', 2, 1, 0)!, n = u.put(new Uint8Array([200, 0, 0, 0]));
    expect([u.call('getsockopt', s, 0, 4, u.space(200), n), u.u32(n)]).toEqual([0, 0]);
  });
  it('the first send to a TCP peer that has closed still succeeds, to a Unix one it does not', () => {
    const u = new Unix(), s = u.call('socket', 2, 1, 0)!, c = u.call('socket', 2, 1, 0)!, a = inet(8090), at = u.space(8);
    u.call('bind', s, a, 16); u.call('listen', s, 1); u.call('connect', c, a, 16);
    u.call('close', u.call('accept4', s, 0, 0, 0)!);
    expect([u.write(c, 'x'), u.write(c, 'x')]).toEqual([1, -E.PIPE]);
    u.call('socketpair', 1, 1, 0, at);
    u.call('close', u.u32(at));
    expect(u.write(u.u32(at + 4), 'x')).toBe(-E.PIPE);
  });
  it('says of room that urgent bytes have it too; packets wait behind an error, bytes come before it', () => {
    const u = new Unix(), at = u.space(16), ready = (fd: number): number => {
      const va = u.put(new Uint8Array(new Uint32Array([fd, 0xffff]).buffer));
      u.call('ppoll', va, 1, u.put(new Uint8Array(16)), 0, 8);
      return u.u32(va + 4) >>> 16;
    };
    const take = (fd: number): number => u.call('recvfrom', fd, u.space(8), 8, 0, 0, 0)!, answers = [1, 5].map((type) => {
      u.call('socketpair', 1, type, 0, at);
      const a = u.u32(at), b = u.u32(at + 4);
      u.call('sendto', a, 'hello', 5, 0, 0, 0); u.call('sendto', b, 'x', 1, 0, 0, 0);
      u.call('close', a);
      return [ready(b), take(b), take(b)];
    });
    expect(answers).toEqual([[0x235d, 5, -E.CONNRESET], [0x235d, -E.CONNRESET, 5]]);
    expect([ready(u.call('socket', 1, 1, 0)!), ready(u.call('socket', 1, 2, 0)!)]).toEqual([0x314, 0x304]);
  });
});
