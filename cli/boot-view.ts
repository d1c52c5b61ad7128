/**
 * `tessera boot SCENARIO --view`: the scenario runs in a separate process and writes its trace to a file; the viewer follows the file's
 * end, and shows the system's output under `o`. Leaving the viewer ends the system.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, rmSync, statSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { TraceFile } from '../trace/index.ts';
import type { Viewer } from '../trace/view/viewer.ts';
import { CliError, Exit } from './errors.ts';
import type { SharedOptions } from './options.ts';
import { addressLines } from './trace-addr.ts';
import { FileSource, readTrace, unpack } from './trace-source.ts';
import { removeFolder, temporaryFolder } from './temporary.ts';

/** Set for a run whose trace is read while it grows: the trace is written often instead of in large pieces. */
export const LIVE = 'TESSERA_TRACE_LIVE';
const HEADER = 16, WAIT = 20;

export async function bootView(options: SharedOptions): Promise<number> {
  if (!process.stdout.isTTY || !process.stdin.isTTY)
    throw new CliError('E_TERMINAL', '--view needs a terminal on standard input and output', 'use --trace FILE and look at the file later');
  const folder = temporaryFolder('view'), file = options.trace ?? join(folder, 'live.trace');
  if (options.trace !== undefined) rmSync(file, { force: true });
  const child = start(file, options.trace !== undefined), said: string[] = [''];
  let ended: number | undefined;
  for (const stream of [child.stdout!, child.stderr!]) stream.setEncoding('utf8').on('data', (text: string) => hear(said, text));
  const end = new Promise<void>((done) => child.on('close', (code, signal) => {
    ended = code ?? (signal ? 128 + constants.signals[signal] : Exit.failure);
    done();
  }));
  try {
    process.stdout.write('starting the system …');
    while (ended === undefined && !(existsSync(file) && statSync(file).size >= HEADER)) await new Promise((done) => setTimeout(done, WAIT));
    process.stdout.write('\r\x1b[K');
    if (!existsSync(file) || statSync(file).size < HEADER) {
      process.stderr.write(`${said.join('\n').trim()}\n`);
      return ended ?? Exit.failure;
    }
    const { view } = await import('../trace/view/run.ts'), { debugAt } = await import('./trace-debug.ts');
    await view(ended === undefined ? new TraceFile(new FileSource(file), unpack) : readTrace(file), options.trace ?? 'live',
      { following: true, address: addressLines, command: command(), debug: debugAt,
        beside: (viewer) => beside(viewer, child, said, end, () => ended) });
    return ended ?? Exit.ok;
  } finally {
    child.kill('SIGKILL');
    removeFolder(folder);
  }
}

/** This command as it was typed, in quotes where there are blanks. */
const command = (): string => process.argv.slice(2).map((word) => (/\s/.test(word) ? `'${word}'` : word)).join(' ');

/** This command again, writing a trace instead of starting the viewer. */
function start(file: string, named: boolean): ChildProcess {
  const words = process.argv.slice(2).filter((word) => word !== '--view');
  return spawn(process.execPath, [...process.execArgv, process.argv[1]!, ...words, ...(named ? [] : ['--trace', file])],
    { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, [LIVE]: '1' } });
}

/** Adds text to lines; the last one may be incomplete. */
function hear(said: string[], text: string): void {
  const [first, ...more] = text.replaceAll('\r', '').split('\n');
  said[said.length - 1] += first!;
  said.push(...more);
}

function beside(viewer: Viewer, child: ChildProcess, said: string[], end: Promise<void>, status: () => number | undefined): () => void {
  viewer.console = said;
  viewer.message = 'F keeps to the end, any move stays; o shows what the system prints; q ends it';
  const heard = (): void => { viewer.consoleTop = 1e6; viewer.changed(); };
  child.stdout!.on('data', heard);
  child.stderr!.on('data', heard);
  void end.then(() => { viewer.message = `the system has ended with status ${status()}; o shows what it printed`; viewer.changed(); });
  return () => { child.kill('SIGTERM'); };
}
