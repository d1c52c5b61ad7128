import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { TestEvents } from '../machine/devices/testing.ts';
import { CliError } from './errors.ts';
import { Networks, parseNet } from './net.ts';

const folder = mkdtempSync(join(tmpdir(), 'tessera-net-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('an option names what the card is plugged into, its address, a capture', () => {
  expect(parseNet('loop')).toEqual({ kind: 'loop' });
  expect(parseNet('gateway,tftp=a=b,pcap=c,mac=02:00:00:00:00:0F')).toEqual({ kind: 'gateway', tftp: 'a=b', pcap: 'c', mac: Uint8Array.of(2, 0, 0, 0, 0, 15) });
});

test.each(['', 'wifi', 'gateway,tftp', 'gateway,tftp=', 'loop,tftp=x', 'hub,mac=zz', 'hub,mac=01:00:00:00:00:01', 'gateway,speed=9', 'hub,'])("'%s' is refused, with what to write instead", (text) => {
  expect(() => parseNet(text)).toThrow(CliError);
  expect(() => parseNet(text)).toThrow(/^option --net: .*; write /);
});

test('files that are not to be had are named', () => {
  expect(() => new Networks([parseNet('gateway,tftp=/nowhere')])).toThrow("TFTP folder '/nowhere' does not exist");
  expect(() => new Networks([parseNet('loop,pcap=/nowhere/x')])).toThrow("capture '/nowhere/x' does not exist");
});

test('hubs are joined, and a capture has every frame of its card', () => {
  writeFileSync(join(folder, 'f'), 'x');
  const networks = new Networks([parseNet(`hub,pcap=${join(folder, 'a')}`), parseNet('hub'), parseNet(`gateway,tftp=${folder}`)]);
  const events = new TestEvents(), [a, b] = networks.cards().map((card) => card.connect(events));
  const got: number[] = [];
  a.onFrame(() => {});
  b.onFrame((f) => got.push(f.length));
  const frame = (length: number, from: number): Uint8Array => new Uint8Array(length).fill(255, 0, 6).fill(from, 6, 12);
  a.send(frame(60, 2));
  b.send(frame(61, 4));
  events.advanceTo(1e6);
  networks.close();
  expect(got).toEqual([60]);
  const file = readFileSync(join(folder, 'a'));
  expect(file.readUInt32LE(0)).toBe(0x0a0d_0d0a);
  const lengths: number[] = [];
  for (let at = 0; at < file.length; at += file.readUInt32LE(at + 4)) if (file.readUInt32LE(at) === 6) lengths.push(file.readUInt32LE(at + 20));
  expect(lengths).toEqual([60, 61]);
});
