/** What Linux answered: a line for each probe with its answer, packed. Made by `run.ts --renew`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import { lineOf, type Probe } from './generate.ts';

const FILE = fileURLToPath(new URL('linux.txt.gz', import.meta.url));

export function knownAnswers(): Map<string, string> {
  return new Map(gunzipSync(readFileSync(FILE)).toString('latin1').trimEnd().split('\n').map((line) =>
    line.split('=') as [string, string]));
}
export function keepAnswers(probes: readonly Probe[], answers: readonly string[]): void {
  const lines = new Map(probes.map((p, i) => [lineOf(p), answers[i]!]));
  writeFileSync(FILE, gzipSync([...lines].map(([line, answer]) => `${line}=${answer}`).join('\n'), { level: 9 }));
}
