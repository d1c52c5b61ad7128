import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { TestEvents } from '../machine/devices/testing.ts';
import { CliError } from './errors.ts';
import { decodeWorld } from '../machine/net/gateway/world.ts';
import { Networks, parseNet } from './net.ts';
import { HostWorld } from './world.ts';

const folder = mkdtempSync(join(tmpdir(), 'tessera-net-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('an option names what the card is plugged into, its address, a capture', () => {
  expect(parseNet('loop')).toEqual({ kind: 'loop' });
  expect(parseNet('gateway,tftp=a=b,pcap=c,mac=02:00:00:00:00:0F')).toEqual({
    kind: 'gateway', tftp: 'a=b', pcap: 'c', mac: Uint8Array.of(2, 0, 0, 0, 0, 15)
  });
});

test('cables to other programs have an address', () => {
  expect([parseNet('connect=a.b:99').address, parseNet('listen=99').address, parseNet('listen=[::1]:99,pcap=x').address]).toEqual([
    { host: 'a.b', port: 99 }, { host: '127.0.0.1', port: 99 }, { host: '::1', port: 99 }
  ]);
});

test.each([
  '', 'wifi', 'gateway,tftp', 'gateway,tftp=', 'loop,tftp=x', 'hub,mac=zz', 'hub,mac=01:00:00:00:00:01', 'gateway,speed=9', 'hub,',
  'connect', 'connect=', 'connect=host', 'listen=0', 'listen=70000', 'loop=1', 'connect=a:1,tftp=x'
])("'%s' is refused, with what to write instead",
  (text) => {
  expect(() => parseNet(text)).toThrow(CliError);
  expect(() => parseNet(text)).toThrow(/^option --net: .*; write /);
});

test('files that are not to be had are named', () => {
  expect(() => new Networks([parseNet('gateway,tftp=/nowhere')])).toThrow("TFTP folder '/nowhere' does not exist");
  expect(() => new Networks([parseNet('loop,pcap=/nowhere/x')])).toThrow("capture '/nowhere/x' cannot be made");
});

test('hubs are joined, and a capture has every frame of its card', () => {
  writeFileSync(join(folder, 'f'), 'x');
  const networks = new Networks([parseNet(`hub,pcap=${join(folder, 'a')}`), parseNet('hub'), parseNet(`gateway,tftp=${folder}`)]);
  const events = new TestEvents(), [framePort, other] = networks.cards().map((card) => card.connect(events));
  const got: number[] = [];
  framePort.onFrame(() => {});
  other.onFrame((f) => got.push(f.length));
  const frame = (length: number, from: number): Uint8Array => new Uint8Array(length).fill(255, 0, 6).fill(from, 6, 12);
  framePort.send(frame(60, 2));
  other.send(frame(61, 4));
  events.advanceTo(1e6);
  networks.close();
  expect(got).toEqual([60]);
  const file = readFileSync(join(folder, 'a'));
  expect(file.readUInt32LE(0)).toBe(0x0a0d_0d0a);
  const lengths: number[] = [];
  for (let at = 0; at < file.length; at += file.readUInt32LE(at + 4))
    if (file.readUInt32LE(at) === 6) lengths.push(file.readUInt32LE(at + 20));
  expect(lengths).toEqual([60, 61]);
});

test('frames cross a TCP connection whole, however they are cut; a peer that sends rubbish is hung up on', async () => {
  const got: number[][] = [],
    [server, client] = [new Networks([parseNet('listen=45871')]), new Networks([parseNet('connect=127.0.0.1:45871')])];
  const arrival = new Promise<void>((resolve) =>
    void server.open((card, frame) => { got.push([card, ...(frame ?? [])]); if (got.length === 3) resolve(); }));
  await client.open(() => {});
  const events = new TestEvents(), [card] = client.cards().map((c) => c.connect(events)),
    [entrance] = server.cards().map((c) => c.connect(events));
  const frames = [14, 60, 1518].map((length) => new Uint8Array(length).fill(length));
  for (const frame of frames) card.send(frame);
  await arrival;
  expect(got).toEqual(frames.map((f) => [0, ...f]));
  const seen: number[] = [];
  entrance.onFrame((f) => seen.push(f.length));
  server.deliver(0, frames[1]);
  expect(seen).toEqual([60]);
  client.close();
  const rude = connect(45871);
  rude.on('error', () => {});
  const closed = new Promise((resolve) => rude.once('close', resolve));
  rude.write(Buffer.alloc(64, 0xff));
  await closed;
  server.close();
});

test('nobody at the other end is said', async () => {
  const networks = new Networks([parseNet('connect=127.0.0.1:45872')]);
  await expect(networks.open(() => {}))
    .rejects.toThrow(/^option --net: the cable cannot be connected to 127.0.0.1:45872 \(ECONNREFUSED\); /);
});

test('a server that resets before anybody has looked was there: the connection is opened, then reset', async () => {
  const server = spawn(process.execPath, ['-e', `const s = require('node:net').createServer((c) => c.resetAndDestroy());
    s.listen(0, '127.0.0.1', () => console.log(s.address().port))`], { stdio: ['ignore', 'pipe', 'inherit'] });
  const port = Number(await new Promise((resolve) => server.stdout.once('data', resolve)));
  const world = new HostWorld(), heard: string[] = [];
  const over = new Promise<void>((resolve) => {
    void world.start((bytes) => {
      heard.push(decodeWorld(bytes)!.kind);
      if (heard.length === 2) resolve();
    }, []);
  });
  world.open(1, { ip: Uint8Array.of(127, 0, 0, 1), port });
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300); // nobody looks
  await over;
  expect(heard).toEqual(['opened', 'reset']);
  world.shut();
  server.kill();
});
