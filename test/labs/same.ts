/**
 * Grades the same submissions again and again, with one Node after the other, and compares all verdicts byte for byte.
 *
 *   npx tsx test/labs/same.ts [--lab NAME] [--times 10] [--node PATH]… [--load 2]
 *
 * Of each lab a solution, the starter and a mutant are graded by `tessera lab grade` (verdicts as JSON, reports for teachers). A round
 * takes each lab once with each Node (`--node`: its executable; without one, this Node); `--load` lets so many processes compute beside
 * it. Status 1 if a verdict differs from the first of its lab.
 */
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { filesOfLab } from '../../cli/lab/folder.ts';
import { variantOf } from '../../cli/lab/grade.ts';
import { projectRoot } from '../../cli/images/where.ts';
import { findLab, labNames } from '../../labs/catalogue.ts';
import { Random } from '../../labs/grading/random.ts';
import type { Lab } from '../../labs/grading/lab.ts';
import { numberOf, readOptions, refuse } from '../tool.ts';
import { mutantsIn } from './mutants.ts';

const { values } = readOptions(import.meta.filename, {
  options: {
    lab: { type: 'string' }, times: { type: 'string', default: '10' }, node: { type: 'string', multiple: true },
    load: { type: 'string', default: '2' },
  },
});
const times = numberOf(import.meta.filename, '--times', values.times, 1), nodes = values.node ?? [process.execPath],
  busy = numberOf(import.meta.filename, '--load', values.load);
const names = values.lab === undefined ? labNames() : [values.lab], folder = mkdtempSync(join(tmpdir(), 'tessera-same-'));

/** A class of three in `folder`, each in a variant of its own. */
function writeClass(lab: Lab): void {
  for (const student of ['solution', 'starter', 'mutant']) {
    const variant = variantOf(lab, student), files = filesOfLab(lab, student === 'starter' ? 'starter' : 'solution', variant);
    if (student === 'mutant') {
      const [chosen] = new Random(lab.name).some(mutantsIn(lab, files, filesOfLab(lab, 'starter', variant)), 1);
      files.set(chosen!.file, chosen!.source);
    }
    const own = join(folder, lab.name, student);
    mkdirSync(own, { recursive: true });
    for (const [name, text] of files) writeFileSync(join(own, name), text);
    writeFileSync(join(own, 'lab.json'), `${JSON.stringify({ lab: lab.name, student })}\n`);
  }
}

/** Everything that one grading of the class says. */
function graded(node: string, lab: string): string {
  const reports = mkdtempSync(join(folder, 'reports-')), words = [join(projectRoot(), 'bin/tessera'), 'lab', 'grade', '--all',
    join(folder, lab), '--lab', lab, '--secret', 'exam', '--jobs', '1', '--format', 'json', '--reports', reports];
  const json = execFileSync(node, words, { encoding: 'utf8', maxBuffer: 64 << 20, stdio: ['ignore', 'pipe', 'inherit'] });
  const files = readdirSync(reports, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name)).sort();
  const all = [json, ...files.map((file) => readFileSync(file, 'utf8'))].join('\n');
  rmSync(reports, { recursive: true });
  return all;
}

interface Tally { runs: number; readonly points: string; readonly said: Map<string, string[]> }
const tallies = new Map<string, Tally>();

function count(lab: string, node: string, text: string): void {
  const points = [...text.matchAll(/"student": "(\w+)",[^]*?"points": (\d+)/g)].map(([, who, got]) => `${who} ${got}`).join(', ');
  const tally: Tally = tallies.get(lab) ?? { runs: 0, points, said: new Map() };
  const hash = createHash('sha256').update(text).digest('hex').slice(0, 16);
  tally.runs++;
  tally.said.set(hash, [...tally.said.get(hash) ?? [], node]);
  tallies.set(lab, tally);
}

const beside = Array.from({ length: busy }, () => spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }));
process.on('exit', () => { for (const child of beside) child.kill('SIGKILL'); rmSync(folder, { recursive: true, force: true }); });
process.on('SIGINT', () => process.exit(130));
process.on('SIGTERM', () => process.exit(143));

for (const name of names) writeClass(await findLab(name) ?? refuse(import.meta.filename, `there is no lab '${name}'`));
const versions = new Map(nodes.map((node) => [node, execFileSync(node, ['--version'], { encoding: 'utf8' }).trim()]));
for (let round = 1; round <= times; round++) {
  for (const node of nodes) for (const name of names) {
    const lab = (await findLab(name))!.name;
    count(lab, versions.get(node)!, graded(node, lab));
  }
  const odd = [...tallies].filter(([, tally]) => tally.said.size > 1).map(([lab]) => lab);
  const found = odd.length === 0 ? 'all the same' : `different: ${odd.join()}`;
  console.log(`round ${round} of ${times}, load ${loadavg()[0]!.toFixed(1)}: ${found}`);
}
for (const [lab, { runs, points, said }] of tallies) {
  const results = `${said.size} result${said.size === 1 ? '' : 's'}`;
  console.log(`${lab}: ${runs} gradings by ${[...versions.values()].join(', ')}: ${results} (${points})`);
  if (said.size > 1) for (const [hash, by] of said) console.log(`  ${hash}: ${by.join()}`);
}
process.exit([...tallies.values()].some((tally) => tally.said.size > 1) ? 1 : 0);
