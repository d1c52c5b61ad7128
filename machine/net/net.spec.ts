import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { NetWiring } from '../devices/net-port.ts';
import { TestEvents } from '../devices/testing.ts';
import { tapped } from './capture.ts';
import { Gateway, GATEWAY_IP, GATEWAY_MAC } from './gateway/gateway.ts';
import * as p from './gateway/packets.ts';
import { Hub, loopback } from './hub.ts';

const A = Uint8Array.of(2, 0, 0, 0, 0, 0xa), B = Uint8Array.of(2, 0, 0, 0, 0, 0xb), C = Uint8Array.of(2, 0, 0, 0, 0, 0xc);
const IP = Uint8Array.of(10, 0, 2, 15);
const frame = (to: Uint8Array, from: Uint8Array, n: number): Uint8Array => p.ethernet(to, from, 0x88b5, Uint8Array.of(n));

/** Plugs in; answers what arrives, as the last byte of each frame. */
function plug(wiring: NetWiring, events: TestEvents) {
  const got: number[] = [], port = wiring(events);
  port.onFrame((f) => got.push(f.at(-1)!));
  return { got, send: (f: Uint8Array) => port.send(f) };
}

describe('cables', () => {
  test('a loop gives back every frame, later and in order, whatever becomes of the bytes meanwhile', () => {
    const events = new TestEvents(), end = plug(loopback, events), first = frame(B, A, 1);
    end.send(first);
    end.send(frame(B, A, 2));
    first.fill(0);
    expect(end.got).toEqual([]);
    events.advanceTo(1e6);
    expect(end.got).toEqual([1, 2]);
  });

  test('a switch floods until it has learnt who is where', () => {
    const events = new TestEvents(), hub = new Hub(), [a, b, c] = [A, B, C].map(() => plug(hub.port, events));
    const step = (from: typeof a, f: Uint8Array): void => { from.send(f); events.advanceTo(events.now + 1e6); };
    step(a, frame(B, A, 1));
    step(b, frame(A, B, 2));
    step(a, frame(B, A, 3));
    step(c, frame(p.BROADCAST_MAC, C, 4));
    expect([a.got, b.got, c.got]).toEqual([[2, 4], [1, 3, 4], [1]]);
    step(c, frame(B, B, 5)); // it has moved to where it is now
    step(a, frame(B, A, 6));
    expect([b.got, c.got]).toEqual([[1, 3, 4], [1, 6]]);
  });

  test('a tap sees both directions, with the cycle', () => {
    const events = new TestEvents(), seen: [number, string][] = [], end = plug(tapped(loopback, ({ cycle, direction }) => seen.push([cycle, direction])), events);
    end.send(frame(B, A, 1));
    events.advanceTo(1e6);
    expect(seen).toEqual([[0, 'out'], [40_000, 'in']]);
  });
});

const ip = (protocol: number, payload: Uint8Array, to = GATEWAY_IP): Uint8Array => p.ethernet(GATEWAY_MAC, A, p.EtherType.IPV4, p.ipv4({ from: IP, to, protocol, payload }, 1));
const datagram = (toPort: number, payload: Uint8Array, to = GATEWAY_IP): Uint8Array => ip(p.IpProtocol.UDP, p.udp({ from: IP, to }, { fromPort: 4000, toPort, payload }), to);
const text = (s: string): Uint8Array => new TextEncoder().encode(s);
/** The datagram inside a frame of the gateway. */
function inside(frame: Uint8Array | undefined): p.Udp & { to: number[] } {
  const packet = p.readIpv4(p.readEthernet(frame!)!.payload)!;
  return { ...p.readUdp(packet)!, to: [...packet.to] };
}

