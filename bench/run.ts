/**
 * `npm run bench [-- --systems a,b --only name,name --rounds N --root DIR --json FILE --timeout SECONDS]`: runs every program on every
 * installed system, in alternation, and prints medians of host seconds and ratios to the first peer other than Tessera (QEMU's system mode
 * where installed).
 */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { readOptions } from '../test/tool.ts';
import { debianIn } from './debian.ts';
import { benchmarks, type Benchmark } from './programs.ts';
import { systems, useRoot, type System } from './systems.ts';

type Samples = Map<string, number[]>; // benchmark → seconds

const { values: options } = readOptions(import.meta.filename, { options: {
  systems: { type: 'string' }, only: { type: 'string' }, root: { type: 'string' }, rounds: { type: 'string', default: '3' },
  json: { type: 'string' }, timeout: { type: 'string', default: '600' },
} }, `systems: ${systems.map((s) => s.name).join(', ')}\nprograms: ${benchmarks.map((b) => b.name).join(', ')}`);
const pick = <T extends { name: string }>(all: readonly T[], names: string | undefined): T[] =>
  (names ? all.filter((x) => names.split(',').includes(x.name)) : [...all]);
if (options.root) useRoot(options.root);
const list = pick([...benchmarks, ...options.root ? debianIn(options.root) : []], options.only);
const used = pick(systems, options.systems).filter((system) => {
  if (system.missing) console.error(`${system.name}: left out, ${system.missing}`);
  return !system.missing;
});
const results = new Map<string, Samples>(used.map((s) => [s.name, new Map()]));

for (let round = 0; round < Number(options.rounds); round++) for (const system of used) {
  console.error(`round ${round + 1}: ${system.name}`);
  for (const [name, seconds] of await once(system, list.filter((b) => system.runs(b)))) push(results.get(system.name)!, name, seconds);
}
print();
if (options.json)
  writeFileSync(options.json, JSON.stringify(Object.fromEntries([...results].map(([s, m]) => [s, Object.fromEntries(m)])), null, 1));

/** One run of the whole list; seconds by benchmark, 'start' = from the process's start to the first marker. */
async function once(system: System, programs: Benchmark[]): Promise<Map<string, number>> {
  const { file, args, env } = system.command(programs), times = new Map<string, number>(), begun = performance.now();
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  let line = '', from = begun, tail = '';
  const onLine = (text: string): void => {
    const at = performance.now(), [, what, name] = /@(begin|end|done) ?(\S*)/.exec(text) ?? [];
    if (what === 'begin') { if (!times.has('start')) times.set('start', (at - begun) / 1000); from = at; }
    else if (what === 'end') times.set(name!.trim(), (at - from) / 1000);
    else if (what === 'done') child.kill();
  };
  child.stdout.on('data', (bytes: Buffer) => {
    line += bytes.toString('latin1');
    const lines = line.split('\n');
    line = lines.pop()!;
    lines.forEach(onLine);
  });
  child.stderr.on('data', (bytes: Buffer) => { tail = (tail + bytes.toString()).slice(-500); });
  const timer = setTimeout(() => child.kill('SIGKILL'), Number(options.timeout) * 1000);
  await new Promise((done) => child.on('close', done));
  clearTimeout(timer);
  for (const benchmark of programs)
    if (!times.has(benchmark.name))
      console.error(`${system.name}: no result for ${benchmark.name}${tail ? `; it said: ${tail.trim().split('\n').pop()}` : ''}`);
  return times;
}

function push(samples: Samples, name: string, seconds: number): void {
  const found = samples.get(name);
  if (found) found.push(seconds); else samples.set(name, [seconds]);
}

function median(samples: number[] | undefined): number {
  if (!samples || samples.length === 0) return NaN;
  const sorted = [...samples].sort((a, b) => a - b), middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** A Markdown table: median seconds a system; in brackets how many times faster than the peer. */
function print(): void {
  const peer = used.find((s) => s.name === 'qemu-system') ?? used.find((s) => !s.name.startsWith('tessera'));
  const cell = (system: System, name: string): string => {
    const mine = median(results.get(system.name)!.get(name)), theirs = peer ? median(results.get(peer.name)!.get(name)) : NaN;
    if (Number.isNaN(mine)) return '';
    return system === peer || Number.isNaN(theirs) ? mine.toFixed(3) : `${mine.toFixed(3)} (${(theirs / mine).toFixed(2)}×)`;
  };
  console.log(`| seconds (speed against ${peer?.name ?? 'nothing'}) | ${used.map((s) => s.name).join(' | ')} |`);
  console.log(`|---|${used.map(() => '--:|').join('')}`);
  for (const name of ['start', ...list.map((b) => b.name)]) console.log(`| ${name} | ${used.map((s) => cell(s, name)).join(' | ')} |`);
  if (peer) console.log(`| geometric mean, CPU programs | ${used.map((s) => mean(s, peer)).join(' | ')} |`);
}

function mean(system: System, peer: System): string {
  const ratios = list.filter((b) => b.group === 'cpu')
    .map((b) => median(results.get(peer.name)!.get(b.name)) / median(results.get(system.name)!.get(b.name))).filter((r) => r > 0);
  return ratios.length ? `${Math.exp(ratios.reduce((a, r) => a + Math.log(r), 0) / ratios.length).toFixed(2)}×` : '';
}
