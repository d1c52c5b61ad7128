import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { INCOMING, Part, TraceFile, TraceRecorder, jsonLines, mermaid, pcapng, perfetto, perfettoProtobuf, svg } from '../index.ts';
import { bytesOf, recorded, story } from '../testing/traces.ts';

const trace = new TraceFile(recorded(story(20)));
const has = (tool: string, ...words: string[]): boolean => spawnSync(tool, words).status === 0;
/** A file for another program to read. */
function withFile<T>(name: string, bytes: Uint8Array | string, use: (path: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'tessera-export-')), path = join(folder, name);
  try { writeFileSync(path, bytes); return use(path); } finally { rmSync(folder, { recursive: true }); }
}

interface Json {
  ph: string;
  pid: number;
  tid?: number;
  ts?: number;
  id?: number;
  name?: string;
  bp?: string;
  args?: Record<string, unknown>
}
describe('Perfetto JSON', () => {
  const events = (JSON.parse([...perfetto(trace)].join('')) as { traceEvents: Json[] }).traceEvents;
  it('has what the Trace Event Format wants of each kind of event', () => {
    for (const json of events) {
      expect(['M', 'B', 'E', 'i', 's', 'f']).toContain(json.ph);
      expect(Number.isInteger(json.pid)).toBe(true);
      if (json.ph !== 'M') expect([typeof json.ts, Number.isInteger(json.tid)]).toEqual(['number', true]);
      if (json.ph !== 'E') expect(typeof json.name).toBe('string');
      if (json.ph === 'f') expect(json.bp).toBe('e');
    }
  });
  it('has slices that nest in each thread, in the order of time', () => {
    const open = new Map<number, Json[]>(), last = new Map<number, number>();
    for (const event of events) if (event.ph === 'B' || event.ph === 'E') {
      expect(event.ts).toBeGreaterThanOrEqual(last.get(event.tid!) ?? 0);
      last.set(event.tid!, event.ts!);
      const stack = open.get(event.tid!) ?? [];
      open.set(event.tid!, stack);
      if (event.ph === 'B') stack.push(event); else expect(stack.pop()).toBeDefined();
    }
  });
  it('has flows from within the request to within the service for it', () => {
    const open = new Map<number, number>(), started = new Set<number>();
    let ended = 0;
    for (const event of events) {
      if (event.ph === 'B') open.set(event.tid!, (open.get(event.tid!) ?? 0) + 1);
      if (event.ph === 'E') open.set(event.tid!, open.get(event.tid!)! - 1);
      if (event.ph !== 's' && event.ph !== 'f') continue;
      expect(open.get(event.tid!)).toBeGreaterThan(0);
      if (event.ph === 's') started.add(event.id!); else { expect(started.has(event.id!)).toBe(true); ended++; }
    }
    expect(ended).toBe(60); // openat, memory.create and a page fault in each round
  });
  it('has a process a task and a track a thread', () => {
    const names = (what: string): unknown[] => events.filter((e) => e.ph === 'M' && e.name === what).map((e) => e.args!['name']);
    expect(names('process_name')).toEqual(['kernel', 'harts', 'sh', 'l4guest', 'roottask']);
    expect(names('thread_name').sort()).toEqual(['hart 0', 'interrupts', 'memory', 'server', 'sh.main']);
  });
});

/**
 * Fields that the published schema (perfetto_trace.proto) gives these messages: name, wire type. Messages name the message that is in them.
 */
