/**
 * One program natively, in a virtual machine, under the Unix server (binary emulation), and there by interpretation: host seconds of
 * processor time for the same work, and their ratio to the translated run directly on the machine (= 1).
 *
 *   npx tsx bench/three-ways.ts [ROUNDS]      (needs images: tessera images fetch)
 *
 * Each way runs twice, with all rounds and with one; the difference is the program's time without boot and start.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Mode, packCpio } from '../cli/cpio.ts';
import { projectRoot } from '../cli/images/where.ts';
import { answerHelp } from '../test/tool.ts';

answerHelp(import.meta.filename);

const ROUNDS = Number(process.argv[2] ?? 400_000), root = projectRoot(), program = join(root, 'guests/bin/linux/intmix');
const images = join(root, 'images'), folder = mkdtempSync(join(tmpdir(), 'tessera-ways-')), initrd = join(folder, 'initrd');
const archive = packCpio([{ name: 'intmix', mode: Mode.file | 0o755, data: readFileSync(program) }]),
  base = readFileSync(join(images, 'initramfs.cpio'));
writeFileSync(initrd, Buffer.concat([base, Buffer.alloc(-base.length & 511), archive]));
const kernel = ['--kernel', join(images, 'vmlinuz'), '--initrd', initrd, '--memory', '256M'];
const boot = (how: string, n: number, ...more: string[]): string[] =>
  [how, ...kernel, '--append', `console=ttyS0 quiet RUN="/intmix ${n}"`, ...more];

/** Ways by name, and their command for `n` rounds. `slower`: divides the rounds of a slow way. */
const WAYS: readonly { readonly name: string; readonly slower: number; readonly args: (n: number) => string[] }[] = [
  { name: 'translated, native (bare)', slower: 1, args: (n) => boot('bare', n) },
  { name: 'virtual machine (vm)', slower: 1, args: (n) => boot('vm', n) },
  { name: 'virtual machine (vm --virt trap)', slower: 1, args: (n) => boot('vm', n, '--virt', 'trap') },
  { name: 'Unix server (run)', slower: 1, args: (n) => ['run', program, String(n)] },
  { name: 'the same, interpreted (run --engine interp)', slower: 20, args: (n) => ['run', '--engine', 'interp', program, String(n)] },
];

/** Seconds of processor time. */
function seconds(args: readonly string[]): number {
  const { stderr, status } = spawnSync('bash', ['-c', 'TIMEFORMAT="cpu %U %S"; time "$@" >/dev/null', 'bash', join(root, 'bin/tessera'),
    ...args], { encoding: 'utf8', timeout: 1_200_000 });
  const [, user, system] = /cpu ([\d.]+) ([\d.]+)/.exec(stderr) ?? [];
  if (status !== 0 || user === undefined) throw new Error(`${args[0]}: status ${status}: ${stderr}`);
  return Number(user) + Number(system);
}

try {
  let native = 0;
  for (const { name, slower, args } of WAYS) {
    const n = Math.ceil(ROUNDS / slower), spent = (seconds(args(n)) - seconds(args(1))) * (ROUNDS / (n - 1));
    native ||= spent;
    console.log(`${name.padEnd(46)} ${spent.toFixed(2).padStart(8)} s ${(spent / native).toFixed(2).padStart(7)}`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
