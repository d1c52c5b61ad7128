/**
 * Asks probes and compares:
 *
 *   npx tsx test/abi/run.ts                 all probes here, against Linux's answers; then a tenth of the seeds, newly drawn, on both
 *   npx tsx test/abi/run.ts --part K/N      a part of them, and nothing new
 *   npx tsx test/abi/run.ts --only NAME,…   those of some calls
 *   npx tsx test/abi/run.ts --fresh N       N new probes (seed: --seed, or the clock) on Linux and here
 * npx tsx test/abi/run.ts --renew runs the probes without a stored answer on Linux (--renew all: all of them), and stores the answers
 *
 * Exit status 1 if an answer differs and no kind in classes.ts explains it.
 */
import { fileURLToPath } from 'node:url';
import { knownAnswers, keepAnswers } from './answers.ts';
import { kindOf } from './classes.ts';
import { drawn, lineOf, systematic, type Probe } from './generate.ts';
import { hasLinux } from '../conformance/linux.ts';
import { answersHere, answersOfLinux } from './sides.ts';
import { readOptions } from '../tool.ts';

/** Seeds with stored answers; probes that new seeds draw at each run, a tenth of all; probes per batch. */
const SEEDS = 90, EACH = 100, HELD_OUT = 1000, PORTION = 4000;
export const allProbes = (): Probe[] =>
  [...new Map([...systematic(), ...Array.from({ length: SEEDS }, (_, i) => drawn(i + 1, EACH)).flat()].map((p) => [lineOf(p), p])).values(
  )];

export interface Differences { readonly faults: string[]; readonly meant: Map<string, number> }
export function compare(probes: readonly Probe[], linux: readonly (string | undefined)[], here: readonly string[]): Differences {
  const out: Differences = { faults: [], meant: new Map() };
  probes.forEach((probe, i) => {
    const theirs = linux[i], ours = here[i] ?? 'lost';
    if (theirs === undefined || theirs === ours) return;
    const kind = kindOf(probe, theirs, ours);
    if (kind) out.meant.set(kind.name, (out.meant.get(kind.name) ?? 0) + 1);
    else out.faults.push(`${probe.name} ${probe.args.join(' ')}: Linux ${theirs}, here ${ours}`);
  });
  return out;
}
function inPortions(probes: readonly Probe[], ask: (part: readonly Probe[]) => string[]): string[] {
  const out: string[] = [];
  for (let i = 0; i < probes.length; i += PORTION) {
    const part = probes.slice(i, i + PORTION), answers = ask(part);
    out.push(...part.map((_, k) => answers[k] ?? 'lost'));
  }
  return out;
}
function main(): void {
  const { values: options, positionals } = readOptions(import.meta.filename, { options: {
    part: { type: 'string', default: '1/1' }, fresh: { type: 'string' }, seed: { type: 'string' },
    renew: { type: 'boolean', default: false }, only: { type: 'string' }, tessera: { type: 'string' } },
    allowPositionals: true });
  const [k, n] = options.part.split('/').map(Number) as [number, number], seed = Number(options.seed ?? Date.now() % 2 ** 31);
  if (options.renew) { renew(positionals.includes('all')); return; }
  const names = options.only?.split(','), here = (part: readonly Probe[]): string[] => answersHere(part, options.tessera);
  if (!options.fresh) {
    const known = knownAnswers(),
      probes = allProbes().filter((p) => known.has(lineOf(p)) && (names?.includes(p.name) ?? true)).filter((_, i) => i % n === k - 1);
    tell('', compare(probes, probes.map((p) => known.get(lineOf(p))), inPortions(probes, here)), probes.length);
  }
  if (!options.fresh && (n > 1 || names !== undefined || !hasLinux())) return;
  const fresh = drawn(seed, Number(options.fresh ?? HELD_OUT));
  tell(` (seed ${seed})`, compare(fresh, inPortions(fresh, answersOfLinux), inPortions(fresh, here)), fresh.length);
}
function tell(which: string, { faults, meant }: Differences, count: number): void {
  for (const fault of faults) console.log(fault);
  const kinds = [...meant].map(([name, c]) => `${name} ${c}`).join(', ') || 'none';
  console.log(`${count} probes${which}, ${faults.length} faults; meant: ${kinds}`);
  if (faults.length > 0) process.exitCode = 1;
}
/** Runs Linux in batches and stores each at once, so that an interrupted renewal loses nothing. */
function renew(all: boolean): void {
  const probes = allProbes(), answers = knownAnswers(), missing = probes.filter((p) => all || !answers.has(lineOf(p)));
  for (let i = 0; i < missing.length; i += PORTION) {
    const part = missing.slice(i, i + PORTION), got = answersOfLinux(part);
    got.forEach((a, j) => answers.set(lineOf(part[j]!), a));
    keepAnswers(probes, answers);
    console.log(`${Math.min(i + PORTION, missing.length)} of ${missing.length} asked`);
    if (got.length < part.length) console.log(`no answer to ${lineOf(part[got.length]!)}`);
  }
}
if (process.argv[1] === fileURLToPath(import.meta.url)) main();