const schema: Record<string, Record<number, [name: string, wire: 0 | 1 | 2, message?: string]>> = {
  Trace: { 1: ['packet', 2, 'TracePacket'] },
  TracePacket: {
    8: ['timestamp', 0], 10: ['trusted_packet_sequence_id', 0], 11: ['track_event', 2, 'TrackEvent'], 13: ['sequence_flags', 0],
    60: ['track_descriptor', 2, 'TrackDescriptor']
  },
  TrackDescriptor: { 1: ['uuid', 0], 3: ['process', 2, 'ProcessDescriptor'], 4: ['thread', 2, 'ThreadDescriptor'], 5: ['parent_uuid', 0] },
  ProcessDescriptor: { 1: ['pid', 0], 6: ['process_name', 2] },
  ThreadDescriptor: { 1: ['pid', 0], 2: ['tid', 0], 5: ['thread_name', 2] },
  TrackEvent: {
    4: ['debug_annotations', 2, 'DebugAnnotation'], 9: ['type', 0], 11: ['track_uuid', 0], 22: ['categories', 2], 23: ['name', 2],
    47: ['flow_ids', 1], 48: ['terminating_flow_ids', 1]
  },
  DebugAnnotation: { 3: ['uint_value', 0], 6: ['string_value', 2], 10: ['name', 2] },
};
type Decoded = Record<string, unknown[]>;
function decode(message: string, bytes: Uint8Array): Decoded {
  const out: Decoded = {}, view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  const varint = (): number => {
    let value = 0, scale = 1;
    for (;;) { const byte = bytes[at++]!; value += (byte & 127) * scale; if (byte < 128) return value; scale *= 128; }
  };
  while (at < bytes.length) {
    const key = varint(), field = schema[message]![Math.floor(key / 8)], wire = key % 8;
    if (!field || field[1] !== wire) throw new Error(`${message}: field ${Math.floor(key / 8)} of wire type ${wire}`);
    let value: unknown;
    if (wire === 0) value = varint();
    else if (wire === 1) {
      value = Number(view.getBigUint64(at, true));
      at += 8;
    } else {
          const length = varint(), data = bytes.subarray(at, at + length);
          at += length;
          value = field[2] ? decode(field[2], data) : new TextDecoder().decode(data);
        }
    (out[field[0]] ??= []).push(value);
  }
  return out;
}
const { TESSERA_PERFETTO_PROTO: PROTO } = process.env;
describe('Perfetto protobuf', () => {
  const bytes = new Uint8Array(Buffer.concat([...perfettoProtobuf(trace)]));
  it('has the messages and fields of the published schema, and every event on a track that was described', () => {
    const packets = decode('Trace', bytes)['packet'] as Decoded[], tracks = new Set<unknown>();
    let begun = 0;
    for (const decoded of packets) {
      const track = decoded['track_descriptor']?.[0] as Decoded | undefined, event = decoded['track_event']?.[0] as Decoded | undefined;
      if (track) {
        tracks.add(track['uuid']![0]);
        if (track['parent_uuid']) expect(tracks.has(track['parent_uuid'][0])).toBe(true);
      }
      if (!event) continue;
      expect(tracks.has(event['track_uuid']![0])).toBe(true);
      expect(decoded['timestamp']).toHaveLength(1);
      if (event['type']![0] === 1) begun++;
    }
    expect(begun).toBeGreaterThan(100);
  });
  it.skipIf(!PROTO
    || !has('protoc',
      '--version'))(`is read by protoc${PROTO ? '' : ' (skipped: TESSERA_PERFETTO_PROTO does not name perfetto_trace.proto)'}`,
    () => {
    const [, folder, name] = /^(.*\/)?([^/]+)$/.exec(PROTO!)!;
    const text = execFileSync('protoc', ['-I', folder ?? '.', '--decode=perfetto.protos.Trace', name!],
      { input: bytes, encoding: 'utf8', maxBuffer: 2 ** 28 });
    expect(text).toContain('type: TYPE_SLICE_BEGIN');
    expect(text).not.toMatch(/^\s*\d+:/m);
  });
});

describe('SVG', () => {
  const picture = [...svg(trace)].join('');
  it('is well-formed XML', () => {
    const open: string[] = [];
    for (const [, close, name, rest] of picture.matchAll(/<(\/?)([a-zA-Z]+)((?:\s+[a-zA-Z0-9:-]+="[^"<&]*")*\s*\/?)>|<|&(?!#\d+;)/g)) {
      expect(name).toBeDefined();
      if (close) expect(open.pop()).toBe(name);
      else if (!rest!.endsWith('/')) open.push(name!);
    }
    expect(open).toEqual([]);
  });
  it.skipIf(!has('rsvg-convert', '--version'))('renders (skipped without rsvg-convert)', () => {
    const png = withFile('t.svg', picture, (path) => execFileSync('rsvg-convert', [path], { maxBuffer: 2 ** 28 }));
    expect(png.subarray(1, 4).toString()).toBe('PNG');
  });
});

describe('JSON lines and Mermaid', () => {
  it('are a line a record, and an arrow a message', () => {
    expect([...jsonLines(trace)].map((l) => JSON.parse(l) as unknown)).toHaveLength(trace.length);
    expect([...mermaid(trace)].join('')).toMatch(/t_sh->>t_l4guest: ecall openat\n/);
  });
});

describe('pcapng', () => {
  /** An ARP request of 10.0.2.15 for 10.0.2.2, and the answer. */
  const arp = (op: number): Uint8Array => Uint8Array.from([
    ...(op === 1 ? Array<number>(6).fill(255) : [0x52, 0x54, 0, 0x12, 0x34, 0x56]), 0x52, 0x54, 0, 0x12, 0x34, 0x56, 8, 6, 0, 1, 8, 0, 6, 4,
    0, op, 0x52, 0x54, 0, 0x12, 0x34, 0x56, 10, 0, 2, 15, 0, 0, 0, 0, 0, 0, 10, 0, 2, 2
  ]);
  const parts: Uint8Array[] = [], recorder = new TraceRecorder({ write: (b) => parts.push(b.slice()), close: () => undefined });
  for (const [n, op] of [[2, 1], [5, 2]] as const) {
    const frame = new Uint8Array(8 + 42);
    new DataView(frame.buffer).setFloat64(0, n * 1000, true);
    frame.set(arp(op), 8);
    recorder.payload(n, Part.frame, op === 2 ? INCOMING : 0, frame);
  }
  recorder.drain(bytesOf(story()), 1);
  recorder.close();
  const bytes = Buffer.concat([...pcapng(new TraceFile(new Uint8Array(Buffer.concat(parts))))]);
  it('holds the frames of the payload', () => expect(bytes.length).toBeGreaterThan(150));
  it.skipIf(!has('tshark', '--version'))('is read by tshark (skipped without it)', () => {
    const lines = withFile('t.pcapng', bytes, (path) =>
      execFileSync('tshark', ['-r', path, '-T', 'fields', '-e', 'frame.time_epoch', '-e', 'arp.opcode', '-e', 'arp.dst.proto_ipv4'],
        { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })).trim().split(
      '\n');
    expect(lines.map((l) => l.split('\t'))).toEqual([['0.000002000', '1', '10.0.2.2'], ['0.000005000', '2', '10.0.2.2']]);
  });
});
