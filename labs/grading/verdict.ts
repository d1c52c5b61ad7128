/** Computes points from the worlds' findings: a check counts when it was evaluated and nothing was wrong in any world. */
import type { CheckRow, Lab, Say } from './lab.ts';

export interface Finding { readonly world: string; readonly expected: string; readonly seen: string; readonly record: number | undefined }
export interface CheckResult extends CheckRow { readonly passed: boolean; readonly got: number; readonly findings: readonly Finding[] }
export interface Verdict {
  readonly lab: string;
  readonly title: string;
  readonly seed: string;
  readonly points: number;
  readonly of: number;
  readonly checks: readonly CheckResult[];
  /** Mistakes that prevented the submission from running, and likely mistakes: one line each. */
  readonly notes: readonly string[];
  /** The submission's output, and the reason of worlds that did not end by themselves. */
  readonly output: readonly string[];
  /** Hash of everything that happened, without times: equal runs have equal hashes. */
  readonly digest: string;
}

const MOST_FINDINGS = 4, MOST_TEXT = 400;
const cut = (t: string): string => (t.length > MOST_TEXT ? `${t.slice(0, MOST_TEXT - 1)}…` : t);

export class Sheet {
  private readonly lab: Lab;
  private readonly looked = new Set<string>();
  private readonly wrong = new Map<string, Finding[]>();
  constructor(lab: Lab) { this.lab = lab; }

  /** The interface for a world's judge. An unknown check is a bug in the lab. */
  say(world: string): Say {
    return (check, right, expected, seen, record) => {
      if (!this.lab.checks.some((c) => c.id === check)) throw new Error(`lab ${this.lab.name} has no check '${check}'`);
      this.looked.add(check);
      if (right) return;
      const all = this.wrong.get(check) ?? [];
      this.wrong.set(check, all);
      if (all.length < MOST_FINDINGS) all.push({ world, expected: cut(expected), seen: cut(seen), record });
    };
  }

  results(why = 'nothing that could be looked at'): CheckResult[] {
    return this.lab.checks.map((row) => {
      const findings =
        this.wrong.get(row.id) ?? (this.looked.has(row.id) ? [] : [{ world: '', expected: row.title, seen: why, record: undefined }]);
      return { ...row, passed: findings.length === 0, got: findings.length === 0 ? row.points : 0, findings };
    });
  }
}

export function verdictOf(lab: Lab, seed: string, checks: readonly CheckResult[], notes: readonly string[], output: readonly string[],
    digest: string): Verdict {
  const sum = (of: (c: CheckResult) => number): number => checks.reduce((n, c) => n + of(c), 0);
  return { lab: lab.name, title: lab.title, seed, points: sum((c) => c.got), of: sum((c) => c.points), checks, notes, output, digest };
}
