/**
 * Writes a class: a folder for each student with a solution, a mutant of it or the starter, in the student's variant.
 *
 *   npx tsx test/labs/class.ts FOLDER [--lab 3] [--students 500]
 *
 * Of twenty students four hand in the solution, one the starter, and fifteen a mutant, each another one. Then:
 *
 *   tessera lab grade --all FOLDER --lab 3 --secret exam -o points.csv
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { filesOfLab } from '../../cli/lab/folder.ts';
import { variantOf } from '../../cli/lab/grade.ts';
import { findLab } from '../../labs/catalogue.ts';
import { Random } from '../../labs/grading/random.ts';
import type { Lab } from '../../labs/grading/lab.ts';
import { numberOf, readOptions, refuse } from '../tool.ts';
import { mutantsIn } from './mutants.ts';

const TURN = 20, SOLUTIONS = 4, STARTERS = 1;

/** What student number `i` hands in: name of the file → text. */
function submission(lab: Lab, student: string, i: number): Map<string, string> {
  const variant = variantOf(lab, student), solution = filesOfLab(lab, 'solution', variant), turn = i % TURN;
  if (turn < SOLUTIONS) return solution;
  const starter = filesOfLab(lab, 'starter', variant);
  if (turn < SOLUTIONS + STARTERS) return starter;
  const all = mutantsIn(lab, solution, starter), chosen = new Random(`${lab.name}/${student}`).some(all, 1)[0]!;
  return new Map([...solution, [chosen.file, chosen.source]]);
}

const { values: { lab: word, students }, positionals: [folder] } = readOptions(import.meta.filename, {
  allowPositionals: true, options: { lab: { type: 'string', default: '3' }, students: { type: 'string', default: '500' } },
});
if (folder === undefined) refuse(import.meta.filename, 'it needs the folder to write to');
const lab = await findLab(word) ?? refuse(import.meta.filename, `there is no lab '${word}'`);
const count = numberOf(import.meta.filename, '--students', students, 1);
for (let i = 0; i < count; i++) {
  const student = `student-${String(i + 1).padStart(4, '0')}`, own = join(folder, student);
  mkdirSync(own, { recursive: true });
  for (const [name, text] of submission(lab, student, i)) writeFileSync(join(own, name), text);
  writeFileSync(join(own, 'lab.json'), `${JSON.stringify({ lab: lab.name, student })}\n`);
}
console.log(`${count} submissions of ${lab.name} in ${folder}`);
