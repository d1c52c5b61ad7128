import { describe, expect, it } from 'vitest';
import { ANY4, BROADCAST4, ip4, textOfIp } from '../../../network/address.ts';
import { put16 } from '../../../network/bytes.ts';
import { message, seal } from '../../../network/ip/icmp.ts';
import { Protocol } from '../../../network/ip/packet.ts';
import { Stack } from '../../../network/stack.ts';
import { State } from '../../../network/tcp/connection.ts';
import { patternOf, randomOf } from '../../../network/testing.ts';
import { TestEvents } from '../../devices/testing.ts';
import { be16, join } from './bytes.ts';
import { GATEWAY_IP, GATEWAY_MAC, GUEST_IP, Gateway, NAMESERVER_IP, type GatewayOptions } from './gateway.ts';
import { CREDIT_BYTES, Failure, INCOMING, decodeWorld, encodeWorld, type Endpoint, type World, type WorldMessage } from './world.ts';

const text = (s: string): Uint8Array => new TextEncoder().encode(s);
const MAC = Uint8Array.of(0x52, 0x54, 0, 0x12, 0x34, 0x56);

/** A guest on the gateway's cable: a stack of its own in the same virtual time. */
class Guest {
  readonly events = new TestEvents();
  readonly stack: Stack;
  readonly gateway: Gateway;
  readonly send: (frame: Uint8Array) => void;
  readonly frames: Uint8Array[] = [];
  constructor(options: GatewayOptions = {}) {
    this.gateway = new Gateway(options);
    const port = this.gateway.port(this.events);
    this.send = (frame) => port.send(frame);
    this.stack = new Stack({ now: () => Math.floor(this.events.now / 1000), random: randomOf(3) });
    const face = this.stack.addEthernet('eth0', { mac: MAC, mtu: 1500, send: this.send });
    this.stack.assign(face, GUEST_IP, 24);
    this.stack.routes.add({ prefix: ANY4, bits: 0, gateway: GATEWAY_IP, interface: face, metric: 0, origin: 4 });
    port.onFrame((frame) => { this.frames.push(frame.slice()); this.stack.receive(face, frame); });
  }
  /** Runs until `done`, ten virtual seconds at most. */
  run(done: () => boolean = () => false, seconds = 10): boolean {
    const end = this.events.now + seconds * 1e9;
    while (!done() && this.events.now < end) {
      this.stack.run();
      this.events.advanceTo(this.events.now + 50_000);
    }
    return done();
  }
  ask(port: number, payload: Uint8Array, to = GATEWAY_IP): Uint8Array | undefined {
    const socket = this.stack.udp.bind(GUEST_IP, 4000);
    this.stack.udp.send(payload, { from: 4000, to: port }, { from: GUEST_IP, to }, to === BROADCAST4 ? 'eth0' : undefined);
    this.run(() => socket.queue.length > 0, 1);
    const answer = socket.take()?.payload;
    this.stack.udp.unbind(socket);
    return answer;
  }
  connect(ip: Uint8Array, port: number) {
    const tcpConnection = this.stack.tcp.create({ local: GUEST_IP, localPort: this.stack.tcp.ephemeral()!, remote: ip, remotePort: port })!;
    tcpConnection.connect();
    return tcpConnection;
  }
}

