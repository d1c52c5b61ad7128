/** The page in Debian's Chromium, and briefly in its Firefox: built, served with its policy, used as a person would. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { projectRoot } from '../cli/images/where.ts';
import { Chromium, chromiumPath, clicked, type Page } from './browser/chromium.ts';
import { Firefox, firefoxPath } from './browser/firefox.ts';

const path = chromiumPath(), fox = firefoxPath(), out = mkdtempSync(join(tmpdir(), 'tessera-page-'));
/** No limit here says how fast the page is: each only ends a test whose state never comes. */
vi.setConfig({ testTimeout: 600_000, hookTimeout: 600_000 });
/** The shell has asked for a command: what is typed while the system starts may be lost, as on any terminal. */
const SHELL = "document.querySelector('.xterm-rows')?.innerText.includes('$') && document.querySelector('.xterm-helper-textarea')"
  + " && document.querySelector('.hosted')";
const ENDED = "document.querySelector('.state')?.dataset.state === 'good'";
let server: Server, base: string, browser: Chromium;
const modules = join(projectRoot(), 'web');

beforeAll(async () => {
  if (!path) console.log('skipped: no Chromium on this computer (Debian: apt-get install chromium)');
  if (!fox) console.log('skipped: no Firefox on this computer (Debian: apt-get install firefox-esr)');
  if (!path && !fox) return;
  const { buildPage, POLICY } = await import(join(modules, 'build.mjs')) as { buildPage(out: string): Promise<unknown>; POLICY: string },
    { serve } = await import(join(modules, 'serve.mjs')) as { serve(folder: string, port: number, policy: string): Promise<Server> };
  await buildPage(out);
  server = await serve(out, 0, POLICY);
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  if (path) browser = new Chromium(path);
});
afterEach(() => browser?.closePages());
afterAll(async () => {
  await browser?.close();
  server?.close();
  rmSync(out, { recursive: true, force: true });
});

async function visit(hash = '', width = 1280, height = 800): Promise<Page> {
  const page = await browser.page(width, height);
  await page.goto(base + hash);
  await page.until("document.querySelector('main')");
  return page;
}
const said = (page: Page): Promise<string> =>
  page.evaluate<string>("[...document.querySelectorAll('.xterm-accessibility-tree, .xterm-rows')].map((e) => e.innerText).join('\\n')");

