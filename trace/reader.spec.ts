import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  Filter, FilterError, Part, TraceFile, TraceFileError, TraceRecorder, analyse, callReport, callTree, criticalPath, details, diffReport,
  firstDivergence, jsonLines, mermaid, pathReport, payloadParts, pcapng, perfetto, perfettoProtobuf, svg, wordsOfPart, type ByteSource
} from './index.ts';
import { bytesOf, story } from './testing/traces.ts';

/** A recording of `rounds` with payload at every 14th record, in pieces of 40 records. */
function made(rounds: number, pack = false): Uint8Array {
  const parts: Uint8Array[] = [], records = bytesOf(story(rounds));
  const recorder = new TraceRecorder({ write: (b) => parts.push(b.slice()), close: () => undefined },
    { words: { syscalls: { 56: ['openat', 'dir path:s'] } }, ...(pack ? { pack: (d: Uint8Array) => deflateRawSync(d) } : {}) });
  recorder.name('task', 1, 0, 'sh'); recorder.name('thread', 12, 1, 'sh.main');
  for (let at = 0, n = 1; at < records.length; at += 40 * 40, n += 40) {
    const piece = records.subarray(at, at + 40 * 40);
    for (let sequence = n; sequence < n + piece.length / 40; sequence++)
      if (sequence % 14 === 2) recorder.payload(sequence, Part.text, 1, new TextEncoder().encode(`file ${sequence}`));
    recorder.drain(piece, n);
  }
  recorder.close();
  return new Uint8Array(Buffer.concat(parts));
}
/** The same bytes as a file far too large to be checked at once. */
class Large implements ByteSource {
  reads = 0;
  private readonly bytes: Uint8Array;
  constructor(bytes: Uint8Array) { this.bytes = bytes; }
  get size(): number { return this.bytes.length; }
  read(offset: number, length: number): Uint8Array { this.reads++; return this.bytes.slice(offset, offset + length); }
}

describe('a trace file', () => {
  for (const pack of [false, true]) {
    it(`gives back records, payload and words, ${pack ? 'packed' : 'plain'}`, () => {
      const file = new TraceFile(made(20, pack));
      expect([file.damage, file.length, file.closed, file.hasPayload]).toEqual([undefined, 280, true, true]);
      expect(file.words.syscalls?.[56]?.[0]).toBe('openat');
      for (let sequence = 1; sequence <= 280; sequence++) {
        expect(file.at(file.indexOf(sequence)).sequence).toBe(sequence);
        const names = file.payload(sequence).map((p) => new TextDecoder().decode(p.bytes));
        expect(names).toEqual(sequence % 14 === 2 ? [`file ${sequence}`] : []);
      }
      expect(file.indexAtTime(2000 * 7)).toBe(14 * 7);
    });
  }
  it('is smaller when it is packed', () => expect(made(500, true).length).toBeLessThan(made(500).length / 3));
  it('of more than 64 MiB is opened by its index, and a damaged chunk shows as lost records', () => {
    const piece = bytesOf(story(2000)), count = piece.length / 40, pieces = 65, parts: Uint8Array[] = [],
      recorder = new TraceRecorder({ write: (b) => parts.push(b.slice()), close: () => undefined });
    for (let n = 0; n < pieces; n++) recorder.drain(piece, n * count + 1);
    recorder.close();
    const big = new Uint8Array(Buffer.concat(parts));
    expect(big.length).toBeGreaterThan(2 ** 26);
    const source = new Large(big), file = new TraceFile(source);
    expect(source.reads).toBeLessThan(10);
    expect([file.length, file.damage]).toEqual([pieces * count, undefined]);
    expect(file.at(file.indexOf(1_000_000)).sequence).toBe(1_000_000);
    big[40_000_000]! ^= 1;
    const damaged = new TraceFile(new Large(big)), kinds = analyse(damaged).kinds;
    expect(kinds['lost']).toBe(count);
    expect(damaged.damage).toMatch(/damaged chunk/);
  });
  it('goes on behind a chunk whose header is destroyed', () => {
    const bytes = made(20), file = new TraceFile(bytes.fill(0xff, 600, 632));
    expect(file.damage).toMatch(/damaged chunk at byte \d+ was left out/);
    expect(file.length).toBeGreaterThan(200);
    expect(file.closed).toBe(true);
  });
  it('that grows is taken in piece by piece', () => {
    const whole = made(20), file = new TraceFile(whole.subarray(0, 100));
    for (let to = 100; to < whole.length; to += 777) file.append(whole.subarray(file.end, to));
    file.append(whole.subarray(file.end));
    expect([file.length, file.damage]).toEqual([280, undefined]);
  });
});

