/** What is used of the SQL engine (sql.js: SQLite as WebAssembly), and how it is loaded: only by those who ask. */
export type SqlValue = number | string | Uint8Array | null;
export interface SqlStatement {
  run(values: readonly SqlValue[]): void;
  step(): boolean;
  get(): SqlValue[];
  getColumnNames(): string[];
  free(): boolean;
}
export interface SqlDatabase {
  run(sql: string): unknown;
  prepare(sql: string): SqlStatement;
  create_function(name: string, f: (...args: SqlValue[]) => SqlValue): unknown;
  close(): void;
}

/** A new, empty database in memory. (The name in a variable: the engine has no types of its own, and stays outside the bundle.) */
export async function openDatabase(): Promise<SqlDatabase> {
  const name = 'sql.js', { default: init } = (await import(name)) as { default: () => Promise<{ Database: new () => SqlDatabase }> };
  return new (await init()).Database();
}
