import { describe, expect, it } from 'vitest';
import { Pair, Transfer, patternOf, randomOf, type Cable } from '../testing.ts';
import { State } from './connection.ts';

function exchange(cable: Cable, bytes: number, back = 0): { pair: Pair; there: Transfer; home: Transfer; ok: boolean } {
  const pair = new Pair(cable), { client, server } = pair.connect();
  const there = new Transfer(client, server, patternOf(bytes, 7)), home = new Transfer(server, client, patternOf(back, 8));
  const ok = pair.run(() => { there.step(); home.step(); return there.done && home.done; }, 3_600_000_000);
  return { pair, there, home, ok };
}

describe('a transfer', () => {
  it('arrives over a good line, about as fast as the line', () => {
    const { pair, there, ok } = exchange({ delay: 5_000, speed: 12.5 }, 4 << 20);
    expect(ok && there.isRight).toBe(true);
    expect(pair.now / 1e6).toBeLessThan(1.2 * ((4 << 20) / 12.5e6) + 0.2);
  });

  it('arrives both ways at once', () => {
    const { there, home } = exchange({ delay: 1_000, speed: 100 }, 1 << 20, 1 << 20);
    expect([there.isRight, home.isRight]).toEqual([true, true]);
  });

  const lines: [string, Cable][] = [
    ['loses one frame in fifty', { loss: 0.02 }], ['loses one in ten', { loss: 0.1 }], ['doubles frames', { doubles: 0.3 }],
    ['reorders frames', { jitter: 3_000 }], ['damages frames', { damage: 0.05 }],
    ['does all of it', { loss: 0.05, doubles: 0.05, jitter: 2_000, damage: 0.02 }],
    ['has small packets', { mtu: 576, loss: 0.01 }],
  ];
  it.each(lines)('arrives whole over a line that %s', (_, cable) => {
    for (let seed = 1; seed <= 5; seed++) {
      const { there, home, ok } = exchange({ delay: 2_000, speed: 125, seed, ...cable }, 300_000, 50_000);
      expect([seed, ok, there.isRight, home.isRight]).toEqual([seed, true, true, true]);
    }
  });

  it('mends a single loss by fast retransmission, without a timeout', () => {
    let data = 0;
    const watch = (from: 'a' | 'b', frame: Uint8Array): boolean => !(from === 'a' && frame.length > 1400 && ++data === 20);
    const { pair, there } = exchange({ delay: 10_000, speed: 125, watch }, 500_000);
    const [client] = pair.a.tcp.connections;
    expect([
      there.isRight, client!.sender.retransmitted, client!.sender.trip.backoff, client!.sender.congestion.window > 20_000
    ]).toEqual([true, 1, 0, true]);
  });

  it('waits at a reader that does not read, in bounded memory, and goes on when it does', () => {
    const pair = new Pair({ delay: 1_000 }), { client, server } = pair.connect(), bytes = patternOf(2 << 20, 3);
    let sent = 0;
    const push = (): void => { sent += client.write(bytes, sent); };
    pair.run(() => { push(); return false; }, 30_000_000);
    expect(server.receiver.held).toBeLessThanOrEqual(server.receiver.limit);
    expect(sent).toBeLessThanOrEqual(server.receiver.limit + client.sender.limit);
    const got = new Uint8Array(bytes.length);
    let received = 0;
    const done = pair.run(() => { push(); received += server.read(got, received, 100_000); return received === bytes.length; });
    expect(done && bytes.every((byte, i) => byte === got[i])).toBe(true);
  });
});

