/** Controls Debian's Chromium over its debugging pipe: no driver, no download, no port. Enough for tests of the page. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const FLAGS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--disable-extensions', '--hide-scrollbars', '--remote-debugging-pipe',
  '--disable-background-timer-throttling', '--disable-backgrounding-occluded-windows', '--disable-renderer-backgrounding'
];
/** How long a state may take to come, in milliseconds: only a page that never gets there waits so long, on however busy a computer. */
export const PATIENCE = 180_000;

/** Its path on this computer; undefined: not installed. */
export const chromiumPath = (): string | undefined => PLACES.find((path) => existsSync(path));

type Answer = {
  id?: number; result?: Record<string, unknown>; error?: { message: string }; method?: string; params?: Record<string, unknown>;
  sessionId?: string
};

export class Chromium {
  private readonly child: ChildProcess;
  private readonly folder = mkdtempSync(join(tmpdir(), 'tessera-chromium-'));
  private readonly waiting = new Map<number, { resolve(result: Record<string, unknown>): void; reject(error: Error): void }>();
  private readonly listeners: ((message: Answer) => void)[] = [];
  private readonly pages = new Set<Page>();
  private next = 1;
  private rest = '';
  private gone = false;

  constructor(path: string) {
    this.child = spawn(path, [...FLAGS, `--user-data-dir=${this.folder}`, 'about:blank'],
      { stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'] });
    (this.child.stdio[4] as Readable).setEncoding('utf8').on('data', (text: string) => this.hear(text));
    this.child.stdio[3]!.on('error', () => { /* it has ended, which 'exit' reports */ });
    this.child.on('exit', () => {
      this.gone = true;
      for (const { reject } of this.waiting.values()) reject(new Error('Chromium has ended'));
    });
  }

  send(method: string, params: object = {}, sessionId?: string): Promise<Record<string, unknown>> {
    const id = this.next++;
    return new Promise((resolve, reject) => {
      if (this.gone) return reject(new Error('Chromium has ended'));
      this.waiting.set(id, { resolve, reject });
      (this.child.stdio[3] as Writable).write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    });
  }
  on(listener: (message: Answer) => void): void { this.listeners.push(listener); }
  private hear(text: string): void {
    const messages = (this.rest + text).split('\0');
    this.rest = messages.pop()!;
    for (const one of messages) {
      const message = JSON.parse(one) as Answer, asked = this.waiting.get(message.id ?? 0);
      if (!asked) { for (const listener of this.listeners) listener(message); continue; }
      this.waiting.delete(message.id!);
      if (message.error) asked.reject(new Error(message.error.message)); else asked.resolve(message.result ?? {});
    }
  }

  async page(width: number, height: number): Promise<Page> {
    const { targetId } = await this.send('Target.createTarget', { url: 'about:blank' }),
      { sessionId } = await this.send('Target.attachToTarget', { targetId, flatten: true });
    const page = new Page(this, sessionId as string, targetId as string);
    this.pages.add(page);
    await page.open(width, height);
    return page;
  }
  /** Closes all pages: a page behind others still runs its machine. */
  async closePages(): Promise<void> {
    for (const page of this.pages) await this.send('Target.closeTarget', { targetId: page.target });
    this.pages.clear();
  }
  async close(): Promise<void> {
    if (this.gone) return;
    const gone = new Promise((resolve) => this.child.once('exit', resolve));
    void this.send('Browser.close').catch(() => undefined);
    const late = setTimeout(() => this.child.kill('SIGKILL'), 5000);
    await gone;
    clearTimeout(late);
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 50, retryDelay: 200 });
  }
}

/** An expression that clicks what has this text; true if it could. */
export const clicked = (text: string): string => `(() => { const e = [...document.querySelectorAll('button, a, [role=tab]')].find((x) => `
  + `x.offsetParent && !x.disabled && x.textContent.trim().startsWith(${JSON.stringify(text)})); e?.click(); return !!e; })()`;

