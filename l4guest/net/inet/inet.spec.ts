import { describe, expect, it } from 'vitest';
import { Stack } from '../../../network/stack.ts';
import { E } from '../../abi/errno.ts';
import { Unix } from '../../testing/unix.ts';
import { inetOf } from './inet.ts';
import { addUplink } from './uplink.ts';

const STREAM = 1, DGRAM = 2, RAW = 3, NONBLOCK = 0o4000, INET = 2, INET6 = 10;
const at = (port: number, ...ip: number[]): Uint8Array =>
  new Uint8Array([2, 0, port >> 8, port & 255, ...(ip.length ? ip : [127, 0, 0, 1]), 0, 0, 0, 0, 0, 0, 0, 0]);
const u32 = (n: number): Uint8Array => new Uint8Array(new Uint32Array([n]).buffer);
const set = (u: Unix, fd: number, level: number, name: number, value: number): number =>
  u.call('setsockopt', fd, level, name, u32(value), 4)!;
function get(unix: Unix, fd: number, level: number, name: number): number {
  const va = unix.space(8), n = unix.put(u32(4)), r = unix.call('getsockopt', fd, level, name, va, n)!;
  return r < 0 ? r : unix.u32(va) | 0;
}
function poll(unix: Unix, fd: number): number {
  const va = unix.put(new Uint8Array(new Uint32Array([fd, 0x201f]).buffer));
  unix.call('ppoll', va, 1, unix.put(new Uint8Array(16)), 0, 8);
  return unix.u32(va + 4) >>> 16;
}

/** A kernel whose eth0 leads to a host of ours, 10.0.2.2. */
function withPeer(): { u: Unix; peer: Stack; run: (ns: number) => void } {
  const unix = new Unix(), inet = inetOf(unix.k);
  let x = 7;
  const peer = new Stack({ now: () => Math.floor(unix.k.clock.now() / 1000), random: () => (x = Math.imul(x, 1103515245) + 12345) >>> 0 });
  const wire: (() => void)[] = [];
  const face = peer.addEthernet('eth0', {
    mac: Uint8Array.of(2, 0, 0, 0, 0, 2), mtu: 1500,
    send: (f) => { const c = f.slice(); wire.push(() => inet.act(() => inet.stack.receive(own, c))); }
  });
  peer.assign(face, Uint8Array.of(10, 0, 2, 2), 24);
  const own = addUplink(unix.k,
    { mac: Uint8Array.of(2, 0, 0, 0, 0, 1), mtu: 1500, send: (f) => { const c = f.slice(); wire.push(() => peer.receive(face, c)); } },
    { address: [10, 0, 2, 15], bits: 24, gateway: [10, 0, 2, 2] });
  const run = (ns: number): void => {
    for (let left = ns; left > 0; left -= 1e6) {
      while (wire.length > 0) wire.shift()!();
      unix.pass(1e6);
      peer.run();
    }
  };
  return { u: unix, peer, run };
}

