/** A file by a recorder of version 1 (scenario hello-ipc, 2026-11-20) reads like today's. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Kind } from '../microkernel/abi/index.ts';
import { TraceFile } from './reader.ts';

const bytes = (): Uint8Array => new Uint8Array(readFileSync(new URL('testing/version-1.trace', import.meta.url)));
const kinds = (t: TraceFile, kind: number): number => Array.from(t.records(), (r) => r.kind).filter((k) => k === kind).length;

describe('a trace file of version 1', () => {
  it('has its records and its names', () => {
    const traceFile = new TraceFile(bytes());
    expect([traceFile.length, traceFile.damage, traceFile.closed]).toEqual([348, undefined, true]);
    expect([...traceFile.names.values()].filter((n) => n.kind === 'task').map((n) => n.text))
      .toEqual(expect.arrayContaining(['greeter', 'visitor']));
    expect([kinds(traceFile, Kind.call), kinds(traceFile, Kind.reply)]).toEqual([11, 10]); // who exits is not answered
    const times = Array.from(traceFile.records(), (r) => r.time);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
  });
  it('that was cut short has what came before', () => {
    const trace = new TraceFile(bytes().subarray(0, 9000));
    expect(trace.damage).toMatch(/was not closed/);
    expect(trace.names.size).toBeGreaterThan(0);
  });
  it('with a damaged chunk says so, and has the others', () => {
    const damaged = bytes();
    damaged[damaged.length - 200]! ^= 1;
    const trace = new TraceFile(damaged);
    expect(trace.damage).toContain('damaged');
    expect(trace.length).toBeLessThan(348);
  });
  it('of a version that nobody knows is refused in one line', () => {
    const odd = bytes();
    odd[8] = 9;
    expect(() => new TraceFile(odd)).toThrow(/^trace file version 9 with 40-byte records is not known here/);
  });
});
