import { describe, expect, it } from 'vitest';
import { Cause, Kind, Ops, Status, capPage, causeName, kindName, memoryPage, statusName } from '../microkernel/abi/index.ts';
import { Protocol } from '../roottask/client/protocol.ts';
import {
  TraceFile, answerOf, cyclesText, details, labelName, latencies, latencyAt, nextInChain, originOf, previousInChain, sentence, svg
} from './index.ts';
import { recorded, story } from './testing/traces.ts';

const trace = new TraceFile(recorded(story(2)));
const say = (sequence: number): string => { const r = trace.at(sequence - 1); return sentence(r, originOf(trace, r)); };

describe('words', () => {
  it('name every request of roottask and every kernel operation', () => {
    for (const table of [Protocol, Ops])
      for (const [object, rows] of Object.entries(table))
        for (const [name, row] of Object.entries(rows as Record<string, { label: number }>))
          expect(labelName(row.label)).toBe(`${object}.${name}`);
  });
  it('name every kind, cause and status', () => {
    for (const [name, n] of Object.entries(Kind)) expect(kindName(n)).toBe(name);
    for (const [name, n] of Object.entries(Cause)) expect(causeName(n)).toBe(name);
    for (const [name, n] of Object.entries(Status)) expect(statusName(n)).toBe(name);
  });
  it('say what a record is about', () => {
    expect([2, 3, 5, 7, 8, 9, 10, 11, 13, 14].map(say)).toEqual([
      'openat', 'receive openat', 'call memory.create (4 words)', 'task.map source=1', 'map 4 KiB at 0x40000000, rw-',
      'reply memory.create done (1 word)',
      'resumed after openat', 'page fault at 0x10abc', 'task.fence address=0x0 = badRights', 'interrupt line 10',
    ]);
  });
  it('read flexpages of mappings, and of the operations that make them', () => {
    const page = capPage(258, 1), rec = { time: 0, actor: 33, object: 2 };
    const traceFile = new TraceFile(recorded([
      { ...rec, kind: Kind.unmap, a: 15, b: 1, c: 258 * 4096 }, { ...rec, kind: Kind.map, a: 9, b: 0, c: 258 },
      { ...rec, kind: Kind.invoke, a: 0x201, c: page }, { ...rec, kind: Kind.invoke, a: 0x201, c: memoryPage(0x4000, 13, 7) }
    ]));
    expect([0, 1, 2, 3].map((n) => sentence(traceFile.at(n)))).toEqual([
      'unmap capability 258 … 259, use+control+map', 'map capability 258, use', 'task.unmap capability 258 … 259, use+control+map',
      'task.unmap 8 KiB at 0x4000, rwx'
    ]);
  });
  it('tell all fields of one record', () => {
    const lines = new Map(details(trace, trace.at(9)));
    expect(lines.get('follows')).toBe('record 2, 500 ns before: event of sh.main');
    expect(lines.get('who')).toBe('server (thread 22) of task l4guest');
  });
  it('give durations three digits', () =>
    expect([7, 999, 1234, 45_678, 999_999, 12_345_678, 2.5e9].map(cyclesText)).toEqual([
      '7 ns', '999 ns', '1.23 µs', '45.7 µs', '1000 µs', '12.3 ms', '2.50 s'
    ]));
});

describe('random access', () => {
  it('finds records by number, sequence number and time across chunks', () => {
    for (let n = 0; n < trace.length; n++) { expect(trace.at(n).sequence).toBe(n + 1); expect(trace.indexOf(n + 1)).toBe(n); }
    expect(trace.indexOf(29)).toBe(-1);
    expect(trace.indexOf(0)).toBe(-1);
    expect(trace.indexAtTime(2000)).toBe(14);
    expect(trace.indexAtTime(1e9)).toBe(28);
    expect(() => trace.at(28)).toThrow(RangeError);
  });
  it('leaves out the records of a damaged chunk and keeps the others at their numbers', () => {
    const bytes = recorded(story(2));
    bytes[bytes.length - 400]! ^= 1;
    const damaged = new TraceFile(bytes);
    expect(damaged.damage).toMatch(/damaged chunk/);
    for (let n = 0; n < damaged.length; n++) expect(damaged.indexOf(damaged.at(n).sequence)).toBe(n);
  });
});

describe('causality', () => {
  it('walks from a call to its answer and back', () => {
    const walk = [1];
    for (let at = nextInChain(trace, 1); at >= 0; at = nextInChain(trace, at)) walk.push(at);
    expect(walk).toEqual([1, 2, 9]);
    expect(previousInChain(trace, 9)).toBe(2);
    expect(previousInChain(trace, 2)).toBe(1);
    expect(previousInChain(trace, 1)).toBe(-1);
    expect(answerOf(trace, 4)).toBe(8);
  });
  it('finds the same latency one by one as in one pass', () => {
    const steps = latencies(trace);
    let step = steps.next();
    while (!step.done) step = steps.next();
    for (let n = 0; n < trace.length; n++) expect(step.value[n]).toBe(latencyAt(trace, n));
  });
});

describe('SVG', () => {
  it('draws a lifeline a task and an arrow a message, well formed', () => {
    const text = [...svg(trace)].join('');
    expect(text.match(/<rect x=/g)!.length).toBe(3);
    expect(text).toContain('>ecall openat<');
    expect(text.match(/<g>/g)!.length).toBe(text.match(/<\/g>/g)!.length);
    expect(text.trimEnd().endsWith('</svg>')).toBe(true);
  });
  it('says where it stops, and when there is nothing', () => {
    expect([...svg(trace, 3)].join('')).toContain('the first 3 messages');
    expect([...svg(new TraceFile(recorded([])))].join('')).toContain('no messages');
  });
});
