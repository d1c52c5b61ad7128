/** Stored inputs, one file per target: those that reached new code, and earlier findings. One input a line, base64. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('corpus/', import.meta.url));
/** Of a target's corpus. */
const MOST_INPUTS = 150, MOST_BYTES = 4096;

export function kept(target: string): Uint8Array[] {
  const path = `${folder}${target}.txt`;
  return existsSync(path)
    ? readFileSync(path, 'utf8').split('\n').filter(Boolean).map((line) => new Uint8Array(Buffer.from(line, 'base64')))
    : [];
}

/** Writes a target's corpus, the shortest inputs first. */
export function keep(target: string, inputs: readonly Uint8Array[]): void {
  const lines = new Set([...inputs].filter((input) => input.length <= MOST_BYTES).sort((a, b) => a.length - b.length)
    .map((input) => Buffer.from(input).toString('base64')));
  if (lines.size === 0) return;
  mkdirSync(folder, { recursive: true });
  writeFileSync(`${folder}${target}.txt`, `${[...lines].slice(0, MOST_INPUTS).join('\n')}\n`);
}
