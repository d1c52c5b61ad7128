/**
 * A process that grades one submission after the other for `tessera lab grade`, so that kernel and engine are compiled only once. It reads
 * a line of JSON for each on standard input and answers with a line.
 */
import { createInterface } from 'node:readline';
import type { Lab } from '../../labs/grading/lab.ts';
import type { Verdict } from '../../labs/grading/verdict.ts';
import { Exit } from '../errors.ts';
import { labOf, readFolder } from './folder.ts';
import { grade } from './grade.ts';

export interface Task { readonly path: string; readonly lab: string; readonly student: string; readonly secret?: string }
/** `bytes`: memory of the process now. */
export type Answer = { readonly bytes: number } & ({ readonly verdict: Verdict } | { readonly why: string });

const labs = new Map<string, Promise<Lab>>();
function labNamed(word: string): Promise<Lab> {
  let lab = labs.get(word);
  if (!lab) labs.set(word, (lab = labOf(word)));
  return lab;
}

/** The verdict of `tessera lab check --json --no-types`. */
async function answer({ path, lab, student, secret }: Task): Promise<{ verdict: Verdict } | { why: string }> {
  try {
    const here = await readFolder(path, await labNamed(lab), student);
    return { verdict: (await grade(here.lab, here.files, { seed: student, secret })).verdict };
  } catch (error) {
    return { why: (error as Error).message };
  }
}

export async function serve(): Promise<number> {
  for await (const line of createInterface({ input: process.stdin })) {
    const found: Answer = { ...await answer(JSON.parse(line) as Task), bytes: process.memoryUsage().rss };
    process.stdout.write(`${JSON.stringify(found)}\n`);
  }
  return Exit.ok;
}
