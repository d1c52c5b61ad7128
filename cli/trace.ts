/** `tessera trace stats` and `trace export`: read a trace file, print what the analysis or an exporter makes of it. */
import { createWriteStream, readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { TraceFile, TraceFileError, analyse, jsonLines, mermaid, perfetto, report } from '../trace/index.ts';
import type { TraceFormat } from './commands/trace.ts';
import { CliError, Exit, fileError } from './errors.ts';

const exporters: Record<TraceFormat, (file: TraceFile) => Generator<string>> = { perfetto, mermaid, jsonl: jsonLines };

function readTrace(path: string): TraceFile {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path === '-' ? 0 : path);
  } catch (error) {
    throw fileError('trace', path, error, 'record one with --trace FILE');
  }
  try {
    return new TraceFile(bytes);
  } catch (error) {
    if (error instanceof TraceFileError) throw new CliError('E_TRACE', `trace '${path}': ${error.message}`);
    throw error;
  }
}

export function traceStats(path: string, json: boolean): number {
  const stats = analyse(readTrace(path));
  process.stdout.write(json ? JSON.stringify(stats, null, 2) + '\n' : report(stats));
  return Exit.ok;
}

export async function traceExport(path: string, format: TraceFormat, output: string): Promise<number> {
  const file = readTrace(path);
  const text = function* () {
    for (const part of exporters[format](file)) yield part.endsWith('\n') ? part : part + '\n';
  };
  try {
    if (output === '-') for (const part of text()) process.stdout.write(part);
    else await pipeline(Readable.from(text()), createWriteStream(output));
  } catch (error) {
    throw fileError('output', output, error, '', Exit.failure);
  }
  if (file.damage) process.stderr.write(`tessera: note: ${file.damage}\n`);
  return Exit.ok;
}
