/**
 * One run of a system. It starts by itself after the present turn of the event loop, so that listeners can be added first; `await run`
 * gives its result.
 *
 *   const run = runProgram({ … });
 *   run.on('output', (text, channel) => …);
 *   const { status } = await run;
 */
import { EventEmitter } from 'eventemitter3';
import type TypedEmitter from 'typed-emitter';
import { Capture } from '../system/capture/capture.ts';
import type { Channel, Door, Host, Result, SystemOptions } from '../system/host.ts';
import { pause } from '../system/pause.ts';
import { MemoryRecording, replayOf } from '../system/recording.ts';
import { statsOf, tableOf } from '../system/report.ts';
import { bootScenario, type System } from '../system/system.ts';
import { vocabularyFor } from '../system/vocabulary.ts';
import type { Scenario } from '../roottask/scenario.ts';
import { PiecesSource, TeeSink, TraceFile, TraceRecorder, type ByteSink, type RecordView } from '../trace/index.ts';
import { Console } from './console.ts';
import { asSystemError } from './errors.ts';

export type RunEvents = {
  /** Output of a console, decoded; an incomplete character waits for its remaining bytes. */
  output: (text: string, channel: Channel) => void;
  /** A record of the kernel's trace. The view is reused: call `record.clone()` to keep it. */
  trace: (record: RecordView) => void;
  /** A piece of the run is over; the host's own events run now. */
  progress: (cycles: number) => void;
  end: (result: Result) => void;
};

/** Options that all runs share. */
export interface RunOptions {
  onOutput?(text: string, channel: Channel): void;
  /** Called for each record of the kernel's trace; the view is reused. */
  onTrace?(record: RecordView): void;
  /**
   * Keeps the trace in memory for `run.trace`. `payload`: also the contents of messages and calls of these tasks. `maxBytes`: default 256
   * MiB. `to`: receives the bytes of the trace file instead, as they are written.
   */
  readonly trace?: boolean | { readonly payload?: 'all' | readonly string[]; readonly maxBytes?: number; readonly to?: ByteSink };
  /** Ends the run; its promise then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Seed of the guest's random numbers (default 1): the same seed and input give the same run. */
  readonly seed?: number;
  /**
   * Whole seconds since 1970 at which the guest's wall clock begins. Default: the same for all runs; with a folder of the host,
   * `Math.floor(Date.now() / 1000)` gives the guest the host's time, so both agree which files are newer.
   */
  readonly clock?: number;
  readonly engine?: SystemOptions['engine'];
  /** Processor model of the machine: 'base' and switches, as for the command's --cpu. */
  readonly cpu?: string;
  readonly maxInstructions?: number;
  /** The run ends when this text has appeared on a console. */
  readonly until?: string;
  /** Virtual time follows the wall clock: for people who type. */
  readonly paced?: boolean;
  /** Stores all outside input for `run.recording()`. */
  readonly record?: boolean;
  /** A recording to replay: all input comes from it, and its seed is used. */
  readonly replay?: string;
  /** Called before each piece of the run, which continues when the promise resolves: to pause it. */
  gate?(): Promise<void>;
  /** Cycles of a piece (default 20 million, 4 million when paced): choose fewer to watch it run. */
  piece?(): number;
}

/** The part that differs between kinds of runs. */
export interface Launch<T> {
  readonly scenario: Scenario;
  readonly host: Omit<Host, 'output' | 'door' | 'pause' | 'gate' | 'piece'>;
  readonly system?: SystemOptions;
  /** The channel of `run.console`. */
  readonly main: Channel;
  /** The result for the caller: computed when the run is over, with its trace where `asked`. Throws SystemError. */
  judge?(result: Result, system: System, trace: TraceFile | undefined): Promise<Result>;
  /** `judge` reads the trace, so it is stored even if the caller does not ask for it. */
  readonly asked?: boolean;
  finish(result: Result, run: Run<T>): T;
}

const MOST_TRACE = 256 << 20;

export class Run<T> extends (EventEmitter as unknown as new () => TypedEmitter<RunEvents>) implements PromiseLike<T> {
  /** The system itself: machine, kernel, components. */
  readonly system: System;
  private readonly consoles = new Map<Channel, { console: Console; decoder: InstanceType<typeof TextDecoder> }>();
  private readonly main: Channel;
  private readonly source: PiecesSource | undefined;
  private readonly recorder: TraceRecorder | undefined;
  private readonly recorded: MemoryRecording | undefined;
  private readonly done: Promise<T>;
  private file: TraceFile | undefined;

