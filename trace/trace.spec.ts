import { describe, expect, it } from 'vitest';
import { Cause, Kind, TRACE_RECORD } from '../microkernel/abi/index.ts';
import { bytesOf, recorded, type Rec } from './testing/traces.ts';
import { TraceFile, TraceFileError, TraceRecorder, analyse, jsonLines, mermaid, report } from './index.ts';

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
    expect(stats.syscalls).toEqual([
      {
        task: 'sh', number: 173, name: 'getppid', events: 10, replies: 10, kernelEntriesPerCall: 2, spaceSwitchesPerCall: 2,
        latency: { count: 10, min: 40, median: 40, p90: 40, p99: 40, max: 40 }
      }
    ]);
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
  it('JSON lines name the call', () =>
    expect(JSON.parse([...jsonLines(file)][0]!)).toMatchObject({ kind: 'event', call: 'getppid', task: 'sh' }));
  it('Mermaid draws the message and its answer', () =>
    expect([...mermaid(file)].join('')).toMatch(/t_sh->>t_l4guest: ecall getppid\n {2}t_l4guest-->>t_sh: resume/));
});
