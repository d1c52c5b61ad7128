/**
 * `npx tsx bench/small-files.ts [--files N] [--rounds N] [--in FOLDER,…]`: N (10,000) small files in a live folder of the host: written,
 * listed, read in the listed order, removed, by the same program under `tessera run --mount` and `qemu-riscv64-static` on the same folder,
 * in turn, in a new folder in each of these (/dev/shm and the folder of temporary files). Processor seconds (user and system) of the whole
 * command and wall-clock seconds, medians of the rounds; the aim is three times QEMU's. Beside them a start without files, and `node`: the
 * same calls of the host in a loop of plain JavaScript, which is the least that a program for Node can need.
 *
 * On ext4 the kernel itself takes ten times as long where inodes were freed in the last seconds, as in every round but the first.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readOptions } from '../test/tool.ts';

const root = join(import.meta.dirname, '..'), program = join(root, 'guests/bin/apart/smallfiles');
const { values } = readOptions(import.meta.filename, {
  options: {
    files: { type: 'string', default: '10000' }, rounds: { type: 'string', default: '3' },
    in: { type: 'string', default: existsSync('/dev/shm') ? `/dev/shm,${tmpdir()}` : tmpdir() }
  }
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

/** The calls that the program's file operations come to, without anything around them. */
const FLOOR = `const fs = require('fs'), [, folder, n] = process.argv, bytes = Buffer.alloc(300, 'x'), room = Buffer.alloc(65536);
for (let i = 0; i < n; i++) {
  const fd = fs.openSync(folder + '/f' + String(i).padStart(7, '0'), 'wx', 0o644);
  fs.writeSync(fd, bytes, 0, 300, 0); fs.closeSync(fd);
}
for (const name of fs.readdirSync(folder)) {
  const fd = fs.openSync(folder + '/' + name, 'r');
  fs.fstatSync(fd, { bigint: true }); fs.readSync(fd, room, 0, 65536, 0); fs.closeSync(fd);
}
for (const name of fs.readdirSync(folder)) fs.unlinkSync(folder + '/' + name);`;
const TYPES: Readonly<Record<number, string>> = { 0x01021994: 'tmpfs', 0xef53: 'ext4', 0x9123683e: 'btrfs', 0x58465342: 'xfs' };

function measure(where: string): void {
  const folder = mkdtempSync(join(where, 'tessera-small-files-')),
    rounds: Record<string, Cost[]> = { qemu: [], tessera: [], start: [], node: [] },
    inTessera = (files: string): Cost =>
      cost(process.execPath, [join(root, 'bin/tessera.cjs'), 'run', '--mount', `${folder}:/m`, program, '/m', files]);
  try {
    for (let i = 0; i < Number(values.rounds); i++) {
      rounds['qemu']!.push(cost('qemu-riscv64-static', [program, folder, values.files]));
      rounds['tessera']!.push(inTessera(values.files));
      rounds['start']!.push(inTessera('0'));
      rounds['node']!.push(cost(process.execPath, ['-e', FLOOR, folder, values.files]));
    }
  } finally { rmSync(folder, { recursive: true, force: true }); }
  const of = (name: string, what: keyof Cost): number => median(rounds[name]!.map((c) => c[what])),
    type = statfsSync(where).type >>> 0;
  console.log(`${values.files} files in ${where} (${TYPES[type] ?? type.toString(16)})`);
  console.log('             processor s    wall s   processor s of each round');
  for (const name of Object.keys(rounds))
    console.log(`${name.padEnd(10)} ${of(name, 'processor').toFixed(2).padStart(13)} ${of(name, 'wall').toFixed(2).padStart(9)}   `
      + rounds[name]!.map((c) => c.processor.toFixed(2)).join(' '));
  for (const name of ['tessera', 'node'])
    console.log(`${name} / qemu`.padEnd(14) + `${(of(name, 'processor') / of('qemu', 'processor')).toFixed(2).padStart(10)} `
      + `${(of(name, 'wall') / of('qemu', 'wall')).toFixed(2).padStart(9)}`);
}
for (const where of values.in.split(',')) measure(where);