export class Page {
  private readonly browser: Chromium;
  private readonly session: string;
  readonly target: string;
  /** Errors in the page: exceptions, errors on the console, violations of the policy. */
  readonly complaints: string[] = [];

  constructor(browser: Chromium, session: string, target: string) {
    this.browser = browser;
    this.session = session;
    this.target = target;
    browser.on(({ method, params, sessionId }) => {
      if (sessionId !== session || !params) return;
      const thrown = params['exceptionDetails'] as { exception?: { description?: string }; text: string } | undefined,
        entry = params['entry'] as { level: string; text: string; url?: string } | undefined;
      if (method === 'Runtime.exceptionThrown' && thrown) this.complaints.push(thrown.exception?.description ?? thrown.text);
      if (method === 'Log.entryAdded' && entry?.level === 'error') this.complaints.push(`${entry.text} ${entry.url ?? ''}`);
    });
  }
  private send(method: string, params: object = {}): Promise<Record<string, unknown>> {
    return this.browser.send(method, params, this.session);
  }

  async open(width: number, height: number): Promise<void> {
    for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await this.send(`${domain}.enable`);
    await this.size(width, height);
  }
  async size(width: number, height: number): Promise<void> {
    await this.send('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: width < 500 });
  }
  async theme(name: 'light' | 'dark'): Promise<void> {
    await this.send('Emulation.setEmulatedMedia', { features: [{ name: 'prefers-color-scheme', value: name }] });
  }
  async offline(is: boolean): Promise<void> {
    await this.send('Network.emulateNetworkConditions', { offline: is, latency: 0, downloadThroughput: -1, uploadThroughput: -1 });
  }
  /** A script that each document of this page runs before its own. */
  async before(source: string): Promise<void> { await this.send('Page.addScriptToEvaluateOnNewDocument', { source }); }
  async goto(url: string): Promise<void> { await this.send('Page.navigate', { url }); }
  /** Loads the page again; resolves when the old document is gone. */
  async reload(): Promise<void> {
    await this.evaluate('void (window.isOld = true)');
    await this.send('Page.reload', {});
    await this.until('!window.isOld');
  }

  /** The value of an expression, promises awaited. */
  async evaluate<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = await this.send('Runtime.evaluate',
      {
        expression, awaitPromise: true, returnByValue: true
      }) as { result: { value: T }; exceptionDetails?: { exception?: { description?: string }; text: string } };
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  }
  /** Waits until an expression is true. */
  async until(expression: string): Promise<void> {
    for (const end = Date.now() + PATIENCE; Date.now() < end; ) {
      if (await this.evaluate<boolean>(`Boolean((${expression}))`).catch(() => false)) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`after ${PATIENCE} ms not true: ${expression}; ${this.complaints.join('; ')}`);
  }
  /** Clicks the first button, link or tab with this text, once there is one that can be clicked. */
  async click(text: string): Promise<void> { await this.until(clicked(text)); }
  async type(text: string): Promise<void> {
    for (const key of text) {
      await this.send('Input.dispatchKeyEvent', { type: 'keyDown', key, text: key, unmodifiedText: key });
      await this.send('Input.dispatchKeyEvent', { type: 'keyUp', key });
    }
  }
  async key(key: string, code = key, keyCode = 0): Promise<void> {
    for (const type of ['keyDown', 'keyUp'])
      await this.send('Input.dispatchKeyEvent', {
        type, key, code, windowsVirtualKeyCode: keyCode, ...(key === 'Enter' && { text: '\r' })
      });
  }
  async screenshot(): Promise<Uint8Array> {
    return Buffer.from((await this.send('Page.captureScreenshot', { format: 'png' }))['data'] as string, 'base64');
  }
  /** The tree that screen readers see: roles and names. */
  async accessibility(): Promise<{ role: string; name: string }[]> {
    const { nodes } = await this.send(
      'Accessibility.getFullAXTree') as { nodes: { ignored: boolean; role?: { value: string }; name?: { value: string } }[] };
    return nodes.filter((n) => !n.ignored).map((n) => ({ role: n.role?.value ?? '', name: n.name?.value ?? '' }));
  }
}
