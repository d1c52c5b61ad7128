/** One run as the page sees it: the worker, the growing trace, its indexes, the selected record. Signals notify the views of changes. */
import { batch, signal } from '@preact/signals';
import { Filter, PiecesSource, TraceFile, type RecordView } from '../../trace/index.ts';
import { Chains } from '../../trace/view/chains.ts';
import { Jobs } from '../../trace/view/jobs.ts';
import { Pyramid } from '../../trace/view/pyramid.ts';
import { RecordList } from '../../trace/view/rows.ts';
import type { ConsoleInfo, FromWorker, Given, Progress, Speed, ToWorker, What } from '../protocol.ts';
import type { Snapshot } from '../worker/memory.ts';
import type { View } from './link.ts';

/** `recorded`: only its trace is available. */
export type Phase = 'loading' | 'running' | 'ended' | 'failed' | 'recorded';
export interface Ending { readonly status: number; readonly why: string; readonly table: string }

/** Milliseconds per frame for building indexes. */
const WORK_MS = 6;
/** Milliseconds between two drawings of a growing trace: drawing each frame would take the time that clicks need. */
const DRAWN_EVERY_MS = 100;
const worker = (): Worker => new Worker(new URL('./machine.js', import.meta.url));
/** A worker loaded ahead, so that a click starts at once. */
let ready: Worker | undefined;
export function prepare(): void { ready ??= worker(); }

export class Session {
  readonly what: What;
  readonly seed: number;
  readonly phase = signal<Phase>('loading');
  readonly title = signal('');
  readonly summary = signal('');
  readonly consoles = signal<readonly ConsoleInfo[]>([]);
  readonly progress = signal<Progress>({ cycles: 0, instructions: 0, records: 0, state: 'running' });
  readonly ending = signal<Ending | undefined>(undefined);
  readonly message = signal('');
  readonly speed = signal<Speed>('full');
  /** Increases when the trace, its indexes or the list have changed. */
  readonly version = signal(0);
  /** Number of the selected record; -1: none. */
  readonly selected = signal(-1);
  /** The list follows the end. */
  readonly following = signal(true);
  readonly filter = signal('');
  readonly filterError = signal('');
  readonly view = signal<View>('list');
  readonly snapshot = signal<Snapshot | undefined>(undefined);
  /** The contents of the folder /host that page and guest share; undefined without such a folder. */
  readonly host = signal<readonly { readonly path: string; readonly size: number }[] | undefined>(undefined);
  onFile: ((file: Given) => void) | undefined;
  trace: TraceFile | undefined;
  rows: RecordList | undefined;
  chains: Chains | undefined;
  pyramid: Pyramid | undefined;
  /** Called with output; output before a console exists is stored. */
  onOutput: ((channel: string, bytes: Uint8Array) => void) | undefined;
  private readonly early: [string, Uint8Array][] = [];
  private readonly source = new PiecesSource();
  private readonly jobs = new Jobs();
  private worker: Worker | undefined;
  private frame = 0;
  private drawnAt = -Infinity;
  private drawLater = 0;
  /** Resolves when the run is over. */
  readonly over: Promise<void>;
  private finish!: () => void;
  private recordingHere: ((text: string) => void) | undefined;
  /** Times of the request and of the first system call: milliseconds of the page's clock. */
  readonly startedAt = performance.now();
  firstCallAfter: number | undefined;

  /** A run, or the trace of a finished one (`what` is then undefined). */
  constructor(what: What | undefined, seed: number, speed: Speed, replay?: string) {
    this.what = what ?? { kind: 'scenario', name: 'trace' };
    this.seed = seed;
    this.speed.value = speed;
    this.over = new Promise((resolve) => { this.finish = resolve; });
    if (!what) return;
    this.worker = ready ?? worker();
    ready = undefined;
    this.worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.hear(data);
    this.worker.onerror = (event) => this.fail(event.message || 'the machine could not be loaded');
    this.send({ type: 'start', what, seed, speed, replay });
  }

  /** A trace recorded elsewhere. Throws TraceFileError for a file that is no trace. */
  static ofTrace(name: string, bytes: Uint8Array): Session {
    const session = new Session(undefined, 1, 'full');
    session.source.append(bytes);
    session.takeIn();
    const { trace } = session, last = trace && trace.length > 0 ? trace.at(trace.length - 1).time : 0;
    session.title.value = name;
    session.following.value = false;
    session.selected.value = -1;
    session.progress.value = { cycles: last, instructions: 0, records: trace?.length ?? 0, state: 'paused' };
    session.phase.value = 'recorded';
    session.message.value = trace?.damage ?? '';
    session.finish();
    return session;
  }

