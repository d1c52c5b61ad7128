/** The records that the list shows: all of them, or the numbers of those that a filter lets through, found in slices. */
import type { Filter } from '../filter.ts';
import type { TraceFile } from '../reader.ts';
import { RecordView } from '../record.ts';

export class Rows {
  readonly filter: Filter | undefined;
  private readonly trace: TraceFile;
  private found = new Uint32Array(1024);
  private count = 0;
  /** Records looked at so far. */
  private seen = 0;
  constructor(trace: TraceFile, filter?: Filter) { this.trace = trace; this.filter = filter; }

  get length(): number { return this.filter ? this.count : this.trace.length; }
  /** Part of the trace that the filter has seen, 0 … 1. */
  get progress(): number { return this.filter && this.trace.length ? this.seen / this.trace.length : 1; }
  /** Record number of a row. */
  record(row: number): number { return this.filter ? this.found[row]! : row; }

  /** The row of a record, or of the next one that is shown. */
  rowOf(record: number): number {
    if (!this.filter) return Math.min(record, this.trace.length - 1);
    let low = 0, high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.found[middle]! < record) low = middle + 1; else high = middle;
    }
    return Math.max(0, Math.min(low, this.count - 1));
  }
  shows(record: number): boolean { return !this.filter || this.found[this.rowOf(record)] === record && this.count > 0; }

  /** Applies the filter; yields every few thousand records. */
  *fill(): Generator<void, void> {
    if (!this.filter) return;
    yield* this.filter.prepare();
    const view = new RecordView();
    for (; this.seen < this.trace.length; this.seen++) {
      if ((this.seen & 2047) === 2047) yield;
      if (this.filter.test(this.trace.at(this.seen, view), this.seen)) this.add(this.seen);
    }
  }

  private add(record: number): void {
    if (this.count === this.found.length) { const more = new Uint32Array(this.count * 2); more.set(this.found); this.found = more; }
    this.found[this.count++] = record;
  }
}
