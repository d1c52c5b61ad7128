/**
 * The viewer without its terminal: what is selected and shown, what each key does, and the screen as lines. The terminal part (app.ts)
 * feeds keys and sizes in and draws the lines. Long work is a `job`, done in slices between keys.
 */
import { answerOf, nextInChain, previousInChain } from '../causality.ts';
import { objectName } from '../decode.ts';
import { Filter } from '../filter.ts';
import type { TraceFile } from '../reader.ts';
import { RecordView } from '../record.ts';
import { analysis, type Stats } from '../stats.ts';
import { report } from '../report.ts';
import { press } from './keys.ts';
import { listHeight } from './list.ts';
import type { Prompt } from './prompt.ts';
import { Rows } from './rows.ts';

export type Mode = 'list' | 'timeline' | 'diagram' | 'stats' | 'help';
/** Writes a file beside the user's work; throws with a reason. */
export type Save = (name: string, text: Iterable<string>) => void;

export class Viewer {
  readonly trace: TraceFile;
  readonly title: string;
  readonly save: Save;
  rows: Rows;
  mode: Mode = 'list';
  /** Selected row and first row on the screen. */
  cursor = 0;
  top = 0;
  zoom = 0;
  byThread = false;
  laneTop = 0;
  diagramTop = 0;
  statsTop = 0;
  statsText: string[] | undefined;
  /** Record number of the mark that opens a span; -1 = none. */
  mark = -1;
  readonly bookmarks = new Set<number>();
  prompt: Prompt | undefined;
  lastSearch = '';
  /** One line for the user; gone with the next key. */
  message = '';
  finished = false;
  /** Keeps to the end of a recording that goes on. */
  following = false;
  /** Called when the screen has changed without a key. */
  changed: () => void = () => undefined;
  width = 80;
  height = 24;
  private job: Generator<void, void> | undefined;

  constructor(trace: TraceFile, title: string, save: Save, filter = '') {
    this.trace = trace;
    this.title = title;
    this.save = save;
    this.rows = new Rows(trace);
    if (trace.damage) this.message = trace.damage;
    if (filter) this.applyFilter(filter);
  }

  /** Number of the selected record; -1 when there is none. */
  get record(): number { return this.rows.length === 0 ? -1 : this.rows.record(Math.min(this.cursor, this.rows.length - 1)); }
  get body(): number { return this.height - 3; }
  get busy(): boolean { return this.job !== undefined; }

  key(name: string, text = ''): void { press(this, name, text); }
  resize(width: number, height: number): void { this.width = width; this.height = height; this.scroll(); }

  /** Does a slice of the job under way, for about `milliseconds`. */
  work(milliseconds = 15): void {
    const end = Date.now() + milliseconds;
    while (this.job && Date.now() < end) if (this.job.next().done) this.job = undefined;
    this.scroll();
  }
  start(job: Generator<void, void>): void { this.job = job; }

  /** The trace has more records: a recording goes on. */
  grown(): void {
    this.statsText = undefined;
    if (!this.busy) this.start(this.growJob());
    this.changed();
  }
  private *growJob(): Generator<void, void> {
    yield* this.rows.fill();
    if (this.following) this.move(this.rows.length - 1);
    if (this.mode === 'stats') yield* this.statsJob();
  }

  move(row: number): void {
    this.cursor = Math.max(0, Math.min(row, this.rows.length - 1));
    this.scroll();
  }
  /** Selects a record; says so when the filter hides it. */
  goTo(record: number): void {
    this.move(this.rows.rowOf(record));
    if (!this.rows.shows(record)) this.message = `record ${this.trace.at(record).sequence} is hidden by the filter; the next that is shown is selected`;
  }
  private scroll(): void {
    const shown = listHeight(this.body);
    this.top = Math.max(0, Math.min(this.top, this.cursor, this.rows.length - 1));
    if (this.cursor >= this.top + shown) this.top = this.cursor - shown + 1;
  }

  /** Throws FilterError and changes nothing when the text has a mistake. Empty text shows everything. */
  applyFilter(text: string): void {
    const filter = text.trim() ? new Filter(text, this.trace) : undefined, selected = this.record;
    this.rows = new Rows(this.trace, filter);
    this.cursor = this.top = 0;
    this.statsText = undefined;
    this.start(this.filterJob(Math.max(0, selected)));
  }
  private *filterJob(selected: number): Generator<void, void> {
    yield* this.rows.fill();
    if (this.cursor === 0) this.move(this.rows.rowOf(selected));
    if (this.mode === 'stats') yield* this.statsJob();
  }

  /** Selects the next record after the selected one that the search finds, wrapping at the end. */
  search(text: string): void {
    const filter = new Filter(text, this.trace);
    this.lastSearch = text;
    this.start(this.searchJob(filter));
  }
  private *searchJob(filter: Filter): Generator<void, void> {
    yield* filter.prepare();
    const view = new RecordView(), n = this.rows.length, from = this.cursor;
    for (let step = 1; step <= n; step++) {
      if ((step & 2047) === 0) yield;
      const row = (from + step) % n, record = this.rows.record(row);
      if (!filter.test(this.trace.at(record, view), record)) continue;
      this.message = row <= from ? 'search went on from the top' : '';
      return this.move(row);
    }
    this.message = `nothing found for '${filter.text}'`;
  }

  showStats(): void {
    this.mode = 'stats';
    this.statsTop = 0;
    if (!this.statsText && !this.busy) this.start(this.statsJob());
  }
  private *statsJob(): Generator<void, void> {
    const { filter } = this.rows, stats: Stats = yield* analysis(this.trace, filter ? (r, i) => filter.test(r, i) : undefined);
    this.statsText = report(stats).split('\n');
  }

  follow(forward: boolean): void {
    if (this.record < 0) return;
    const found = forward ? nextInChain(this.trace, this.record) : previousInChain(this.trace, this.record);
    if (found < 0) this.message = forward ? 'nothing follows from this record' : 'nothing is known that this record follows from';
    else this.goTo(found);
  }

  /** First and last record number of the span: mark to cursor, else the selected chain, else what comes next. */
  span(): [number, number] {
    const now = Math.max(0, this.record), end = this.trace.length - 1;
    if (this.mark >= 0) return [Math.min(this.mark, now), Math.max(this.mark, now)];
    const { cause } = this.trace.length ? this.trace.at(now) : { cause: 0 }, start = cause === 0 ? now : Math.max(0, this.trace.indexOf(cause)), answer = this.trace.length ? answerOf(this.trace, start) : -1;
    return answer >= 0 ? [start, answer] : [Math.max(0, Math.min(now, end - 200)), Math.min(end, now + 200)];
  }
  inSpan(record: number): boolean { return this.mark >= 0 && record >= Math.min(this.mark, this.record) && record <= Math.max(this.mark, this.record); }
  laneOf(record: number): string {
    if (record < 0) return '';
    const { actor } = this.trace.at(record);
    return this.byThread ? objectName(this.trace, actor) : this.trace.taskOf(actor);
  }
}