describe('TCP', () => {
  /** Two ends of a connection over loopback. */
  function ends(unix: Unix, port: number): [number, number] {
    const s = unix.call('socket', INET, STREAM, 0)!, a = unix.call('socket', INET, STREAM, 0)!;
    unix.call('bind', s, at(port), 16); unix.call('listen', s, 1); unix.call('connect', a, at(port), 16);
    return [a, unix.call('accept', s, 0, 0)!];
  }
  const get5 = (u: Unix, fd: number, flags = 0): number => u.call('recvfrom', fd, u.space(8), 5, flags, 0, 0)!;
  const send1 = (u: Unix, fd: number): number => u.call('sendto', fd, 'x', 1, 0x4000, 0, 0)!;
  const reset = (u: Unix, fd: number): void => {
    u.call('setsockopt', fd, 1, 13, new Uint8Array(new Uint32Array([1, 0]).buffer), 8);
    u.call('close', fd);
  };
  // The expectations of these two are Linux's answers to the same calls.
  it('what came before a reset is read first, then the error, once; SO_ERROR takes it too, and nobody is connected any more', () => {
    const u = new Unix(), [a, b] = ends(u, 9001), [far, near] = ends(u, 9002), name = u.space(32);
    u.call('sendto', a, 'hello', 5, 0, 0, 0);
    reset(u, a);
    expect([get5(u, b), get5(u, b), get5(u, b), send1(u, b)]).toEqual([5, -E.CONNRESET, 0, -E.PIPE]);
    reset(u, far);
    expect([get(u, near, 1, 4), get(u, near, 1, 4), get5(u, near), send1(u, near)]).toEqual([E.CONNRESET, 0, 0, -E.PIPE]);
    expect(u.call('getpeername', near, name, u.put(u32(16)))).toBe(-E.NOTCONN);
  });
  it('behind the end there is no error for readers; MSG_WAITALL ends there; TIME-WAIT is not connected', () => {
    const u = new Unix(), [a, b] = ends(u, 9003), [far, near] = ends(u, 9004);
    u.call('close', a);
    expect([get5(u, b), send1(u, b), get5(u, b), send1(u, b), get5(u, b)]).toEqual([0, 1, 0, -E.PIPE, 0]);
    u.call('sendto', far, 'ab', 2, 0, 0, 0);
    u.call('shutdown', far, 1);
    expect([get5(u, near, 0x100), u.call('close', near), u.call('shutdown', far, 2)]).toEqual([2, 0, -E.NOTCONN]);
  });
  it('ends: poll and reads after FIN, after both, after RST', () => {
    const u = new Unix(), s = u.call('socket', INET, STREAM, 0)!, c = u.call('socket', INET, STREAM, 0)!, bytes = at(8080);
    u.call('bind', s, bytes, 16);
    u.call('listen', s, 5);
    u.call('connect', c, bytes, 16);
    const x = u.call('accept4', s, 0, 0, 0)!;
    u.call('shutdown', c, 1);
    expect([poll(u, x) & 0x201d, u.read(x), u.write(x, 'late'), u.read(c)]).toEqual([0x2005, '', 4, 'late']);
    u.call('shutdown', x, 1);
    expect(poll(u, x) & 0x2011).toBe(0x2011);
    const [d, y] = [u.call('socket', INET, STREAM, 0)!, 0];
    u.call('connect', d, bytes, 16);
    const z = u.call('accept4', s, 0, 0, 0)!;
    u.write(d, 'unread');
    u.call('close', z);
    expect([poll(u, d) & 8, u.call('read', d, u.space(8), 8), u.call('read', d, u.space(8), 8), y]).toEqual([8, -E.CONNRESET, 0, 0]);
  });

  it('reaches a host on the link, and hears what is not there', () => {
    const { u, peer, run } = withPeer(), listener = peer.tcp.listen(new Uint8Array(4), 80, 4),
      c = u.call('socket', INET, STREAM | NONBLOCK, 0)!;
    expect(u.call('connect', c, at(80, 10, 0, 2, 2), 16)).toBe(-E.INPROGRESS);
    run(20e6);
    expect([poll(u, c) & 4, get(u, c, 1, 4), u.write(c, 'GET')]).toEqual([4, 0, 3]);
    run(20e6);
    const server = listener.accept()!, into = new Uint8Array(8);
    expect(server.read(into, 0, 8)).toBe(3);
    server.write(new TextEncoder().encode('page'));
    run(100e6);
    expect(u.read(c)).toBe('page');
    const refused = u.call('socket', INET, STREAM | NONBLOCK, 0)!, gone = u.call('socket', INET, STREAM | NONBLOCK, 0)!,
      away = u.call('socket', INET, STREAM, 0)!;
    u.call('connect', refused, at(81, 10, 0, 2, 2), 16);
    u.call('connect', gone, at(80, 10, 0, 2, 99), 16);
    run(4e9);
    expect([get(u, refused, 1, 4), get(u, gone, 1, 4)]).toEqual([E.CONNREFUSED, E.HOSTUNREACH]);
    u.call('close', away);
  });

  it('addresses in use: who may share a port', () => {
    const bind = (u: Unix, more: (fd: number) => void, a = at(9000)): number => {
      const s = u.call('socket', INET, STREAM, 0)!;
      more(s);
      return u.call('bind', s, a, 16) || (u.call('listen', s, 1) ?? 0) || s;
    };
    const u = new Unix(), plain = (): void => {}, reuse = (s: number): void => void set(u, s, 1, 2, 1),
      share = (s: number): void => void set(u, s, 1, 15, 1);
    expect(bind(u, plain)).toBeGreaterThan(0);
    expect([
      bind(u, plain), bind(u, reuse), bind(u, share), bind(u, plain, at(9000, 127, 0, 0, 2)) > 0
    ]).toEqual([-E.ADDRINUSE, -E.ADDRINUSE, -E.ADDRINUSE, true]);
    const v = new Unix(), both = (s: number): void => void set(v, s, 1, 15, 1);
    expect([bind(v, both) > 0, bind(v, both) > 0]).toEqual([true, true]);
    expect([bind(u, plain, at(80, 10, 1, 1, 1)), bind(u, plain, at(0)) > 0]).toEqual([-E.ADDRNOTAVAIL, true]);
  });

  it('options are kept within their bounds, and read back', () => {
    const u = new Unix(), s = u.call('socket', INET, STREAM, 0)!;
    const rows = [
      [6, 4, 7200, 32767, 0], [6, 5, 75, 32767, 0], [6, 6, 9, 127, 128], [6, 7, 6, 127, 0], [0, 2, 64, 255, 256]
    ] as const;
    for (const [level, name, first, good, bad] of rows) {
      expect([
        level, name, get(u, s, level, name), set(u, s, level, name, good), get(u, s, level, name), set(u, s, level, name, bad),
        get(u, s, level, name)
      ])
        .toEqual([level, name, first, 0, good, -E.INVAL, good]);
    }
    // As on Linux IP_TOS keeps a byte, and TCP its last two bits; and no option of IP stands where one of SOL_SOCKET is kept.
    expect([set(u, s, 0, 1, 0x113), get(u, s, 0, 1), set(u, s, 1, 2, 1), get(u, s, 0, 2)]).toEqual([0, 0x10, 0, 255]);
    expect([set(u, s, 6, 1, 7), get(u, s, 6, 1), get(u, s, 6, 99), set(u, s, 41, 26, 1)]).toEqual([0, 1, -E.NOPROTOOPT, -E.NOPROTOOPT]);
    const name = u.put(new TextEncoder().encode('reno')), out = u.space(16), n = u.put(u32(16));
    expect([
      u.call('setsockopt', s, 6, 13, name, 4), u.call('getsockopt', s, 6, 13, out, n), u.u32(out),
      u.call('setsockopt', s, 6, 13, u.put(new TextEncoder().encode('warp')), 4)
    ]).toEqual([0, 0, 0x6f6e6572, -E.NOENT]);
  });

  it('TCP_INFO tells the state', () => {
    const u = new Unix(), s = u.call('socket', INET, STREAM, 0)!, va = u.space(104), n = u.put(u32(104)), a = at(8082);
    const state = (fd: number): number => { u.call('getsockopt', fd, 6, 11, va, n); return u.u32(va) & 255; };
    expect(state(s)).toBe(7);
    u.call('bind', s, a, 16);
    u.call('listen', s, 1);
    const c = u.call('socket', INET, STREAM, 0)!;
    u.call('connect', c, a, 16);
    expect([state(s), state(c)]).toEqual([10, 1]);
  });
});

