/**
 * `npx tsx bench/trace.ts [--rounds N] [--program getppid|pipebench] [--calls N]`: the cost of recording on a run that only crosses
 * protection boundaries: two processes that pass a byte back and forth through pipes, or one that calls getppid, which produces the most
 * records per second. The same run without a trace and with each way of recording, in alternation; the time is that of the command minus a
 * short run's, the cost is the median of the ratios within the rounds.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readOptions } from '../test/tool.ts';

const { values: options } = readOptions(import.meta.filename, {
  options: { rounds: { type: 'string', default: '7' }, program: { type: 'string', default: 'getppid' }, calls: { type: 'string' } }
});
const total = Number(options.calls ?? (options.program === 'pipebench' ? 60_000 : 1_000_000));
const root = fileURLToPath(new URL('..', import.meta.url)), folder = mkdtempSync(join(tmpdir(), 'tessera-bench-')),
  file = join(folder, 't.trace');
const ways: Record<string, string[]> = {
  'no trace': [], '--trace': ['--trace', file], '--trace-compress': ['--trace', file, '--trace-compress'],
  '--trace-payload all': ['--trace', file, '--trace-payload', 'all'],
};

interface Time { readonly wall: number; readonly thread: number }
/** Milliseconds of the whole command, and those its main thread spent on a processor (Linux counts them; polled until it ends). */
async function once(words: string[], calls: number): Promise<Time> {
  const begun = performance.now(),
    child = spawn(process.execPath,
      [join(root, 'bin/tessera'), 'run', '--no-sandbox', ...words, join(root, 'guests/bin/linux', options.program), String(calls)],
      { stdio: 'ignore' });
  let thread = 0;
  const watch = setInterval(() => {
    try {
      thread = Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
    } catch { /* it has ended, or this is no Linux */ }
  },
    2);
  const status = await new Promise((done) => child.on('close', done));
  clearInterval(watch);
  if (status !== 0) throw new Error(`tessera run ${words.join(' ')} ended with ${status}`);
  return { wall: performance.now() - begun, thread };
}
const median = (list: number[]): number => [...list].sort((a, b) => a - b)[list.length >> 1]!;

try {
  const times = new Map(Object.keys(ways).map((way) => [way, [] as Time[]])), sizes = new Map<string, number>(), calls = total;
  await once([], 1000);
  for (let round = 0; round < Number(options.rounds); round++) for (const [way, words] of Object.entries(ways)) {
    rmSync(file, { force: true });
    // The start is the same for all and is subtracted.
    const short = await once(words, 1000), long = await once(words, calls);
    times.get(way)!.push({ wall: long.wall - short.wall, thread: long.thread - short.thread });
    if (words.length > 0) sizes.set(way, statSync(file).size);
  }
  const base = times.get('no trace')!;
  const cost = (list: Time[], of: keyof Time): string => `${(100 * median(list.map((t, i) => t[of] / base[i]![of] - 1))).toFixed(1)} %`;
  console.log(
    '| way | median s | calls/s | cost in wall time | cost on the machine\'s thread | bytes of file a call |\n|---|--:|--:|--:|--:|--:|');
  for (const [way, list] of times) {
    const wall = median(list.map((t) => t.wall)), size = sizes.get(way),
      costs = list === base ? ' | ' : `${cost(list, 'wall')} | ${cost(list, 'thread')}`;
    console.log(`| ${way} | ${(wall / 1000).toFixed(3)} | ${Math.round(calls / wall * 1000).toLocaleString('en-US')} | ${costs} | `
      + `${size ? (size / calls).toFixed(0) : ''} |`);
  }
} finally {
  rmSync(folder, { recursive: true });
}
