/** `tessera trace` as a user meets it: the real command. `view` on a terminal is test/viewer.spec.ts. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TraceFile } from '../../trace/index.ts';
import { recorded, story } from '../../trace/testing/traces.ts';
import { FileSource } from '../trace-source.ts';

const tessera = fileURLToPath(new URL('../../bin/tessera', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'tessera-trace-'));
const file = join(folder, 'story.trace');
const put = (name: string, bytes: Uint8Array | string): string => {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
};
const run = (...args: string[]) => spawnSync(process.execPath, [tessera, 'trace', ...args], { encoding: 'utf8', cwd: folder });

beforeAll(() => { put('story.trace', recorded(story(40))); });
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('trace files that are not as they should be', () => {
  const oneLine = (text: string): void => expect(text.trim().split('\n').length).toBe(1);
  it('are told in one line: empty, foreign, missing, of another version', () => {
    const other = recorded(story(1));
    other[8] = 77;
    const cases: [string, RegExp][] = [
      [put('empty', ''), /the file is empty/], [put('foreign', '#!/bin/sh\necho hello, world\n'), /not a Tessera trace file/],
      [join(folder, 'nosuch'), /does not exist/], [put('other', other), /version 77 .* is not known here/],
    ];
    for (const [path, says] of cases) for (const action of [['stats', path], ['view', path]]) {
      const { status, stderr, stdout } = run(...action);
      expect([status, stdout]).toEqual([2, '']);
      expect(stderr).toMatch(says);
      oneLine(stderr);
    }
  });
  it('are read up to where they are good: cut short, or still being written', () => {
    const { status, stdout, stderr } = run('export', put('cut', recorded(story(40)).subarray(0, 9000)), '--format', 'jsonl');
    expect(status).toBe(0);
    expect(stdout.trim().split('\n').length).toBeGreaterThan(100);
    oneLine(stderr);
    expect(stderr).toMatch(/note: .*(ends inside a chunk|not closed)/);
  });
  it('a filter with a mistake names it', () => {
    const { status, stderr } = run('stats', file, '--filter', 'kind:evnet');
    expect([status, stderr]).toEqual([2, "tessera: E_FILTER: filter 'kind:evnet': no kind 'evnet'; did you mean 'event'?\n"]);
  });
  it('view without a terminal says so', () => {
    expect(run('view', file)).toMatchObject({
      status: 2,
      stderr: 'tessera: E_TERMINAL: trace view needs a terminal on standard input and output; use trace stats or trace export instead\n'
    });
  });
});

describe('a recording that does not come to its end', () => {
  const getppid = fileURLToPath(new URL('../../guests/bin/linux/getppid', import.meta.url));
  const readable = (path: string): void => {
    const { status, stdout } = run('stats', path, '--json'), stats = JSON.parse(stdout) as { records: number; damage: string };
    expect(status).toBe(0);
    expect(stats.records).toBeGreaterThan(8000);
    expect(stats.damage).toMatch(/ends inside a chunk|not closed/);
  };
  it('because the disk is full: the run goes on, one line says so, what is there can be read', () => {
    const path = join(folder, 'full.trace');
    const { status, stdout, stderr } = spawnSync('bash',
      ['-c', `ulimit -f 1500; exec "$0" "$@"`, process.execPath, tessera, 'run', '--trace', path, getppid, '20000'], { encoding: 'utf8' });
    expect([status, stdout]).toEqual([1, expect.stringMatching(/20000 calls/)]);
    expect(stderr).toMatch(
      /^tessera: E_FILE: trace '.*full.trace' could not be written: it is too large; what is in it up to here can be read\n$/);
    readable(path);
  });
  it('because the process was killed', async () => {
    const path = join(folder, 'killed.trace'),
      child = spawn(process.execPath, [tessera, 'run', '--no-sandbox', '--trace', path, getppid, '100000000'], { stdio: 'ignore' }),
      gone = new Promise((done) => child.on('close', done));
    while ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) < 2 ** 21) await new Promise((go) => { setTimeout(go, 20); });
    child.kill('SIGKILL');
    await gone;
    readable(path);
  });
  it('or was interrupted: then it is whole', async () => {
    const path = join(folder, 'stopped.trace'),
      child = spawn(process.execPath, [tessera, 'run', '--trace', path, '--trace-compress', getppid, '100000000'], { stdio: 'ignore' }),
      gone = new Promise((done) => child.on('close', done));
    while ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) < 2 ** 18) await new Promise((go) => { setTimeout(go, 20); });
    child.kill('SIGINT');
    expect(await gone).toBe(130);
    expect((JSON.parse(run('stats', path, '--json').stdout) as { damage?: string }).damage).toBeUndefined();
  });
});

describe('trace export', () => {
  it('writes a filtered SVG to a file or to standard output', () => {
    const out = join(folder, 'out.svg');
    expect(run('export', file, '--format', 'svg', '--filter', 'nr:openat seq<=14', '-o', out).status).toBe(0);
    const text = readFileSync(out, 'utf8');
    expect(text.match(/<title>/g)!.length).toBe(2);
    expect(run('export', file, '--format', 'svg', '--filter', 'nr:openat seq<=14').stdout).toBe(text);
  });
});

describe('questions to a trace', () => {
  it('calls: trees of requests', () => {
    const { stdout, status } = run('calls', file, '--filter', 'task:sh');
    expect(status).toBe(0);
    expect(stdout).toMatch(/40 .*sh: openat\n +40 .* {2}l4guest: memory.create\n/);
  });
  it('path: from one record to another, by number or by filter', () => {
    const { stdout } = run('path', file, 'kind:event nr:openat', 'kind:resume nr:openat');
    expect(stdout).toMatch(/ 2 .*openat[^]* 5 .*memory.create[^]* 6 .*receive[^]* 9 .*reply[^]* 10 .*resumed[^]*500 ns: /);
    expect(run('path', file, '2', '10').stdout).toBe(stdout);
    expect(run('path', file, '2', '99999')).toMatchObject({
      status: 2, stderr: 'tessera: E_RECORD: the trace has no record 99999; it has 1 to 560\n'
    });
  });
  it('diff: the same, or the first record that differs and status 1', () => {
    expect(run('diff', file, file)).toMatchObject({ status: 0, stdout: 'The traces are the same: 560 records.\n' });
    const other = story(40);
    other[300]!.c = 7;
    const { status, stdout } = run('diff', file, put('other.trace', recorded(other)));
    expect(status).toBe(1);
    expect(stdout).toMatch(/part at record 301: c differ/);
    expect(run('diff', file, put('short.trace', recorded(story(39))))).toMatchObject({
      status: 1, stdout: expect.stringMatching(/first 546 records are the same; .*story.trace goes on, with 14 more/) as string
    });
  });
  it('sql: tables, CSV, JSON, from the command line or standard input; mistakes in one line', () => {
    const query = "select name, count(*) as n from syscalls group by name";
    expect(run('sql', file, query, '--format', 'csv').stdout).toBe('name,n\nopenat,40\n');
    expect(run('sql', file, query, '--format', 'json').stdout).toBe('{"name":"openat","n":40}\n');
    expect(spawnSync(process.execPath, [tessera, 'trace', 'sql', file],
      { encoding: 'utf8', input: query }).stdout).toMatch(/openat +40\n1 row/);
    expect(run('sql', file, 'select nosuch from records')).toMatchObject({
      status: 2, stdout: '', stderr: 'tessera: E_SQL: no such column: nosuch; tessera trace sql --schema FILE lists tables and columns\n'
    });
  });
});

it('a file that is read tells how far it is, for the line of progress', () => {
  const path = join(mkdtempSync(join(tmpdir(), 'tessera-read-')), 'story.trace'), shares: number[] = [];
  writeFileSync(path, recorded(story(400)));
  const trace = new TraceFile(new FileSource(path, (share) => shares.push(share)));
  for (let i = 0; i < trace.length; i++) trace.at(i);
  rmSync(path);
  expect([shares[0], shares.every((share) => share >= 0 && share <= 1)]).toEqual([0, true]);
  expect(Math.max(...shares)).toBeGreaterThan(0.5);
});
