/**
 * Perfetto: the Chrome JSON trace format, which its UI and its trace processor read. A process per task, a thread track per thread; an event or
 * call is a slice from its start to its answer; arrows (flows) lead from each message to the thread that received it.
 */
import { Cause, Kind, causeName } from '../../microkernel/abi/index.ts';
import { labelName } from '../labels.ts';
import type { TraceSource } from '../reader.ts';
import type { RecordView } from '../record.ts';
import { syscallName } from '../words.ts';

export function* perfetto(file: TraceSource): Generator<string> {
  yield '{"displayTimeUnit":"ns","traceEvents":[\n';
  const pids = new Map<string, number>();
  const pid = (thread: number): number => { const t = file.taskOf(thread); return pids.get(t) ?? (pids.set(t, pids.size + 1), pids.size); };
  const open = new Map<number, { name: string; time: number; thread: number }>();
  let comma = '';
  const put = (o: object): string => { const s = comma + JSON.stringify(o); comma = ',\n'; return s; };
  for (const name of file.names.values()) if (name.kind === 'thread') {
    yield put({ ph: 'M', name: 'process_name', pid: pid(name.id), args: { name: file.taskOf(name.id) } });
    yield put({ ph: 'M', name: 'thread_name', pid: pid(name.id), tid: name.id, args: { name: name.text } });
  }
  for (const r of file.records()) {
    const ts = r.time / 1000, tid = r.actor;
    if (r.kind === Kind.event || r.kind === Kind.call) {
      open.set(r.sequence, { name: nameOf(r), time: ts, thread: tid });
      yield put({ ph: 's', id: r.sequence, name: 'message', cat: 'ipc', pid: pid(tid), tid, ts });
    } else if (r.kind === Kind.reply || r.kind === Kind.resume) {
      const start = open.get(r.cause);
      if (!start) continue;
      open.delete(r.cause);
      yield put({ ph: 'X', name: start.name, cat: 'ipc', pid: pid(start.thread), tid: start.thread, ts: start.time, dur: ts - start.time, args: { seq: r.cause } });
      yield put({ ph: 'f', bp: 'e', id: r.cause, name: 'message', cat: 'ipc', pid: pid(tid), tid, ts });
    } else if (r.kind !== Kind.schedule && r.kind !== Kind.spaceSwitch) {
      yield put({ ph: 'i', s: 't', name: r.kindName, cat: 'kernel', pid: pid(tid), tid, ts, args: { object: file.name(r.object), a: r.a, b: r.b, c: r.c } });
    }
  }
  yield '\n]}\n';
}

function nameOf(r: RecordView): string {
  if (r.kind === Kind.call) return `call ${labelName(r.a)}`;
  return r.a === Cause.syscall ? syscallName(r.c) : causeName(r.a);
}
