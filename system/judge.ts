/**
 * Judges a run by its scenario: which texts must appear, what the trace must show, and which of its endings applies otherwise. The console
 * is checked while the system runs (system.ts), the trace afterwards.
 */
import type { Ending, Expectation, Holds, Scenario } from '../roottask/scenario.ts';
import { Filter, FilterError, RecordView, type TraceFile } from '../trace/index.ts';
import type { TraceDatabase } from '../trace/sql/query.ts';
import type { Result } from './host.ts';

/** A condition that cannot be evaluated: a mistake in the scenario. */
export class ConditionError extends Error {}

/** Whether this scenario has conditions on the trace, so that its run must be recorded. */
export const asksTrace = (s: Scenario): boolean => [s.holds, ...Object.values(s.endings ?? {}).map((e) => e.holds)].some((h) =>
  (h?.length ?? 0) > 0);

/** The results of a run: the texts that have appeared, and its trace where `asksTrace`. */
export interface Evidence { appeared(e: Expectation): boolean; readonly trace: TraceFile | undefined }

/** The result by the scenario's conditions. Throws ConditionError. */
export async function judge(scenario: Scenario, result: Result, evidence: Evidence): Promise<Result> {
  if (result.ending === 'until' || result.ending === 'stopped' || result.ending === 'limit') return result;
  const court = new Court(evidence);
  try {
    const failed = await court.failed(scenario.holds ?? []);
    if (result.status === 0 && failed.length === 0) return result;
    for (const [name, ending] of Object.entries(scenario.endings ?? {})) if (await isThis(court, ending, result)) return endedAs(name,
      ending, result);
    if (result.why || failed.length === 0) return result;
    return { ...result, status: 1, why: `does not hold: ${failed.join('; ')}` };
  } finally {
    court.close();
  }
}

async function isThis(court: Court, { by = 'finished', expect = [], holds = [] }: Ending, result: Result): Promise<boolean> {
  return result.ending === by && expect.every((e) => court.evidence.appeared(e)) && (await court.failed(holds)).length === 0;
}
const endedAs = (name: string, { why, status = 1 }: Ending, result: Result): Result =>
  ({ ...result, status, why: `${name}: ${why}`, named: name });

class Court {
  readonly evidence: Evidence;
  private database: TraceDatabase | undefined;
  constructor(evidence: Evidence) { this.evidence = evidence; }

  /** The failed conditions, with the actual values. */
  async failed(list: readonly Holds[]): Promise<string[]> {
    const failed: string[] = [];
    for (const check of list) {
      const n = await this.measure(check);
      if (!within(check, n)) failed.push(`${check.why} (${check.sql === undefined ? `${n} records` : `the query says ${n}`})`);
    }
    return failed;
  }
  private async measure({ filter, sql, why }: Holds): Promise<number> {
    const { trace } = this.evidence;
    if (!trace) throw new ConditionError(`'${why}' asks the trace, and the run was not recorded`);
    try {
      return filter === undefined ? await this.value(sql!, trace) : count(filter, trace);
    } catch (error) {
      if (error instanceof FilterError) throw new ConditionError(`'${why}' cannot be asked: ${(error as Error).message}`);
      throw error;
    }
  }
  /** The SQL engine is loaded only for scenarios that need it. */
  private async value(sql: string, trace: TraceFile): Promise<number> {
    const { TraceDatabase, QueryError } = await import('../trace/sql/query.ts');
    try {
      this.database ??= await TraceDatabase.of(trace);
      for (const [first] of this.database.query(sql).rows) return typeof first === 'number' ? first : Number(first ?? NaN);
      return NaN;
    } catch (error) {
      throw error instanceof QueryError ? new FilterError(error.message) : error;
    }
  }
  close(): void { this.database?.close(); }
}

function within({ exactly, atLeast, atMost }: Holds, n: number): boolean {
  if (exactly !== undefined) return n === exactly;
  return n >= (atLeast ?? (atMost === undefined ? 1 : -Infinity)) && n <= (atMost ?? Infinity);
}

/** Number of records that match a filter. */
function count(text: string, trace: TraceFile): number {
  const filter = new Filter(text, trace), view = new RecordView();
  let n = 0;
  filter.prepareNow();
  for (let i = 0; i < trace.length; i++) if (filter.test(trace.at(i, view), i)) n++;
  return n;
}
