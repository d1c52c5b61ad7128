import { describe, expect, it } from 'vitest';
import { Cause, Kind, TRACE_RECORD } from '../microkernel/abi/index.ts';
import { TraceFile, TraceFileError, TraceRecorder, analyse, jsonLines, mermaid, perfetto, report } from './index.ts';

interface Rec { time: number; kind: number; actor: number; object: number; cause?: number; a?: number; b?: number; c?: number }

function bytesOf(records: Rec[]): Uint8Array {
  const bytes = new Uint8Array(records.length * TRACE_RECORD), v = new DataView(bytes.buffer);
  records.forEach((r, i) => {
    const at = i * TRACE_RECORD;
    v.setFloat64(at, r.time, true); v.setUint16(at + 8, r.kind, true); v.setUint32(at + 12, r.actor, true); v.setUint32(at + 16, r.object, true);
    v.setUint32(at + 20, r.cause ?? 0, true); v.setUint32(at + 24, r.a ?? 0, true); v.setUint32(at + 28, r.b ?? 0, true); v.setFloat64(at + 32, r.c ?? 0, true);
  });
  return bytes;
}

/** Ten getppid calls of a process, as the kernel records them. */
function getppids(): Rec[] {
  const list: Rec[] = [];
  for (let i = 0; i < 10; i++) {
    const sequence = list.length + 1, time = i * 100;
    list.push({ time, kind: Kind.event, actor: 12, object: 30, a: Cause.syscall, b: 64, c: 173 });
    list.push({ time: time + 10, kind: Kind.spaceSwitch, actor: 22, object: 2 });
    list.push({ time: time + 10, kind: Kind.receive, actor: 22, object: 12, cause: sequence });
    list.push({ time: time + 40, kind: Kind.resume, actor: 22, object: 12, cause: sequence });
    list.push({ time: time + 50, kind: Kind.spaceSwitch, actor: 12, object: 1 });
  }
  return list;
}

function recorded(records: Rec[], split = 7): Uint8Array {
  const parts: Uint8Array[] = [];
  const recorder = new TraceRecorder({ write: (b) => parts.push(b.slice()), close: () => undefined });
  recorder.name('task', 1, 0, 'sh'); recorder.name('task', 2, 0, 'l4guest');
  recorder.name('thread', 12, 1, 'sh.main'); recorder.name('thread', 22, 2, 'server'); recorder.name('portal', 30, 22, 'syscall');
  const bytes = bytesOf(records);
  for (let at = 0, n = 0; at < bytes.length; at += split * TRACE_RECORD, n += split) recorder.drain(bytes.subarray(at, at + split * TRACE_RECORD), n + 1);
  recorder.close();
  return new Uint8Array(Buffer.concat(parts));
}

describe('the trace file', () => {
  it('gives back every record and name in order', () => {
    const file = new TraceFile(recorded(getppids()));
    expect(file.length).toBe(50);
    expect(file.damage).toBeUndefined();
    expect([...file.records()].length).toBe(50);
    expect(file.taskOf(30)).toBe('l4guest');
  });
  it('counts a system call as one event, one reply, two kernel entries, two space switches', () => {
    const stats = analyse(new TraceFile(recorded(getppids())));
    expect(stats.syscalls).toEqual([{ task: 'sh', number: 173, events: 10, replies: 10, kernelEntriesPerCall: 2, spaceSwitchesPerCall: 2, latency: { count: 10, min: 40, median: 40, p90: 40, p99: 40, max: 40 } }]);
    expect(report(stats)).toMatch(/getppid +10 +10/);
  });
  it('keeps everything up to the last whole chunk of a file cut anywhere', () => {
    const whole = recorded(getppids());
    for (let cut = 16; cut < whole.length; cut += 13) {
      const file = new TraceFile(whole.subarray(0, cut));
      expect(file.damage).toBeDefined();
      expect([...file.records()].length).toBe(file.length);
    }
  });
  it('leaves out a chunk with a wrong checksum and says so', () => {
    const bytes = recorded(getppids());
    bytes[bytes.length - 200]! ^= 1;
    expect(new TraceFile(bytes).damage).toMatch(/damaged chunk/);
  });
  it('refuses what is not a trace, in one line', () => {
    expect(() => new TraceFile(new Uint8Array(0))).toThrow(TraceFileError);
    expect(() => new TraceFile(new TextEncoder().encode('#!/bin/sh\necho hello world'))).toThrow('not a Tessera trace file');
  });
  it('goes on without the file when the disk is full, and tells its subscribers', () => {
    let room = 3, told = '';
    const recorder = new TraceRecorder({ write: () => { if (room-- === 0) throw new Error('ENOSPC'); }, close: () => undefined });
    recorder.on('failed', (e) => (told = e.message));
    for (let n = 0; n < 10; n++) recorder.drain(bytesOf(getppids()), n * 50 + 1);
    expect(told).toBe('ENOSPC');
    expect(recorder.records).toBe(500);
  });
  it('publishes typed records to subscribers without a file', () => {
    const recorder = new TraceRecorder(), seen: string[] = [];
    recorder.on('record', (r) => seen.push(`${r.sequence}:${r.kindName}`));
    recorder.drain(bytesOf(getppids()).subarray(0, 2 * TRACE_RECORD), 1);
    expect(seen).toEqual(['1:event', '2:spaceSwitch']);
  });
});

describe('exports', () => {
  const file = new TraceFile(recorded(getppids()));
  it('JSON lines name the call', () => expect(JSON.parse([...jsonLines(file)][0]!)).toMatchObject({ kind: 'event', call: 'getppid', task: 'sh' }));
  it('Mermaid draws the message and its answer', () => expect([...mermaid(file)].join('')).toMatch(/t_sh->>t_l4guest: ecall getppid\n {2}t_l4guest-->>t_sh: resume/));
  it('Perfetto output is JSON with a slice a call', () => {
    const json = JSON.parse([...perfetto(file)].join('')) as { traceEvents: { ph: string; dur?: number }[] };
    expect(json.traceEvents.filter((e) => e.ph === 'X').length).toBe(10);
  });
});
