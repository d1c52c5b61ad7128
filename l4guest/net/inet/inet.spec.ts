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
  const va = unix.space(8), n = unix.put(u32(4)), result = unix.call('getsockopt', fd, level, name, va, n)!;
  return result < 0 ? result : unix.u32(va) | 0;
}
function poll(unix: Unix, fd: number): number {
  const va = unix.put(new Uint8Array(new Uint32Array([fd, 0x201f]).buffer));
  unix.call('ppoll', va, 1, unix.put(new Uint8Array(16)), 0, 8);
  return unix.u32(va + 4) >>> 16;
}

/** A kernel whose eth0 leads to a simulated host, 10.0.2.2. */
function withPeer(): { unix: Unix; peer: Stack; run: (ns: number) => void } {
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
  return { unix, peer, run };
}

describe('TCP', () => {
  /** Two ends of a connection over loopback. */
  function ends(unix: Unix, port: number): [number, number] {
    const listener = unix.call('socket', INET, STREAM, 0)!, client = unix.call('socket', INET, STREAM, 0)!;
    unix.call('bind', listener, at(port), 16); unix.call('listen', listener, 1); unix.call('connect', client, at(port), 16);
    return [client, unix.call('accept', listener, 0, 0)!];
  }
  const get5 = (u: Unix, fd: number, flags = 0): number => u.call('recvfrom', fd, u.space(8), 5, flags, 0, 0)!;
  const send1 = (u: Unix, fd: number): number => u.call('sendto', fd, 'x', 1, 0x4000, 0, 0)!;
  const reset = (unix: Unix, fd: number): void => {
    unix.call('setsockopt', fd, 1, 13, new Uint8Array(new Uint32Array([1, 0]).buffer), 8);
    unix.call('close', fd);
  };
  // The expectations of the next two tests are Linux's answers to the same calls.
  it('data from before a reset is read first, then the error, once; SO_ERROR takes it too, and the socket is no longer connected', () => {
    const unix = new Unix(), [sender, receiver] = ends(unix, 9001), [far, near] = ends(unix, 9002), name = unix.space(32);
    unix.call('sendto', sender, 'hello', 5, 0, 0, 0);
    reset(unix, sender);
    expect([get5(unix, receiver), get5(unix, receiver), get5(unix, receiver), send1(unix, receiver)])
      .toEqual([5, -E.CONNRESET, 0, -E.PIPE]);
    reset(unix, far);
    expect([get(unix, near, 1, 4), get(unix, near, 1, 4), get5(unix, near), send1(unix, near)]).toEqual([E.CONNRESET, 0, 0, -E.PIPE]);
    expect(unix.call('getpeername', near, name, unix.put(u32(16)))).toBe(-E.NOTCONN);
  });
  it('after the end readers get no error; MSG_WAITALL ends there; a socket in TIME-WAIT is not connected', () => {
    const unix = new Unix(), [left, right] = ends(unix, 9003), [far, near] = ends(unix, 9004);
    unix.call('close', left);
    expect([get5(unix, right), send1(unix, right), get5(unix, right), send1(unix, right), get5(unix, right)])
      .toEqual([0, 1, 0, -E.PIPE, 0]);
    unix.call('sendto', far, 'ab', 2, 0, 0, 0);
    unix.call('shutdown', far, 1);
    expect([get5(unix, near, 0x100), unix.call('close', near), unix.call('shutdown', far, 2)]).toEqual([2, 0, -E.NOTCONN]);
  });
  it('poll and reads after FIN from one side, from both, and after RST', () => {
    const unix = new Unix(), listener = unix.call('socket', INET, STREAM, 0)!, client = unix.call('socket', INET, STREAM, 0)!,
      bytes = at(8080);
    unix.call('bind', listener, bytes, 16);
    unix.call('listen', listener, 5);
    unix.call('connect', client, bytes, 16);
    const x = unix.call('accept4', listener, 0, 0, 0)!;
    unix.call('shutdown', client, 1);
    expect([poll(unix, x) & 0x201d, unix.read(x), unix.write(x, 'late'), unix.read(client)]).toEqual([0x2005, '', 4, 'late']);
    unix.call('shutdown', x, 1);
    expect(poll(unix, x) & 0x2011).toBe(0x2011);
    const other = unix.call('socket', INET, STREAM, 0)!;
    unix.call('connect', other, bytes, 16);
    const accepted = unix.call('accept4', listener, 0, 0, 0)!;
    unix.write(other, 'unread');
    unix.call('close', accepted);
    expect([poll(unix, other) & 8, unix.call('read', other, unix.space(8), 8), unix.call('read', other, unix.space(8), 8)])
      .toEqual([8, -E.CONNRESET, 0]);
  });

  it('reaches a host on the link, and gets an error for a closed port and an absent host', () => {
    const { unix, peer, run } = withPeer(), listener = peer.tcp.listen(new Uint8Array(4), 80, 4),
      client = unix.call('socket', INET, STREAM | NONBLOCK, 0)!;
    expect(unix.call('connect', client, at(80, 10, 0, 2, 2), 16)).toBe(-E.INPROGRESS);
    run(20e6);
    expect([poll(unix, client) & 4, get(unix, client, 1, 4), unix.write(client, 'GET')]).toEqual([4, 0, 3]);
    run(20e6);
    const server = listener.accept()!, into = new Uint8Array(8);
    expect(server.read(into, 0, 8)).toBe(3);
    server.write(new TextEncoder().encode('page'));
    run(100e6);
    expect(unix.read(client)).toBe('page');
    const refused = unix.call('socket', INET, STREAM | NONBLOCK, 0)!, gone = unix.call('socket', INET, STREAM | NONBLOCK, 0)!,
      away = unix.call('socket', INET, STREAM, 0)!;
    unix.call('connect', refused, at(81, 10, 0, 2, 2), 16);
    unix.call('connect', gone, at(80, 10, 0, 2, 99), 16);
    run(4e9);
    expect([get(unix, refused, 1, 4), get(unix, gone, 1, 4)]).toEqual([E.CONNREFUSED, E.HOSTUNREACH]);
    unix.call('close', away);
  });

  it('a port in use can be shared by these rules', () => {
    const bind = (unix: Unix, more: (fd: number) => void, address = at(9000)): number => {
      const socket = unix.call('socket', INET, STREAM, 0)!;
      more(socket);
      return unix.call('bind', socket, address, 16) || (unix.call('listen', socket, 1) ?? 0) || socket;
    };
    const unix = new Unix(), plain = (): void => {}, reuse = (s: number): void => void set(unix, s, 1, 2, 1),
      share = (s: number): void => void set(unix, s, 1, 15, 1);
    expect(bind(unix, plain)).toBeGreaterThan(0);
    expect([
      bind(unix, plain), bind(unix, reuse), bind(unix, share), bind(unix, plain, at(9000, 127, 0, 0, 2)) > 0
    ]).toEqual([-E.ADDRINUSE, -E.ADDRINUSE, -E.ADDRINUSE, true]);
    const other = new Unix(), both = (s: number): void => void set(other, s, 1, 15, 1);
    expect([bind(other, both) > 0, bind(other, both) > 0]).toEqual([true, true]);
    expect([bind(unix, plain, at(80, 10, 1, 1, 1)), bind(unix, plain, at(0)) > 0]).toEqual([-E.ADDRNOTAVAIL, true]);
  });

  it('options keep their bounds, and can be read back', () => {
    const unix = new Unix(), socket = unix.call('socket', INET, STREAM, 0)!;
    const rows = [
      [6, 4, 7200, 32767, 0], [6, 5, 75, 32767, 0], [6, 6, 9, 127, 128], [6, 7, 6, 127, 0], [0, 2, 64, 255, 256]
    ] as const;
    for (const [level, name, first, good, bad] of rows) {
      expect([
        level, name, get(unix, socket, level, name), set(unix, socket, level, name, good), get(unix, socket, level, name),
          set(unix, socket, level, name, bad),
        get(unix, socket, level, name)
      ])
        .toEqual([level, name, first, 0, good, -E.INVAL, good]);
    }
    // As on Linux IP_TOS keeps a byte, of which TCP uses the last two bits; an option of IP does not overwrite one of SOL_SOCKET.
    expect([set(unix, socket, 0, 1, 0x113), get(unix, socket, 0, 1), set(unix, socket, 1, 2, 1), get(unix, socket, 0, 2)])
      .toEqual([0, 0x10, 0, 255]);
    expect([set(unix, socket, 6, 1, 7), get(unix, socket, 6, 1), get(unix, socket, 6, 99), set(unix, socket, 41, 26, 1)])
      .toEqual([0, 1, -E.NOPROTOOPT, -E.NOPROTOOPT]);
    const name = unix.put(new TextEncoder().encode('reno')), out = unix.space(16), n = unix.put(u32(16));
    expect([
      unix.call('setsockopt', socket, 6, 13, name, 4), unix.call('getsockopt', socket, 6, 13, out, n), unix.u32(out),
      unix.call('setsockopt', socket, 6, 13, unix.put(new TextEncoder().encode('warp')), 4)
    ]).toEqual([0, 0, 0x6f6e6572, -E.NOENT]);
  });

  it('TCP_INFO reports the state', () => {
    const unix = new Unix(), listener = unix.call('socket', INET, STREAM, 0)!, va = unix.space(104), n = unix.put(u32(104)),
      address = at(8082);
    const state = (fd: number): number => { unix.call('getsockopt', fd, 6, 11, va, n); return unix.u32(va) & 255; };
    expect(state(listener)).toBe(7);
    unix.call('bind', listener, address, 16);
    unix.call('listen', listener, 1);
    const client = unix.call('socket', INET, STREAM, 0)!;
    unix.call('connect', client, address, 16);
    expect([state(listener), state(client)]).toEqual([10, 1]);
  });
});

