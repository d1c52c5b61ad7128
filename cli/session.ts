/**
 * A system under the command: implements the public API's host with this process's files and terminal. `boot`, `run` and `vm` each create a
 * scenario and connect its channels; the common rest is here.
 */
import type { Scenario } from '../roottask/scenario.ts';
import type { Booted, Channel, Module, Result, SharedPort, SystemOptions } from '../system/host.ts';
import type { RecordWatch } from '../microkernel/abi/index.ts';
import { statsOf } from '../system/report.ts';
import { bootScenario, ProcessorError, SystemError, type System } from '../system/system.ts';
import type { BlockBackend } from '../machine/index.ts';
import { watchLoop } from './grip.ts';
import { guestPanic } from '../system/panic/hosted.ts';
import { visible } from '../trace/visible.ts';
import { CliError, Exit } from './errors.ts';
import { checkWritable, release, writeOutput } from './files.ts';
import { footprint } from './footprint.ts';
import type { GdbLaunch, HostedDebugging } from './gdb/hosted.ts';
import { audited } from './isolation.ts';
import type { ComponentState } from '../roottask/root/main.ts';
import { LOOK_EVERY, type Looks } from './looks.ts';
import type { Networks } from './net.ts';
import type { SharedOptions } from './options.ts';
import { outputFailure, writeNow } from './output.ts';
import { Profile, readSymbolFile } from './profile.ts';
import { Recording } from './recording.ts';
import { Terminal } from './terminal.ts';
import { toolsFor, type Tools } from './tools.ts';
import type { TraceOutput } from './trace-file.ts';

export interface Launch {
  scenario: Scenario;
  modules: Module[];
  disks?: BlockBackend[];
  /** The networks of the board's cards. */
  networks?: Networks;
  /** The guest's wall clock at the start, seconds since 1970, if not the fixed one. */
  clock?: number;
  /** Folders of the host, as connections. */
  folders?: readonly SharedPort[];
  /** Number of virtio consoles. */
  consoles: number;
  /** Destination of output: a file descriptor, or a function (false: the reader has gone). Other channels are silent. */
  outputs: Partial<Record<Channel, number | ((bytes: Uint8Array) => unknown)>>;
  /** The channel that standard input feeds; without one, standard input is left alone. */
  input?: Channel;
  /** An interactive terminal: keys go to the guest one by one, virtual time follows the wall clock. */
  interactive: boolean;
  memoryBytes?: number;
  /** ISA string of the machine; without it the machine has everything. */
  isa?: string | undefined;
  harts?: number;
  /** Symbols of the kernels that components boot, loaded for the report of a panic. */
  symbols?: (component: string) => Iterable<readonly [string, number]>;
  /** Inspects components at their start, and their memory periodically. */
  looks?: Looks;
  /** Waits for GDB on this port, for the virtual machine or the process. */
  gdb?: GdbLaunch;
}

/** `log`: the end of the UART's output, if it was not connected. */
export interface Outcome { result: Result; system: System; log: string }

const LOG_KEPT = 16384;
/** Milliseconds between two writes of a trace that is read while it grows. */
const LIVE_MS = 100;
/** … and between two copies of the guests' page tables in it. */
const SNAPSHOT_MS = 1000;

/** Statuses of a run that a signal from outside ended. */
const SIGPIPE = 13, SIGKILL = 9, SIGINT = 2;

/** Runs a system to its end and writes the files of the options. Throws `CliError` for errors that the user can correct. */
export async function runSystem(launch: Launch, options: SharedOptions): Promise<Outcome> {
  const session = new Session(launch, options, await toolsFor(launch.gdb !== undefined, options));
  try {
    return await session.run();
  } finally {
    session.close();
  }
}

class Session {
  private readonly launch: Launch;
  private readonly options: SharedOptions;
  private readonly recording: Recording;
  private readonly trace: TraceOutput | undefined;
  private readonly system: System;
  private readonly terminal: Terminal;
  private readonly profile: Profile | undefined;
  private readonly debugging: HostedDebugging | undefined;
  /** The end of the system's log, shown when the run fails. */
  private log = Buffer.alloc(0);
  /** The status of a run ended from outside. */
  private left: number | undefined;
  private unwatch = (): void => {};

