/** The trace viewer through the real program in a real terminal (tmux): golden screens at two sizes, files that grow, sizes that change. */
import { spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { recorded, story } from '../trace/testing/traces.ts';
import { hasGdb } from './gdb.ts';
import { root, tessera } from './tessera.ts';
import { Tmux, noTmux } from './tmux.ts';

const folder = mkdtempSync(join(tmpdir(), 'tessera-viewer-')), file = join(folder, 'story.trace');
writeFileSync(file, recorded(story(40)));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs `use` with the viewer on a terminal of this size, and ends it. */
async function viewer(columns: number, rows: number, use: (t: Tmux) => Promise<void>, words: string[] = [file],
    env: Record<string, string | undefined> = { NO_COLOR: '1' }): Promise<void> {
  const tmux = new Tmux([process.execPath, join(root, 'bin/tessera'), 'trace', 'view', ...words], columns, rows, env, folder);
  try { await use(tmux); } finally { tmux.close(); }
}

describe.skipIf(noTmux)(`trace view in a terminal${noTmux ? ` (skipped: ${noTmux})` : ''}`, () => {
  for (const [columns, rows] of [[80, 24], [200, 60]] as const)
    it(`shows these screens at ${columns}×${rows}`, () => viewer(columns, rows, async (tmux) => {
    const golden = async (name: string, wanted: RegExp): Promise<void> => {
      const kept = join(import.meta.dirname, `viewer/${name}-${columns}x${rows}.txt`), right = readFileSync(kept, 'utf8').trimEnd();
      let screen = await tmux.until(wanted);
      // On a busy computer an index may not be ready: a screen may be right later.
      for (let i = 0; i < 200 && screen.trimEnd() !== right; i++) screen = await tmux.until(wanted);
      await expect(screen).toMatchFileSnapshot(kept);
    };
    await tmux.until(/560 records/);
    await golden('list', />\s+1 /);
    tmux.keys('Down', 'b', 'n', 'n');
    await golden('answer', /> +10 /);
    tmux.keys('Enter');
    await golden('record', /Its chain/);
    tmux.keys('c');
    await golden('path', /What led to/);
    tmux.keys('c', 't', '+', '+', '+');
    await golden('timeline', /record 10:/);
    tmux.keys('Escape', 'd');
    await golden('diagram', /e writes this span/);
    tmux.keys('d', 's');
    await tmux.until(/summary +Tasks/);
    tmux.keys('Tab', 'Tab');
    await golden('statistics', /scheduled/);
    tmux.keys('s', '?');
    await golden('help', /PgUp PgDn/);
    tmux.keys('?', 'f').type('task:sh ca').keys('Tab', 'p', 'Tab');
    await golden('completion', /cause:pageFault/);
    tmux.keys('Enter');
    await golden('filtered', /80 of 560|40 of 560/);
    tmux.keys('q');
    await tmux.until(/\[status 0\]/);
  }));

  it('follows a recording that is still being written', () => {
    const bytes = recorded(story(40)), half = join(folder, 'growing.trace');
    writeFileSync(half, bytes.subarray(0, 6000));
    return viewer(80, 24, async (tmux) => {
      await tmux.until(/not closed/);
      tmux.keys('F');
      await tmux.until(/following/);
      appendFileSync(half, bytes.subarray(6000));
      await tmux.until(/560 records[^]*> +560 /);
    }, [half]);
  });

  it.skipIf(!hasGdb)('g gives the run to gdb at the selected record, made again by its command, and the screen comes back', async () => {
    const made = join(folder, 'made.trace'), command = ['run', join(root, 'guests/bin/linux/forkwait'), '3'];
    const line = [command[0]!, '--trace', made, ...command.slice(1)];
    expect(spawnSync(join(root, 'bin/tessera'), line, { stdio: 'ignore' }).status).toBe(0);
    await viewer(100, 30, async (tmux) => {
      await tmux.until(/ records/);
      tmux.keys('g');
      await tmux.until(/the command of this run/);
      tmux.type('dance').keys('Enter');
      await tmux.until(/give the command of this run: run …, vm … or boot …/);
      tmux.keys('f').type('task:forkwait* kind:event nr:wait4').keys('Enter');
      await tmux.until(/wait4/);
      tmux.keys('g').type(`bin/tessera ${command[0]} --trace ${made} ${command.slice(1).join(' ')}`).keys('Enter');
      await tmux.until(/^\(gdb\)$/m);
      tmux.type('info registers a7').keys('Enter');
      await tmux.until(/a7 +0x104/); // wait4 is 260
      expect(tmux.screen()).not.toContain('another run');
      tmux.type('set confirm off').keys('Enter');
      tmux.type('quit').keys('Enter');
      await tmux.until(/the debugger has left record \d+/);
      tmux.keys('q');
      await tmux.until(/\[status 0\]/);
    }, [made], { NO_COLOR: '1', DEBUGINFOD_URLS: '' });
  });

  it('takes the mouse: a click selects, the wheel scrolls', () => viewer(80, 24, async (tmux) => {
    await tmux.until(/560 records/);
    tmux.bytes('\x1b[<0;10;7M').bytes('\x1b[<0;10;7m');
    await tmux.until(/> +5 /);
    tmux.bytes('\x1b[<65;10;7M');
    await tmux.until(/> +8 /);
    tmux.keys('t');
    await tmux.until(/a column/);
    tmux.bytes('\x1b[<0;60;5M');
    expect(Number(/record (\d+):/.exec(await tmux.until(/record \d{3}:/))![1])).toBeGreaterThan(300);
  }));

  it('takes a pasted text as text: in a prompt its lines are one, in the list its letters are no keys',
    () => viewer(80, 24, async (tmux) => {
    await tmux.until(/560 records/);
    tmux.paste('q\nrm -rf nothing\n');
    await tmux.until(/a pasted text belongs where one types/);
    tmux.keys('f').paste('kind:event\nnr:getppid');
    await tmux.until(/filter: kind:event nr:getppid/);
    tmux.keys('Escape', 'q');
    await tmux.until(/\[status 0\]/);
  }));

  it('says that a terminal is too small, and draws again when it is not', () => viewer(80, 24, async (tmux) => {
    await tmux.until(/560 records/);
    tmux.resize(40, 10);
    expect((await tmux.until(/too small/)).trim()).toMatch(/^terminal too small: 40×9, wanted 60×16 ?…$/);
    tmux.resize(120, 30);
    await tmux.until(/fields .*kind|fields +priority[^]*\/ search/);
  }));

  it('writes the selected span as SVG beside the user', () => viewer(80, 24, async (tmux) => {
    await tmux.until(/560 records/);
    tmux.keys('Down', 'e');
    await tmux.until(/wrote trace-2-10.svg/);
    expect(readFileSync(join(folder, 'trace-2-10.svg'), 'utf8')).toContain('ecall openat');
  }));

  it('uses colours where it may, and none where it may not', async () => {
    const colours = async (env: Record<string, string | undefined>): Promise<boolean> => {
      let found = false;
      await viewer(80, 24, async (t) => { await t.until(/560 records/); found = /\x1b\[3[1-6]m/.test(t.screen(true)); }, [file], env);
      return found;
    };
    expect([await colours({ NO_COLOR: undefined }), await colours({ NO_COLOR: '1' })]).toEqual([true, false]);
  });

  it('runs a scenario beside the viewer with boot --view', async () => {
    const tmux = new Tmux([process.execPath, join(root, 'bin/tessera'), 'boot', 'hello-ipc', '--view'], 80, 24, { NO_COLOR: '1' });
    try {
      await tmux.until(/the system has ended with status 0/);
      tmux.keys('o');
      expect(await tmux.until(/kernel entries/)).toContain('[visitor] Hello, tessera!');
      tmux.keys('o', 'f').type('op:names.*').keys('Enter');
      await tmux.until(/filter: op:names/);
      tmux.keys('q');
      await tmux.until(/\[status 0\]/);
    } finally { tmux.close(); }
    const wrong = new Tmux([process.execPath, join(root, 'bin/tessera'), 'boot', 'nosuch', '--view'], 120, 24);
    try { expect(await wrong.until(/\[status 2\]/)).toContain("there is no scenario 'nosuch'"); } finally { wrong.close(); }
  });

  it('opens a damaged recording and says what is missing', () => {
    const bytes = recorded(story(40)), damaged = join(folder, 'damaged.trace');
    bytes[Math.floor(bytes.length / 2)]! ^= 1;
    writeFileSync(damaged, bytes);
    return viewer(80, 24, async (tmux) => {
      expect(await tmux.until(/damaged chunk/)).toMatch(/5\d\d records/);
      tmux.keys('End');
      await tmux.until(/> +560 /);
    }, [damaged]);
  });

  it('shows what the README promises within five minutes', async () => {
    const trace = join(folder, 't.trace'), run = await tessera(['boot', 'getpid', '--trace', trace, '--trace-payload', 'all']);
    expect(run.status).toBe(0);
    await viewer(100, 30, async (tmux) => {
      await tmux.until(/records\n/);
      tmux.keys('f').type('nr:getppid').keys('Enter');
      await tmux.until(/2,000 of [\d,]+ records {2}filter: nr:getppid\n/);
      tmux.keys('d');
      expect(await tmux.until(/ecall getppid/)).toMatch(/resume = 1/);
      tmux.keys('s');
      expect(await tmux.until(/getppid +1,000 +1,000 +2 +2 /)).toContain('switches/call');
    }, [trace]);
  });

  it('ends with one line for a filter with a mistake', () => viewer(120, 24, async (t) => {
    expect(await t.until(/\[status 2\]/)).toContain("no kind 'evnt'; did you mean 'event'?");
  }, [file, '--filter', 'kind:evnt']));

  it('ends with one line for files that are none', async () => {
    for (const [name, bytes, words] of [
      ['empty', '', 'the file is empty'], ['foreign', 'GIF89a and more than sixteen bytes', 'not a Tessera trace file'],
      ['gone', undefined, 'does not exist']
    ] as const) {
      const path = join(folder, name);
      if (bytes !== undefined) writeFileSync(path, bytes);
      await viewer(120, 24, async (tmux) => {
        const text = await tmux.until(/\[status 2\]/);
        expect(text).toContain(words);
        expect(text).not.toMatch(/^ +at /m);
      }, [path]);
      expect(existsSync(path)).toBe(bytes !== undefined);
    }
  });
});
