/**
 * Grades the reference solution of each lab in many variants and worlds: each must get all points, or a right submission would lose some.
 *
 *   npx tsx test/labs/variants.ts [--lab NAME] [--count 20] [--from 0]
 *
 * Variant number `n` is that of student-n under the secret exam-n. Status 1 if one gets fewer points; then its findings are printed.
 */
import { existsSync } from 'node:fs';
import { gccRoot } from '../../cli/lab/cc.ts';
import { filesOfLab } from '../../cli/lab/folder.ts';
import { grade, variantOf } from '../../cli/lab/grade.ts';
import { findLab, labNames } from '../../labs/catalogue.ts';
import { numberOf, readOptions, refuse } from '../tool.ts';

const { values } = readOptions(import.meta.filename, {
  options: { lab: { type: 'string' }, count: { type: 'string', default: '20' }, from: { type: 'string', default: '0' } },
});
const count = numberOf(import.meta.filename, '--count', values.count, 1), from = numberOf(import.meta.filename, '--from', values.from);
const hasCompiler = process.env['TESSERA_LAB_CC'] !== undefined || existsSync(gccRoot());

for (const name of values.lab === undefined ? labNames() : [values.lab]) {
  const lab = await findLab(name) ?? refuse(import.meta.filename, `there is no lab '${name}'`);
  if (lab.language === 'c' && !hasCompiler) { console.log(`${lab.name}: skipped, no compiler (tessera images fetch --gcc)`); continue; }
  let full = 0;
  for (let i = from; i < from + count; i++) {
    const seed = `student-${i}`, solution = filesOfLab(lab, 'solution', variantOf(lab, seed)),
      { verdict } = await grade(lab, solution, { seed, secret: `exam-${i}` });
    if (verdict.points === verdict.of) { full++; continue; }
    process.exitCode = 1;
    for (const { id, findings } of verdict.checks.filter((check) => !check.passed))
      console.log(`${lab.name}, ${seed}: ${id}: expected ${findings[0]?.expected}; seen ${findings[0]?.seen}`);
  }
  console.log(`${lab.name}: ${full} of ${count} variants get all points`);
}
