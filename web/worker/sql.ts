/**
 * The SQL engine of the page's worker: a script of its own, fetched when a scenario's conditions ask for it. The build substitutes it for
 * trace/sql/engine.ts.
 */
import type { SqlDatabase } from '../../trace/sql/engine.ts';

interface Engine { Database: new () => SqlDatabase }
declare const self: {
  location: { href: string }; importScripts(path: URL): void;
  initSqlJs?: (options: { wasmBinary: Uint8Array }) => Promise<Engine>;
};

export async function openDatabase(): Promise<SqlDatabase> {
  const at = (file: string): URL => new URL(file, self.location.href);
  if (!self.initSqlJs) self.importScripts(at('sql-wasm.js'));
  const answer = await fetch(at('sql-wasm.wasm'));
  if (!answer.ok) throw new Error(`the engine for queries cannot be fetched: ${answer.status}`);
  const { Database } = await self.initSqlJs!({ wasmBinary: new Uint8Array(await answer.arrayBuffer()) });
  return new Database();
}
