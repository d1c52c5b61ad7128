/**
 * Finds the answer of a record. A call, a send or an event opens a chain; the records it causes (receive, map, reply, resume) carry its
 * sequence number as `cause`.
 */
import { Kind } from '../microkernel/abi/index.ts';
import type { TraceFile } from './reader.ts';
import { RecordView } from './record.ts';

export const isAnswer = (kind: number): boolean => kind === Kind.reply || kind === Kind.resume;
const opens = (kind: number): boolean => kind === Kind.call || kind === Kind.send || kind === Kind.event;

/** Records to examine before a search for an answer gives up. */
const REACH = 2_000_000;

/** The next record of the chain that record `index` belongs to; -1 at its end. */
export function nextInChain(trace: TraceFile, index: number, reach = REACH): number {
  const view = new RecordView(), record = trace.at(index, view),
    chain = record.cause !== 0 ? record.cause : opens(record.kind) ? record.sequence : -1;
  return chain < 0 ? -1 : forward(trace, index, (x) => x.cause === chain, reach);
}

/** The record before in its chain; the one that opened it comes last; -1 at the start. */
export function previousInChain(trace: TraceFile, index: number): number {
  const view = new RecordView(), { cause } = trace.at(index, view);
  if (cause === 0) return -1;
  const start = trace.indexOf(cause);
  for (let i = index - 1; i > start && i > index - REACH; i--) if (trace.at(i, view).cause === cause) return i;
  return start;
}

/** The reply or resume that ends what record `index` opened; -1 when it opens nothing or has no answer within reach. */
export function answerOf(trace: TraceFile, index: number, reach = REACH): number {
  const { kind, sequence } = trace.at(index);
  return opens(kind) ? forward(trace, index, (x) => x.cause === sequence && isAnswer(x.kind), reach) : -1;
}

function forward(trace: TraceFile, index: number, found: (record: RecordView) => boolean, reach: number): number {
  const view = new RecordView(), end = Math.min(trace.length, index + 1 + reach);
  for (let i = index + 1; i < end; i++) if (found(trace.at(i, view))) return i;
  return -1;
}

/**
 * Cycles between a record and its counterpart: to the answer for a record that opens a chain, since the cause for other records; NaN
 * without a counterpart.
 */
export function latencyAt(trace: TraceFile, index: number, reach = REACH): number {
  const record = trace.at(index), time = record.time, cause = record.cause;
  if (cause !== 0) {
    const start = trace.indexOf(cause);
    return start < 0 ? NaN : time - trace.at(start).time;
  }
  const answer = answerOf(trace, index, reach);
  return answer < 0 ? NaN : trace.at(answer).time - time;
}

/** All latencies of a trace, found in one pass: by record number, in cycles; NaN = none. Yields now and then. */
export function* latencies(trace: TraceFile): Generator<void, Float32Array> {
  const all = new Float32Array(trace.length).fill(NaN), view = new RecordView(), start = new RecordView();
  for (let i = 0; i < trace.length; i++) {
    if ((i & 4095) === 4095) yield;
    const { cause, kind, time } = trace.at(i, view);
    const from = cause === 0 ? -1 : trace.indexOf(cause);
    if (from < 0) continue;
    all[i] = time - trace.at(from, start).time;
    if (isAnswer(kind)) all[from] = all[i]!;
  }
  return all;
}