describe('UDP', () => {
  it('a connected socket reports an ICMP error once', () => {
    const unix = new Unix(), socket = unix.call('socket', INET, DGRAM, 0)!;
    unix.call('connect', socket, at(9), 16);
    expect([unix.write(socket, 'x'), poll(unix, socket) & 8, unix.write(socket, 'x'), unix.write(socket, 'x')])
      .toEqual([1, 8, -E.CONNREFUSED, 1]);
  });
  it('only a socket with SO_BROADCAST may broadcast', () => {
    const { unix } = withPeer(), socket = unix.call('socket', INET, DGRAM, 0)!, all = at(7, 255, 255, 255, 255);
    expect([
      unix.call('sendto', socket, 'x', 1, 0, all, 16), set(unix, socket, 1, 6, 1), unix.call('sendto', socket, 'x', 1, 0, all, 16)
    ]).toEqual([-E.ACCES, 0, 1]);
  });
  it("a multicast reaches the group's members on this host, and its sender unless IP_MULTICAST_LOOP is off", () => {
    const unix = new Unix(), receiver = unix.call('socket', INET, DGRAM, 0)!, sender = unix.call('socket', INET, DGRAM, 0)!,
      group = at(5000, 239, 1, 2, 3);
    unix.call('bind', receiver, at(5000, 0, 0, 0, 0), 16);
    const join = (name: number): number => unix.call('setsockopt', receiver, 0, name, new Uint8Array([239, 1, 2, 3, 0, 0, 0, 0]), 8)!;
    const heard = (): number => unix.call('recvfrom', receiver, unix.space(8), 8, 0x40, 0, 0)!;
    expect([join(35), join(35), unix.call('sendto', sender, 'one', 3, 0, group, 16), heard()]).toEqual([0, -E.ADDRINUSE, 3, 3]);
    expect([set(unix, sender, 0, 34, 0), unix.call('sendto', sender, 'two', 3, 0, group, 16), heard()]).toEqual([0, 3, -E.AGAIN]);
    expect([join(36), join(36)]).toEqual([0, -E.ADDRNOTAVAIL]);
  });
});

