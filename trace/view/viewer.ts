/**
 * The viewer without its terminal: the selection, the actions of keys, and the screen as lines. The terminal part (app.ts)
 * feeds keys, clicks and sizes in and draws the lines. Long work is done by `jobs` in slices between keys.
 */
import { objectName } from '../decode.ts';
import { Filter } from '../filter.ts';
import type { TraceFile } from '../reader.ts';
import { Chains } from './chains.ts';
import { Jobs } from './jobs.ts';
import { press } from './keys.ts';
import { listHeight } from './list.ts';
import { click, type Click } from './mouse.ts';
import type { Prompt, PromptKind } from './prompt.ts';
import { Pyramid } from './pyramid.ts';
import { RecordList } from './rows.ts';
import type { Messages } from './span.ts';
import { StatsPanes } from './statistics.ts';
import type { Drawn } from './timeline.ts';

export type Mode = 'list' | 'timeline' | 'diagram' | 'stats' | 'help' | 'console' | 'record' | 'path' | 'address';
/** Writes a file beside the user's work; throws with a reason. */
export type Save = (name: string, text: Iterable<string>) => void;

export class Viewer {
  readonly trace: TraceFile;
  readonly title: string;
  readonly save: Save;
  readonly jobs = new Jobs();
  readonly chains: Chains;
  readonly pyramid: Pyramid;
  readonly stats = new StatsPanes();
  rows: RecordList;
  mode: Mode = 'list';
  /** Selected row and first row on the screen. */
  cursor = 0;
  top = 0;
  /** Horizontal scroll of the list in columns. */
  side = 0;
  zoom = 0;
  /** The timeline's part of time, when a span chose it. */
  shown: { from: number; to: number } | undefined;
  byThread = false;
  laneTop = 0;
  drawn: Drawn | undefined;
  diagramTop = 0;
  /** Messages of the span that was drawn last. */
  messages: Messages | undefined;
  /** Record number of the mark that opens a span; -1 = none. */
  mark = -1;
  readonly bookmarks = new Set<number>();
  prompt: Prompt | undefined;
  /** History of prompts, latest first. */
  readonly history: { kind: PromptKind; text: string }[] = [];
  lastSearch = '';
  /** Records of the list by latency, the slowest first, and the one that was shown last. */
  slowest: { records: number[]; at: number } | undefined;
  /** One line for the user; gone with the next key. */
  message = '';
  finished = false;
  /** Somebody else has the terminal: nothing is drawn, no key counts. */
  away = false;
  /** Between the marks that a terminal puts around a pasted text. */
  isPasting = false;
  /** Follows the end of a running recording. */
  following = false;
  /** Output of the running system; undefined when the viewer has no system. */
  console: string[] | undefined;
  consoleTop = 0;
  /** Walks of an address through the recorded page tables, or a sentence that says that there are none. */
  address: ((text: string) => readonly string[] | string) | undefined;
  /** Makes the run of `command` again, up to a record (its place in the trace), and gives it to a debugger, where that can be done. */
  debug: ((command: string, record: number) => void) | undefined;
  /** The command of the run, once it is known. */
  command = '';
  /** The last answer of `address`. */
  walked: readonly string[] = [];
  /** The last critical path, as text. */
  path: string[] = [];
  /** First line of a page of text. */
  pageTop = 0;
  /** Releases the terminal for a while (Ctrl-Z); the terminal part sets this. */
  suspend: () => void = () => undefined;
  /** Draws everything anew. */
  repaint: () => void = () => undefined;
  /** Called when the screen has changed without a key. */
  changed: () => void = () => undefined;
  width = 80;
  height = 24;

  constructor(trace: TraceFile, title: string, save: Save, filter = '') {
    this.trace = trace;
    this.title = title;
    this.save = save;
    this.chains = new Chains(trace);
    this.pyramid = new Pyramid(trace);
    this.rows = new RecordList(trace, this.chains);
    this.index();
    if (trace.damage) this.message = trace.damage;
    if (filter) this.applyFilter(filter);
  }

  /** Number of the selected record; -1 when there is none. */
  get record(): number { return this.rows.length === 0 ? -1 : this.rows.record(Math.min(this.cursor, this.rows.length - 1)); }
  get body(): number { return this.height - 3; }
  get busy(): boolean { return this.jobs.busy; }
  /** The running work, for the title; empty when there is none. */
  get work(): string {
    if (this.rows.progress < 1) return `filtering ${percent(this.rows.progress)}`;
    if (this.jobs.has('search')) return 'searching …';
    if (this.jobs.has('stats')) return `counting ${percent(this.stats.progress)}`;
    const indexed = Math.min(this.chains.seen, this.jobs.has('pyramid') ? this.pyramid.seen : Infinity);
    return this.jobs.has('chains') || this.jobs.has('pyramid') ? `indexing ${percent(indexed / this.trace.length)}`
      : this.busy ? 'working …'
      : '';
  }

