/** Queries whose database is a file answer what those in memory do, fill only the tables that are asked for, and hold little. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, vi } from 'vitest';
import { root, tessera } from '../../test/tessera.ts';
import { TraceFile } from '../reader.ts';
import { recorded, story } from '../testing/traces.ts';
import { QueryError, TraceDatabase, rowsText, tablesOf } from './query.ts';

const folder = mkdtempSync(join(tmpdir(), 'tessera-sql-')), trace = new TraceFile(recorded(story(50), 500));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;

async function answers(sql: string): Promise<{ memory: string; file: string }> {
  const inMemory = await TraceDatabase.of(trace), inFile = await TraceDatabase.inFile(join(folder, `${files++}.db`), trace,
    { tables: tablesOf(sql) });
  const all = (db: TraceDatabase): string => [...rowsText(db.query(sql), 'csv')].join('');
  const found = { memory: all(inMemory), file: all(inFile) };
  inMemory.close();
  inFile.close();
  return found;
}

describe('a database in a file', () => {
  it.each([
    'select kind, count(*), avg(latency) from records group by kind order by kind',
    'select count(*), count(*), 1, 2 as "2", name from syscalls group by name order by 3, name',
    'with big as (select * from events where latency > 100) select server, cause, max(latency) from big group by 1, 2 order by 3 desc, 1',
    'select seq, what(seq), time / 3.0, null from records order by seq desc limit 7 -- the last ones',
    'select a.name, b.name from objects a left join objects b on a.parent = b.id order by a.id;',
    'select sum(duration) from runs', 'values (1, \'two\'), (3, null)',
  ])('%s', async (sql) => {
    const { memory, file } = await answers(sql);
    expect(file).toBe(memory);
    expect(file.split('\n').length).toBeGreaterThan(2);
  });

  it('fills the tables that a query names, and no others', async () => {
    const db = await TraceDatabase.inFile(join(folder, 'some.db'), trace, { tables: tablesOf('select * from SYSCALLS') });
    const count = (table: string): unknown => [...db.query(`select count(*) from ${table}`).rows][0]![0];
    expect([count('syscalls'), count('records'), count('events')]).toEqual([50, 0, 0]);
    db.close();
  });

  it('tells an error of the engine once, as it is: closing the query does not put its own in its place', async () => {
    const db = await TraceDatabase.inFile(join(folder, 'wrong.db'), trace, { tables: tablesOf('records') });
    expect(() => [...rowsText(db.query('select abs(seq - 9223372036854775807 - seq - 1) from records'), 'csv')]).toThrow(QueryError);
    db.close();
  });

  it('ends a query that sorts more than fits, before its memory has grown beyond the bound; the next query is answered', async () => {
    const most = 48 << 20, sql = 'select length(it) from (select zeroblob(1000000) || seq as it from records limit 200) order by it';
    for (const db of [await TraceDatabase.of(trace, undefined, most),
      await TraceDatabase.inFile(join(folder, 'large.db'), trace, { tables: tablesOf(sql) }, most)]) {
      expect(() => [...db.query(sql).rows]).toThrow(/out of memory: what a query sorts or groups must fit/);
      expect([...db.query('select count(*) > 5 from records').rows]).toEqual([[1]]);
      db.close();
    }
  });

  it('is told of mistakes before it is filled', async () => {
    await expect(TraceDatabase.check('select nope from syscalls')).rejects.toThrow(QueryError);
    await expect(TraceDatabase.check('delete from records')).rejects.toThrow('only select, with and values');
    await TraceDatabase.check('-- what it is\nselect what(seq) from records');
  });
});

it('the command takes a file beyond a number of records, and leaves nothing behind', async () => {
  const path = join(folder, 'story.trace'), cache = join(folder, 'cache');
  writeFileSync(path, recorded(story(50), 500));
  const run = (env: Record<string, string>, sql: string) => tessera(['trace', 'sql', path, '--format', 'csv', sql], { cwd: root, env });
  const sql = 'select name, count(*), min(latency) from syscalls group by name order by name';
  const [memory, file] = [await run({}, sql), await run({ TESSERA_SQL_RECORDS: '100', TMPDIR: cache }, sql)];
  expect([file.status, file.stdout, file.stderr]).toEqual([0, memory.stdout, '']);
  expect(readdirSync(cache)).toEqual([]);
  const wrong = await run({ TESSERA_SQL_RECORDS: '100', TMPDIR: cache }, 'select nope from syscalls');
  expect([wrong.status, wrong.stderr, readdirSync(cache)]).toEqual([2, expect.stringContaining('no such column: nope'), []]);
});

it.runIf(process.platform !== 'win32')('leaves nothing behind when nobody reads the answer, or a signal ends a query', async () => {
  const path = join(folder, 'cut.trace'), cache = join(folder, 'cut'), sql = 'select a.seq from records a, records b, records c';
  writeFileSync(path, recorded(story(50), 500));
  const env = { ...process.env, TESSERA_SQL_RECORDS: '100', TMPDIR: cache },
    words = [process.execPath, join(root, 'bin/tessera'), 'trace', 'sql', path, '--format', 'csv'];
  spawnSync('sh', ['-c', '"$@" | head -n 1', 'sh', ...words, sql], { env });
  await vi.waitFor(() => expect(readdirSync(cache)).toEqual([]), { timeout: 200_000 });
  const child = spawn(words[0]!, [...words.slice(1), sql.replace('a.seq', 'count(*)')], { env, stdio: 'ignore' });
  await vi.waitFor(() => expect(readdirSync(cache)).toHaveLength(1), { timeout: 200_000 });
  child.kill('SIGTERM');
  await once(child, 'exit'); // the query alone would take minutes
  await vi.waitFor(() => expect(readdirSync(cache)).toEqual([]), { timeout: 200_000 });
});

it('an answer of millions of rows is no table, and says so', async () => {
  const db = await TraceDatabase.of(trace), sql = 'select 1 from records a, records b, records c';
  expect(() => [...rowsText(db.query(sql), 'table')]).toThrow('too long for a table');
  db.close();
});
