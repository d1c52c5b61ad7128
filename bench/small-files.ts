/**
 * `npx tsx bench/small-files.ts [--files N] [--rounds N]`: N (10,000) small files in a live folder of the host: written, listed, read in
 * the listed order, removed, by the same program under `tessera run --mount` and `qemu-riscv64-static` on the same folder, in turn.
 * Processor seconds (user and system) of the whole command and wall-clock seconds, medians of the rounds; the aim is three times QEMU's.
 * A start without files is printed too.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readOptions } from '../test/tool.ts';

const root = join(import.meta.dirname, '..'), program = join(root, 'guests/bin/apart/smallfiles');
const { values } = readOptions(import.meta.filename, {
  options: { files: { type: 'string', default: '10000' }, rounds: { type: 'string', default: '3' } }
});

interface Cost { readonly processor: number; readonly wall: number }
const median = (list: readonly number[]): number => [...list].sort((a, b) => a - b)[list.length >> 1]!;

/** Runs a command and returns its cost, children included. */
function cost(file: string, args: readonly string[]): Cost {
  const start = performance.now();
  // A separate shell waits for the command, so that the command's children count too.
  const run = spawnSync('sh', ['-c', '"$@"; code=$?; times; exit $code', 'sh', file, ...args], { encoding: 'utf8' });
  if (run.status !== 0) throw new Error(`${file}: ${run.stderr}${run.stdout}`);
  const last = run.stdout.trim().split('\n').at(-1)!,
    seconds = [...last.matchAll(/(\d+)m([\d.]+)s/g)].map((m) => Number(m[1]) * 60 + Number(m[2]));
  return { processor: seconds[0]! + seconds[1]!, wall: (performance.now() - start) / 1000 };
}

const folder = mkdtempSync(join(tmpdir(), 'tessera-small-files-')), rounds: Record<string, Cost[]> = { qemu: [], tessera: [], start: [] };
const inTessera = (files: string): Cost =>
  cost(process.execPath, [join(root, 'bin/tessera'), 'run', '--mount', `${folder}:/m`, program, '/m', files]);
try {
  for (let i = 0; i < Number(values.rounds); i++) {
    rounds['qemu']!.push(cost('qemu-riscv64-static', [program, folder, values.files]));
    rounds['tessera']!.push(inTessera(values.files));
    rounds['start']!.push(inTessera('0'));
  }
} finally { rmSync(folder, { recursive: true, force: true }); }
const of = (name: string, what: keyof Cost): number => median(rounds[name]!.map((c) => c[what]));
const row = (name: string): string =>
  `${name.padEnd(10)} ${of(name, 'processor').toFixed(2).padStart(9)} ${of(name, 'wall').toFixed(2).padStart(9)}`;
console.log(`${values.files} files   processor s    wall s`);
for (const name of ['qemu', 'tessera', 'start']) console.log(row(name));
console.log(`ratio      ${(of('tessera', 'processor') / of('qemu', 'processor')).toFixed(2).padStart(9)} `
  + `${(of('tessera', 'wall') / of('qemu', 'wall')).toFixed(2).padStart(9)}`);
