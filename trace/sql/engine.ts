/** The part of the SQL engine (sql.js: SQLite as WebAssembly) that is used here. It is loaded on demand. */
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

/** A new, empty database in memory. (The name is in a variable because the engine has no types and stays outside the bundle.) */
export async function openDatabase(): Promise<SqlDatabase> {
  const name = 'sql.js', { default: init } = (await import(name)) as { default: () => Promise<{ Database: new () => SqlDatabase }> };
  return new (await init()).Database();
}