describe.skipIf(!path)('the page', () => {
  it('has a first screen that a screen reader can walk, and no complaint of the browser', async () => {
    const page = await visit(), tree = await page.accessibility();
    expect(tree.filter((n) => n.role === 'main' || n.role === 'banner')).toHaveLength(2);
    expect(tree.find((n) => n.role === 'heading')?.name).toBe('A whole computer system, in the open.');
    const unnamed = tree.filter((n) => ['button', 'link', 'textbox', 'checkbox'].includes(n.role) && n.name === '');
    expect(unnamed).toEqual([]);
    expect(page.complaints).toEqual([]);
  });

  it('runs a scenario in a worker: console, records, ending; the first record soon after the click', async () => {
    const page = await visit();
    await page.click('What a system call costs');
    await page.until(ENDED);
    await page.until("document.querySelectorAll('.list .row').length > 5");
    expect(await page.evaluate<number>('tessera.firstCallAfter')).toBeGreaterThan(0);
    await page.until("document.querySelector('.xterm-rows')?.innerText.includes('1000 calls')");
    expect(page.complaints).toEqual([]);
  });

  it('starts one machine when one goes back to a run, though the browser reports the address twice', async () => {
    const page = await browser.page(1280, 800);
    await page.before('machines = 0; Worker = class extends Worker { constructor(...words) { super(...words); machines++; } };');
    await page.goto(`${base}#/run/hello-ipc`);
    await page.until(ENDED);
    await page.click('All scenarios');
    await page.until(`!(${ENDED}) && document.querySelector('main')`);
    await page.evaluate('history.back()');
    await page.until(ENDED);
    expect(await page.evaluate<number>('machines')).toBe(2);
  });

  it('gives the records that Node gives', async () => {
    const page = await visit('#/run/hello-ipc');
    await page.until(ENDED);
    const { readyScenario, runScenario } = await import('../index.ts'),
      run = runScenario({ ...(await readyScenario('hello-ipc')), trace: { payload: 'all' } });
    await run;
    const counts =
      "({ length: tessera.trace.length, cycles: tessera.progress.value.cycles, last: tessera.trace.at(tessera.trace.length - 1).time })";
    expect(await page.evaluate(counts)).toEqual({
      length: run.trace.length, cycles: run.system.machine.events.now, last: run.trace.at(run.trace.length - 1).time
    });
  });

  it('leads through a system call, each step with its figures', async () => {
    const page = await visit('#/run/getpid?tour=0');
    await page.until(`${ENDED} && document.querySelector('.tour .primary:not([disabled])')`);
    const texts: string[] = [];
    for (let step = 0; step < 6; step++) {
      await page.until("document.querySelector('.tour .primary:not([disabled])')");
      texts.push(await page.evaluate<string>("document.querySelector('.tour').innerText"));
      await page.click('Next');
      await page.until(`document.querySelectorAll('.tour [data-on=true]').length === ${step + 2}`);
    }
    expect(texts[2]).toMatch(/That was [\d.]+ (ns|µs)/);
    expect(texts[4]).toMatch(/1,000 calls, each with 2 kernel entries and 2 switches/);
  });

  it('is worked with the keyboard, and its views show the record that is selected', async () => {
    const page = await visit('#/run/getpid?filter=nr%3Agetppid');
    await page.until(`${ENDED} && tessera.rows.length === 2000`);
    await page.evaluate("document.querySelector('.list').focus()");
    await page.key('Home', 'Home', 36);
    await page.key('ArrowDown', 'ArrowDown', 40);
    const second = "tessera.rows.record(1) === tessera.selected.value";
    await page.until(second);
    await page.click('Sequence');
    await page.until("document.querySelector('.sequence li[aria-current=true]')?.innerText.includes('getppid')");
    for (const view of ['Timeline', 'Counts']) await page.click(view);
    await page.until("document.querySelector('.counts')?.innerText.includes('System calls')");
  });

  it.each(['list', 'sequence', 'timeline', 'memory', 'counts'])('has names for all controls of the view %s, and landmarks around them',
    async (view) => {
    const page = await visit(`#/run/two-worlds?view=${view}`);
    await page.until(ENDED);
    await page.until("document.querySelector('.body')?.firstElementChild");
    const tree = await page.accessibility();
    expect(tree.filter((n) =>
      ['button', 'link', 'textbox', 'checkbox', 'combobox', 'tab', 'listbox', 'region', 'complementary', 'toolbar'].includes(n.role)
        && n.name === '')).toEqual([]);
    for (const role of ['banner', 'main', 'status', 'tablist']) expect(tree.map((n) => n.role), role).toContain(role);
  });

  it('tells a mistake in a filter, and what was meant', async () => {
    const page = await visit('#/run/getpid?filter=nr%3Agetpidd');
    await page.until(`${ENDED} && document.querySelector('.filter .error')?.innerText.includes('did you mean')`);
  });

  it('has a shell to type at; a link repeats what was typed', async () => {
    const page = await visit('#/run/shell');
    await page.until(SHELL);
    await page.evaluate("document.querySelector('.xterm-helper-textarea').focus()");
    await page.type('echo one two | tr a-z A-Z');
    await page.key('Enter', 'Enter', 13);
    await page.until("document.querySelector('.xterm-rows')?.innerText.includes('ONE TWO')");
    await page.click('Share');
    await page.until("location.hash.includes('keys=')");
    const again = await visit(await page.evaluate<string>('location.hash'));
    await again.until("document.querySelector('.xterm-rows')?.innerText.includes('ONE TWO')");
    expect(await said(again)).toContain('echo one two');
  });

  it('shares a folder with the guest while it runs: files dropped in, files taken out', async () => {
    const page = await visit('#/run/shell');
    await page.until(SHELL);
    await page.evaluate(`(() => {
      const data = new DataTransfer();
      data.items.add(new File(['dropped in\\n'], 'note.txt'));
      document.querySelector('.hosted').dispatchEvent(new DragEvent('drop', { dataTransfer: data, bubbles: true, cancelable: true }));
    })()`);
    await page.until("document.querySelector('.hosted').innerText.includes('note.txt')");
    await page.evaluate("document.querySelector('.xterm-helper-textarea').focus()");
    await page.type('cat /host/note.txt | tr a-z A-Z > /host/loud.txt');
    await page.key('Enter', 'Enter', 13);
    await page.until("document.querySelector('.hosted').innerText.includes('loud.txt')");
    // The shell makes the file before `tr` writes to it: who takes it at once may find it empty, and takes it again. The page sets
    // `onFile` whenever it draws the folder.
    await page.until("(tessera.onFile = (file) => { tessera.taken = new TextDecoder().decode(file.bytes); }, "
      + "tessera.send({ type: 'take', path: 'loud.txt' }), tessera.taken === 'DROPPED IN\\n')");
  });

  it('shows memory: tasks, their address spaces, and from whom they have a page', async () => {
    const page = await visit('#/run/two-worlds?view=memory');
    await page.until(`${ENDED} && document.querySelectorAll('.tasks li').length > 4`);
    await page.until(clicked('linux'));
    // Which moment has most tasks depends on when the worker looks; at any of them the server has memory from roottask.
    const line = "[...document.querySelectorAll('.memory tbody tr')].find((row) => row.cells[3].textContent.includes('roottask'))";
    await page.until(`${line}?.querySelector('button').click(), document.querySelector('.hands')?.innerText.includes('roottask')`);
  });

  it('pauses, goes on by single records, and runs again', async () => {
    const page = await visit('#/run/minios');
    // Who comes too late, because the run is over, has it run again.
    await page.until(`(${ENDED} && ${clicked('Again')}, ${clicked('Pause')}, tessera.progress.value.state === 'paused')`);
    const before = await page.evaluate<number>('tessera.progress.value.records');
    await page.click('Step');
    await page.until(`tessera.progress.value.records > ${before} && tessera.progress.value.state === 'paused'`);
    expect(await page.evaluate<number>('tessera.progress.value.records')).toBeLessThan(before + 40);
    await page.click('Go on');
    await page.until(ENDED);
  });

  it('fits a telephone: nothing sticks out, panes are chosen at the bottom', async () => {
    const page = await visit('#/run/getpid', 360, 740);
    await page.until(ENDED);
    for (const pane of ['Console', 'Sequence', 'Timeline', 'Memory', 'Counts', 'List']) {
      await page.click(pane);
      await page.until(`document.querySelector('.bottom [aria-pressed=true]')?.textContent.includes('${pane}')`);
      expect(await page.evaluate<number>('document.documentElement.scrollWidth'), pane).toBeLessThanOrEqual(360);
    }
    const home = await visit('', 360, 740);
    expect(await home.evaluate<number>('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
  });

  it('makes terminal and editor when they are looked at: a telephone that shows neither does without their scripts', async () => {
    const page = await visit('#/run/getpid', 360, 740), made = (what: string): Promise<boolean> =>
      page.evaluate<boolean>(`${what} != null`);
    await page.until(ENDED);
    expect(await made("document.querySelector('.xterm')")).toBe(false);
    await page.click('Console');
    await page.until("document.querySelector('.xterm-rows')?.innerText.includes('1000 calls')");
    await page.evaluate("location.hash = '#/lab/01-hello-ipc'");
    // the student's figures have come, so the files are there too
    await page.until("document.querySelector('[data-figure]')?.textContent.length > 1");
    await page.until("document.querySelector('.editor')");
    expect(await made("document.querySelector('.editor').shadowRoot")).toBe(false);
    expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBeLessThanOrEqual(360);
    await page.click('Files');
    await page.until("document.querySelector('.editor').shadowRoot?.querySelector('.cm-content')");
    expect(page.complaints).toEqual([]);
  });

  it.each([['01-hello-ipc', 'greeter.ts'], ['04-capabilities', 'broker.s']])('checks lab %s as the command does: a starter, and a solution',
    async (lab, file) => {
    const page = await visit();
    await page.until('navigator.serviceWorker.controller');
    const verdict = async (): Promise<string> => {
      await page.until("document.querySelector('.editor')?.shadowRoot?.querySelector('.cm-content')");
      await page.click('Check');
      await page.until("document.querySelector('.points')");
      return page.evaluate<string>("document.querySelector('.points').innerText");
    };
    await page.evaluate(`location.hash = '#/lab/${lab}'`);
    expect(await verdict()).not.toBe('100 of 100 points');
    await page.until("(document.querySelector('.check .why button, .verdict .bar button')?.click(), tessera.phase.value === 'recorded')");
    await page.until("document.querySelectorAll('.list .row').length > 3");
    const { findLab } = await import('../labs/catalogue.ts'), { filesOfLab } = await import('../cli/lab/folder.ts'),
      { Random } = await import('../labs/grading/random.ts'), found = (await findLab(lab))!,
      variant = found.variant(new Random(`${lab}/me`));
    const solution = filesOfLab(found, 'solution', variant);
    for (const name of found.files) {
      await page.evaluate(`localStorage.setItem('tessera-lab/${lab}/${name}', ${JSON.stringify(solution.get(name))})`);
    }
    await page.evaluate("location.hash = '#/'");
    await page.until("!document.querySelector('.list') && !document.querySelector('.editor')");
    await page.evaluate(`location.hash = '#/lab/${lab}'`);
    expect(await verdict()).toBe('100 of 100 points');
    expect(found.files).toContain(file);
    expect(page.complaints).toEqual([]);
  });

  it('needs no network after the first visit', async () => {
    const page = await visit();
    await page.until("navigator.serviceWorker.controller");
    const refuse = (socket: Socket): void => { socket.destroy(); };
    server.on('connection', refuse).closeAllConnections();
    try {
      await page.reload();
      await page.until("document.querySelector('main')");
      await page.click('Two worlds on one kernel');
      await page.until(ENDED);
    } finally {
      server.off('connection', refuse);
    }
  });

  it('offers every scenario that there is', async () => {
    const { scenarios } = await import('../web/app/catalog.ts'), { scenarioNames } = await import('../index.ts');
    expect(scenarios.map((s) => s.name).sort()).toEqual([...scenarioNames].sort());
  });

  it('is made of files whose names the policy and the service worker know', () => {
    for (const name of ['index.html', 'sw.js', 'assets/machine.js', 'guests/bin/linux/sh'])
      expect(existsSync(join(out, name)), name).toBe(true);
  });
});

describe.skipIf(!fox)('the page in Firefox', () => {
  it('runs a scenario, shows its trace and checks a lab, under the same policy', async () => {
    const firefox = await Firefox.start(fox!);
    try {
      await firefox.goto(`${base}#/run/two-worlds?view=timeline`);
      await firefox.until(ENDED);
      await firefox.until("document.querySelector('.xterm-rows')?.innerText.includes('power off')");
      expect(await firefox.evaluate<number>('tessera.trace.length')).toBeGreaterThan(3000);
      await firefox.until('navigator.serviceWorker.controller');
      await firefox.evaluate("location.hash = '#/lab/01-hello-ipc'");
      await firefox.until("document.querySelector('.editor')?.shadowRoot?.querySelector('.cm-content')");
      await firefox.until(clicked('Check'));
      await firefox.until("document.querySelector('.points')?.innerText.includes('of 100 points')");
      expect(firefox.complaints).toEqual([]);
    } finally {
      await firefox.close();
    }
  });
});
