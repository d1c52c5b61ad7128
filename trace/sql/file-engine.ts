/**
 * SQLite with its database in a file (node-sqlite3-wasm), for traces that do not fit into memory. It answers rows as objects, so a query is
 * put behind a view whose columns have names of ours. Node only; loaded on demand.
 */
import type { SqlDatabase, SqlStatement, SqlValue } from './engine.ts';

type Value = SqlValue | bigint;
interface Prepared { run(values: readonly SqlValue[]): unknown; iterate(): Iterator<Record<string, Value>>; finalize(): void }
interface Database {
  exec(sql: string): void;
  prepare(sql: string): Prepared;
  all(sql: string): Record<string, Value>[];
  function(name: string, f: (argument: Value) => SqlValue): unknown;
  close(): void;
}

/** KiB of pages in memory; megabytes of a page's size keep the file's tree flat. */
const CACHE = 65_536, PAGE = 32_768;

/** A new database in this file, which must not be there yet. It is no use after a crash: nothing is synchronised. */
export async function openDatabaseFile(path: string): Promise<SqlDatabase> {
  const name = 'node-sqlite3-wasm', module = (await import(name)) as { default: { Database: new (path: string) => Database } };
  const db = new module.default.Database(path);
  const settings = [`page_size = ${PAGE}`, 'journal_mode = off', 'synchronous = off', 'locking_mode = exclusive', `cache_size = -${CACHE}`];
  for (const setting of settings)
    db.exec(`pragma ${setting}`);
  let views = 0;
  return {
    run: (sql) => db.exec(sql),
    prepare: (sql) => (/^\s*insert\b/i.test(sql) ? inserting(db.prepare(sql)) : new Query(db, sql, ++views)),
    // The engine counts the parameters.
    create_function: (function_, f) => db.function(function_, (argument) => f(plain(argument ?? null))),
    close: () => db.close(),
  };
}

const plain = (v: Value): SqlValue => (typeof v === 'bigint' ? Number(v) : v);

function inserting(statement: Prepared): SqlStatement {
  const none = (): never => { throw new Error('an insert has no rows'); };
  return { run: (values) => statement.run(values), step: none, get: none, getColumnNames: none,
    free: () => { statement.finalize(); return true; } };
}

class Query implements SqlStatement {
  readonly #columns: readonly string[];
  readonly #statement: Prepared;
  #rows: Iterator<Record<string, Value>> | undefined;
  #row: Record<string, Value> = {};

  constructor(db: Database, sql: string, n: number) {
    const query = sql.trim().replace(/;\s*$/, '');
    db.exec(`create temp view named${n} as ${query}`);
    this.#columns = db.all(`select name from pragma_table_info('named${n}')`).map((r) => String(r['name']).replace(/:\d+$/, ''));
    db.exec(`create temp view rows${n}(${this.#columns.map((_, i) => `c${i}`).join()}) as ${query}`);
    this.#statement = db.prepare(`select * from rows${n}`);
  }

  run(): never { throw new Error('a query changes nothing'); }
  getColumnNames(): string[] { return [...this.#columns]; }
  step(): boolean {
    this.#rows ??= this.#statement.iterate();
    const { done, value } = this.#rows.next();
    if (done !== true) this.#row = value;
    return done !== true;
  }
  get(): SqlValue[] { return this.#columns.map((_, i) => plain(this.#row[`c${i}`] ?? null)); }
  free(): boolean {
    try { this.#statement.finalize(); } catch { /* it tells once more what the last step has told */ }
    return true;
  }
}
