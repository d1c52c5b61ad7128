/** The records that the list shows: all of them, or the numbers of those that a filter lets through, found in slices. */
import type { Filter } from '../filter.ts';
import type { TraceFile } from '../reader.ts';
import { RecordView } from '../record.ts';
import type { Chains } from './chains.ts';
import type { Job } from './jobs.ts';
import { Numbers } from './numbers.ts';

export class RecordList {
  readonly filter: Filter | undefined;
  private readonly trace: TraceFile;
  private readonly chains: Chains;
  private readonly found = new Numbers();
  /** Records examined so far. */
  private seen = 0;
  constructor(trace: TraceFile, chains: Chains, filter?: Filter) {
    this.trace = trace;
    this.chains = chains;
    this.filter = filter;
    if (filter) filter.latencySource = (record) => chains.latency(record);
  }

  get length(): number { return this.filter ? this.found.length : this.trace.length; }
  /** Part of the trace that the filter has examined, 0 … 1. */
  get progress(): number { return this.filter && this.trace.length ? this.seen / this.trace.length : 1; }
  /** Record number of a row. */
  record(row: number): number { return this.filter ? this.found.get(row) : row; }

  /** The row of a record, or of the next one that is shown. */
  rowOf(record: number): number {
    if (!this.filter) return Math.min(record, this.trace.length - 1);
    return Math.max(0, Math.min(this.found.position(record), this.found.length - 1));
  }
  shows(record: number): boolean { return !this.filter || (this.found.length > 0 && this.found.get(this.rowOf(record)) === record); }

  /** Applies the filter. A filter on latency waits for the index of answers. */
  *fill(): Job {
    if (!this.filter) return;
    const view = new RecordView();
    while (this.filter.usesLatency && !this.chains.complete) yield;
    for (; this.seen < this.trace.length; this.seen++) {
      if ((this.seen & 1023) === 1023) yield;
      if (this.filter.test(this.trace.at(this.seen, view), this.seen)) this.found.push(this.seen);
    }
  }
}
