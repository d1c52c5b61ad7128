/**
 * The signature of a conformance test: memory between two symbols, as hexadecimal lines, the most significant digit
 * first, `granularity` bytes a line.
 */
import type { PhysicalMemory } from '../../machine/api.ts';
import { CliError } from '../errors.ts';

/** What can be said before the run. @throws CliError */
export function checkSignature(symbols: ReadonlyMap<string, number>, file: string, granularity: number): { begin: number; end: number } {
  const begin = symbols.get('begin_signature');
  const end = symbols.get('end_signature');
  if (begin === undefined || end === undefined)
    throw new CliError('E_SIGNATURE', `program '${file}' has no symbols begin_signature and end_signature`);
  if (![1, 2, 4, 8, 16].includes(granularity))
    throw new CliError('E_USAGE', `--signature-granularity ${granularity} is not 1, 2, 4, 8 or 16`);
  return { begin, end };
}

export function writeSignature(memory: PhysicalMemory, symbols: ReadonlyMap<string, number>, file: string, granularity: number): string {
  const { begin, end } = checkSignature(symbols, file, granularity);
  if (end < begin || !memory.isRam(begin, end - begin))
    throw new CliError('E_SIGNATURE', `the signature of '${file}' lies outside of memory`);
  const bytes = memory.view(begin, end - begin);
  let text = '';
  for (let at = 0; at < bytes.length; at += granularity) {
    const line = Buffer.from(bytes.subarray(at, at + granularity)).reverse();
    text += `${line.toString('hex').padStart(2 * granularity, '0')}\n`;
  }
  return text;
}
