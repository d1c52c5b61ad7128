/** Records of a kind between tasks, in order, as plain objects, for judges. */
import { Kind } from '../../microkernel/abi/index.ts';
import { Part, wordsOfPart, type RecordView, type TraceFile } from '../../trace/index.ts';

export interface Fact {
  readonly seq: number;
  readonly time: number;
  readonly kind: number;
  readonly status: number;
  readonly hart: number;
  readonly actor: number;
  readonly object: number;
  readonly cause: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly from: string;
  readonly to: string
}

/** All records that satisfy `keep`. `from`: the actor's task; `to`: the object's. */
export function facts(trace: TraceFile, keep: (record: RecordView) => boolean): Fact[] {
  const found: Fact[] = [];
  for (const record of trace.records()) {
    if (!keep(record)) continue;
    const { sequence: seq, time, kind, status, hart, actor, object, cause, a, b, c } = record;
    found.push({
      seq, time, kind, status, hart, actor, object, cause, a, b, c, from: actor ? trace.taskOf(actor) : 'kernel',
      to: object ? trace.taskOf(object) : ''
    });
  }
  return found;
}
export const ofKind = (trace: TraceFile, ...kinds: number[]): Fact[] => facts(trace, (r) => kinds.includes(r.kind));

/** Calls and sends from one task to another, in order. */
export const messages = (trace: TraceFile, from: string, to: string): Fact[] =>
  ofKind(trace, Kind.call, Kind.send).filter((f) => f.from === from && f.to === to);

/** The words of a kernel object's operation, or of a message; empty when its task's payload was not captured. */
export function operands(trace: TraceFile, fact: Fact): number[] {
  const part = trace.payload(fact.seq).find((p) => p.part === Part.words);
  return part ? wordsOfPart(part).map(Number) : [];
}
