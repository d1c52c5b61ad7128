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
export function describe(file: TraceSource, record: RecordView): Record<string, unknown> {
  const o: Record<string, unknown> = {
    seq: record.sequence, time: record.time, kind: record.kindName, hart: record.hart, thread: file.name(record.actor),
      task: file.taskOf(record.actor)
  };
  if (record.object !== 0) o[record.kind === Kind.schedule ? 'instead' : 'object'] = file.name(record.object);
  if (record.cause !== 0) o['answers'] = record.cause;
  if (record.status !== 0) o['status'] = record.status;
  if (record.kind === Kind.event) {
    o['cause'] = causeName(record.a);
    o[record.a === Cause.syscall ? 'call' : 'detail'] = record.a === Cause.syscall ? callName(file.words, record.c) : record.c;
    o['bytes'] = stateBytes(record.b);
    const access = accessOf(record.b);
    if (access) o['access'] = access;
  } else {
    o['a'] = record.a;
    o['b'] = record.b;
    o['c'] = record.c;
  }
  o['what'] = sentence(record);
  return o;
}
