/** Recordings in files: `--record` and `--replay`. The format is `system/recording.ts`'s. */
import { closeSync, openSync, writeSync } from 'node:fs';
import type { Arrival, Door } from '../index.ts';
import { parseRecording, recordingHead, recordingLine, type Recorded } from '../system/recording.ts';
import { CliError, Exit, fileError, outputError } from './errors.ts';
import { linesOf, readInput } from './files.ts';

export class Recording implements Door {
  readonly arrivals: readonly Arrival[] | undefined;
  /** The seed of the replayed recording, else the given one. */
  readonly seed: number;
  /** A write to the file has failed. */
  failed: CliError | undefined;
  private readonly path: string | undefined;
  private fd: number | undefined;

  /** Opens the files. Throws `CliError` for one that cannot be read, is damaged, or cannot be written. */
  constructor(record: string | undefined, replay: string | undefined, seed: number | undefined, clock?: number) {
    notBoth(record, replay);
    const old = replay === undefined ? undefined : readRecording(replay);
    if (old && seed !== undefined && seed !== old.seed)
      throw new CliError('E_RECORDING', `recording '${replay}' was made with seed ${old.seed}`, 'leave --seed away');
    this.arrivals = old?.arrivals;
    this.seed = old?.seed ?? seed ?? 1;
    this.path = record;
    if (record === undefined) return;
    try {
      this.fd = openSync(record, 'w');
    } catch (error) {
      throw outputError('recording', record, error);
    }
    this.put(recordingHead(this.seed, clock));
    if (this.failed) throw this.failed;
  }

  passed(arrival: Arrival): void {
    if (this.fd !== undefined) this.put(recordingLine(arrival));
  }

  close(): void {
    if (this.fd !== undefined) closeSync(this.fd);
    this.fd = undefined;
  }

  private put(line: string): void {
    if (this.fd === undefined || this.failed) return;
    try {
      writeSync(this.fd, `${line}\n`);
    } catch (error) {
      this.failed = fileError('recording', this.path ?? '', error, 'what is in it up to here can be replayed', Exit.failure);
    }
  }
}

/**
 * The guest's wall clock at the start, seconds since 1970; undefined: the fixed one, so that runs are the same. It is the host's clock
 * where host files or users are part of the run, unless a seed asks for a repeatable run; a replay uses its recording's.
 */
export function clockFor(options: { readonly record?: string; readonly replay?: string; readonly seed?: number; readonly clock?: number },
    isOfTheWorld: boolean): number | undefined {
  notBoth(options.record, options.replay);
  if (options.replay !== undefined) return readRecording(options.replay, false).clock;
  return options.clock ?? (isOfTheWorld && options.seed === undefined ? Math.floor(Date.now() / 1000) : undefined);
}

function notBoth(record: string | undefined, replay: string | undefined): void {
  if (record !== undefined && replay !== undefined) throw new CliError('E_USAGE', '--record and --replay exclude each other');
}

function readRecording(path: string, notes = true): Recorded {
  const bytes = readInput('recording', path, 'make one with --record FILE');
  try {
    const recorded = parseRecording(linesOf(bytes));
    if (recorded.cut && notes)
      process.stderr.write(`tessera: note: recording '${path}' breaks off in its last line; what is before it is replayed\n`);
    return recorded;
  } catch {
    throw new CliError('E_RECORDING', `recording '${path}' is not a recording of ours, or is damaged`, 'make one with --record FILE');
  }
}
