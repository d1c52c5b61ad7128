/**
 * Asks probes and compares:
 *
 *   npx tsx test/abi/run.ts                 all probes here, against what Linux answered
 *   npx tsx test/abi/run.ts --part K/N      a part of them
 *   npx tsx test/abi/run.ts --fresh N       N new probes (seed: --seed, or the clock) on Linux and here
 *   npx tsx test/abi/run.ts --renew         asks Linux all of them again and keeps the answers
 *
 * Exit status 1 if an answer differs and no kind in classes.ts says why.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { knownAnswers, keepAnswers } from './answers.ts';
import { kindOf } from './classes.ts';
import { drawn, lineOf, systematic, type Probe } from './generate.ts';
import { answersHere, answersOfLinux } from './sides.ts';

/** Seeds of what is kept; those above are drawn anew. */
const SEEDS = 90, EACH = 100, PORTION = 4000;
export const allProbes = (): Probe[] =>
  [...new Map([...systematic(), ...Array.from({ length: SEEDS }, (_, i) => drawn(i + 1, EACH)).flat()].map((p) => [lineOf(p), p])).values(
  )];

export interface Differences { readonly faults: string[]; readonly meant: Map<string, number> }
export function compare(probes: readonly Probe[], linux: readonly (string | undefined)[], here: readonly string[]): Differences {
  const out: Differences = { faults: [], meant: new Map() };
  probes.forEach((p, i) => {
    const theirs = linux[i], ours = here[i] ?? 'lost';
    if (theirs === undefined || theirs === ours) return;
    const kind = kindOf(p, theirs, ours);
    if (kind) out.meant.set(kind.name, (out.meant.get(kind.name) ?? 0) + 1);
    else out.faults.push(`${p.name} ${p.args.join(' ')}: Linux ${theirs}, here ${ours}`);
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
  const { values: o } = parseArgs({ options: { part: { type: 'string', default: '1/1' }, fresh: { type: 'string' },
    seed: { type: 'string' }, renew: { type: 'boolean', default: false }, tessera: { type: 'string' } } });
  const [k, n] = o.part.split('/').map(Number) as [number, number], seed = Number(o.seed ?? Date.now() % 2 ** 31);
  const probes = o.fresh ? drawn(seed, Number(o.fresh)) : allProbes().filter((_, i) => i % n === k - 1);
  if (o.renew) { keepAnswers(probes, answersOfLinux(probes)); return; }
  const known = o.fresh ? undefined : knownAnswers(), linux = known ? probes.map((p) => known.get(lineOf(p))) : answersOfLinux(probes);
  const { faults, meant } = compare(probes, linux, inPortions(probes, (part) => answersHere(part, o.tessera)));
  for (const f of faults) console.log(f);
  console.log(`${probes.length} probes${o.fresh ? ` (seed ${seed})`
    : ''}, ${faults.length} faults; meant: ${[...meant].map(([name, c]) => `${name} ${c}`).join(', ') || 'none'}`);
  process.exitCode = faults.length > 0 ? 1 : 0;
}
if (process.argv[1] === fileURLToPath(import.meta.url)) main();
