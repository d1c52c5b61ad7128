/** `tessera trace` as a user meets it: the real command, for `view` on a terminal that tmux provides. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { recorded, story } from '../../trace/testing/traces.ts';

const tessera = fileURLToPath(new URL('../../bin/tessera', import.meta.url));
const golden = fileURLToPath(new URL('../../trace/view/golden/', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'tessera-trace-'));
const file = join(folder, 'story.trace');
const put = (name: string, bytes: Uint8Array | string): string => { const path = join(folder, name); writeFileSync(path, bytes); return path; };
const run = (...args: string[]) => spawnSync(process.execPath, [tessera, 'trace', ...args], { encoding: 'utf8', cwd: folder });

beforeAll(() => { put('story.trace', recorded(story(40))); });
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('trace files that are not as they should be', () => {
  const oneLine = (text: string): void => expect(text.trim().split('\n').length).toBe(1);
  it('are told in one line: empty, foreign, missing, of another version', () => {
    const other = recorded(story(1));
    other[8] = 77;
    const cases: [string, RegExp][] = [
      [put('empty', ''), /the file is empty/], [put('foreign', '#!/bin/sh\necho hello, world\n'), /not a Tessera trace file/], [join(folder, 'nosuch'), /does not exist/], [put('other', other), /version 77 .* is not known here/],
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
    expect(run('view', file)).toMatchObject({ status: 2, stderr: 'tessera: E_TERMINAL: trace view needs a terminal on standard input and output; use trace stats or trace export instead\n' });
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

const hasTmux = spawnSync('tmux', ['-V']).status === 0;
describe.runIf(hasTmux)('trace view on a terminal', () => {
  let servers = 0;
  const tmux = (...args: string[]): string => execFileSync('tmux', ['-u', '-L', `tessera-${process.pid}-${servers}`, '-f', '/dev/null', ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, LC_ALL: 'C.UTF-8' } });
  const lines = (): string => tmux('capture-pane', '-p').split('\n').map((l) => l.trimEnd()).join('\n').trimEnd();
  /** Waits for the screen that the predicate describes. */
  async function until(what: string, holds: (screen: string) => boolean): Promise<string> {
    for (let tries = 0; tries < 600; tries++) {
      const now = lines();
      if (holds(now)) return now;
      await new Promise((go) => { setTimeout(go, 100); });
    }
    throw new Error(`waited for ${what}; the screen was:\n${lines()}`);
  }
  function start(width: number, height: number, prefix = ''): void {
    servers++;
    tmux('new-session', '-d', '-x', String(width), '-y', String(height), `cd '${folder}'; ${prefix} '${process.execPath}' '${tessera}' trace view story.trace; echo "status $?"; read wait`);
    tmux('set-option', '-g', 'status', 'off');
    tmux('resize-window', '-x', String(width), '-y', String(height));
  }
  const press = (...keys: string[]): void => { tmux('send-keys', ...keys); };
  afterEach(() => { try { tmux('kill-server'); } catch { /* it ended with its last session */ } });

  for (const [width, height] of [[80, 24], [200, 60]] as const) {
    it(`draws the golden screens at ${width}×${height}, with NO_COLOR`, async () => {
      start(width, height, 'NO_COLOR=1');
      await until('the list', (s) => s.includes('560 records'));
      for (const [keys, name] of [[['Down', 'Down', 'b', 'Down'], 'list'], [['?'], 'help'], [['?', 's'], 'statistics']] as const) {
        const wanted = readFileSync(join(golden, `${name}-${width}x${height}.txt`), 'utf8').trimEnd();
        press(...keys);
        expect(await until(name, (s) => s === wanted)).toBe(wanted);
      }
    });
  }
  it('filters, follows a call to its answer, writes its diagram, resizes, and gives the terminal back', async () => {
    start(80, 24);
    await until('the list', (s) => s.includes('560 records'));
    press('f');
    await until('the prompt', (s) => s.includes('filter:'));
    press('-l', 'nr:openat');
    press('Enter');
    await until('the filter', (s) => s.includes('120 of 560 records'));
    press('n', 'n');
    await until('the answer', (s) => /^> +10 /m.test(s));
    press('d');
    await until('the diagram', (s) => s.includes('2 messages; e writes'));
    press('e');
    await until('the note', (s) => s.includes('wrote trace-2-10.svg'));
    expect(readFileSync(join(folder, 'trace-2-10.svg'), 'utf8')).toContain('ecall openat');
    tmux('resize-window', '-x', '50', '-y', '12');
    await until('the note on size', (s) => s.includes('terminal too small: 50×11'));
    tmux('resize-window', '-x', '120', '-y', '30');
    await until('the diagram again', (s) => s.includes('2 messages') && !s.includes('too small'));
    press('q');
    expect(await until('the end', (s) => s.includes('status 0'))).not.toContain('messages');
  });
});
