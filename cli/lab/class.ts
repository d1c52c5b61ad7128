/** `tessera lab grade`: a class. Graders are processes (worker.ts), as many at once as there are processors. */
import { lstatSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Lab } from '../../labs/grading/lab.ts';
import { Sheet, verdictOf, type Verdict } from '../../labs/grading/verdict.ts';
import { CliError, Exit, fileError, outputError } from '../errors.ts';
import { labOf, labWord, readFolder } from './folder.ts';
import { Worker } from './worker.ts';
import { csvHead, csvLine, inFormat } from './words.ts';

export interface ClassOptions {
  all: string;
  lab?: string;
  secret?: string;
  format: 'csv' | 'json';
  output?: string;
  reports?: string;
  jobs?: number;
  index?: number;
  of?: number
}

interface Graded { readonly student: string; readonly lab: Lab; readonly verdict: Verdict }

export async function gradeClass(options: ClassOptions): Promise<number> {
  const students = part(studentsIn(options.all), options), lab = options.lab === undefined ? undefined : await labOf(options.lab),
    results: Graded[] = [];
  const waiting = students.map((s, i) => [s, i] as const), jobs = options.jobs ?? availableParallelism();
  await Promise.all(Array.from({ length: Math.min(jobs, Math.max(1, waiting.length)) }, async () => {
    const worker = new Worker();
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      results[next[1]] = await one(worker, join(options.all, next[0]), next[0], lab, options);
      if (process.stderr.isTTY) process.stderr.write(`\r${results.filter(Boolean).length} of ${students.length}`);
    }
    worker.close();
  }));
  if (process.stderr.isTTY) process.stderr.write('\n');
  if (options.reports !== undefined) writeReports(options.reports, results);
  put(options.output,
    options.format === 'json'
      ? `${JSON.stringify(results.map(({ student, verdict }) => ({ student, ...verdict })), null, 2)}\n`
      : csv(results));
  return Exit.ok;
}

function studentsIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((n) => !n.startsWith('.') && lstatSync(join(folder, n)).isDirectory()).sort();
  } catch (error) {
    throw fileError('folder', folder, error, 'it holds a folder for each student');
  }
}

/** Part `index` of `of`: every `of`-th submission, so that parts take equally long. */
function part(students: readonly string[], { index, of }: ClassOptions): string[] {
  if (index === undefined) return [...students];
  const parts = of ?? students.length;
  if (index >= parts) throw new CliError('E_OPTION', `option --index: ${index} is not below ${parts}`, 'parts are counted from 0');
  return students.filter((_, i) => i % parts === index);
}

async function one(worker: Worker, path: string, student: string, given: Lab | undefined, { secret }: ClassOptions): Promise<Graded> {
  let lab = given;
  try {
    lab ??= (await readFolder(path)).lab;
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    return { student, lab: NONE, verdict: verdictOf(NONE, student, [], [error.message], [], '') };
  }
  const found = await worker.grade({ path, lab: labWord(lab), student, secret });
  if ('verdict' in found) return { student, lab, verdict: found.verdict };
  const { why } = found;
  return { student, lab, verdict: verdictOf(lab, student, new Sheet(lab).results(why), [`not graded: ${why}`], [], '') };
}
const NONE: Lab = {
  number: 0, name: 'unknown', title: 'unknown', hours: [0, 0], language: 'typescript', files: [], checks: [], variant: () => ({}),
  worlds: () => []
};

function csv(results: readonly Graded[]): string {
  const lines: string[] = [];
  let head = '';
  for (const { student, lab, verdict } of results) {
    if (csvHead(lab) !== head) lines.push((head = csvHead(lab)));
    lines.push(csvLine(student, verdict));
  }
  return lines.map((l) => `${l}\n`).join('');
}

function writeReports(folder: string, results: readonly Graded[]): void {
  try {
    for (const { student, lab, verdict } of results) {
      mkdirSync(join(folder, student), { recursive: true });
      writeFileSync(join(folder, student, 'report.md'), inFormat('markdown', lab, student, verdict, () => undefined));
      writeFileSync(join(folder, student, 'results.json'), inFormat('gradescope', lab, student, verdict, () => undefined));
    }
  } catch (error) {
    throw outputError('folder', folder, error);
  }
}

function put(file: string | undefined, text: string): void {
  if (file === undefined || file === '-') process.stdout.write(text);
  else try { writeFileSync(file, text); } catch (error) { throw outputError('file', file, error); }
}