  constructor(launch: Launch, options: SharedOptions, { tracing, gdb: debug }: Tools) {
    this.launch = launch;
    this.options = options;
    if (typeof options.stats === 'string' && options.stats !== '') checkWritable('statistics', options.stats);
    for (const [name, given] of [['--trace-payload', options.tracePayload], ['--trace-compress', options.traceCompress]] as const) {
      if (given && options.trace === undefined) throw new CliError('E_USAGE', `option ${name} goes with --trace FILE`);
    }
    this.profile = Profile.asked(options);
    this.recording = new Recording(options.record, options.replay, options.seed, launch.clock);
    this.trace = tracing && new tracing.TraceOutput(options.trace!,
      { compress: options.traceCompress, words: tracing.vocabularyFor(launch.scenario) });
    this.system = this.boot(options.tracePayload && tracing && ((sink) => new tracing.Capture(sink, options.tracePayload!)));
    this.profile?.attach(this.system.machine);
    const { gdb } = launch;
    this.debugging = gdb && debug && new debug.HostedDebugging(this.system, gdb,
      (line) => { writeNow(2, Buffer.from(`tessera: ${line}\n`)); }, () => this.leave(128 + SIGKILL));
    this.terminal = this.makeTerminal();
  }

  async run(): Promise<Outcome> {
    const { input, interactive } = this.launch;
    if (input !== undefined && !this.recording.arrivals) {
      if (interactive) this.system.resize(input, this.terminal.size.columns, this.terminal.size.rows);
      this.terminal.open();
      if (process.env['TESSERA_SANDBOX'] === undefined)
        this.unwatch = watchLoop(() => this.terminal.letGo(), () => this.terminal.takeBack());
    }
    if (!this.recording.arrivals) await this.launch.networks?.open((card, frame) => {
      if (frame) this.system.input(`net${card}`, frame);
      else this.system.endInput(`net${card}`);
    });
    const result = audited(this.system, await this.system.run());
    this.debugging?.close(this.left ?? result.status);
    this.terminal.close();
    this.trace?.close();
    for (const name of this.system.unmetPayload)
      process.stderr.write(`tessera: note: --trace-payload ${name}: no task had this name (tessera trace stats lists them)\n`);
    this.writeStats();
    if (this.profile) process.stderr.write(this.profile.table());
    for (const failure of [outputFailure(), this.trace?.failed, this.recording.failed]) if (failure) throw failure;
    return { system: this.system, log: this.log.toString(), result: this.left === undefined ? result : { ...result, status: this.left,
      why: '' } };
  }

  /** Also after a bug, because the trace shows its cause. */
  close(): void {
    this.unwatch();
    this.debugging?.close(undefined);
    this.terminal.close();
    this.recording.close();
    this.system.kernel.trace.flush();
    this.trace?.close();
  }

  /** Channels of cables to other programs. */
  private get outside(): Channel[] { return (this.launch.networks?.outside ?? []).map((n): Channel => `net${n}`); }

  private boot(capture: SystemOptions['capture']): System {
    const { launch, options, recording } = this;
    try {
      return bootScenario(launch.scenario, {
        output: (channel, bytes) => this.output(channel, bytes),
        consoles: launch.consoles, disks: launch.disks, nets: launch.networks?.cards(), folders: launch.folders, modules: launch.modules,
          door: recording,
        inputs: [...(launch.input === undefined ? [] : [launch.input]), ...this.outside],
        netInput: (card, frame) => launch.networks?.deliver(card, frame),
        ...(launch.gdb && { gate: () => this.debugging!.gate() }),
        ...(launch.looks && { component: (booted: Booted, state: ComponentState) => launch.looks!.component(booted, state) }),
        ...(launch.looks?.asksMaps && { piece: () => LOOK_EVERY }),
        pause: () => { this.live(); launch.looks?.look(this.system); return new Promise((resolve) => setImmediate(resolve)); },
        trouble: (component, text) => writeNow(2, Buffer.from(guestPanic(this.system, component, text, this.symbols(component)))),
        kernelLog: (line) => { writeNow(2, Buffer.from(`kernel: ${visible(line)}\n`)); },
      }, {
        memoryBytes: launch.memoryBytes, harts: launch.harts, engine: options.engine, cpu: options.cpu, isa: launch.isa,
          seed: recording.seed, ...(launch.clock !== undefined && { startMs: launch.clock * 1000 }),
          watch: this.recordWatch(launch.gdb?.at), trace: this.trace?.recorder, capture,
        maxInstructions: options.maxInstructions, until: options.until, paced: (launch.interactive || this.outside.length > 0)
          && !recording.arrivals,
      });
    } catch (error) {
      if (error instanceof ProcessorError) throw new CliError('E_CPU', error.message);
      throw error instanceof SystemError ? new CliError('E_SYSTEM', error.message, '', Exit.failure) : error;
    } finally {
      // The machine's memory has a copy now.
      for (const module of launch.modules) release(module.bytes);
    }
  }

