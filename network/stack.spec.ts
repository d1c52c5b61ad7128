import { describe, expect, it } from 'vitest';
import { ANY4, ANY6, BROADCAST4, ip4, keyOf, textOfIp } from './address.ts';
import { checksum } from './bytes.ts';
import { message, seal } from './ip/icmp.ts';
import { HEADROOM, Protocol } from './ip/packet.ts';
import { Discovery } from './link/discovery.ts';
import { Pair, Transfer, patternOf, randomOf } from './testing.ts';

const PREFIX = Uint8Array.from([0xfd, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);

describe('datagrams', () => {
  it('go there and back', () => {
    const pair = new Pair(), server = pair.b.udp.bind(ANY4, 7), client = pair.a.udp.bind(pair.ipA, 5000);
    pair.a.udp.send(patternOf(100, 1), { from: 5000, to: 7 }, { from: pair.ipA, to: pair.ipB });
    pair.run(() => server.queue.length > 0);
    const { from, fromPort, payload } = server.take()!;
    pair.b.udp.send(payload, { from: 7, to: fromPort }, { from: pair.ipB, to: from });
    pair.run(() => client.queue.length > 0);
    expect(client.take()!.payload).toEqual(patternOf(100, 1));
  });

  it('are cut for the link and put together, whatever the order', () => {
    for (let seed = 1; seed <= 10; seed++) {
      const pair = new Pair({ mtu: 600, jitter: 5_000, seed }), server = pair.b.udp.bind(ANY4, 7);
      pair.a.udp.send(patternOf(20_000, seed), { from: 1, to: 7 }, { from: pair.ipA, to: pair.ipB });
      pair.run(() => server.queue.length > 0);
      expect(server.take()?.payload).toEqual(patternOf(20_000, seed));
    }
  });

  it('to a port where nobody is come back as an error to the connected sender', () => {
    const pair = new Pair(), client = pair.a.udp.bind(pair.ipA, 5000);
    client.remote = { ip: pair.ipB, port: 9 };
    pair.a.udp.send(Uint8Array.of(1), { from: 5000, to: 9 }, { from: pair.ipA, to: pair.ipB });
    pair.run(() => client.error !== undefined);
    expect([client.error!.trouble, textOfIp(client.error!.sender)]).toEqual(['port', '10.0.0.2']);
  });

  it('to all reach every socket that fits', () => {
    const pair = new Pair(), sockets = [pair.b.udp.bind(ANY4, 7), pair.b.udp.bind(ANY4, 7)];
    pair.a.udp.send(Uint8Array.of(1), { from: 5000, to: 7 }, { from: pair.ipA, to: BROADCAST4 }, 'eth0');
    pair.run(() => sockets.every((s) => s.queue.length === 1));
    expect(sockets.map((s) => s.queue.length)).toEqual([1, 1]);
  });

  it('to a group reach who joined it, and nobody else', () => {
    const pair = new Pair(), group = ip4(239, 1, 2, 3), socket = pair.b.udp.bind(ANY4, 7);
    pair.a.udp.send(Uint8Array.of(1), { from: 5000, to: 7 }, { from: pair.ipA, to: group }, 'eth0');
    pair.run();
    expect(socket.queue.length).toBe(0);
    pair.faceB.groups.set(keyOf(group), 1);
    pair.a.udp.send(Uint8Array.of(1), { from: 5000, to: 7 }, { from: pair.ipA, to: group }, 'eth0');
    pair.run();
    expect(socket.queue.length).toBe(1);
  });

  it('that are not read are held up to a limit', () => {
    const pair = new Pair(), socket = pair.b.udp.bind(ANY4, 7);
    for (let i = 0; i < 500; i++) {
      pair.a.udp.send(patternOf(1000, i), { from: 1, to: 7 }, { from: pair.ipA, to: pair.ipB });
      pair.run(() => false, 1_000);
    }
    expect(socket.queue.length * 1256).toBeLessThanOrEqual(socket.limit);
    expect(socket.dropped + socket.queue.length).toBeGreaterThan(200);
  });
});

describe('echo', () => {
  it('is answered with the same bytes, and only the socket with that number sees it', () => {
    const pair = new Pair(), mine = pair.a.raw.open(4, Protocol.ICMP, ANY4, 77), other = pair.a.raw.open(4, Protocol.ICMP, ANY4, 78);
    const echo = seal(message(8, 0, (77 << 16) | 1, patternOf(56, 1)), pair.ipA, pair.ipB);
    pair.a.send(echo, { from: pair.ipA, to: pair.ipB, protocol: Protocol.ICMP });
    pair.run(() => mine.queue.length > 0);
    expect([mine.take()!.payload.slice(8), other.queue.length]).toEqual([patternOf(56, 1), 0]);
  });
});

describe('neighbours', () => {
  it('that do not answer give an error after three tries, to the sender', () => {
    const pair = new Pair(), client = pair.a.udp.bind(pair.ipA, 5000), gone = ip4(10, 0, 0, 99);
    client.remote = { ip: gone, port: 9 };
    pair.a.udp.send(Uint8Array.of(1), { from: 5000, to: 9 }, { from: pair.ipA, to: gone });
    pair.run(() => client.error !== undefined);
    expect([client.error!.trouble, pair.now]).toEqual(['host', 3_000_000]);
  });

  it('hold a bounded number of waiting packets', () => {
    const pair = new Pair({ watch: () => false });
    for (let i = 0; i < 5000; i++)
      pair.a.udp.send(patternOf(100, i), { from: 1, to: 9 }, { from: pair.ipA, to: ip4(10, 0, 0, 3 + (i % 200)) });
    expect(pair.faceA.neighbours!.entries.length).toBeLessThanOrEqual(1024);
    pair.run();
    expect(pair.faceA.neighbours!.entries.length).toBe(0);
  });
});

describe('IPv6', () => {
  function pairOfSix(): Pair {
    const pair = new Pair();
    const router = pair.b.discovery.get(pair.faceB) as Discovery;
    router.advertised = { prefix: PREFIX, nameServer: Uint8Array.from([...PREFIX.subarray(0, 15), 3]) };
    pair.b.assign(pair.faceB, Uint8Array.from([...PREFIX.subarray(0, 15), 1]), 64);
    router.start();
    pair.a.discovery.get(pair.faceA)!.start();
    pair.run(() => pair.faceA.addresses.some((a) => a.ip[0] === 0xfd && !a.tentative), 10_000_000);
    return pair;
  }

  it('makes an address of the router’s prefix, and a default route', () => {
    const pair = pairOfSix();
    expect(pair.faceA.addresses.map((a) => textOfIp(a.ip))).toEqual(['10.0.0.1', 'fe80::ff:fe00:1', 'fd00::1:0:ff:fe00:1']);
    expect(textOfIp(pair.a.routes.find(Uint8Array.from([0x20, 1, ...new Uint8Array(14)]))!.gateway!)).toBe('fe80::ff:fe00:2');
    expect(textOfIp(pair.a.discovery.get(pair.faceA)!.nameServers[0]!)).toBe('fd00:0:0:1::3');
  });

  it('carries TCP and UDP', () => {
    const pair = pairOfSix(), to = Uint8Array.from([...PREFIX.subarray(0, 15), 1]), from = pair.a.sourceFor(to)!;
    const listener = pair.b.tcp.listen(ANY6, 80, 1),
      client = pair.a.tcp.create({ local: from, localPort: 1234, remote: to, remotePort: 80 })!;
    client.connect();
    pair.run(() => listener.ready.length > 0);
    client.write(patternOf(5000, 1));
    const server = listener.accept()!, got = new Uint8Array(6000);
    pair.run(() => server.receiver.queue.length === 5000);
    expect([server.read(got, 0, 6000), got.slice(0, 5000)]).toEqual([5000, patternOf(5000, 1)]);
    const socket = pair.b.udp.bind(ANY6, 7);
    pair.a.udp.send(patternOf(4000, 2), { from: 1, to: 7 }, { from, to });
    pair.run(() => socket.queue.length > 0);
    expect(socket.take()!.payload).toEqual(patternOf(4000, 2));
  });

  it('does not take an address that another has', () => {
    const pair = pairOfSix(), taken = pair.faceA.addresses.at(-1)!.ip;
    pair.faceB.addresses.push({ ip: taken, bits: 64, tentative: false });
    const again = new Pair();
    expect(again.faceA.addresses.length).toBe(1);
  });
});

it('text of addresses is the canonical one', () => {
  const six = (...groups: number[]): string => textOfIp(Uint8Array.from(groups.flatMap((g) => [g >> 8, g & 0xff])));
  expect([
    six(0, 0, 0, 0, 0, 0, 0, 0), six(0, 0, 0, 0, 0, 0, 0, 1), six(0x2001, 0xdb8, 0, 0, 1, 0, 0, 1), six(1, 0, 2, 0, 3, 0, 4, 0),
    six(1, 2, 3, 4, 5, 6, 0, 0)
  ])
    .toEqual(['::', '::1', '2001:db8::1:0:0:1', '1:0:2:0:3:0:4:0', '1:2:3:4:5:6::']);
});

it('no frame of random bytes, nor a damaged one, makes it throw or answer without end', () => {
  const random = randomOf(12), pair = new Pair(), { client } = pair.connect();
  const seen: Uint8Array[] = [];
  const watched = new Pair({ watch: (_, frame) => seen.push(frame.slice()) > 0 });
  watched.connect().client.write(patternOf(5000, 1));
  watched.run(() => false, 5_000_000);
  for (let i = 0; i < 20_000; i++) {
    const base = i % 2 ? seen[random() % seen.length]!.slice() : patternOf(14 + (random() % 100), random());
    for (let n = random() % 4; n >= 0; n--) base[random() % base.length] = random();
    base.set([2, 0, 0, 0, 0, 2], 0);
    if (i % 4 < 2) base.set([[8, 0], [0x86, 0xdd], [8, 6]][random() % 3]!, 12);
    const isIp4 = base[12] === 8 && base[13] === 0 && base.length >= 34;
    if (isIp4 && i % 3) { base.set([0, 0], 24); const sum = checksum(base, 14, 34); base.set([sum >> 8, sum & 0xff], 24); }
    pair.b.receive(pair.faceB, base);
  }
  pair.run(() => false, 100_000_000);
  expect([...pair.b.tcp.connections].length).toBeLessThan(300);
  expect(client).toBeDefined();
  expect(HEADROOM).toBe(54);
});

it('holds no more of others than its budget, and gives all of it back', () => {
  let held = 0, most = 0;
  const budget = {
    take: (n: number) => { if (held + n > 300_000) return false; held += n; most = Math.max(most, held); return true; },
    give: (n: number) => { held -= n; }
  };
  const pair = new Pair({ seed: 3, jitter: 2_000, loss: 0.02, budget }), { client, server } = pair.connect(),
    socket = pair.b.udp.bind(ANY4, 7);
  const bytes = patternOf(400_000, 5), transfer = new Transfer(client, server, bytes, 20_000);
  for (let i = 0; i < 200; i++) pair.a.udp.send(patternOf(1400, i), { from: 1, to: 7 }, { from: pair.ipA, to: pair.ipB });
  pair.run(() => { transfer.step(); return false; }, 2_000_000);
  expect(most).toBeLessThanOrEqual(300_000);
  socket.clear();
  expect(pair.run(() => { transfer.step(); return transfer.done; }, 600_000_000)).toBe(true);
  expect(transfer.isRight).toBe(true);
  client.close();
  server.close();
  pair.run();
  expect(held).toBe(0);
});
