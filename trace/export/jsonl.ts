/** JSON lines: one object per record, with names in place of numbers. */
import { Cause, Kind, causeName } from '../../microkernel/abi/index.ts';
import { sentence } from '../decode.ts';
import type { TraceSource } from '../reader.ts';
import { accessOf, stateBytes, type RecordView } from '../record.ts';
import { callName } from '../said.ts';

export function* jsonLines(file: TraceSource): Generator<string> {
  for (const r of file.records()) yield JSON.stringify(describe(file, r)) + '\n';
}

/**
 * A record as an object of texts. Omits fields that its kind does not use. Of a thread switch, `thread` is the thread that runs now and
 * `instead` the one that stops.
 */
export function describe(file: TraceSource, r: RecordView): Record<string, unknown> {
  const o: Record<string, unknown> = {
    seq: r.sequence, time: r.time, kind: r.kindName, hart: r.hart, thread: file.name(r.actor), task: file.taskOf(r.actor)
  };
  if (r.object !== 0) o[r.kind === Kind.schedule ? 'instead' : 'object'] = file.name(r.object);
  if (r.cause !== 0) o['answers'] = r.cause;
  if (r.status !== 0) o['status'] = r.status;
  if (r.kind === Kind.event) {
    o['cause'] = causeName(r.a);
    o[r.a === Cause.syscall ? 'call' : 'detail'] = r.a === Cause.syscall ? callName(file.words, r.c) : r.c;
    o['bytes'] = stateBytes(r.b);
    const access = accessOf(r.b);
    if (access) o['access'] = access;
  } else {
    o['a'] = r.a;
    o['b'] = r.b;
    o['c'] = r.c;
  }
  o['what'] = sentence(r);
  return o;
}
