/**
 * Recorded runs of suites: `results.json`, one entry a suite. Runners write it with `--record`; the conformance page is generated from it.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const FILE = fileURLToPath(new URL('results.json', import.meta.url));

export interface Left {
  readonly test: string;
  /** Why it fails, does not run or does not count, with the clause. */
  readonly reason: string;
}

export interface Result {
  /** The key. */
  readonly suite: string;
  /** Commit or release of the suite. */
  readonly revision: string;
  readonly command: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Each judged test among the failed and skipped ones. */
  readonly left: readonly Left[];
  /** A note for the reader about the run. */
  readonly note?: string;
  /** Clauses (a chapter includes its sections) that it exercises, such as "unpriv 12". */
  readonly covers: readonly string[];
}

export const results = (): Result[] => JSON.parse(readFileSync(FILE, 'utf8')) as Result[];

/** Replaces the suite's entry, or adds it. */
export function record(result: Result): void {
  const others = results().filter((r) => r.suite !== result.suite);
  const all = [...others, result].sort((a, b) => (a.suite < b.suite ? -1 : 1));
  writeFileSync(FILE, `${JSON.stringify(all, null, 2)}\n`);
}