describe('ends of connections', () => {
  it('closes in order: both ends see the end, one waits', () => {
    const pair = new Pair(), { client, server } = pair.connect();
    client.write(Uint8Array.of(1, 2, 3));
    client.shutdownWrite();
    pair.run(() => server.atEnd);
    expect(server.state).toBe(State.CLOSE_WAIT);
    const got = new Uint8Array(8);
    expect(server.read(got, 0, 8)).toBe(3);
    server.close();
    pair.run(() => server.state === State.CLOSED);
    expect([client.state, client.error, server.error]).toEqual([State.TIME_WAIT, undefined, undefined]);
    pair.run();
    expect(client.state).toBe(State.CLOSED);
    expect(pair.now).toBeGreaterThan(60_000_000);
  });

  it('closes both at once', () => {
    const pair = new Pair({ delay: 1_000 }), { client, server } = pair.connect();
    client.close();
    server.close();
    pair.run(() => client.state === State.TIME_WAIT && server.state === State.TIME_WAIT);
    expect([client.state, server.state]).toEqual([State.TIME_WAIT, State.TIME_WAIT]);
  });

  it('resets the other side when bytes were not read', () => {
    const pair = new Pair(), { client, server } = pair.connect();
    client.write(Uint8Array.of(1));
    pair.run(() => server.receiver.queue.length > 0);
    server.close();
    pair.run(() => client.state === State.CLOSED);
    expect(client.error).toBe('reset');
  });

  it('is refused where nobody listens', () => {
    const pair = new Pair(), client = pair.a.tcp.create({ local: pair.ipA, localPort: 40000, remote: pair.ipB, remotePort: 9 })!;
    client.connect();
    pair.run(() => client.state === State.CLOSED);
    expect(client.error).toBe('refused');
  });

  it('gives up on a host that is not there', () => {
    const pair = new Pair(),
      client = pair.a.tcp.create({ local: pair.ipA, localPort: 40000, remote: Uint8Array.of(10, 0, 0, 77), remotePort: 9 })!;
    client.connect();
    pair.run(() => client.state === State.CLOSED);
    expect([client.error, Math.round(pair.now / 1e6)]).toEqual(['host', 3]);
  });

  it('gives up when the line breaks', () => {
    let broken = false;
    const pair = new Pair({ watch: () => !broken }), { client } = pair.connect();
    broken = true;
    client.write(Uint8Array.of(1));
    pair.run(() => client.state === State.CLOSED, 4e9);
    expect(client.error).toMatch(/timeout|host/);
  });

  it('finds out by keep-alive', () => {
    let broken = false;
    const pair = new Pair({ watch: () => !broken }), { client } = pair.connect();
    Object.assign(client.choices, { keepAlive: true, keepIdle: 10_000_000, keepInterval: 1_000_000, keepProbes: 3 });
    client.watch();
    pair.run(() => false, 60_000_000);
    expect(client.state).toBe(State.ESTABLISHED);
    broken = true;
    pair.run(() => client.state === State.CLOSED, 60_000_000);
    expect(client.error).toBe('timeout');
  });

  it('leaves no timer and no connection behind', () => {
    const pair = new Pair(), { client, server } = pair.connect();
    client.close();
    server.close();
    pair.run();
    expect([
      [...pair.a.tcp.connections].length, [...pair.b.tcp.connections].length, pair.a.next, pair.b.next
    ]).toEqual([0, 0, Infinity, Infinity]);
  });
});

it('talks to itself over the loopback', () => {
  const pair = new Pair(), lo = Uint8Array.of(127, 0, 0, 1), listener = pair.a.tcp.listen(lo, 80, 4);
  const client = pair.a.tcp.create({ local: lo, localPort: 50000, remote: lo, remotePort: 80 })!;
  client.connect();
  pair.a.flush();
  const server = listener.accept()!, bytes = patternOf(200_000, 4), transfer = new Transfer(client, server, bytes);
  pair.run(() => { transfer.step(); pair.a.flush(); return transfer.done; });
  expect(transfer.isRight).toBe(true);
  expect(pair.frames).toBe(0);
});

it('begins a later connection between the same ends behind an earlier one, though all random numbers are the same again', () => {
  const first = new Pair({ seed: 5 }).connect().client, later = new Pair({ seed: 5 });
  later.now = 2_000_000;
  const { ends, sender } = later.connect().client;
  expect(ends.localPort).toBe(first.ends.localPort);
  expect((sender.iss - first.sender.iss) >>> 0).toBe(500_000);
});
it('survives a storm of random segments', () => {
  const pair = new Pair({ seed: 5 }), { client, server } = pair.connect(), random = randomOf(99);
  const bytes = patternOf(100_000, 9), transfer = new Transfer(client, server, bytes, 1000);
  for (let i = 0; i < 3000; i++) {
    const junk = patternOf(20 + (random() % 60), random());
    pair.b.receive(pair.faceB, Uint8Array.from([2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, ...junk]));
    if (i % 10 === 0) pair.run(() => { transfer.step(); return true; });
  }
  expect(pair.run(() => { transfer.step(); return transfer.done; })).toBe(true);
  expect(transfer.isRight).toBe(true);
});