describe('the gateway alone', () => {
  it('answers pings, and echoes datagrams', () => {
    const guest = new Guest(), socket = guest.stack.raw.open(4, Protocol.ICMP, ANY4, 5);
    guest.stack.send(seal(message(8, 0, (5 << 16) | 1, text('ping?')), GUEST_IP, GATEWAY_IP),
      { from: GUEST_IP, to: GATEWAY_IP, protocol: Protocol.ICMP });
    guest.run(() => socket.queue.length > 0);
    expect(socket.take()!.payload.slice(8)).toEqual(text('ping?'));
    expect(guest.ask(7, text('hello'))).toEqual(text('hello'));
  });

  it('says at once what it does not do: other networks, closed ports, connections', () => {
    const guest = new Guest(), refused = guest.connect(GATEWAY_IP, 80), nowhere = guest.connect(ip4(9, 9, 9, 9), 80);
    const socket = guest.stack.udp.bind(GUEST_IP, 4001);
    socket.remote = { ip: GATEWAY_IP, port: 53 };
    guest.stack.udp.send(text('x'), { from: 4001, to: 53 }, { from: GUEST_IP, to: GATEWAY_IP });
    guest.run(() => refused.state === State.CLOSED && nowhere.state === State.CLOSED && socket.error !== undefined);
    expect([refused.error, nowhere.error, socket.error!.trouble]).toEqual(['refused', 'network', 'port']);
  });

  const dhcp = (mac: Uint8Array, type: number, ...options: number[]): Uint8Array => {
    const fixed = new Uint8Array(240);
    fixed.set([1, 1, 6, 0, 1, 2, 3, 4]);
    fixed.set(mac, 28);
    fixed.set([0x63, 0x82, 0x53, 0x63], 236);
    return join(fixed, [0, 53, 1, type, ...options, 255]);
  };
  it('leases an address to each card, the same one again, and refuses others', () => {
    const guest = new Guest(), other = Uint8Array.of(2, 0, 0, 0, 0, 9), socket = guest.stack.udp.bind(ANY4, 68);
    const ask = (mac: Uint8Array, type: number, ...options: number[]): number[] | undefined => {
      guest.stack.udp.send(dhcp(mac, type, ...options), { from: 68, to: 67 }, { from: ANY4, to: BROADCAST4 }, 'eth0');
      guest.run(() => socket.queue.length > 0, 1);
      const answer = socket.take()?.payload;
      return answer && [answer[242]!, ...answer.subarray(16, 20)];
    };
    expect(ask(MAC, 1)).toEqual([2, 10, 0, 2, 15]);
    expect(ask(other, 1)).toEqual([2, 10, 0, 2, 16]);
    expect(ask(MAC, 3, 50, 4, 10, 0, 2, 15, 54, 4, ...GATEWAY_IP)).toEqual([5, 10, 0, 2, 15]);
    expect(ask(other, 3, 50, 4, 10, 0, 2, 15)).toEqual([6, 0, 0, 0, 0]);
    expect(ask(other, 3, 54, 4, 9, 9, 9, 9)).toBeUndefined();
  });

  it('gives out files by TFTP, in blocks of the size that was asked for', () => {
    const guest = new Guest({ files: new Map([['a/b', new Uint8Array(1000).fill(5)]]) });
    const ask = (...words: (number[] | Uint8Array)[]): Uint8Array | undefined => guest.ask(69, join(...words));
    expect([...ask([0, 1], text('/a/b\0octet\0'))!.subarray(0, 5)]).toEqual([0, 3, 0, 1, 5]);
    expect(ask([0, 4, 0, 1])!.length).toBe(4 + 488);
    expect(ask([0, 4, 0, 2])).toBeUndefined();
    expect(new TextDecoder().decode(ask([0, 1], text('a/b\0octet\0blksize\x00500\0'))!.subarray(2))).toBe('blksize\x00500\0');
    expect([[0, 0], [0, 1], [0, 2]].map((block) => ask([0, 4, ...block])!.length)).toEqual([504, 504, 4]);
    expect([
      ask([0, 1], text('no\0octet\0'))![3], ask([0, 1], text('a/b\0netascii\0'))![3], ask([0, 2], text('x\0octet\0'))![3],
      ask([0, 9, 0, 0])![3]
    ]).toEqual([1, 4, 2, 4]);
  });

  it('survives any frame, and sends only from its own address', () => {
    const guest = new Guest({ files: new Map([['f', new Uint8Array(9)]]) }), random = randomOf(5);
    for (let i = 0; i < 3000; i++) {
      const body = patternOf(random() % 300, random()),
        frame = Uint8Array.of(...(i % 3 ? GATEWAY_MAC : new Uint8Array(6).fill(255)), ...MAC,
          ...be16([0x800, 0x806, 0x86dd, 5][random() % 4]!), ...body);
      if (frame.length > 40 && i
              % 2) {
                frame[14] = 0x45;
                put16(frame, 16, frame.length - 14);
                frame[23] = [1, 6, 17][random() % 3]!;
                frame.set([10, 0, 2, 15, 10, 0, 2, 2], 26);
              }
      guest.send(frame);
    }
    guest.run(() => false, 1);
    expect(guest.frames.every((frame) => frame.slice(6, 12).every((byte, i) => byte === GATEWAY_MAC[i]))).toBe(true);
  });
});