  /** First and last time of the trace. */
  get times(): [number, number] {
    if (this.ends?.length !== this.trace.length)
      this.ends = { length: this.trace.length, times: [this.trace.at(0).time, this.trace.at(this.trace.length - 1).time] };
    return this.ends.times;
  }
  private ends: { length: number; times: [number, number] } | undefined;

  key(name: string, text = ''): void { if (!this.away) press(this, name, text); }
  mouse(event: Click): void { click(this, event); }
  resize(width: number, height: number): void { this.width = width; this.height = height; this.scroll(); }

  /** Does a slice of the running work, for about `milliseconds`. */
  slice(milliseconds = 12): void {
    this.jobs.first = this.mode === 'timeline' ? 'pyramid'
      : this.mode === 'stats' && this.jobs.has('chains') === false ? 'stats'
      : this.rows.filter?.usesLatency ? 'chains'
      : 'rows';
    this.jobs.work(milliseconds);
    if (this.following) this.cursor = Math.max(0, this.rows.length - 1);
    this.scroll();
  }
  private index(): void {
    if (!this.jobs.has('chains')) this.jobs.start('chains', this.chains.fill());
    if (!this.jobs.has('pyramid')) this.jobs.start('pyramid', this.pyramid.fill());
  }

  /** A running recording has added records. */
  grown(): void {
    this.stats.stale = true;
    this.slowest = undefined;
    this.index();
    if (!this.jobs.has('rows')) this.jobs.start('rows', this.rows.fill());
    if (this.mode === 'stats') this.stats.start(this);
    if (this.following) this.move(this.rows.length - 1);
    this.changed();
  }

  move(row: number): void {
    this.cursor = Math.max(0, Math.min(row, this.rows.length - 1));
    this.scroll();
  }
  /** Selects a line; scrolls a line outside the screen so that much of what follows is visible. */
  show(row: number): void {
    const shown = listHeight(this.body);
    if (row < this.top || row >= this.top + shown) this.top = row - Math.floor(shown / 3);
    this.move(row);
  }
  /** Selects a record; shows a message when the filter hides it. */
  goTo(record: number): void {
    this.following = false;
    this.show(this.rows.rowOf(record));
    if (!this.rows.shows(record))
      this.message = `record ${this.trace.at(record).sequence} is hidden by the filter; the next that is shown is selected`;
  }
  private scroll(): void {
    const shown = listHeight(this.body);
    this.top = Math.max(0, Math.min(this.top, this.cursor, this.rows.length - 1));
    if (this.cursor >= this.top + shown) this.top = this.cursor - shown + 1;
  }

  /** Throws FilterError and changes nothing when the text has a mistake. Empty text shows everything. */
  applyFilter(text: string): void {
    const filter = text.trim() ? new Filter(text, this.trace) : undefined, selected = this.record;
    this.rows = new RecordList(this.trace, this.chains, filter);
    this.cursor = this.top = 0;
    this.slowest = undefined;
    this.stats.stale = true;
    this.jobs.stop('search');
    this.jobs.start('rows', this.filterJob(Math.max(0, selected)));
    if (this.mode === 'stats') this.stats.start(this);
  }
  private *filterJob(selected: number): Generator<void, void> {
    for (const steps = this.rows.fill(); !steps.next().done; yield)
      if (this.cursor === 0 && this.rows.length > 0 && this.rows.record(this.rows.length - 1) >= selected)
        this.show(this.rows.rowOf(selected));
    if (this.cursor === 0) this.show(this.rows.rowOf(selected));
  }

  /** First and last record number of the span: mark to cursor, else the selected chain, else what comes next. */
  span(): [number, number] {
    const now = Math.max(0, this.record), end = this.trace.length - 1;
    if (this.mark >= 0) return [Math.min(this.mark, now), Math.max(this.mark, now)];
    if (this.trace.length === 0) return [0, -1];
    const { cause } = this.trace.at(now), start = cause === 0 ? now : Math.max(0, this.trace.indexOf(cause)),
      answer = this.chains.answer(start);
    return answer >= 0 ? [start, answer] : [Math.max(0, Math.min(now, end - 200)), Math.min(end, now + 200)];
  }
  inSpan(record: number): boolean {
    return this.mark >= 0 && record >= Math.min(this.mark, this.record) && record <= Math.max(this.mark, this.record);
  }
  laneOf(record: number): string {
    if (record < 0) return '';
    const { actor } = this.trace.at(record);
    return this.byThread ? objectName(this.trace, actor) : this.trace.taskOf(actor);
  }
}

const percent = (part: number): string => `${Math.floor(Math.min(1, part || 0) * 100)} %`;