describe('UDP', () => {
  it('an error that came back is told once to a connected socket', () => {
    const unix = new Unix(), c = unix.call('socket', INET, DGRAM, 0)!;
    unix.call('connect', c, at(9), 16);
    expect([unix.write(c, 'x'), poll(unix, c) & 8, unix.write(c, 'x'), unix.write(c, 'x')]).toEqual([1, 8, -E.CONNREFUSED, 1]);
  });
  it('broadcasts only for who asked to', () => {
    const { u } = withPeer(), c = u.call('socket', INET, DGRAM, 0)!, all = at(7, 255, 255, 255, 255);
    expect([
      u.call('sendto', c, 'x', 1, 0, all, 16), set(u, c, 1, 6, 1), u.call('sendto', c, 'x', 1, 0, all, 16)
    ]).toEqual([-E.ACCES, 0, 1]);
  });
  it('a group reaches its members on this host, and its sender unless he does not want it', () => {
    const u = new Unix(), r = u.call('socket', INET, DGRAM, 0)!, s = u.call('socket', INET, DGRAM, 0)!, group = at(5000, 239, 1, 2, 3);
    u.call('bind', r, at(5000, 0, 0, 0, 0), 16);
    const join = (name: number): number => u.call('setsockopt', r, 0, name, new Uint8Array([239, 1, 2, 3, 0, 0, 0, 0]), 8)!;
    const heard = (): number => u.call('recvfrom', r, u.space(8), 8, 0x40, 0, 0)!;
    expect([join(35), join(35), u.call('sendto', s, 'one', 3, 0, group, 16), heard()]).toEqual([0, -E.ADDRINUSE, 3, 3]);
    expect([set(u, s, 0, 34, 0), u.call('sendto', s, 'two', 3, 0, group, 16), heard()]).toEqual([0, 3, -E.AGAIN]);
    expect([join(36), join(36)]).toEqual([0, -E.ADDRNOTAVAIL]);
  });
});

it('raw sockets are for who may have them; echo sockets for the groups that may ping', () => {
  const unix = new Unix();
  expect(unix.call('socket', INET, RAW, 1)).toBeGreaterThan(0);
  expect([
    unix.call('socket', INET, RAW, 0), unix.call('socket', INET, DGRAM, 1), unix.call('socket', INET, STREAM, 17),
      unix.call('socket', INET6, DGRAM, 6)
  ]).toEqual([
    -E.PROTONOSUPPORT, -E.ACCES, -E.PROTONOSUPPORT, -E.PROTONOSUPPORT
  ]);
  unix.call('setresuid', 1000, 1000, 1000);
  expect(unix.call('socket', INET, RAW, 1)).toBe(-E.PERM);
});

it('a socket that is closed leaves nothing behind', () => {
  const unix = new Unix(), { stack } = inetOf(unix.k);
  for (let i = 0; i < 50; i++) {
    const s = unix.call('socket', INET, STREAM, 0)!, c = unix.call('socket', INET, STREAM, 0)!, d = unix.call('socket', INET, DGRAM, 0)!,
      bytes = at(7000);
    set(unix, s, 1, 2, 1);
    expect([unix.call('bind', s, bytes, 16), unix.call('listen', s, 1), unix.call('connect', c, bytes, 16),
      unix.call('bind', d, bytes, 16)]).toEqual([0, 0, 0, 0]);
    for (const fd of [s, c, d]) unix.call('close', fd);
  }
  unix.pass(120e9);
  expect([
    [...stack.tcp.connections].length, [...stack.tcp.listeners].length, stack.udp.sockets.length, stack.next
  ]).toEqual([0, 0, 0, Infinity]);
});
