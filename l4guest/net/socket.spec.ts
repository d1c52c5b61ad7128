import { describe, expect, it } from 'vitest';
import { E } from '../abi/errno.ts';
import { Unix } from '../testing/unix.ts';

const path = (p: string): Uint8Array => new Uint8Array([1, 0, ...new TextEncoder().encode(p), 0]);
const inet = (port: number): Uint8Array => new Uint8Array([2, 0, port >> 8, port & 255, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);

describe('sockets', () => {
  it('pairs carry bytes both ways, and end when one side closes', () => {
    const unix = new Unix(), at = unix.space(8);
    expect(unix.call('socketpair', 1, 1, 0, at)).toBe(0);
    const [left, right] = [unix.u32(at), unix.u32(at + 4)];
    unix.write(left, 'ping');
    expect(unix.read(right)).toBe('ping');
    unix.call('close', left);
    expect([unix.read(right), unix.write(right, 'x')]).toEqual(['', -E.PIPE]);
  });
  it('a listener accepts connections, by path and by port', () => {
    for (const [family, address] of [[1, path('/tmp/s')], [2, inet(8080)]] as const) {
      const unix = new Unix(), listener = unix.call('socket', family, 1, 0)!, client = unix.call('socket', family, 1, 0)!;
      expect(unix.call('connect', client, address, address.length)).toBe(family === 1 ? -E.NOENT : -E.CONNREFUSED);
      expect(unix.call('bind', listener, address, address.length)).toBe(0);
      expect(unix.call('connect', client, address, address.length)).toBe(-E.CONNREFUSED);
      expect(unix.call('listen', listener, 1)).toBe(0);
      expect(unix.call('connect', client, address, address.length)).toBe(0);
      const x = unix.call('accept4', listener, 0, 0, 0)!;
      unix.write(client, 'hello');
      expect(unix.read(x)).toBe('hello');
      expect(unix.call('bind', unix.call('socket', family, 1, 0)!, address, address.length)).toBe(-E.ADDRINUSE);
    }
  });
  it('descriptors travel in messages', () => {
    const unix = new Unix(), at = unix.space(8), [readEnd, writeEnd] = unix.pipe();
    unix.call('socketpair', 1, 1, 0, at);
    const [sender, receiver] = [unix.u32(at), unix.u32(at + 4)], text = unix.put(new Uint8Array([42])),
      control = unix.put(new Uint8Array(24));
    const message = (iov: number, ctl: number): Uint8Array => {
      const header = new Uint8Array(56), view = new DataView(header.buffer);
      view.setBigUint64(16, BigInt(iov), true);
      view.setBigUint64(24, 1n, true);
      view.setBigUint64(32, BigInt(ctl), true);
      view.setBigUint64(40, 24n, true);
      return header;
    };
    const iov = (va: number): number => {
      const vector = new Uint8Array(16), view = new DataView(vector.buffer);
      view.setBigUint64(0, BigInt(va), true);
      view.setBigUint64(8, 1n, true);
      return unix.put(vector);
    };
    const rights = new Uint8Array(24), rightsView = new DataView(rights.buffer);
    rightsView.setBigUint64(0, 20n, true); rightsView.setUint32(8, 1, true); rightsView.setUint32(12, 1, true);
    rightsView.setUint32(16, readEnd, true);
    expect(unix.call('sendmsg', sender, message(iov(text), unix.put(rights)), 0)).toBe(1);
    unix.call('close', readEnd);
    expect(unix.call('recvmsg', receiver, message(iov(unix.space(8)), control), 0)).toBe(1);
    unix.write(writeEnd, 'through');
    expect(unix.read(unix.u32(control + 16))).toBe('through');
  });
  it.each([['a stream', 1], ['datagrams', 2]])('the lists of descriptors in flight are charged: %s', (_of, type) => {
    const unix = new Unix(), at = unix.space(8), [readEnd] = unix.pipe(), count = 200, size = 16 + 4 * count;
    unix.call('socketpair', 1, type, 0, at);
    const [sender, receiver] = [unix.u32(at), unix.u32(at + 4)], rights = new Uint8Array(size), view = new DataView(rights.buffer);
    view.setBigUint64(0, BigInt(size), true); view.setUint32(8, 1, true); view.setUint32(12, 1, true);
    for (let i = 0; i < count; i++) view.setUint32(16 + 4 * i, readEnd, true);
    const vector = new Uint8Array(16), pieces = new DataView(vector.buffer), header = new Uint8Array(56),
      words = new DataView(header.buffer);
    pieces.setBigUint64(0, BigInt(unix.put(new Uint8Array([42]))), true); pieces.setBigUint64(8, 1n, true);
    [unix.put(vector), 1, unix.put(rights), size].forEach((word, i) => { words.setBigUint64(16 + 8 * i, BigInt(word), true); });
    const message = unix.put(header), before = unix.k.frames.free;
    for (let i = 0; i < 60; i++) expect(unix.call('sendmsg', sender, message, 0x40)).toBe(1);
    expect((before - unix.k.frames.free) * 4096).toBeGreaterThan(60 * 8 * count);
    for (const socket of [sender, receiver]) unix.call('close', socket);
    expect(unix.k.frames.free).toBeGreaterThanOrEqual(before);
  });
  it('datagrams keep their boundaries', () => {
    const unix = new Unix(), receiver = unix.call('socket', 2, 2, 0)!, sender = unix.call('socket', 2, 2, 0)!, address = inet(5353);
    unix.call('bind', receiver, address, address.length);
    for (const text of ['one', 'two']) expect(unix.call('sendto', sender, text, 3, 0, address, address.length)).toBe(3);
    expect([unix.read(receiver), unix.read(receiver), unix.call('recvfrom', receiver, unix.space(8), 8, 0x40, 0, 0)])
      .toEqual(['one', 'two', -E.AGAIN]);
  });
  it('an IPv6-only socket leaves the port to IPv4; otherwise it takes both', () => {
    const unix = new Unix(), address = inet(7777), any6 = new Uint8Array(28), one = new Uint8Array([1, 0, 0, 0]);
    any6.set([10, 0, 7777 >> 8, 7777 & 255]);
    const s6 = unix.call('socket', 10, 1, 0)!, s4 = unix.call('socket', 2, 1, 0)!;
    expect(unix.call('setsockopt', s6, 41, 26, one, 4)).toBe(0);
    expect([unix.call('bind', s4, address, 16), unix.call('bind', s6, any6, 28)]).toEqual([0, 0]);
    expect(unix.call('bind', unix.call('socket', 10, 1, 0)!, any6, 28)).toBe(-E.ADDRINUSE);
    for (const socket of [s4, s6]) unix.call('close', socket);
    const both = unix.call('socket', 10, 1, 0)!;
    expect([unix.call('bind', both, any6, 28), unix.call('listen', both, 5)]).toEqual([0, 0]);
    expect(unix.call('bind', unix.call('socket', 2, 1, 0)!, address, 16)).toBe(-E.ADDRINUSE);
    expect(unix.call('connect', unix.call('socket', 2, 1, 0)!, address, 16)).toBe(0);
  });
  it('hosts other than this computer are unreachable', () => {
    const unix = new Unix(), address = inet(80);
    address[4] = 10;
    expect(unix.call('connect', unix.call('socket', 2, 1, 0)!, address, address.length)).toBe(-E.NETUNREACH);
  });
  it('non-blocking TCP connects in two steps', () => {
    const unix = new Unix(), listener = unix.call('socket', 2, 1, 0)!, address = inet(8081),
      poll = (fd: number): number => {
        const at = unix.put(new Uint8Array(new Uint32Array([fd, 0x1f]).buffer));
        unix.call('ppoll', at, 1, unix.put(new Uint8Array(16)), 0, 8);
        return unix.u32(at + 4) >>> 16;
      };
    const error = (fd: number): number => {
      const at = unix.space(8), n = unix.put(new Uint8Array([4, 0, 0, 0]));
      unix.call('getsockopt', fd, 1, 4, at, n);
      return unix.u32(at);
    };
    const refused = unix.call('socket', 2, 1 | 0o4000, 0)!;
    expect([
      unix.call('connect', refused, address, 16), poll(refused) & 0x1c, error(refused), error(refused)
    ]).toEqual([-E.INPROGRESS, 0x1c, E.CONNREFUSED, 0]);
    unix.call('bind', listener, address, 16);
    unix.call('listen', listener, 0);
    const [client, late] = [unix.call('socket', 2, 1 | 0o4000, 0)!, unix.call('socket', 2, 1 | 0o4000, 0)!];
    expect([
      unix.call('connect', client, address, 16), poll(client), error(client), unix.call('connect', client, address, 16),
        unix.call('connect', client, address, 16)
    ]).toEqual([-E.INPROGRESS, 4, 0, 0, -E.ISCONN]);
    expect(unix.call('connect', unix.call('socket', 2, 1 | 0o4000, 0)!, address, 16)).toBe(-E.INPROGRESS);
    expect([unix.call('connect', late, address, 16), poll(late), unix.call('connect', late, address, 16)])
      .toEqual([-E.INPROGRESS, 0, -E.ALREADY]);
    unix.call('accept4', listener, 0, 0, 0);
    unix.call('accept4', listener, 0, 0, 0);
    unix.pass(1.2e9); // the SYN that the full queue dropped is sent again after a second
    expect([poll(late), unix.call('connect', late, address, 16)]).toEqual([4, 0]);
  });
  it('SO_RCVTIMEO ends a wait with EAGAIN', () => {
    const unix = new Unix(), at = unix.space(16), time = new Uint8Array(new BigInt64Array([1n, 500_000n]).buffer);
    unix.call('socketpair', 1, 1, 0, at);
    expect(unix.call('setsockopt', unix.u32(at), 1, 20, time, 16)).toBe(0);
    const back = unix.space(16), n = unix.put(new Uint8Array([16, 0, 0, 0]));
    unix.call('getsockopt', unix.u32(at), 1, 20, back, n);
    expect([unix.u32(back), unix.u32(back + 8)]).toEqual([1, 500_000]);
    expect(unix.call('recvfrom', unix.u32(at), at, 1, 0, 0, 0)).toBeUndefined();
    expect(unix.pass(1.4e9)).toEqual([]);
    expect(unix.pass(0.2e9)).toEqual([unix.main]);
    expect(unix.main.regs.x(10)).toBe(-E.AGAIN);
  });
  it('SIOCGIF… and netlink report the loopback interface', () => {
    const unix = new Unix(), udp = unix.call('socket', 2, 2, 0)!, request = new Uint8Array(40), wrong = new Uint8Array(40);
    request.set([108, 111]); wrong.set([101, 116, 104, 48]);
    const at = unix.put(request);
    expect([unix.call('ioctl', udp, 0x8933, at), unix.u32(at + 16), unix.call('ioctl', udp, 0x8913, wrong)]).toEqual([0, 1, -E.NODEV]);
    const nl = unix.call('socket', 16, 3, 0)!, ask = new Uint8Array(20), view = new DataView(ask.buffer), buffer = unix.space(2048);
    view.setUint32(0, 20, true); view.setUint16(4, 22, true); view.setUint16(6, 0x301, true); view.setUint32(8, 77, true);
    expect(unix.call('sendto', nl, ask, 20, 0, 0, 0)).toBe(20);
    const n = unix.call('recvfrom', nl, buffer, 2048, 0, 0, 0)!, bytes = unix.bytes(buffer, n);
    expect([unix.u32(buffer + 4) & 0xffff, unix.u32(buffer + 8), [...bytes].join().includes('127,0,0,1')]).toEqual([20, 77, true]);
    expect([
      unix.call('recvfrom', nl, buffer, 2048, 0, 0, 0), unix.u32(buffer + 4) & 0xffff, unix.call('recvfrom', nl, buffer, 2048, 0x40, 0, 0)
    ]).toEqual([20, 3, -E.AGAIN]);
  });
  it('IP_OPTIONS is always empty, because sshd refuses connections with options', () => {
    const unix = new Unix(), socket = unix.call('socket', 2, 1, 0)!, n = unix.put(new Uint8Array([200, 0, 0, 0]));
    expect([unix.call('getsockopt', socket, 0, 4, unix.space(200), n), unix.u32(n)]).toEqual([0, 0]);
  });
  it('the first send to a closed TCP peer still succeeds, to a closed Unix peer it fails', () => {
    const unix = new Unix(), listener = unix.call('socket', 2, 1, 0)!, client = unix.call('socket', 2, 1, 0)!, address = inet(8090),
      at = unix.space(8);
    unix.call('bind', listener, address, 16); unix.call('listen', listener, 1); unix.call('connect', client, address, 16);
    unix.call('close', unix.call('accept4', listener, 0, 0, 0)!);
    expect([unix.write(client, 'x'), unix.write(client, 'x')]).toEqual([1, -E.PIPE]);
    unix.call('socketpair', 1, 1, 0, at);
    unix.call('close', unix.u32(at));
    expect(unix.write(unix.u32(at + 4), 'x')).toBe(-E.PIPE);
  });
  it('urgent bytes count as room too; an error comes before packets, but after bytes', () => {
    const unix = new Unix(), at = unix.space(16), ready = (fd: number): number => {
      const va = unix.put(new Uint8Array(new Uint32Array([fd, 0xffff]).buffer));
      unix.call('ppoll', va, 1, unix.put(new Uint8Array(16)), 0, 8);
      return unix.u32(va + 4) >>> 16;
    };
    const take = (fd: number): number => unix.call('recvfrom', fd, unix.space(8), 8, 0, 0, 0)!, answers = [1, 5].map((type) => {
      unix.call('socketpair', 1, type, 0, at);
      const sender = unix.u32(at), receiver = unix.u32(at + 4);
      unix.call('sendto', sender, 'hello', 5, 0, 0, 0); unix.call('sendto', receiver, 'x', 1, 0, 0, 0);
      unix.call('close', sender);
      return [ready(receiver), take(receiver), take(receiver)];
    });
    expect(answers).toEqual([[0x235d, 5, -E.CONNRESET], [0x235d, -E.CONNRESET, 5]]);
    expect([ready(unix.call('socket', 1, 1, 0)!), ready(unix.call('socket', 1, 2, 0)!)]).toEqual([0x314, 0x304]);
  });
});