  /** @throws SystemError for mistakes that the user can correct */
  constructor(launch: Launch<T>, options: RunOptions) {
    super();
    const { trace } = options, payload = typeof trace === 'object' ? trace.payload : undefined;
    this.main = launch.main;
    const elsewhere = typeof trace === 'object' ? trace.to : undefined;
    const most = (typeof trace === 'object' ? trace.maxBytes : undefined) ?? MOST_TRACE;
    if (trace && !elsewhere) this.source = new PiecesSource(most);
    const evidence = launch.asked ? this.source ?? new PiecesSource(most) : undefined;
    const sink = elsewhere && evidence ? new TeeSink(elsewhere, evidence) : elsewhere ?? this.source ?? evidence;
    if (sink || options.onTrace) this.recorder = new TraceRecorder(sink, { words: vocabularyFor(launch.scenario) });
    if (options.onTrace) this.on('trace', options.onTrace);
    if (options.onOutput) this.on('output', options.onOutput);
    this.recorder?.on('failed', (error) => { this.traceFailed = error; });
    if (options.onTrace || (trace && !elsewhere)) this.recorder?.on('record', (r) => { this.emit('trace', r); });
    const door: Door & { seed?: number } = options.replay === undefined ? {} : replayOf(options.replay),
      seed = door.seed ?? options.seed ?? 1;
    if (options.record) this.recorded = new MemoryRecording(seed);
    try {
      this.system = bootScenario(launch.scenario, {
        ...launch.host, output: (channel, bytes) => this.appeared(channel, bytes), pause: () => this.breathe(), gate: options.gate,
        piece: options.piece,
        door: { arrivals: door.arrivals, passed: (arrival) => this.recorded?.passed(arrival) },
      }, {
        ...launch.system, seed, engine: options.engine, ...(options.clock !== undefined && { startMs: options.clock * 1000 }),
        ...(options.cpu !== undefined && { cpu: options.cpu }),
        maxInstructions: options.maxInstructions, until: options.until, paced: options.paced,
        trace: this.recorder, ...(payload && { capture: (sink) => new Capture(sink, payload === 'all' ? ['all'] : payload) }),
      });
    } catch (error) {
      throw asSystemError(error);
    }
    this.done = this.begin(launch, evidence, options.signal);
    this.done.catch(() => undefined);
  }

  /** The user's console. */
  get console(): Console { return this.consoleOf(this.main); }
  /** The console of a channel: 'uart', 'console0', … */
  consoleOf(channel: Channel): Console {
    let found = this.consoles.get(channel);
    if (!found) {
      const { system } = this;
      const console = new Console({
        bytes: (data) => system.input(channel, data), end: () => system.endInput(channel),
        size: (columns, rows) => system.resize(channel, columns, rows)
      });
      this.consoles.set(channel, (found = { console, decoder: new TextDecoder() }));
    }
    return found.console;
  }
  /** The trace did not fit into its memory. */
  traceFailed: Error | undefined;
  /** Ends the run at the next opportunity, with status 130. */
  stop(): void { this.system.stop(); }
  /** Resolves at the end of the run: `await run`. */
  // oxlint-disable-next-line unicorn/no-thenable
  then<A = T, B = never>(fulfilled?: ((value: T) => A | PromiseLike<A>) | null,
      rejected?: ((reason: any) => B | PromiseLike<B>) | null): Promise<A | B> {
    return this.done.then(fulfilled, rejected);
  }

  /** The trace so far: always the same object, which grows. @throws Error without the option `trace` */
  get trace(): TraceFile {
    if (!this.source) throw new Error("this run keeps no trace; give it the option 'trace: true'");
    this.system.kernel.trace.flush();
    if (this.file) this.file.refresh();
    return (this.file ??= new TraceFile(this.source));
  }
  /** The same as a trace file for the command's `trace view`. */
  traceBytes(): Uint8Array {
    const { source } = this;
    if (!source || !this.trace) return new Uint8Array(0);
    return source.read(0, source.size);
  }
  /** The outside input so far, for the option `replay` of another run. @throws Error without the option `record` */
  recording(): string {
    if (!this.recorded) throw new Error("this run keeps no recording; give it the option 'record: true'");
    return this.recorded.text();
  }
  /** Counts of the run, as in the command's `--stats`. */
  stats(): Record<string, unknown> { return statsOf(this.system); }
  /** The table of tasks, messages and events that a scenario ends with. */
  table(): string { return tableOf(this.system); }

  private appeared(channel: Channel, bytes: Uint8Array): void {
    this.consoleOf(channel).appeared(bytes);
    const text = this.consoles.get(channel)!.decoder.decode(bytes, { stream: true });
    if (text !== '') this.emit('output', text, channel);
  }
  private breathe(): Promise<void> {
    this.emit('progress', this.system.machine.events.now);
    return pause();
  }
  private async begin(launch: Launch<T>, evidence: PiecesSource | undefined, signal: AbortSignal | undefined): Promise<T> {
    await pause();
    const stop = (): void => this.system.stop();
    signal?.addEventListener('abort', stop);
    if (signal?.aborted) stop();
    try {
      const ended = await this.system.run();
      this.recorder?.close();
      for (const { console } of this.consoles.values()) console.finished();
      signal?.throwIfAborted();
      const trace = evidence && evidence.size > 0 && !this.traceFailed ? new TraceFile(evidence) : undefined;
      const result = launch.judge ? await launch.judge(ended, this.system, trace) : ended;
      const value = launch.finish(result, this);
      this.emit('end', result);
      return value;
    } finally {
      signal?.removeEventListener('abort', stop);
      for (const { console } of this.consoles.values()) console.finished();
    }
  }
}
