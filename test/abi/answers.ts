/** Linux's answers: a line for each probe with its answer, packed. Written by `run.ts --renew`. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';
import { lineOf, type Probe } from './generate.ts';

const FILE = fileURLToPath(new URL('linux.txt.br', import.meta.url));

export function knownAnswers(): Map<string, string> {
  if (!existsSync(FILE)) return new Map();
  return new Map(brotliDecompressSync(readFileSync(FILE)).toString('latin1').trimEnd().split('\n').map((line) => {
    const at = line.indexOf('=');
    return [line.slice(0, at), line.slice(at + 1)];
  }));
}
/** Stores the answers of exactly these probes, in their order. */
export function keepAnswers(probes: readonly Probe[], answers: ReadonlyMap<string, string>): void {
  const lines = probes.map(lineOf).filter((line) => answers.has(line)).map((line) => `${line}=${answers.get(line)!}`);
  writeFileSync(FILE, brotliCompressSync(lines.join('\n'), { params: {
    [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 24,
  } }));
}
