/** Small traces for specs: records as the kernel writes them, through the real recorder. */
import { Cause, Kind, TRACE_RECORD } from '../../microkernel/abi/index.ts';
import { TraceRecorder } from '../recorder.ts';

export interface Rec {
  time: number;
  kind: number;
  actor: number;
  object: number;
  status?: number;
  cause?: number;
  a?: number;
  b?: number;
  c?: number
}

export function bytesOf(records: Rec[]): Uint8Array {
  const bytes = new Uint8Array(records.length * TRACE_RECORD), view = new DataView(bytes.buffer);
  records.forEach((rec, i) => {
    const at = i * TRACE_RECORD;
    view.setFloat64(at, rec.time, true);
    view.setUint16(at + 8, rec.kind, true);
    view.setUint8(at + 11, rec.status ?? 0);
    view.setUint32(at + 12, rec.actor, true);
    view.setUint32(at + 16, rec.object, true);
    view.setUint32(at + 20, rec.cause ?? 0, true);
    view.setUint32(at + 24, rec.a ?? 0, true);
    view.setUint32(at + 28, rec.b ?? 0, true);
    view.setFloat64(at + 32, rec.c ?? 0, true);
  });
  return bytes;
}

/** A trace file with tasks sh (1), l4guest (2) and roottask (3), each with a thread. */
export function recorded(records: Rec[], split = 7): Uint8Array {
  const parts: Uint8Array[] = [];
  const recorder = new TraceRecorder({ write: (b) => parts.push(b.slice()), close: () => undefined });
  recorder.name('task', 1, 0, 'sh'); recorder.name('task', 2, 0, 'l4guest'); recorder.name('task', 3, 0, 'roottask');
  recorder.name('thread', 12, 1, 'sh.main'); recorder.name('thread', 22, 2, 'server'); recorder.name('thread', 33, 3, 'memory');
  recorder.name('portal', 30, 22, 'syscall'); recorder.name('portal', 40, 33, 'requests');
  const bytes = bytesOf(records);
  for (let at = 0, n = 0; at < bytes.length; at += split * TRACE_RECORD, n += split)
    recorder.drain(bytes.subarray(at, at + split * TRACE_RECORD), n + 1);
  recorder.close();
  return new Uint8Array(Buffer.concat(parts));
}

/** A process that opens a file, faults a page in and asks for its parent, `rounds` times: 14 records a round, 2 µs apart. */
export function story(rounds = 1): Rec[] {
  const list: Rec[] = [];
  for (let round = 0; round < rounds; round++) {
    const start = round * 2000, base = list.length;
    const put = (time: number, kind: number, actor: number, object: number, more: Partial<Rec> = {}): number =>
      list.push({ time: start + time, kind, actor, object, ...more });
    put(0, Kind.schedule, 12, 0, { a: 100 });
    const open = put(100, Kind.event, 12, 30, { a: Cause.syscall, b: 64, c: 56 });
    put(110, Kind.receive, 22, 12, { cause: open });
    put(120, Kind.schedule, 22, 12, { a: 150 });
    const call = put(200, Kind.call, 22, 40, { a: 0x1000, b: 4, c: 7 });
    put(210, Kind.receive, 33, 22, { cause: call, a: 0x1000, b: 4 });
    put(250, Kind.invoke, 33, 2, { a: 0x200, c: 1 });
    put(260, Kind.map, 33, 2, { cause: call, a: 3, b: 12, c: 0x40000000 });
    put(300, Kind.reply, 33, 22, { cause: call, a: 0, b: 1 });
    put(600, Kind.resume, 22, 12, { cause: open, b: 64 });
    const fault = put(700, Kind.event, 12, 30, { a: Cause.pageFault, b: 200, c: 0x10abc });
    put(750, Kind.resume, 22, 12, { cause: fault, b: 200 });
    put(800, Kind.invoke, 12, 1, { a: 0x205, c: 0, status: 3 });
    put(900, Kind.interrupt, 0, 5, { a: 10 });
    if (list.length - base !== 14) throw new Error('story: a round has 14 records');
  }
  return list;
}