describe('the gateway', () => {
  test('says where it is', () => {
    const ask = (target: Uint8Array): Uint8Array => p.ethernet(p.BROADCAST_MAC, A, p.EtherType.ARP, p.join(p.be16(1), p.be16(0x800), p.be16(0x604), p.be16(1), A, IP, new Uint8Array(6), target));
    const reply = new Gateway().answer(ask(GATEWAY_IP))!;
    expect([...reply.subarray(0, 6)]).toEqual([...A]);
    expect([...reply.subarray(22, 32)]).toEqual([...GATEWAY_MAC, ...GATEWAY_IP]);
    expect(new Gateway().answer(ask(IP))).toBeUndefined();
  });

  test('answers pings with what they carry, and no others', () => {
    const echo = p.join([8, 0, 0, 0, 0, 1, 0, 2], text('ping?'));
    echo.set(p.be16(p.checksum(echo)), 2);
    const reply = p.readIpv4(p.readEthernet(new Gateway().answer(ip(1, echo))!)!.payload)!;
    expect([reply.payload[0], p.checksum(reply.payload), new TextDecoder().decode(reply.payload.subarray(8))]).toEqual([0, 0, 'ping?']);
    const damaged = echo.slice();
    damaged[9] ^= 1;
    expect(new Gateway().answer(ip(1, damaged))).toBeUndefined();
  });

  test('echoes datagrams to port 7; a wrong checksum is noticed', () => {
    expect(inside(new Gateway().answer(datagram(7, text('hello'))))).toMatchObject({ fromPort: 7, toPort: 4000, payload: text('hello') });
    const wrong = datagram(7, text('hello'));
    wrong[wrong.length - 1] ^= 1;
    expect(new Gateway().answer(wrong)).toBeUndefined();
  });

  test('says at once what it does not do: other networks, closed ports, connections', () => {
    const icmp = (f: Uint8Array | undefined): number[] => {
      const packet = p.readIpv4(p.readEthernet(f!)!.payload)!;
      expect([packet.protocol, p.checksum(packet.payload)]).toEqual([1, 0]);
      return [packet.payload[0], packet.payload[1], packet.payload.length];
    };
    const elsewhere = Uint8Array.of(9, 9, 9, 9);
    expect([icmp(new Gateway().answer(datagram(53, text('name?'), elsewhere))), icmp(new Gateway().answer(datagram(53, text('name?'))))]).toEqual([[3, 0, 36], [3, 3, 36]]);
    const quiet = [datagram(67, text('no DHCP')), datagram(53, text('x'), Uint8Array.of(224, 0, 0, 1)), ip(1, Uint8Array.of(3, 3, 0xfc, 0xfc, 0, 0, 0, 0), elsewhere), datagram(53, text('x'), new Uint8Array(4).fill(255))];
    expect(quiet.map((f) => new Gateway().answer(f))).toEqual([undefined, undefined, undefined, undefined]);
    const syn = Uint8Array.of(0x12, 0x34, 0, 80, 0, 0, 1, 0, 0, 0, 0, 0, 0x50, 2, 0xff, 0xff, 0, 0, 0, 0);
    const refused = p.readIpv4(p.readEthernet(new Gateway().answer(ip(6, syn))!)!.payload)!;
    expect([refused.protocol, ...refused.payload.subarray(0, 14)]).toEqual([6, 0, 80, 0x12, 0x34, 0, 0, 0, 0, 0, 0, 1, 1, 0x50, 0x14]);
    expect(p.checksum(p.pseudoHeader(refused, 20), refused.payload)).toBe(0);
    const rst = syn.slice();
    rst[13] = 4;
    expect(new Gateway().answer(ip(6, rst))).toBeUndefined();
  });

  const dhcp = (mac: Uint8Array, type: number, ...options: number[]): Uint8Array => {
    const fixed = new Uint8Array(240);
    fixed.set([1, 1, 6, 0, 1, 2, 3, 4]);
    fixed.set(mac, 28);
    fixed.set([0x63, 0x82, 0x53, 0x63], 236);
    return datagram(67, p.join(fixed, [0, 53, 1, type, ...options, 255]), new Uint8Array(4).fill(255));
  };
  test('leases an address to each card, the same one again, and refuses others', () => {
    const gateway = new Gateway();
    const ask = (mac: Uint8Array, type: number, ...options: number[]): number[] => {
      const { payload, to } = inside(gateway.answer(dhcp(mac, type, ...options)));
      expect(to).toEqual([255, 255, 255, 255]);
      return [payload[242], ...payload.subarray(16, 20)];
    };
    expect(ask(A, 1)).toEqual([2, 10, 0, 2, 15]);
    expect(ask(B, 1)).toEqual([2, 10, 0, 2, 16]);
    expect(ask(A, 3, 50, 4, 10, 0, 2, 15, 54, 4, ...GATEWAY_IP)).toEqual([5, 10, 0, 2, 15]);
    expect(ask(B, 3, 50, 4, 10, 0, 2, 15)).toEqual([6, 0, 0, 0, 0]);
    expect(gateway.answer(dhcp(B, 3, 54, 4, 9, 9, 9, 9))).toBeUndefined();
  });

  test('gives out files by TFTP, in blocks of the size that was asked for', () => {
    const gateway = new Gateway(new Map([['a/b', new Uint8Array(1000).fill(5)]]));
    const ask = (...words: (number[] | Uint8Array)[]): Uint8Array => inside(gateway.answer(datagram(69, p.join(...words)))).payload;
    expect([...ask([0, 1], text('/a/b\0octet\0')).subarray(0, 5)]).toEqual([0, 3, 0, 1, 5]);
    expect(ask([0, 4, 0, 1]).length).toBe(4 + 488);
    expect(gateway.answer(datagram(69, Uint8Array.of(0, 4, 0, 2)))).toBeUndefined();
    expect(new TextDecoder().decode(ask([0, 1], text('a/b\0octet\0blksize\x00500\0')).subarray(2))).toBe('blksize\x00500\0');
    expect([ask([0, 4, 0, 0]).length, ask([0, 4, 0, 1]).length, ask([0, 4, 0, 2]).length]).toEqual([504, 504, 4]);
    expect([ask([0, 1], text('no\0octet\0'))[3], ask([0, 1], text('a/b\0netascii\0'))[3], ask([0, 2], text('x\0octet\0'))[3], ask([0, 9, 0, 0])[3]]).toEqual([1, 4, 2, 4]);
  });

  test('survives any frame, and what it sends is well formed', () => {
    const gateway = new Gateway(new Map([['f', new Uint8Array(9)]]));
    const bytes = fc.uint8Array({ maxLength: 300 });
    const ports = fc.constantFrom(7, 67, 69, 6969, 1);
    const frames = fc.oneof(
      bytes, bytes.map((b) => p.ethernet(GATEWAY_MAC, A, p.EtherType.IPV4, b)), bytes.map((b) => p.ethernet(p.BROADCAST_MAC, A, p.EtherType.ARP, b)),
      fc.tuple(fc.constantFrom(1, 17, 6), bytes).map(([protocol, b]) => ip(protocol, b)), fc.tuple(ports, bytes).map(([port, b]) => datagram(port, b)),
      fc.tuple(fc.nat(9), bytes).map(([type, b]) => dhcp(A, type, ...b)), fc.tuple(fc.nat(6), bytes).map(([op, b]) => datagram(69, p.join([0, op], b))),
    );
    fc.assert(fc.property(frames, (f) => {
      const answer = gateway.answer(f);
      if (answer === undefined) return;
      const e = p.readEthernet(answer)!;
      expect(e.from).toEqual(GATEWAY_MAC);
      if (e.type === p.EtherType.IPV4) expect(p.readIpv4(e.payload)).toBeDefined();
    }), { numRuns: 500 });
  });
});
