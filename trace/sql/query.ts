/** Queries over a trace: results as they arrive, and as text. */
import type { TraceFile } from '../reader.ts';
import type { RecordView } from '../record.ts';
import { openDatabase, type SqlDatabase, type SqlValue } from './engine.ts';
import { SCHEMA } from './schema.ts';
import { MOST_RECORDS, loadTrace, type LoadOptions } from './load.ts';
import { jsonText, visible } from '../visible.ts';

/** A query that cannot run; the message is one line. */
export class QueryError extends Error {}

/** The database and what a query sorts or groups take no more memory than this. */
const MOST_HEAP = 2 ** 30, WASM_PAGE = 65_536;

/**
 * Runs an engine with its own memory bounded: SQLite's `hard_heap_limit` does not count what an engine that was built without statistics
 * holds, nor what it sorts. Where the memory may not grow, an allocation fails, and SQLite says so. (An engine is synchronous: no other
 * module's memory grows meanwhile.)
 */
function bounded<T>(most: number, action: () => T): T {
  const own = WebAssembly.Memory.prototype, { grow } = own;
  own.grow = function (this: WebAssembly.Memory, pages: number): number {
    if (this.buffer.byteLength + pages * WASM_PAGE > most) throw new RangeError('the SQL engine has enough memory');
    return grow.call(this, pages);
  };
  try { return action(); } finally { own.grow = grow; }
}

export type RowFormat = 'table' | 'csv' | 'json';
export interface QueryResult { readonly columns: readonly string[]; readonly rows: Iterable<readonly SqlValue[]> }

export class TraceDatabase {
  private readonly db: SqlDatabase;
  private readonly most: number;
  private constructor(db: SqlDatabase, most: number) { this.db = db; this.most = most; }

  /** Throws QueryError for a mistake in a query, before a trace is read for it. */
  static async check(sql: string): Promise<void> {
    const db = await openDatabase();
    db.run(SCHEMA);
    db.create_function('what', (_seq) => null);
    try {
      if (!/^(?:\s|--.*\n)*(?:select|with|values)\b/i.test(sql))
        throw new QueryError('of a trace as long as this only select, with and values are answered');
      new TraceDatabase(db, MOST_HEAP).query(sql);
    } finally {
      db.close();
    }
  }

  /**
   * Every record that is kept, in a database in this file, whose size and not memory is the limit. `tables` names those that the queries
   * are about (`tablesOf`). `most`: bytes of memory that the engine may take.
   */
  static async inFile(path: string, trace: TraceFile, options: LoadOptions, most = MOST_HEAP): Promise<TraceDatabase> {
    const { openDatabaseFile } = await import('./file-engine.ts'), db = await openDatabaseFile(path);
    guarded(most, () => loadTrace(db, trace, { ...options, indexFirst: true }));
    return new TraceDatabase(db, most);
  }

  /** Throws QueryError when there are more records than fit. `keep`: selects records. */
  static async of(trace: TraceFile, keep?: (record: RecordView, index: number) => boolean, most = MOST_HEAP): Promise<TraceDatabase> {
    if (trace.length > MOST_RECORDS && !keep)
      throw new QueryError(
        `the trace has ${trace.length} records, more than the ${MOST_RECORDS} that fit; choose some with --filter, such as 'time:0..1s'`);
    const db = await openDatabase();
    db.run('pragma temp_store = memory'); // this engine's temporary files would be arrays of JavaScript, beyond its own memory
    let kept = 0;
    guarded(most, () => loadTrace(db, trace, { keep: keep && ((record, i) => {
      if (!keep(record, i)) return false;
      if (++kept > MOST_RECORDS)
        throw new QueryError(`the filter lets through more than the ${MOST_RECORDS} records that fit; choose fewer`);
      return true;
    }) }));
    return new TraceDatabase(db, most);
  }