it('raw sockets need a capability; echo sockets a group that may ping', () => {
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

it('a raw socket does not receive the types of ICMP messages that its filter blocks', () => {
  const unix = new Unix(), [all, some, other] = [unix.call('socket', INET, RAW, 1)!, unix.call('socket', INET, RAW, 1)!,
    unix.call('socket', INET, RAW, 17)!], at = unix.space(64), length = unix.put(Uint8Array.of(8, 0, 0, 0));
  const isHeard = (fd: number): boolean => unix.call('recvfrom', fd, at, 64, 0x40, 0, 0)! > 0;
  const to = new Uint8Array([2, 0, 0, 0, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]), request = new Uint8Array(8);
  request[0] = 8;
  expect([set(unix, some, 255, 1, 1 << 8), unix.call('getsockopt', some, 255, 1, at, length), unix.u32(at), unix.u32(length)])
    .toEqual([0, 0, 1 << 8, 4]);
  expect([set(unix, some, 255, 2, 0), set(unix, other, 255, 1, 0)]).toEqual([-E.NOPROTOOPT, -E.OPNOTSUPP]);
  request.set([0xf7, 0xff], 2);
  expect(unix.call('sendto', all, request, 8, 0, to, 16)).toBe(8);
  // The request comes back to all; what is heard next is the answer, of a type that nobody blocks.
  expect([isHeard(all), isHeard(some), isHeard(all), isHeard(all), isHeard(some)]).toEqual([true, true, true, false, false]);
});

it('a closed socket leaves nothing behind', () => {
  const unix = new Unix(), { stack } = inetOf(unix.k);
  for (let i = 0; i < 50; i++) {
    const listener = unix.call('socket', INET, STREAM, 0)!, client = unix.call('socket', INET, STREAM, 0)!,
      datagram = unix.call('socket', INET, DGRAM, 0)!,
      bytes = at(7000);
    set(unix, listener, 1, 2, 1);
    expect([unix.call('bind', listener, bytes, 16), unix.call('listen', listener, 1), unix.call('connect', client, bytes, 16),
      unix.call('bind', datagram, bytes, 16)]).toEqual([0, 0, 0, 0]);
    for (const fd of [listener, client, datagram]) unix.call('close', fd);
  }
  unix.pass(120e9);
  expect([
    [...stack.tcp.connections].length, [...stack.tcp.listeners].length, stack.udp.sockets.length, stack.next
  ]).toEqual([0, 0, 0, Infinity]);
});