  send(message: ToWorker): void { this.worker?.postMessage(message); }
  close(): void {
    this.worker?.terminate();
    cancelAnimationFrame(this.frame);
    clearTimeout(this.drawLater);
    this.finish();
  }
  setSpeed(speed: Speed): void {
    this.speed.value = speed;
    this.send({ type: 'speed', speed });
  }
  /** The typed input so far, as a recording. */
  recording(): Promise<string> {
    return new Promise((resolve) => {
      this.recordingHere = resolve;
      this.send({ type: 'recording' });
    });
  }
  listen(to: (channel: string, bytes: Uint8Array) => void): void {
    this.onOutput = to;
    for (const [channel, bytes] of this.early) to(channel, bytes);
  }

  private hear(message: FromWorker): void {
    switch (message.type) {
      case 'started':
        batch(() => {
          this.title.value = message.title;
          this.summary.value = message.summary;
          this.consoles.value = message.consoles;
          this.phase.value = 'running';
        });
        break;
      case 'output':
        this.early.push([message.channel, message.bytes]);
        this.onOutput?.(message.channel, message.bytes);
        break;
      case 'trace':
        this.source.append(message.bytes);
        this.schedule();
        break;
      case 'progress': this.progress.value = message.progress; break;
      case 'memory': this.snapshot.value = message.snapshot; break;
      case 'host': this.host.value = message.files; break;
      case 'file': this.onFile?.(message.file); break;
      case 'recording': this.recordingHere?.(message.text); break;
      case 'note': this.message.value = message.text; break;
      case 'ended':
        batch(() => { this.ending.value = message; this.phase.value = 'ended'; });
        this.takeIn();
        this.draw();
        this.following.value = false;
        this.finish();
        break;
      case 'failed': this.fail(message.message); break;
    }
  }
  private fail(message: string): void {
    batch(() => { this.message.value = message; this.phase.value = 'failed'; });
    this.finish();
  }

  // ---- the trace ------------------------------------------------------------------------------------------------------

  private schedule(): void {
    if (this.frame === 0) this.frame = requestAnimationFrame(() => { this.frame = 0; this.takeIn(); });
  }
  /** Takes new records, and works on the indexes for a while. */
  private takeIn(): void {
    if (!this.trace) {
      if (this.source.size < 64) return;
      this.trace = new TraceFile(this.source);
      this.chains = new Chains(this.trace);
      this.pyramid = new Pyramid(this.trace);
      this.applyFilter();
    } else this.trace.refresh();
    this.jobs.start('chains', this.chains!.fill());
    this.jobs.start('pyramid', this.pyramid!.fill());
    this.jobs.start('rows', this.rows!.fill());
    this.work();
  }
  /** Is it known which record answers which? */
  get chained(): boolean { return this.version.value > 0 && !this.jobs.has('chains'); }
  private work(): void {
    this.jobs.work(WORK_MS);
    if (this.trace && this.firstCallAfter === undefined && this.trace.length > 0) this.firstCallAfter = performance.now() - this.startedAt;
    if (performance.now() - this.drawnAt >= DRAWN_EVERY_MS) this.draw();
    else if (this.drawLater === 0) this.drawLater = window.setTimeout(() => this.draw(), DRAWN_EVERY_MS);
    if (this.jobs.busy && this.frame === 0) this.frame = requestAnimationFrame(() => { this.frame = 0; this.work(); });
  }

  /** Notifies the views of what has changed. */
  private draw(): void {
    clearTimeout(this.drawLater);
    this.drawLater = 0;
    this.drawnAt = performance.now();
    batch(() => {
      this.version.value++;
      if (this.following.value && this.rows && this.rows.length > 0) this.selected.value = this.rows.record(this.rows.length - 1);
    });
  }

  /** Shows only records that match; a mistake is reported and changes nothing. */
  setFilter(text: string): void {
    this.filter.value = text;
    if (this.trace) this.applyFilter();
  }
  private applyFilter(): void {
    const { trace, chains } = this, text = this.filter.value.trim();
    if (!trace || !chains) return;
    try {
      this.rows = new RecordList(trace, chains, text === '' ? undefined : new Filter(text, trace));
      this.filterError.value = '';
    } catch (error) {
      this.filterError.value = (error as Error).message;
      this.rows ??= new RecordList(trace, chains);
    }
    this.jobs.start('rows', this.rows.fill());
    this.work();
    this.draw();
  }

  select(record: number): void {
    if (!this.trace || this.trace.length === 0) return;
    batch(() => {
      this.following.value = false;
      this.selected.value = Math.max(0, Math.min(record, this.trace!.length - 1));
    });
  }
  /** The first record that matches a filter; -1: none. */
  first(text: string | undefined): number {
    const { trace } = this;
    if (!trace || text === undefined) return -1;
    try {
      const filter = new Filter(text, trace);
      for (let i = 0; i < trace.length; i++) if (filter.test(trace.at(i), i)) return i;
    } catch { /* this run has no object of that name */ }
    return -1;
  }
  record(number: number): RecordView | undefined {
    return this.trace && number >= 0 && number < this.trace.length ? this.trace.at(number) : undefined;
  }
}
