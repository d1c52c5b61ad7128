/**
 * The one door for input from outside. Recording writes the input and its cycle; replaying admits only the recorded input, at those cycles.
 * One JSON object per line:
 *
 *   {"tessera":"input","version":1,"seed":0,"clock":1767225600}   the wall clock at the start, where it was not the fixed one
 *   {"boot":0,"cycle":1234567,"data":"bHMK"}          console input, base64; boot counts the machine's restarts
 *   {"boot":0,"cycle":2345678,"net":0,"data":"UlQA…"}  a frame for network card 0
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { CliError, Exit, fileError, outputError } from '../errors.ts';
import { linesOf, readInput } from '../files.ts';

export interface Arrival {
  readonly boot: number;
  readonly cycle: number;
  readonly data: Uint8Array;
  /** Number of the network card that gets the frame; absent for the console. */
  readonly net?: number;
}

interface Recorded { readonly clock: number | undefined; readonly arrivals: readonly Arrival[] }

export class InputDoor {
  readonly replaying: boolean;
  /** The guest's wall clock at the start, seconds since 1970; undefined: the fixed one. */
  readonly clock: number | undefined;
  /** The recorded input still to come. */
  readonly arrivals: readonly Arrival[];
  readonly #record: number | undefined;
  readonly #path: string;

  /** `clock`: of a run that is not a replay, which has its recording's. */
  constructor(record: string | undefined, replay: string | undefined, seed: number, clock?: number) {
    this.#path = record ?? '';
    this.replaying = replay !== undefined;
    const old = replay === undefined ? undefined : readRecording(replay, seed);
    this.arrivals = old?.arrivals ?? [];
    this.clock = old ? old.clock : clock;
    this.#record = record === undefined ? undefined : openRecording(record, seed, clock);
  }

  /** Input has entered the machine. */
  passed({ boot, cycle, data, net }: Arrival): void {
    if (this.#record === undefined) return;
    try {
      writeSync(this.#record, `${JSON.stringify({ boot, cycle, net, data: Buffer.from(data).toString('base64') })}\n`);
    } catch (error) {
      throw fileError('recording', this.#path, error, '', Exit.failure);
    }
  }

  close(): void {
    if (this.#record !== undefined) closeSync(this.#record);
  }
}

function openRecording(path: string, seed: number, clock?: number): number {
  try {
    const fd = openSync(path, 'w');
    writeSync(fd, `${JSON.stringify({ tessera: 'input', version: 1, seed, clock })}\n`);
    return fd;
  } catch (error) {
    throw outputError('recording', path, error);
  }
}

function readRecording(path: string, seed: number): Recorded {
  const bytes = readInput('recording', path, 'make one with --record FILE');
  try {
    const [head, ...rest] = parsed([...linesOf(bytes)].filter((line) => line !== ''), path);
    if (head?.['tessera'] !== 'input' || head['version'] !== 1) throw new Error('no header');
    if (head['seed'] !== seed)
      throw new CliError('E_RECORDING', `recording '${path}' was made with --seed ${String(head['seed'])}`, 'replay with the same seed');
    return { clock: Number.isSafeInteger(head['clock']) ? head['clock'] as number : undefined, arrivals: rest.map(arrivalOf) };
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw new CliError('E_RECORDING', `recording '${path}' is not a recording of ours, or is damaged`, 'make one with --record FILE');
  }
}

/** Every line as an object, without a last line that is cut off. */
function parsed(lines: readonly string[], path: string): Record<string, unknown>[] {
  return lines.flatMap((line, i) => {
    try {
      return [JSON.parse(line) as Record<string, unknown>];
    } catch (error) {
      if (i === 0 || i < lines.length - 1) throw error;
      process.stderr.write(`tessera: note: recording '${path}' breaks off in its last line; what is before it is replayed\n`);
      return [];
    }
  });
}

function arrivalOf({ boot, cycle, net, data }: Record<string, unknown>): Arrival {
  const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
  if (!isCount(boot) || !isCount(cycle) || !(net === undefined || isCount(net)) || typeof data !== 'string') throw new Error('no arrival');
  return { boot, cycle, net, data: Buffer.from(data, 'base64') };
}