  /** Runs the first statement of `sql`. Throws QueryError for an SQL error. */
  query(sql: string): QueryResult {
    if (sql.replace(/--.*|;|\s/g, '') === '') throw new QueryError('the query is empty');
    const { most } = this, statement = guarded(most, () => this.db.prepare(sql)), columns = guarded(most, () => statement.getColumnNames());
    const rows = function* (): Generator<SqlValue[]> {
      try {
        while (guarded(most, () => statement.step())) yield statement.get();
      } finally {
        statement.free();
      }
    };
    return { columns, rows: rows() };
  }
  close(): void { this.db.close(); }
}

/** Is this table named in the query (or in a comment or a text of it)? */
export const tablesOf = (sql: string) => (table: string): boolean => new RegExp(`\\b${table}\\b`, 'i').test(sql);

const TOO_MUCH = ': what a query sorts or groups must fit into a gigabyte; --filter chooses fewer records';

function guarded<T>(most: number, action: () => T): T {
  try {
    return bounded(most, action);
  } catch (error) {
    const why = `${(error as Error).message || String(error)}`.replace(/\s+/g, ' ');
    throw new QueryError(/out of memory/.test(why) ? `${why}${TOO_MUCH}` : why);
  }
}

const text = (v: SqlValue): string => visible(plain(v));
const plain = (value: SqlValue): string =>
  (value === null ? ''
    : value instanceof Uint8Array ? `${value.length} bytes`
    : typeof value === 'number' && !Number.isInteger(value) ? String(Math.round(value * 1000) / 1000)
    : String(value));
const csv = (v: SqlValue): string => { const t = text(v); return /[",\n]/.test(t) ? `"${t.replaceAll('"', '""')}"` : t; };

/** Rows as text, a piece at a time. A table is made of all rows, and its cells are cut at 60 characters. */
export function* rowsText({ columns, rows }: QueryResult, format: RowFormat): Generator<string> {
  if (format === 'table') { yield tableText(columns, collected(rows)); return; }
  if (format === 'csv') yield columns.map(csv).join(',') + '\n';
  for (const row of rows)
    yield format === 'csv' ? row.map(csv).join(',') + '\n' : `${jsonText(Object.fromEntries(columns.map((c, i) => [c, row[i]])))}\n`;
}

/** Rows and letters that a table may have: its columns are as wide as their widest cell, so all of it is held in memory. */
const MOST_ROWS = 1_000_000, MOST_LETTERS = 2 ** 27;
function collected(rows: Iterable<readonly SqlValue[]>): (readonly SqlValue[])[] {
  const all: (readonly SqlValue[])[] = [];
  let letters = 0;
  for (const row of rows) {
    for (const value of row) if (typeof value !== 'number') letters += value?.length ?? 0;
    if (all.push(row) > MOST_ROWS || letters > MOST_LETTERS)
      throw new QueryError('the answer is too long for a table; write it with --format csv or json, or add a limit');
  }
  return all;
}

const MOST_CELL = 60;
function tableText(columns: readonly string[], rows: readonly (readonly SqlValue[])[]): string {
  const cell = (value: SqlValue): string => {
    const line = text(value).replace(/\s/g, ' ');
    return line.length > MOST_CELL ? `${line.slice(0, MOST_CELL - 1)}…` : line;
  };
  const cells = rows.map((r) => r.map(cell)), width = columns.map((c, i) => cells.reduce((w, r) => Math.max(w, r[i]!.length), c.length));
  const right = columns.map((_, i) =>
    rows.some((r) => typeof r[i] === 'number') && rows.every((r) => r[i] === null || typeof r[i] === 'number'));
  const line = (r: readonly string[]): string =>
    r.map((c, i) => (right[i] ? c.padStart(width[i]!) : c.padEnd(width[i]!))).join('  ').trimEnd();
  return [
    line(columns), line(width.map((w) => '─'.repeat(w))), ...cells.map(line), `${rows.length} row${rows.length === 1 ? '' : 's'}`
  ].join(
    '\n')
    + '\n';
}
