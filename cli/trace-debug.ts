/**
 * `g` in the viewer: the run of the trace is made once more, up to the selected record, where GDB takes it over. Runs are functions of
 * their inputs: the same command, with --replay in place of --record, comes to the same record.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { createServer, type AddressInfo } from 'node:net';
import { CliError } from './errors.ts';

/** Options of ours that only watch a run, with those that have a value; of a replay they are left out. */
const WATCHING = new Set(['--view', '--trace-compress', '--stats', '--profile']);
const VALUED = new Set(['--trace', '--trace-payload', '--gdb', '--gdb-at', '--max-instructions', '--until']);
const DEBUGGER = 'gdb-multiarch';
const LISTENS = /waiting for gdb on port \d+/, REACHED = /record \d+ at cycle (\d+)/;
/** Characters that are kept of what the run says: its programs say things too. */
const MOST_SAID = 65_536;
/** How long a run may take to the record, ms: one that waits for input never comes there. */
const PATIENCE = 60_000;

/** Words as a shell sees them: blanks part, quotes of both kinds keep together. */
export function wordsOf(command: string): string[] {
  return [...command.matchAll(/(?:[^\s'"]|'[^']*'|"[^"]*")+/g)].map(([word]) => word.replace(/'([^']*)'|"([^"]*)"/g, '$1$2'));
}

/**
 * The command that makes the run again, up to a record: `tessera` in front is left out, --record becomes --replay, options that only watch
 * go. Answers what is wrong with it as text.
 */
export function replayWords(command: string, record: number, port = 0): string[] | string {
  const [first, ...rest] = wordsOf(command.trim().replace(/^(\S*\/)?tessera\s+/, ''));
  if (first === undefined || !['run', 'vm', 'boot'].includes(first))
    return 'give the command of this run: run …, vm … or boot …, as it was typed';
  const kept: string[] = [];
  for (let i = 0; i < rest.length; i++) {
    const word = rest[i]!, name = word.replace(/=.*/s, '');
    if (first === 'run' && !word.startsWith('-') && !VALUE_BEFORE.has(rest[i - 1] ?? '')) { kept.push(...rest.slice(i)); break; }
    if (WATCHING.has(name)) continue;
    if (VALUED.has(name)) { if (!word.includes('=')) i++; continue; }
    kept.push(name === '--record' ? word.replace('--record', '--replay') : word);
  }
  return [first, '--gdb', first === 'boot' ? `all:${port}` : String(port), '--gdb-at', String(record), ...kept];
}
/** Options of `run` whose value is the next word: what follows any other word is the program and is its. */
const VALUE_BEFORE = new Set(['--rootfs', '--env', '--mount', '--net', '--disk', '--cwd', '--clock', '--memory', '--engine', '--cpu',
  '--seed', '--record', '--replay', '--symbols', ...VALUED]);

export interface AtRecord { readonly command: string; readonly sequence: number; readonly time: number }

/** Holds the debugger's conversation on this terminal; answers one line about how it went. */
export async function debugAt({ command, sequence, time }: AtRecord): Promise<string> {
  // The port is chosen here: what the run prints may be its programs' words.
  const port = await freePort(), words = replayWords(command, sequence, port);
  if (typeof words === 'string') return words;
  if (spawnSync(DEBUGGER, ['--version'], { stdio: 'ignore' }).error) return `there is no ${DEBUGGER} here (apt install ${DEBUGGER})`;
  process.stdout.write(`tessera ${words.join(' ')}\n`);
  let run = await anew(words, 'ignore');
  if (run.cycle !== time) {
    // Its input may not have ended: a terminal's does not.
    await gone(run.child);
    run = await anew(words, 'pipe');
  }
  try {
    if (run.cycle === undefined) return `the run has not come there: ${run.said.trim().split('\n').at(-1) ?? ''}`;
    if (run.cycle !== time)
      process.stdout.write(`This is another run than the trace's: record ${sequence} is at cycle ${run.cycle}, there at ${time}. `
        + 'Runs that get input are the same if they were made with --record.\n');
    converse(port);
    return `the debugger has left record ${sequence}`;
  } finally {
    run.child.kill('SIGKILL');
  }
}

interface Again { readonly child: ChildProcess; readonly said: string; readonly cycle: number | undefined }
/** Makes the run once more, up to the record; its input has ended at once, or never does. */
async function anew(words: readonly string[], input: 'ignore' | 'pipe'): Promise<Again> {
  const child = spawn(process.execPath, [...process.execArgv, process.argv[1]!, ...words],
    { stdio: [input, 'ignore', 'pipe'], detached: true, env: { ...process.env, TESSERA_TRACE_LIVE: '' } });
  const said = await reached(child), cycle = LISTENS.test(said) ? REACHED.exec(said)?.[1] : undefined;
  return { child, said, cycle: cycle === undefined ? undefined : Number(cycle) };
}

/** Ends it, so that its port is free. */
function gone(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.on('close', () => { resolve(); }).kill('SIGKILL');
  });
}

/** A port of this computer that nobody listens at. */
function freePort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.on('error', reject).listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => { resolve(port); });
    });
  });
}

/** What the run has said when it waits, or has ended. */
function reached(run: ChildProcess): Promise<string> {
  let said = '';
  return new Promise((resolve) => {
    run.stderr!.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-MOST_SAID);
      if (LISTENS.test(said)) resolve(said);
    });
    run.on('close', () => resolve(said));
    run.on('error', (error) => resolve(String(error)));
    setTimeout(() => { resolve(said); }, PATIENCE).unref();
  });
}

/** Ctrl-C is the debugger's. */
function converse(port: number): void {
  const ignore = (): void => undefined;
  process.on('SIGINT', ignore);
  const words = ['-q', '-ex', 'set architecture riscv:rv64', '-ex', `target remote :${port}`];
  const { error } = spawnSync(DEBUGGER, words, { stdio: 'inherit' });
  process.off('SIGINT', ignore);
  if (error) throw new CliError('E_GDB', `${DEBUGGER}: ${error.message}`);
}
