/**
 * Grades the graders: mutants of each reference solution must fail, at a check that reports the expected and the actual result.
 *
 *   npx tsx test/labs/mutants.ts [--lab NAME] [--count 120] [--show] [--texts]   (--texts: also what a student would read)
 *
 * A mutant with the same behaviour (the same records in all worlds, apart from their times, and the same output) is the same program and
 * does not count. Lines of an assembly program that the starter contains were given, and are not mutated. There are no other rules.
 */
import { pathToFileURL } from 'node:url';
import { answerHelp } from '../tool.ts';
import { filesOfLab } from '../../cli/lab/folder.ts';
import { grade, variantOf } from '../../cli/lab/grade.ts';
import { findLab, labNames } from '../../labs/catalogue.ts';
import { Random } from '../../labs/grading/random.ts';
import type { Lab } from '../../labs/grading/lab.ts';
import type { Verdict } from '../../labs/grading/verdict.ts';
import { mutantsOf as ofAssembly } from './mutate-assembly.ts';
import { mutantsOf as ofJavaScript, type Mutant } from './mutate-javascript.ts';
import { mutantsOf as ofC } from './mutate-c.ts';
import { mutantsOf as ofSql } from './mutate-sql.ts';

const SEED = 'mutants', SECRET = 'exam';
const makers = { typescript: ofJavaScript, riscv: ofAssembly, c: ofC, sql: ofSql } as const;

export interface Count {
  readonly lab: string;
  readonly possible: number;
  tried: number;
  same: number;
  failed: number;
  named: number;
  readonly survivors: string[]
}

export const solutionOf = (lab: Lab): Map<string, string> => filesOfLab(lab, 'solution', variantOf(lab, SEED));

export interface MutantFile extends Mutant { readonly file: string }

/** All mutants of the files that are handed in; lines of the starter are not mutated. */
export const mutantsIn = (lab: Lab, solution: ReadonlyMap<string, string>, starter: ReadonlyMap<string, string>): MutantFile[] =>
  [...solution].filter(([file]) => lab.files.includes(file)).flatMap(([file, source]) =>
    makers[lab.language](source, starter.get(file)).map((mutant: Mutant) => ({ file, ...mutant })));

/** Until `count` mutants that differ have been tried, or there are no more. */
export async function countMutants(lab: Lab, count: number, say: (line: string) => void = () => {}, texts = false): Promise<Count> {
  const solution = solutionOf(lab), reference = (await grade(lab, solution, { seed: SEED, secret: SECRET })).verdict;
  if (reference.points !== reference.of) throw new Error(`${lab.name}: the reference solution gets ${reference.points} points`);
  const starter = filesOfLab(lab, 'starter', variantOf(lab, SEED)),
    all = mutantsIn(lab, solution, starter);
  const counted: Count = { lab: lab.name, possible: all.length, tried: 0, same: 0, failed: 0, named: 0, survivors: [] };
  for (const mutant of new Random(lab.name).some(all, all.length)) {
    if (counted.tried - counted.same >= count) break;
    const { verdict } = await grade(lab, new Map([...solution, [mutant.file, mutant.source]]),
      { seed: SEED, secret: SECRET, untilWrong: true });
    counted.tried++;
    // Checks of worlds that did not run have a finding without a world.
    const failed = verdict.checks.filter((x) => !x.passed), told = failed.filter((x) => x.findings.some((f) => f.world !== '')),
      wrong = told.length > 0 ? told : failed;
    if (wrong.length > 0) {
      counted.failed++;
      if (wrong.some((x) => x.findings.some((f) => f.expected !== '' && f.seen !== '')) || verdict.notes.length > 0) counted.named++;
    } else if (verdict.digest === reference.digest) counted.same++;
    else counted.survivors.push(`${mutant.file} ${mutant.what}`);
    say(`${wrong.length > 0 ? wrong.map((w) => w.id).join(',') : verdict.digest === reference.digest ? 'same' : 'SURVIVES'} ${mutant.file} `
      + `${mutant.what}`);
    if (texts) for (const line of textsOf(verdict)) say(line);
  }
  return counted;
}

/** The messages for a student: the first finding of each check. */
function textsOf({ checks, notes, output }: Verdict): string[] {
  const found = checks.filter((c) => !c.passed).flatMap((c) => c.findings.slice(0,
    1).map((f) => ({ ...f, title: c.title, mistake: c.mistake })));
  const lines = found.filter((f) => f.world !== '').map((f) => `    ${f.title}: expected ${f.expected}; seen ${f.seen} | ${f.mistake}`);
  return [...lines, ...[...notes, ...output.slice(0, 3)].map((line) => `    ! ${line}`)];
}

/** Share of the mutants that differ and fail with words, in percent. */
export const share = (c: Count): number => (100 * c.named) / Math.max(1, c.tried - c.same);

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  answerHelp(import.meta.filename);
  const option = (name: string): string | undefined => {
    const i = process.argv.indexOf(name);
    return i < 0 ? undefined : process.argv[i + 1];
  };
  let low = 0;
  for (const name of option('--lab') ? [option('--lab')!] : labNames()) {
    const c = await countMutants((await findLab(name))!, Number(option('--count') ?? 120),
      process.argv.includes('--show') || process.argv.includes('--texts') ? console.log : undefined, process.argv.includes('--texts'));
    console.log(`${c.lab}: ${c.possible} mutants, ${c.tried} tried, ${c.same} the same program, ${c.failed} fail, ${c.named} with words: `
      + `${share(c).toFixed(1)} %`);
    for (const s of c.survivors) console.log(`  survives: ${s}`);
    if (share(c) < 95 || c.tried - c.same < 100) low++;
  }
  process.exitCode = low > 0 ? 1 : 0;
}
