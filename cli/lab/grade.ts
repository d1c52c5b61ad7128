/** One submission in all worlds of its lab. The same for a student's `check` and a teacher's `grade`. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { nativeProgram, placed } from '../../labs/grading/assembly.ts';
import { Random, hash } from '../../labs/grading/random.ts';
import { runWorld } from '../../labs/grading/run.ts';
import { Sheet, verdictOf, type Verdict } from '../../labs/grading/verdict.ts';
import type { Lab, Submission } from '../../labs/grading/lab.ts';
import { projectRoot } from '../images/where.ts';
import { compileC } from './cc.ts';
import { SubmissionError, compile } from './compile.ts';
import { labFolder } from './folder.ts';
import { mistakes } from './mistakes.ts';
import { Prints, remoteProgram } from './remote/program.ts';

export interface Graded {
  readonly verdict: Verdict;
  /** Trace file of each failed world. */
  readonly traces: ReadonlyMap<string, Uint8Array>;
  /** What ran on a bare machine first, for a debugger: file name → ELF. */
  readonly images?: ReadonlyMap<string, Uint8Array>;
}
export interface GradeOptions {
  /** Whose variant: a student's name. */
  readonly seed: string;
  /** The secret seed of the worlds. */
  readonly secret?: string;
  /** Keeps every world's trace, not only those of failed ones. */
  readonly allTraces?: boolean;
  /** Called before each world, with the share that is done. */
  readonly progress?: (share: number) => void;
  /** Stops after the first failed world. */
  readonly untilWrong?: boolean;
}

/** The variant that a student's page shows. */
export const variantOf = (lab: Lab, seed: string): ReturnType<Lab['variant']> => lab.variant(new Random(`${lab.name}/${seed}`));

/** `files`: name → text of the submission. */
export async function grade(lab: Lab, files: ReadonlyMap<string, string>, options: GradeOptions): Promise<Graded> {
  const { seed } = options, sheet = new Sheet(lab), notes = await mistakes(files), missing = lab.files.filter((f) => !files.has(f));
  const failed = (why: string): Graded => ({ verdict: verdictOf(lab, seed, sheet.results(why), [...new Set([...notes, why])], [], ''),
    traces: new Map() });
  if (missing.length > 0) return failed(`not handed in: ${missing.join(', ')}`);
  let ready: Ready;
  try {
    ready = await prepared(lab, files, notes);
  } catch (error) {
    if (error instanceof SubmissionError) return failed(error.message);
    throw error;
  }
  return inAllWorlds(lab, ready, sheet, notes, options);
}

interface Ready { /** Adds the place in the submission to a message's pc. */ readonly place: (message: string) =>
  string; readonly submission: Submission; readonly prints: Prints; readonly closers: (() => void)[] }

async function prepared(lab: Lab, files: ReadonlyMap<string, string>, notes: string[]): Promise<Ready> {
  const prints = new Prints(), closers: (() => void)[] = [], code = lab.language === 'typescript' ? await compile(files) : undefined;
  const compiled = lab.language === 'c' ? compileC(files, join(labFolder(lab), 'harness')) : undefined;
  if (compiled) notes.push(...compiled.warnings);
  const natives = compiled ? [{ name: lab.files[0]!, bytes: compiled.bytes }] : lab.language === 'riscv'
    ? [...files].filter(([n]) => n.endsWith('.s')).map(([name, source]) => ({ name, bytes: nativeProgram(name, source) })) : [];
  const submission: Submission = {
    modules: natives,
    program: (file) => (code ? remoteProgram(code, file, prints, closers) : { elf: file }),
    text: (file) => files.get(file) ?? '',
  };
  const place = (message: string): string => (lab.language === 'riscv' ? natives.reduce((m, n) => placed(m, n.name, files.get(n.name)!),
    message) : message);
  return { submission, prints, closers, place };
}

async function inAllWorlds(lab: Lab, { submission, prints, closers, place }: Ready, sheet: Sheet, notes: readonly string[],
  { seed, secret = '', allTraces = false, untilWrong = false, progress }: GradeOptions): Promise<Graded> {
  const traces = new Map<string, Uint8Array>(), images = new Map<string, Uint8Array>(), output: string[] = [], digests: string[] = [];
  const worlds = lab.worlds(variantOf(lab, seed), new Random(`${lab.name}/${seed}/${secret}`));
  for (const [n, world] of worlds.entries()) {
    progress?.(n / worlds.length);
    const printed = prints.lines.length;
    let wrong = false;
    try {
      const { seen, traceBytes, digest, image, crashes, asked } = runWorld(world, submission,
        { file: (path) => readFileSync(join(projectRoot(), path)), printed: () => prints.lines.slice(printed) });
      const file = world.bare?.file.replace(/\.s$/, '.elf');
      if (file !== undefined && image && !images.has(file)) images.set(file, image);
      const say = sheet.say(world.name);
      try {
        await world.judge(seen, (check, right, ...rest) => { wrong ||= !right; say(check, right, ...rest); });
      } catch (error) {
        // An unexpected error in the judge earns no points, and does not end the grading of others.
        wrong = true;
        for (const checkRow of lab.checks) say(checkRow.id, false, 'a run that can be judged',
          `the grader cannot make anything of it: ${(error as Error).message}`);
      }
      digests.push(digest);
      if (wrong) for (const line of [...crashes, ...seen.why ? [seen.why] : [], ...asked()]) output.push(`${world.name}: ${place(line)}`);
      if ((wrong || allTraces) && !world.bare) traces.set(world.name, traceBytes);
    } finally {
      for (const close of closers.splice(0)) close();
    }
    for (const line of prints.lines.slice(printed)) output.push(`${world.name}: ${line}`);
    if (wrong && untilWrong) break;
  }
  return { verdict: verdictOf(lab, seed, sheet.results(), notes, output, hash(digests.join(' ')).toString(16) + digests.map((d) =>
    d.split('-')[0]).join('')), traces, images };
}