/** A world in memory that sends the test's messages. */
class TestWorld implements World {
  readonly opened: [number, string][] = [];
  readonly got = new Map<number, number[]>();
  readonly log: string[] = [];
  readonly datagrams: [number, Endpoint, Uint8Array][] = [];
  taken_ = 0;
  open(id: number, to: Endpoint): void { this.opened.push([id, `${textOfIp(to.ip)}:${to.port}`]); }
  send(id: number, bytes: Uint8Array): void { this.got.set(id, [...(this.got.get(id) ?? []), ...bytes]); }
  end(id: number): void { this.log.push(`end ${id}`); }
  taken(_id: number, count: number): void { this.taken_ += count; }
  close(id: number): void { this.log.push(`close ${id}`); }
  datagram(flow: number, to: Endpoint, bytes: Uint8Array): void { this.datagrams.push([flow, to, bytes]); }
  forget(flow: number): void { this.log.push(`forget ${flow}`); }
}

describe('the gateway with a world', () => {
  const online = (more: Partial<GatewayOptions> = {}): { guest: Guest; world: TestWorld; tell: (m: WorldMessage) => void } => {
    const world = new TestWorld(), guest = new Guest({ world, isOpen: true, ...more });
    return { guest, world, tell: (m) => guest.gateway.heard(encodeWorld(m)) };
  };

  it('answers a connection when the world has one; bytes and ends pass both ways', () => {
    const { guest, world, tell } = online(), tcpConnection = guest.connect(ip4(93, 184, 216, 34), 80);
    guest.run(() => world.opened.length > 0);
    expect([world.opened, tcpConnection.state]).toEqual([[[1, '93.184.216.34:80']], State.SYN_SENT]);
    tell({ kind: 'opened', id: 1 });
    guest.run(() => tcpConnection.state === State.ESTABLISHED);
    tcpConnection.write(text('GET /'));
    guest.run(() => world.got.has(1));
    expect(world.got.get(1)).toEqual([...text('GET /')]);
    tell({ kind: 'sent', id: 1, count: 5 });
    tell({ kind: 'data', id: 1, bytes: text('hello') });
    tell({ kind: 'end', id: 1 });
    guest.run(() => tcpConnection.atEnd);
    const into = new Uint8Array(9);
    expect([tcpConnection.read(into, 0, 9), world.taken_]).toEqual([5, 5]);
    tcpConnection.close();
    guest.run(() => world.log.length >= 1);
    expect(world.log[0]).toBe('end 1');
  });

  it('gives a refusal as a refusal, and no way as no way', () => {
    for (const [why, error] of [[Failure.REFUSED, 'refused'], [Failure.UNREACHABLE, 'host'], [Failure.TIMEOUT, 'host']] as const) {
      const { guest, world, tell } = online(), connection = guest.connect(ip4(1, 2, 3, 4), 80);
      guest.run(() => world.opened.length > 0);
      tell({ kind: 'failed', id: 1, why });
      guest.run(() => connection.state === State.CLOSED, 2);
      expect([why, connection.state, connection.error]).toEqual([why, State.CLOSED, error]);
    }
  });

  it('10.0.2.2 is the host, 10.0.2.3 its name server and nothing else', () => {
    const { guest, world } = online();
    guest.connect(GATEWAY_IP, 8080);
    const closed = guest.connect(NAMESERVER_IP, 80);
    guest.stack.udp.send(text('query'), { from: 5000, to: 53 }, { from: GUEST_IP, to: NAMESERVER_IP });
    guest.run(() => world.datagrams.length > 0 && closed.state === State.CLOSED);
    expect(world.opened).toEqual([[1, '127.0.0.1:8080']]);
    expect(closed.error).toBe('refused');
    expect(world.datagrams.map(([, to]) => `${textOfIp(to.ip)}:${to.port}`)).toEqual(['10.0.2.3:53']);
  });

  it('holds back a guest that sends faster than the world, and a world that sends faster than the guest', () => {
    const { guest, world, tell } = online(), connection = guest.connect(ip4(1, 2, 3, 4), 80);
    guest.run(() => world.opened.length > 0);
    tell({ kind: 'opened', id: 1 });
    guest.run(() => connection.state === State.ESTABLISHED);
    const bytes = patternOf(1 << 20, 1);
    let sent = 0;
    guest.run(() => { sent += connection.write(bytes, sent); return false; }, 2);
    expect(world.got.get(1)!.length).toBe(CREDIT_BYTES);
    tell({ kind: 'data', id: 1, bytes: patternOf(CREDIT_BYTES * 8, 2) });
    guest.run(() => false, 2);
    expect(world.taken_).toBeLessThan(CREDIT_BYTES * 6);
  });

  it('carries datagrams there and back, and forgets a quiet flow', () => {
    const { guest, world, tell } = online(), socket = guest.stack.udp.bind(GUEST_IP, 5000);
    guest.stack.udp.send(text('q'), { from: 5000, to: 123 }, { from: GUEST_IP, to: ip4(9, 8, 7, 6) });
    guest.run(() => world.datagrams.length > 0);
    const [flow, place] = world.datagrams[0]!;
    tell({ kind: 'datagram', id: flow, from: place, bytes: text('a'), forward: 0xffff_ffff });
    guest.run(() => socket.queue.length > 0);
    const { from, fromPort, payload } = socket.take()!;
    expect([textOfIp(from), fromPort, payload]).toEqual(['9.8.7.6', 123, text('a')]);
    guest.run(() => false, 200);
    expect(world.log).toEqual([`forget ${flow}`]);
  });

  it('forwards ports of the host to the guest, TCP and UDP', () => {
    const forwards = [
      { protocol: 'tcp' as const, guest: { ip: GUEST_IP, port: 22 } }, { protocol: 'udp' as const, guest: { ip: GUEST_IP, port: 53 } }
    ];
    const { guest, world, tell } = online({ forwards, restricted: true }), listener = guest.stack.tcp.listen(ANY4, 22, 4),
      socket = guest.stack.udp.bind(ANY4, 53);
    tell({ kind: 'accepted', id: INCOMING + 1, forward: 0 });
    tell({ kind: 'data', id: INCOMING + 1, bytes: text('SSH') });
    guest.run(() => (listener.ready[0]?.receiver.queue.length ?? 0) > 0);
    const connection = listener.accept()!, into = new Uint8Array(8);
    expect([connection.read(into, 0, 8), textOfIp(connection.ends.remote)]).toEqual([3, '10.0.2.2']);
    const peer = { ip: ip4(127, 0, 0, 1), port: 999 };
    tell({ kind: 'datagram', id: INCOMING + 2, from: peer, bytes: text('q'), forward: 1 });
    guest.run(() => socket.queue.length > 0);
    const datagram = socket.take()!;
    guest.stack.udp.send(text('a'), { from: 53, to: datagram.fromPort }, { from: GUEST_IP, to: datagram.from });
    guest.run(() => world.datagrams.length > 0);
    expect(world.datagrams).toEqual([[INCOMING + 2, peer, text('a')]]);
  });

  it('leads nowhere but by forwarded ports when it is restricted', () => {
    const { guest, world } = online({ restricted: true }), connection = guest.connect(ip4(1, 2, 3, 4), 80),
      host = guest.connect(GATEWAY_IP, 80);
    guest.run(() => connection.state === State.CLOSED && host.state === State.CLOSED);
    expect([connection.error, host.error, world.opened]).toEqual(['network', 'refused', []]);
  });

  it('never carries packets to loopback, groups or reserved addresses out', () => {
    const { guest, world } = online();
    for (const ip of [ip4(127, 0, 0, 2), ip4(0, 1, 2, 3), ip4(250, 1, 1, 1)]) guest.connect(ip, 80);
    guest.run(() => false, 2);
    expect(world.opened).toEqual([]);
  });
});

it('messages of the world survive being written and read; rubbish is none', () => {
  const from = { ip: ip4(1, 2, 3, 4), port: 80 };
  const all: WorldMessage[] = [
    { kind: 'opened', id: 7 }, { kind: 'end', id: 7 }, { kind: 'reset', id: 0xffff_ffff }, { kind: 'failed', id: 1, why: 2 },
    { kind: 'sent', id: 1, count: 70_000 },
    { kind: 'accepted', id: INCOMING, forward: 3 }, { kind: 'data', id: 5, bytes: text('x') },
    { kind: 'datagram', id: 9, from, bytes: text('yz'), forward: 1 },
  ];
  expect(all.map((m) => decodeWorld(encodeWorld(m)))).toEqual(all);
  const random = randomOf(4);
  for (let i = 0; i < 2000; i++) expect(() => decodeWorld(patternOf(random() % 30, random()))).not.toThrow();
});
