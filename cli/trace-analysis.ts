/** `tessera trace calls`, `path`, `diff` and `sql`: queries on a trace, answered as text. */
import { mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { RecordView, callReport, callTree, criticalPath, diffReport, firstDivergence, pathReport, type TraceFile } from '../trace/index.ts';
import { SCHEMA } from '../trace/sql/schema.ts';
import { MOST_RECORDS } from '../trace/sql/load.ts';
import { QueryError, TraceDatabase, rowsText, tablesOf, type RowFormat } from '../trace/sql/query.ts';
import { CliError, Exit, outputError } from './errors.ts';
import { Progress } from './progress.ts';
import { readText } from './files.ts';
import { parseFilter } from './trace.ts';
import { toStandardOutput } from './standard-output.ts';
import { readTrace, readingProgress } from './trace-source.ts';
import { removeFolder, temporaryFolder } from './temporary.ts';

const note = (...files: TraceFile[]): void => {
  for (const f of files) if (f.damage) process.stderr.write(`tessera: note: ${f.damage}\n`);
};

export interface CallsOptions { filter?: string; depth: number; json?: boolean }
export function traceCalls(path: string, options: CallsOptions): number {
  const progress = readingProgress(), trace = readTrace(path, progress), filter = parseFilter(trace, options.filter ?? '');
  filter.prepareNow();
  const roots = callTree(trace, (r) => filter.test(r, trace.indexOf(r.sequence)));
  progress.end();
  process.stdout.write(options.json ? JSON.stringify(roots, null, 2) + '\n' : callReport(roots, options.depth));
  note(trace);
  return Exit.ok;
}

/** A record by its sequence number, or the first one from `from` on that matches a filter. */
function find(trace: TraceFile, text: string, from: number): number {
  if (/^\d+$/.test(text)) {
    const index = trace.indexOf(Number(text));
    if (index < 0)
      throw new CliError('E_RECORD', `the trace has no record ${text}`,
        trace.length > 0 ? `it has ${trace.at(0).sequence} to ${trace.at(trace.length - 1).sequence}` : 'it is empty');
    return index;
  }
  const filter = parseFilter(trace, text), view = new RecordView();
  filter.prepareNow();
  for (let i = from; i < trace.length; i++) if (filter.test(trace.at(i, view), i)) return i;
  throw new CliError('E_RECORD', `no record${from > 0 ? ' after the first' : ''} matches '${text}'`, 'try it with trace view --filter');
}

export function tracePath(path: string, first: string, second: string, json: boolean): number {
  const trace = readTrace(path), from = find(trace, first, 0), to = find(trace, second, /^\d+$/.test(first) ? 0 : from + 1),
    found = criticalPath(trace, from, to);
  process.stdout.write(json
    ? JSON.stringify({ ...found, steps: found.steps.map((s) => ({ ...s, record: trace.at(s.record).sequence })) }, null, 2) + '\n'
    : pathReport(trace, found));
  note(trace);
  return Exit.ok;
}

/** Status 1 when the traces differ. */
export function traceDiff(first: string, second: string, options: { times: boolean; context: number }): number {
  const progress = readingProgress(), left = readTrace(first, progress), right = readTrace(second),
    at = firstDivergence(left, right, options.times);
  progress.end();
  process.stdout.write(at ? diffReport(left, right, at, [first, second], options.context)
    : `The traces are the same: ${left.length} records.\n`);
  note(left, right);
  return at ? Exit.failure : Exit.ok;
}

export async function traceSql(path: string, sql: string | undefined,
    options: { format: RowFormat; filter?: string; schema?: boolean }): Promise<number> {
  if (options.schema) { process.stdout.write(SCHEMA); return Exit.ok; }
  const query = sql === undefined || sql === '-' ? standardInput(path) : sql, trace = readTrace(path),
    filter = options.filter === undefined ? undefined : parseFilter(trace, options.filter);
  filter?.prepareNow();
  try {
    const keep = filter && ((r: RecordView, i: number): boolean => filter.test(r, i));
    await withDatabase(trace, query, keep, (db) => toStandardOutput(rowsText(db.query(query), options.format)));
  } catch (error) {
    if (error instanceof QueryError) throw new CliError('E_SQL', error.message, 'tessera trace sql --schema FILE lists tables and columns');
    throw error;
  }
  note(trace);
  return Exit.ok;
}
type Keep = ((r: RecordView, index: number) => boolean) | undefined;

/** In memory where that suffices, else in a file that is gone afterwards. */
async function withDatabase(trace: TraceFile, query: string, keep: Keep, use: (db: TraceDatabase) => Promise<void>): Promise<void> {
  if (trace.length <= Number(process.env['TESSERA_SQL_RECORDS'] ?? MOST_RECORDS)) {
    const db = await TraceDatabase.of(trace, keep);
    await use(db);
    return db.close();
  }
  await TraceDatabase.check(query);
  const folder = databaseFolder(), progress = new Progress('reading the trace');
  try {
    const db = await TraceDatabase.inFile(join(folder, 'trace.db'), trace, { keep, tables: tablesOf(query),
      progress: (share) => progress.at(share) });
    progress.end();
    await use(db);
    db.close();
  } finally {
    progress.end();
    removeFolder(folder);
  }
}

/** Where large files may lie for a while: TMPDIR if it is set, else the user's cache, because /tmp is often memory. */
function databaseFolder(): string {
  const base = process.env['TMPDIR'] ?? join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'tessera');
  try {
    mkdirSync(base, { recursive: true });
    return temporaryFolder('trace', base);
  } catch (error) {
    throw outputError('database', base, error, 'name a folder on a disk with TMPDIR', Exit.failure);
  }
}

function standardInput(path: string): string {
  if (path === '-') throw new CliError('E_USAGE', 'trace and query cannot both come from standard input');
  if (process.stdin.isTTY)
    throw new CliError('E_USAGE', 'trace sql wants a query',
      "such as tessera trace sql FILE 'select kind, count(*) from records group by kind'");
  return readText('query', '-');
}
