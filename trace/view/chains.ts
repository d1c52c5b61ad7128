/**
 * An index of causality: for each record the next one of its chain, so that answers, latencies and jumps along a chain cost the same in a
 * trace of ten million records as in one of ten. It is built in slices in the background; until it is complete, later records are searched
 * nearby.
 */
import { answerOf, isAnswer, latencyAt, nextInChain, previousInChain } from '../causality.ts';
import type { TraceFile } from '../reader.ts';
import { RecordView } from '../record.ts';
import type { Job } from './jobs.ts';
import { Numbers } from './numbers.ts';

/** Records to examine beyond the index. */
const NEARBY = 3000;

export class Chains {
  private readonly trace: TraceFile;
  /** Record number + 1 of the chain's next record; 0 = none. */
  private readonly following = new Numbers();
  /** For a record that opens a chain: record number + 1 of the chain's last record so far. */
  private readonly last = new Numbers();
  private readonly view = new RecordView();
  /** Records that the index covers. */
  seen = 0;
  constructor(trace: TraceFile) { this.trace = trace; }

  get complete(): boolean { return this.seen === this.trace.length; }

  /** Indexes the trace's new records. */
  *fill(): Job {
    const view = new RecordView();
    for (; this.seen < this.trace.length; this.seen++) {
      if ((this.seen & 8191) === 8191) yield;
      const { cause } = this.trace.at(this.seen, view), start = cause === 0 ? -1 : this.trace.indexOf(cause);
      if (start < 0 || start >= this.seen) continue;
      this.following.set((this.last.get(start) || start + 1) - 1, this.seen + 1);
      this.last.set(start, this.seen + 1);
    }
  }

  /** The next record of the chain that `record` belongs to; -1 at its end. */
  next(record: number): number {
    const found = this.following.get(record) - 1;
    return found >= 0 || this.complete ? found : nextInChain(this.trace, record, NEARBY);
  }

  /** The record before in its chain; -1 at its start. */
  previous(record: number): number {
    const { cause } = this.trace.at(record, this.view), start = cause === 0 ? -1 : this.trace.indexOf(cause);
    if (start < 0) return -1;
    if (record >= this.seen) return previousInChain(this.trace, record);
    let at = start;
    for (let next = this.following.get(at) - 1; next >= 0 && next < record; next = this.following.get(at) - 1) at = next;
    return at;
  }

  /** The reply or resume that ends what `record` opens; -1 when it opens nothing or has no answer. */
  answer(record: number): number {
    const { cause } = this.trace.at(record, this.view);
    if (cause !== 0) return -1;
    for (let at = this.following.get(record) - 1; at >= 0; at = this.following.get(at) - 1)
      if (isAnswer(this.trace.at(at, this.view).kind)) return at;
    return this.complete ? -1 : answerOf(this.trace, record, NEARBY);
  }

  /** Cycles to the answer, or since the cause; NaN without one. */
  latency(record: number): number {
    const { cause, time } = this.trace.at(record, this.view);
    if (cause !== 0) return latencyAt(this.trace, record);
    const answer = this.answer(record);
    return answer < 0 ? NaN : this.trace.at(answer, this.view).time - time;
  }
}
