/**
 * Recordings of what came from outside: one JSON object a line, the header first.
 *
 *   {"tessera":"outside","version":1,"seed":1}
 *   {"cycle":1234,"channel":"console0","kind":"bytes","data":"bHMK"}        data in base64
 *   {"cycle":0,"channel":"console0","kind":"size","columns":80,"rows":24}
 *   {"cycle":2345,"channel":"net0","kind":"bytes","data":"UlQA…"}            a frame for network card 0
 *   {"cycle":9999,"channel":"console0","kind":"end"}
 */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import type { Arrival, Door } from '../index.ts';
import { CliError, Exit, fileError, outputError } from './errors.ts';

const kinds = ['bytes', 'size', 'end'];

export class Recording implements Door {
  readonly arrivals: readonly Arrival[] | undefined;
  /** The seed of the recording that is replayed, else the one given. */
  readonly seed: number;
  /** The file could not be written any more. */
  failed: CliError | undefined;
  private readonly path: string | undefined;
  private fd: number | undefined;

  /** Opens the files. Throws `CliError` for one that cannot be read, is damaged, or cannot be written. */
  constructor(record: string | undefined, replay: string | undefined, seed: number | undefined) {
    if (record !== undefined && replay !== undefined) throw new CliError('E_USAGE', '--record and --replay exclude each other');
    const old = replay === undefined ? undefined : readRecording(replay);
    if (old && seed !== undefined && seed !== old.seed) throw new CliError('E_RECORDING', `recording '${replay}' was made with seed ${old.seed}`, 'leave --seed away');
    this.arrivals = old?.arrivals;
    this.seed = old?.seed ?? seed ?? 1;
    this.path = record;
    if (record === undefined) return;
    try {
      this.fd = openSync(record, 'w');
    } catch (error) {
      throw outputError('recording', record, error);
    }
    this.put({ tessera: 'outside', version: 1, seed: this.seed });
    if (this.failed) throw this.failed;
  }

  passed(arrival: Arrival): void {
    this.put(arrival.kind === 'bytes' ? { ...arrival, data: Buffer.from(arrival.data).toString('base64') } : arrival);
  }

  close(): void {
    if (this.fd !== undefined) closeSync(this.fd);
    this.fd = undefined;
  }

  private put(line: object): void {
    if (this.fd === undefined || this.failed) return;
    try {
      writeSync(this.fd, JSON.stringify(line) + '\n');
    } catch (error) {
      this.failed = fileError('recording', this.path ?? '', error, 'what is in it up to here can be replayed', Exit.failure);
    }
  }
}

function readRecording(path: string): { seed: number; arrivals: Arrival[] } {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw fileError('recording', path, error, 'make one with --record FILE');
  }
  try {
    const [head, ...rest] = text.split('\n').filter(Boolean).map((line) => JSON.parse(line) as Record<string, unknown>);
    if (head?.['tessera'] !== 'outside' || head['version'] !== 1) throw new Error('header');
    return { seed: Number(head['seed']), arrivals: rest.map(arrivalOf) };
  } catch {
    throw new CliError('E_RECORDING', `recording '${path}' is not a recording of ours, or is damaged`, 'make one with --record FILE');
  }
}

function arrivalOf(line: Record<string, unknown>): Arrival {
  if (!kinds.includes(String(line['kind'])) || typeof line['cycle'] !== 'number' || typeof line['channel'] !== 'string') throw new Error('entry');
  return (line['kind'] === 'bytes' ? { ...line, data: new Uint8Array(Buffer.from(String(line['data']), 'base64')) } : line) as unknown as Arrival;
}
