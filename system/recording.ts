/**
 * The file format of recordings of what came from outside: one JSON object a line, the header first.
 *
 *   {"tessera":"outside","version":1,"seed":1}
 *   {"cycle":1234,"channel":"console0","kind":"bytes","data":"bHMK"}        data in base64
 *   {"cycle":0,"channel":"console0","kind":"size","columns":80,"rows":24}
 *   {"cycle":2345,"channel":"net0","kind":"bytes","data":"UlQA…"}            a frame for network card 0
 *   {"cycle":9999,"channel":"console0","kind":"end"}
 */
import { base64, fromBase64 } from './base64.ts';
import type { Arrival, Door } from './host.ts';

const kinds = ['bytes', 'size', 'end'];

/** The first line, without its line feed. */
export const recordingHead = (seed: number): string => JSON.stringify({ tessera: 'outside', version: 1, seed });

/** The line of one arrival, without its line feed. */
export const recordingLine = (a: Arrival): string => JSON.stringify(a.kind === 'bytes' ? { ...a, data: base64(a.data) } : a);

/** What a recording says. @throws Error for what is none, or is damaged */
export function parseRecording(text: string): { seed: number; arrivals: Arrival[] } {
  const [head, ...rest] = text.split('\n').filter(Boolean).map((line) => JSON.parse(line) as Record<string, unknown>);
  if (head?.['tessera'] !== 'outside' || head['version'] !== 1) throw new Error('this is no recording of the outside');
  return { seed: Number(head['seed']), arrivals: rest.map(arrivalOf) };
}

function arrivalOf(line: Record<string, unknown>): Arrival {
  if (!kinds.includes(String(line['kind'])) || typeof line['cycle'] !== 'number' || typeof line['channel'] !== 'string') throw new Error('this recording is damaged');
  return (line['kind'] === 'bytes' ? { ...line, data: fromBase64(String(line['data'])) } : line) as unknown as Arrival;
}

/** A door that keeps in memory what passes: `text()` is the recording, which `replayOf` makes a door of again. */
export class MemoryRecording implements Door {
  private readonly lines: string[];
  constructor(seed: number) { this.lines = [recordingHead(seed)]; }
  passed(arrival: Arrival): void { this.lines.push(recordingLine(arrival)); }
  text(): string { return `${this.lines.join('\n')}\n`; }
}

/** A door through which only comes what the recording says. @throws Error */
export function replayOf(text: string): Door & { readonly seed: number } { return parseRecording(text); }
