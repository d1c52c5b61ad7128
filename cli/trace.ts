/**
 * `tessera trace stats`, `trace export` and `trace view`: read a trace file, and print its analysis, export it or show it in the viewer.
 */
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  Filter, FilterError, Part, type TraceFile, analyse, filtered, jsonLines, mermaid, pcapng, perfetto, perfettoProtobuf, report, svg,
  type TraceSource
} from '../trace/index.ts';
import { CliError, Exit, outputError } from './errors.ts';
import { gathered, toStandardOutput } from './standard-output.ts';
import { addressLines } from './trace-addr.ts';
import { readTrace, readingProgress } from './trace-source.ts';

/** Pieces of text or bytes. */
export type TraceFormat = 'perfetto' | 'perfetto-proto' | 'mermaid' | 'jsonl' | 'svg' | 'pcapng';
const exporters: Record<TraceFormat, (file: TraceSource) => Generator<string | Uint8Array>> = {
  perfetto, 'perfetto-proto': perfettoProtobuf, mermaid, jsonl: jsonLines, svg, pcapng
};
const binary: ReadonlySet<TraceFormat> = new Set(['perfetto-proto', 'pcapng'] as const);

/** Throws `CliError` that names the mistake. */
export function parseFilter(file: TraceFile, text: string): Filter {
  try {
    return new Filter(text, file);
  } catch (error) {
    if (error instanceof FilterError) throw new CliError('E_FILTER', `filter '${text}': ${error.message}`);
    throw error;
  }
}

export function traceStats(path: string, json: boolean, filter = ''): number {
  const progress = readingProgress(), file = readTrace(path, progress), keep = parseFilter(file, filter);
  keep.prepareNow();
  const stats = analyse(file, (r, index) => keep.test(r, index));
  progress.end();
  process.stdout.write(json ? JSON.stringify(stats, null, 2) + '\n' : report(stats));
  return Exit.ok;
}

/** The viewer, on the terminal that standard input and output are. */
export async function traceView(path: string, filter = '', command = ''): Promise<number> {
  if (path === '-') throw new CliError('E_TRACE', 'trace view reads keys from standard input', 'give a file');
  const file = readTrace(path);
  parseFilter(file, filter);
  if (!process.stdout.isTTY || !process.stdin.isTTY)
    throw new CliError('E_TERMINAL', 'trace view needs a terminal on standard input and output', 'use trace stats or trace export instead');
  const { view } = await import('../trace/view/run.ts'), { debugAt } = await import('./trace-debug.ts');
  await view(file, path, { filter, command, address: addressLines, debug: debugAt });
  return Exit.ok;
}

export async function traceExport(path: string, format: TraceFormat, output: string, filter = ''): Promise<number> {
  const progress = output === '-' ? undefined : readingProgress(), whole = readTrace(path, progress),
    file = filter ? filtered(whole, parseFilter(whole, filter)) : whole;
  if (output === '-' && binary.has(format) && process.stdout.isTTY)
    throw new CliError('E_USAGE', `format ${format} is not for terminals`, 'name a file with -o');
  if (format === 'pcapng' && !hasFrames(whole))
    throw new CliError('E_TRACE', `trace '${path}' has no network frames`, 'record with --net and --trace-payload all');
  try {
    const pieces = exporters[format](file);
    if (output === '-') await toStandardOutput(pieces);
    else await pipeline(Readable.from(gathered(pieces), { objectMode: false }), createWriteStream(output));
  } catch (error) {
    throw outputError('output', output, error, '', Exit.failure);
  } finally {
    progress?.end();
  }
  if (file.damage) process.stderr.write(`tessera: note: ${file.damage}\n`);
  return Exit.ok;
}

function hasFrames(trace: TraceFile): boolean {
  for (const record of trace.records()) if (trace.payload(record.sequence).some((p) => p.part === Part.frame)) return true;
  return false;
}