  /** Tells the debugger when this record of the trace is written. */
  private recordWatch(at: number | undefined): RecordWatch | undefined {
    return at === undefined ? undefined : (sequence, _kind, actor, object) => {
      if (sequence === at) this.debugging!.reached(actor, object);
    };
  }

  private *symbols(component: string): Iterable<readonly [string, number]> {
    if (this.options.symbols !== undefined) yield* readSymbolFile(this.options.symbols);
    yield* this.launch.symbols?.(component) ?? [];
  }

  /** Writes the trace periodically while it is read. */
  private live(): void {
    if (!process.env['TESSERA_TRACE_LIVE'] || performance.now() - this.flushed < LIVE_MS) return;
    this.flushed = performance.now();
    if (this.flushed - this.snapped > SNAPSHOT_MS) { this.snapped = this.flushed; this.system.snapshot(); }
    this.system.kernel.trace.flush();
  }
  private flushed = 0;
  private snapped = 0;

  private makeTerminal(): Terminal {
    const { input } = this.launch, { system } = this;
    return new Terminal({
      raw: this.launch.interactive,
      orderly: this.isOrderly,
      onInput: (bytes) => { if (input) system.input(input, bytes); },
      onEnd: () => { if (input) system.endInput(input); },
      onLeave: (signal) => this.leave(128 + (signal || SIGINT)),
      onResize: (columns, rows) => { if (input) system.resize(input, columns, rows); },
    });
  }

  /**
   * Node's sandbox confines runs that write only files named by options, and there is no other process that could end a run whose server
   * blocks the event loop. So the signal itself ends a run that has nothing to save.
   */
  private get isOrderly(): boolean {
    const { launch, options } = this, files = [options.trace, options.record, options.stats, launch.gdb, this.profile];
    const writes = launch.looks !== undefined || files.some((x) => x !== undefined);
    return process.env['TESSERA_SANDBOX'] !== 'node' || launch.interactive || writes;
  }

  private output(channel: Channel, bytes: Uint8Array): void {
    const to = this.launch.outputs[channel];
    if (typeof to === 'function') {
      if (to(bytes) === false) this.leave(128 + SIGPIPE);
    }
    else if (to === undefined && channel === 'uart') this.log = Buffer.concat([this.log, bytes]).subarray(-LOG_KEPT);
    else if (to !== undefined && !writeNow(to, bytes) && to === 1) this.leave(128 + SIGPIPE);
  }

  private leave(status: number): void {
    this.left ??= status;
    this.debugging?.release();
    this.system.stop();
  }

  private writeStats(): void {
    const { stats } = this.options;
    if (stats === undefined) return;
    const text = JSON.stringify(statsOf(this.system, footprint(this.system.machine))) + '\n';
    if (stats === true || stats === '') process.stderr.write(text);
    else writeOutput('statistics', stats, text);
  }
}

/** The line for a run that ended unexpectedly; empty otherwise. */
export function endingLine(result: Result): string {
  if (!result.why) return '';
  const codes: Record<Result['ending'], string> = { finished: 'E_FAILED', until: 'E_UNTIL', limit: 'E_LIMIT', budget: 'E_BUDGET',
    deadlock: 'E_DEADLOCK', stopped: 'E_STOPPED', crashed: 'E_CRASHED' };
  return `tessera: ${codes[result.ending]}: ${visible(result.why)}\n`;
}