describe('whatever is done to a file', () => {
  const whole = made(10), packed = made(10, true), good = new TraceFile(whole);
  /** Every use of a file. The only permitted failure is a refusal in one line. */
  function use(bytes: Uint8Array): void {
    let file: TraceFile;
    try { file = new TraceFile(bytes); } catch (error) {
      expect(error).toBeInstanceOf(TraceFileError);
      expect((error as Error).message).not.toContain('\n');
      return;
    }
    expect([...file.records()].length).toBe(file.length);
    for (let i = 0; i < file.length; i++) for (const payloadPart of file.payload(file.at(i).sequence)) wordsOfPart(payloadPart);
    for (const line of jsonLines(file)) JSON.parse(line);
    analyse(file);
    callReport(callTree(file));
    for (let i = 0; i < file.length; i += 7) details(file, file.at(i));
    if (file.length > 1) pathReport(file, criticalPath(file, 0, file.length - 1));
    for (const make of [svg, mermaid, perfetto, perfettoProtobuf, pcapng])
      for (const piece of make(file)) expect(piece.length).toBeGreaterThan(0);
    const at = firstDivergence(file, good);
    if (at) diffReport(file, good, at, ['a', 'b']);
  }
  it('bytes changed, cut, doubled or put in are told, never thrown', () => {
    fc.assert(fc.property(fc.boolean(),
      fc.array(fc.record({
        at: fc.nat(whole.length - 1), what: fc.constantFrom('set', 'cut', 'double', 'drop'), value: fc.nat(255), length: fc.nat(64)
      }),
        { maxLength: 6 }),
      (pack, edits) => {
      let bytes = (pack ? packed : whole).slice();
      for (const { at, what, value, length } of edits) {
        const i = at % (bytes.length + 1);
        if (what === 'set') bytes[i] = value;
        else if (what === 'cut') bytes = bytes.slice(0, i);
        else
          bytes = new Uint8Array(Buffer.concat([
            bytes.subarray(0, i), bytes.subarray(what === 'double' ? Math.max(0, i - length) : Math.min(i + length, bytes.length))
          ]));
      }
      use(bytes);
    }), { numRuns: 300 });
  });
  it('any bytes behind a good header', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), (tail) => use(new Uint8Array(Buffer.concat([whole.subarray(0, 16), tail])))),
      { numRuns: 200 });
  });
  it('payload of any bytes ends', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (data) => { expect([...payloadParts(data)].length).toBeLessThan(20); }));
  });
});

it('a filter of any text is a filter or one line', () => {
  const file = new TraceFile(made(2)),
    words = ['task:', 'sh', 'kind:', 'event', 'latency>', '5us', ':', '"', '-', '..', '*', 'nr:openat', ' ', '0x', '<=', 'seq:1..', 'é'];
  fc.assert(fc.property(fc.oneof(fc.string(), fc.array(fc.constantFrom(...words), { maxLength: 8 }).map((w) => w.join(''))), (text) => {
    try {
      const filter = new Filter(text, file);
      for (let i = 0; i < file.length; i++) filter.test(file.at(i), i);
    } catch (error) {
      expect(error).toBeInstanceOf(FilterError);
      expect((error as Error).message).not.toContain('\n');
    }
  }), { numRuns: 500 });
});
