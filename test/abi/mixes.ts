/**
 * Long sequences of calls drawn from seeds (`mixer.c`): options read back, messages with descriptors and credentials, watches against all
 * file operations. What Linux answered is kept for some seeds; a tenth more is drawn anew at each run, on both sides.
 *
 *   npx tsx test/abi/mixes.ts               the kept ones here, then fresh ones on both (seed: --seed, or the clock)
 *   npx tsx test/abi/mixes.ts --renew       asks Linux for those that are kept
 *
 * Exit status 1 if a line differs.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, brotliDecompressSync } from 'node:zlib';
import { hasLinux, runOnLinux } from '../conformance/linux.ts';
import { readOptions } from '../tool.ts';

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const FILE = at('mixes.txt.br'), KINDS = ['options', 'messages', 'inotify'] as const, SEEDS = 3, STEPS = 3000;
/** A kind, a seed, and how many operations: the arguments of `mixer`. */
export type Mix = string;
const mixesOf = (seeds: readonly number[], steps: number): Mix[] =>
  KINDS.flatMap((kind) => seeds.map((seed) => `${kind} ${seed} ${steps}`));
export const keptMixes = (): Mix[] => mixesOf(Array.from({ length: SEEDS }, (_, i) => i + 1), STEPS);

const script = (mixes: readonly Mix[]): string =>
  `cd /tmp\n${mixes.map((m) => `echo '@@@ ${m}'; /t/mixer ${m} < /dev/null 2>&1`).join('\n')}\n`;
/** The lines that each mix said. */
function linesOf(output: string): Map<Mix, string[]> {
  const out = new Map<Mix, string[]>();
  let lines: string[] = [];
  for (const line of output.replaceAll('\r', '').split('\n')) {
    if (line.startsWith('@@@ ')) out.set(line.slice(4), lines = []);
    else if (line !== '') lines.push(line);
  }
  return out;
}
function ask(mixes: readonly Mix[], run: (root: string, text: string) => string): Map<Mix, string[]> {
  const root = mkdtempSync(join(tmpdir(), 'mixes-'));
  try {
    cpSync(at('../../images/rootfs'), root, { recursive: true, verbatimSymlinks: true });
    mkdirSync(join(root, 't'));
    execFileSync('riscv64-linux-gnu-gcc', ['-O1', '-static', '-w', '-o', join(root, 't/mixer'), at('mixer.c')]);
    return linesOf(run(root, `${script(mixes)}echo '@@@ end'\n`));
  } finally { rmSync(root, { recursive: true, force: true }); }
}
export const mixesOnLinux = (mixes: readonly Mix[]): Map<Mix, string[]> => ask(mixes, (root, text) => runOnLinux(root, text));
export const mixesHere = (mixes: readonly Mix[], command = at('../../bin/tessera')): Map<Mix, string[]> => ask(mixes, (root, text) => {
  writeFileSync(join(root, 't/run.sh'), text);
  return spawnSync(command, ['run', '--rootfs', root, 'sh', '/t/run.sh'],
    { input: '', maxBuffer: 1 << 28, encoding: 'latin1', timeout: 800_000 }).stdout;
});
export const keptAnswers = (): Map<Mix, string[]> =>
  (existsSync(FILE) ? linesOf(brotliDecompressSync(readFileSync(FILE)).toString('latin1')) : new Map());

/** The first line of each mix that differs, with the line before it. */
export function differences(mixes: readonly Mix[], linux: Map<Mix, string[]>, here: Map<Mix, string[]>): string[] {
  return mixes.flatMap((mix) => {
    const theirs = linux.get(mix) ?? [], ours = here.get(mix) ?? [], i = theirs.findIndex((line, k) => line !== ours[k]);
    if (theirs.length === 0) return [`${mix}: no answer`];
    return i < 0 ? [] : [`${mix}, line ${i}, after ${theirs[i - 1]}: Linux ${theirs[i]}, here ${ours[i]}`];
  });
}
function main(): void {
  const { values: options } = readOptions(import.meta.filename, { options: {
    renew: { type: 'boolean', default: false }, seed: { type: 'string' }, tessera: { type: 'string' },
  } });
  if (options.renew) {
    const got = mixesOnLinux(keptMixes());
    const text = keptMixes().map((m) => `@@@ ${m}\n${got.get(m)!.join('\n')}\n`).join('');
    writeFileSync(FILE, brotliCompressSync(text));
    return;
  }
  const seed = Number(options.seed ?? Date.now() % 2 ** 31), fresh = hasLinux() ? mixesOf([seed], STEPS) : [];
  const faults = [...differences(keptMixes(), keptAnswers(), mixesHere(keptMixes(), options.tessera)),
    ...(fresh.length > 0 ? differences(fresh, mixesOnLinux(fresh), mixesHere(fresh, options.tessera)) : [])];
  for (const fault of faults) console.log(fault);
  console.log(`${keptMixes().length} mixes, ${fresh.length} fresh ones (seed ${seed}), ${faults.length} differ`);
  if (faults.length > 0) process.exitCode = 1;
}
if (process.argv[1] === fileURLToPath(import.meta.url)) main();
