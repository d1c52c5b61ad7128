/** `tessera trace stats`, `trace export` and `trace view`: read a trace file, show what the analysis, an exporter or the viewer makes of it. */
import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Filter, FilterError, type TraceFile, analyse, filtered, jsonLines, mermaid, perfetto, report, svg, type TraceSource } from '../trace/index.ts';
import type { TraceFormat } from './commands/trace.ts';
import { CliError, Exit, fileError } from './errors.ts';
import { readTrace } from './trace-source.ts';

const exporters: Record<TraceFormat, (file: TraceSource) => Generator<string>> = { perfetto, mermaid, jsonl: jsonLines, svg };

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
  const file = readTrace(path), keep = parseFilter(file, filter);
  keep.prepareNow();
  const stats = analyse(file, (r, index) => keep.test(r, index));
  process.stdout.write(json ? JSON.stringify(stats, null, 2) + '\n' : report(stats));
  return Exit.ok;
}

/** The viewer, on the terminal that standard input and output are. */
export async function traceView(path: string, filter = ''): Promise<number> {
  if (path === '-') throw new CliError('E_TRACE', 'trace view reads keys from standard input', 'give a file');
  const file = readTrace(path);
  parseFilter(file, filter);
  if (!process.stdout.isTTY || !process.stdin.isTTY) throw new CliError('E_TERMINAL', 'trace view needs a terminal on standard input and output', 'use trace stats or trace export instead');
  const { view } = await import('../trace/view/run.ts');
  await view(file, path, { filter });
  return Exit.ok;
}

export async function traceExport(path: string, format: TraceFormat, output: string, filter = ''): Promise<number> {
  const whole = readTrace(path), file = filter ? filtered(whole, parseFilter(whole, filter)) : whole;
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
