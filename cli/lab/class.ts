/** `tessera lab grade`: a class. Each submission is graded by a process of its own; what one does to it is nobody else's loss. */
import { spawn } from 'node:child_process';
import { lstatSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Lab } from '../../labs/grading/lab.ts';
import { Sheet, verdictOf, type Verdict } from '../../labs/grading/verdict.ts';
import { CliError, Exit, fileError, outputError } from '../errors.ts';
import { projectRoot } from '../images/where.ts';
import { labOf, readFolder } from './folder.ts';
import { csvHead, csvLine, inFormat } from './words.ts';

export interface ClassOptions { all: string; lab?: string; secret?: string; format: 'csv' | 'json'; output?: string; reports?: string; jobs?: number; index?: number; of?: number }

/** Seconds on the wall after which a grader is ended: far beyond what its own bounds let pass. */
const PATIENCE = 300, MOST_OUTPUT = 4 << 20;

interface Graded { readonly student: string; readonly lab: Lab; readonly verdict: Verdict }

export async function gradeClass(options: ClassOptions): Promise<number> {
  const students = part(studentsIn(options.all), options), lab = options.lab === undefined ? undefined : await labOf(options.lab), results: Graded[] = [];
  const waiting = students.map((s, i) => [s, i] as const), jobs = options.jobs ?? availableParallelism();
  await Promise.all(Array.from({ length: Math.min(jobs, Math.max(1, waiting.length)) }, async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      results[next[1]] = await one(join(options.all, next[0]), next[0], lab, options);
      if (process.stderr.isTTY) process.stderr.write(`\r${results.filter(Boolean).length} of ${students.length}`);
    }
  }));
  if (process.stderr.isTTY) process.stderr.write('\n');
  if (options.reports !== undefined) writeReports(options.reports, results);
  put(options.output, options.format === 'json' ? `${JSON.stringify(results.map(({ student, verdict }) => ({ student, ...verdict })), null, 2)}\n` : csv(results));
  return Exit.ok;
}

function studentsIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((n) => !n.startsWith('.') && lstatSync(join(folder, n)).isDirectory()).sort();
  } catch (error) {
    throw fileError('folder', folder, error, 'it holds a folder for each student');
  }
}

/** Part `index` of `of`: every so many-th, so that parts take equally long. */
function part(students: readonly string[], { index, of }: ClassOptions): string[] {
  if (index === undefined) return [...students];
  const parts = of ?? students.length;
  if (index >= parts) throw new CliError('E_OPTION', `option --index: ${index} is not below ${parts}`, 'parts are counted from 0');
  return students.filter((_, i) => i % parts === index);
}

async function one(path: string, student: string, given: Lab | undefined, { secret }: ClassOptions): Promise<Graded> {
  let lab = given;
  try {
    lab ??= (await readFolder(path)).lab;
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    return { student, lab: NONE, verdict: verdictOf(NONE, student, [], [error.message], [], '') };
  }
  const words = ['lab', 'check', path, '--json', '--no-types', '--lab', lab.name, '--student', student, ...(secret === undefined ? [] : ['--secret', secret])];
  const { text, why } = await tessera(words);
  try {
    return { student, lab, verdict: JSON.parse(text) as Verdict };
  } catch {
    return { student, lab, verdict: verdictOf(lab, student, new Sheet(lab).results(why), [`not graded: ${why}`], [], '') };
  }
}
const NONE: Lab = { number: 0, name: 'unknown', title: 'unknown', hours: [0, 0], language: 'typescript', files: [], checks: [], variant: () => ({}), worlds: () => [] };

/** Runs the command in a group of processes of its own, and ends the group with it. */
function tessera(words: readonly string[]): Promise<{ text: string; why: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(projectRoot(), 'bin/tessera'), ...words], { stdio: ['ignore', 'pipe', 'pipe'], detached: true }), out: Buffer[] = [], err: Buffer[] = [];
    let size = 0, why = '';
    const end = (): void => { try { process.kill(-child.pid!, 'SIGKILL'); } catch { /* it has ended */ } };
    const timer = setTimeout(() => { why = `the grader did not end within ${PATIENCE} s`; end(); }, PATIENCE * 1000);
    child.stdout.on('data', (b: Buffer) => { size += b.length; if (size > MOST_OUTPUT) { why = 'the verdict is too long'; end(); } else out.push(b); });
    child.stderr.on('data', (b: Buffer) => { if (err.length < 16) err.push(b); });
    child.on('error', (error) => { why = error.message; });
    child.on('close', (status, signal) => {
      clearTimeout(timer);
      end();
      resolve({ text: Buffer.concat(out).toString(), why: why || (signal ? `the grader was ended by ${signal}` : Buffer.concat(err).toString().split('\n')[0] || `the grader ended with status ${status}`) });
    });
  });
}

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
