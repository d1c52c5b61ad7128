/**
 * Finds where two traces diverge: the first record that differs, and the records before it in both. It compares names, not numbers of
 * objects.
 */
import { Kind } from '../microkernel/abi/index.ts';
import { ends, originOf, sentence, cyclesText } from './decode.ts';
import type { PayloadPart } from './payload.ts';
import type { TraceFile } from './reader.ts';
import { RecordView } from './record.ts';

export interface Divergence {
  /** Record number in both; the shorter length when one trace ends where the other continues. */
  readonly record: number;
  /** Fields that differ; empty when one trace has no such record. */
  readonly fields: readonly string[];
}

const plain = ['kind', 'time', 'hart', 'status', 'cause', 'a', 'b', 'c'] as const;

/** The first difference, undefined when there is none. `times` false: ignores times. */
export function firstDivergence(first: TraceFile, second: TraceFile, times = true): Divergence | undefined {
  const x = new RecordView(), y = new RecordView(), both = Math.min(first.length, second.length),
    payload = first.hasPayload && second.hasPayload;
  for (let i = 0; i < both; i++) {
    const fields = differences(first, first.at(i, x), second, second.at(i, y), times);
    if (payload && fields.length === 0 && !samePayload(first.payload(x.sequence), second.payload(y.sequence))) fields.push('payload');
    if (fields.length > 0) return { record: i, fields };
  }
  return first.length === second.length ? undefined : { record: both, fields: [] };
}

function differences(first: TraceFile, x: RecordView, second: TraceFile, y: RecordView, times: boolean): string[] {
  const found: string[] = plain.filter((f) =>
    x[f] !== y[f] && (times || f !== 'time')
      && !(f === 'a' && x.kind === Kind.wake && y.kind === Kind.wake && first.name(x.a) === second.name(y.a)));
  for (const field of ['actor', 'object'] as const)
    if (x[field] !== y[field] || first.name(x[field]) !== second.name(y[field])) found.push(field);
  return found;
}

/** Whether both have the same payload. Not compared where only one trace has payload. */
function samePayload(left: readonly PayloadPart[], right: readonly PayloadPart[]): boolean {
  return left.length === right.length
    && left.every((x, i) => {
      const y = right[i]!;
      return x.part === y.part && x.index === y.index && x.bytes.length === y.bytes.length && x.bytes.every((v, n) => v === y.bytes[n]);
    });
}

/** The difference in words: `context` records before it, and a few after it of each. */
export function diffReport(first: TraceFile, second: TraceFile, at: Divergence, names: readonly [string, string], context = 5): string {
  const lines = [
    at.fields.length > 0
      ? `The traces part at record ${at.record + 1}: ${at.fields.join(', ')} differ.`
      : `The first ${at.record} records are the same; ${first.length > second.length ? names[0] : names[1]} goes on, with `
        + `${Math.abs(first.length - second.length)} more.`,
    ''
  ];
  for (let i = Math.max(0, at.record - context); i < at.record; i++) lines.push(`   ${lineOf(first, i)}`);
  for (const [sign, trace, name] of [['-', first, names[0]], ['+', second, names[1]]] as const) {
    lines.push('', `${sign}  ${name}`);
    for (let i = at.record; i < Math.min(trace.length, at.record + context); i++) lines.push(`${sign}  ${lineOf(trace, i)}`);
    if (at.record >= trace.length) lines.push(`${sign}  (ends here)`);
  }
  return lines.join('\n') + '\n';
}

function lineOf(trace: TraceFile, i: number): string {
  const record = trace.at(i);
  return `${String(record.sequence).padStart(9)} ${cyclesText(record.time).padStart(9)}  ${ends(trace, record)}: `
    + sentence(record, originOf(trace, record));
}
