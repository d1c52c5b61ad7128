/**
 * The file format of recordings of outside input: one JSON object per line, the header first.
 *
 *   {"tessera":"outside","version":1,"seed":1,"clock":1767225600}        the guest's wall clock at the start, where it was the host's
 *   {"cycle":1234,"channel":"console0","kind":"bytes","data":"bHMK"}        data in base64
 *   {"cycle":0,"channel":"console0","kind":"size","columns":80,"rows":24}
 *   {"cycle":2345,"channel":"net0","kind":"bytes","data":"UlQA…"}            a frame for network card 0
 *   {"cycle":9999,"channel":"console0","kind":"end"}
 */
import type { Arrival, Channel, Door } from './host.ts';
import { latin1 } from './files/tar.ts';

/** Bytes as base64 text, in hosts that all have `btoa` and `atob`. */
const base64 = (bytes: Uint8Array): string => btoa(latin1(bytes));
/** @throws Error for malformed input */
const fromBase64 = (text: string): Uint8Array => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

/** The first line, without its line feed. `clock`: seconds since 1970. */
export const recordingHead = (seed: number, clock?: number): string => JSON.stringify({ tessera: 'outside', version: 1, seed, clock });

/** The line of one arrival, without its line feed. */
export const recordingLine = (a: Arrival): string => JSON.stringify(a.kind === 'bytes' ? { ...a, data: base64(a.data) } : a);

/** A recording, and whether its last line is cut off because the recorder was killed. */
export interface Recorded { readonly seed: number; readonly clock: number | undefined; readonly arrivals: Arrival[]; readonly cut: boolean }

/**
 * Parses a recording from its text or its lines. Omits a last line that is cut off.
 * @throws Error for a text that is not a recording, or a damaged one
 */
export function parseRecording(text: string | Iterable<string>): Recorded {
  const lines = (typeof text === 'string' ? text.split('\n') : text)[Symbol.iterator](), first = lines.next();
  const head = first.done ? undefined : objectOf(first.value);
  if (head?.['tessera'] !== 'outside' || head['version'] !== 1 || !Number.isSafeInteger(head['seed']))
    throw new Error('this is no recording of the outside');
  const arrivals: Arrival[] = [];
  let broken = false;
  for (let step = lines.next(); !step.done; step = lines.next()) {
    if (step.value === '') continue;
    if (broken) throw new Error('this recording is damaged');
    const line = objectOf(step.value), arrival = line && arrivalOf(line, arrivals.at(-1)?.cycle ?? 0);
    if (arrival) arrivals.push(arrival);
    else broken = true;
  }
  return { seed: head['seed'] as number, clock: clockOf(head), arrivals, cut: broken };
}

const clockOf = (head: Record<string, unknown>): number | undefined =>
  (Number.isSafeInteger(head['clock']) ? head['clock'] as number : undefined);

function objectOf(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

const CHANNEL = /^(uart|(console|net|files)\d{1,3})$/;
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** Undefined for a line that no recorder writes. */
function arrivalOf(line: Record<string, unknown>, least: number): Arrival | undefined {
  const { cycle, channel, kind, columns, rows, data } = line;
  if (!isCount(cycle) || cycle < least || typeof channel !== 'string' || !CHANNEL.test(channel)) return undefined;
  const at = { cycle, channel: channel as Channel };
  if (kind === 'end') return { ...at, kind };
  if (kind === 'size') return isCount(columns) && isCount(rows) ? { ...at, kind, columns, rows } : undefined;
  return kind === 'bytes' && typeof data === 'string' ? { ...at, kind, data: fromBase64(data) } : undefined;
}

/** A door that stores its input in memory: `text()` is the recording, from which `replayOf` makes a door again. */
export class MemoryRecording implements Door {
  private readonly lines: string[];
  constructor(seed: number) { this.lines = [recordingHead(seed)]; }
  passed(arrival: Arrival): void { this.lines.push(recordingLine(arrival)); }
  text(): string { return `${this.lines.join('\n')}\n`; }
}

/** A door that admits only the recorded input. @throws Error */
export function replayOf(text: string): Door & { readonly seed: number } { return parseRecording(text); }
