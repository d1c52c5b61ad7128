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
  const line: Record<string, unknown> = {
    seq: record.sequence, time: record.time, kind: record.kindName, hart: record.hart, thread: file.name(record.actor),
      task: file.taskOf(record.actor)
  };
  if (record.object !== 0) line[record.kind === Kind.schedule ? 'instead' : 'object'] = file.name(record.object);
  if (record.cause !== 0) line['answers'] = record.cause;
  if (record.status !== 0) line['status'] = record.status;
  if (record.kind === Kind.event) {
    line['cause'] = causeName(record.a);
    line[record.a === Cause.syscall ? 'call' : 'detail'] = record.a === Cause.syscall ? callName(file.words, record.c) : record.c;
    line['bytes'] = stateBytes(record.b);
    const access = accessOf(record.b);
    if (access) line['access'] = access;
  } else {
    line['a'] = record.a;
    line['b'] = record.b;
    line['c'] = record.c;
  }
  line['what'] = sentence(record);
  return line;
}
