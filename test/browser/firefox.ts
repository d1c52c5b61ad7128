/** Controls Debian's Firefox over WebDriver BiDi, with our own WebSocket, because Node 20 has none. Enough for tests of the page. */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PATIENCE } from './chromium.ts';

const PLACES = ['/usr/bin/firefox-esr', '/usr/bin/firefox'];
export const firefoxPath = (): string | undefined => PLACES.find((path) => existsSync(path));

/** The client's side of a WebSocket: texts only. @spec RFC 6455 */
class TextSocket {
  private readonly socket: Socket;
  private rest = Buffer.alloc(0);
  private parts: Buffer[] = [];
  onText: (text: string) => void = () => undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => { /* the browser has ended, which its process reports */ });
    socket.on('data', (data: Buffer) => { this.rest = Buffer.concat([this.rest, data]); while (this.frame()); });
  }
  static open(port: number, path: string): Promise<TextSocket> {
    return new Promise((resolve, reject) => {
      const asked = request({
        port, path, host: '127.0.0.1',
        headers: {
          Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-WebSocket-Version': '13',
          'Sec-WebSocket-Key': randomBytes(16).toString('base64')
        }
      });
      asked.on('upgrade', (_answer, socket) => resolve(new TextSocket(socket as Socket)));
      asked.on('response', (answer) => reject(new Error(`no WebSocket: ${answer.statusCode}`)));
      asked.on('error', reject);
      asked.end();
    });
  }
  send(text: string): void {
    const body = Buffer.from(text), mask = randomBytes(4), n = body.length, head = Buffer.alloc(n < 126 ? 2 : n < 65_536 ? 4 : 10);
    head[0] = 0x81;
    head[1] = 0x80 | (n < 126 ? n : n < 65_536 ? 126 : 127);
    if (head.length === 4) head.writeUInt16BE(n, 2);
    if (head.length === 10) head.writeBigUInt64BE(BigInt(n), 2);
    for (let i = 0; i < body.length; i++) body[i]! ^= mask[i % 4]!;
    this.socket.write(Buffer.concat([head, mask, body]));
  }
  close(): void { this.socket.destroy(); }

  /** Takes one frame if it is complete. */
  private frame(): boolean {
    const { rest } = this, short = (rest[1] ?? 0) & 0x7f, head = short === 126 ? 4 : short === 127 ? 10 : 2;
    if (rest.length < head) return false;
    const length = short === 126 ? rest.readUInt16BE(2) : short === 127 ? Number(rest.readBigUInt64BE(2)) : short;
    if (rest.length < head + length) return false;
    const last = (rest[0]! & 0x80) !== 0, kind = rest[0]! & 0xf;
    if (kind < 2) this.parts.push(rest.subarray(head, head + length));
    this.rest = rest.subarray(head + length);
    if (kind < 2 && last) { this.onText(Buffer.concat(this.parts).toString()); this.parts = []; }
    return true;
  }
}

type Answer = {
  id?: number; type: string; result?: Record<string, unknown>; message?: string; method?: string; params?: { text?: string; level?: string }
};

export class Firefox {
  private readonly child: ChildProcess;
  private readonly folder = mkdtempSync(join(tmpdir(), 'tessera-firefox-'));
  private socket!: TextSocket;
  private readonly waiting = new Map<number, { resolve(r: Record<string, unknown>): void; reject(e: Error): void }>();
  private next = 1;
  private gone = false;
  private context = '';
  /** Errors on its console. */
  readonly complaints: string[] = [];

  private constructor(path: string) {
    this.child = spawn(path, ['--headless', '--no-remote', '--profile', this.folder, '--remote-debugging-port=0', 'about:blank'],
      { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, HOME: this.folder } });
    this.child.on('exit', () => {
      this.gone = true;
      for (const { reject } of this.waiting.values()) reject(new Error('Firefox has ended'));
    });
  }
  /** Starts the browser with one empty page. */
  static async start(path: string): Promise<Firefox> {
    const firefox = new Firefox(path), port = await firefox.port();
    firefox.socket = await TextSocket.open(port, '/session');
    firefox.socket.onText = (text) => firefox.hear(JSON.parse(text) as Answer);
    await firefox.send('session.new', { capabilities: {} });
    await firefox.send('session.subscribe', { events: ['log.entryAdded'] });
    const { contexts } = await firefox.send('browsingContext.getTree') as { contexts: { context: string }[] };
    firefox.context = contexts[0]!.context;
    return firefox;
  }
  private port(): Promise<number> {
    return new Promise((resolve, reject) => {
      let said = '';
      this.child.stderr!.setEncoding('utf8').on('data', (text: string) => {
        said += text;
        const at = /ws:\/\/127\.0\.0\.1:(\d+)/.exec(said);
        if (at) resolve(Number(at[1]));
      });
      this.child.on('exit', () => reject(new Error(`Firefox has ended: ${said.slice(-500)}`)));
    });
  }
  private hear(message: Answer): void {
    if (message.method === 'log.entryAdded' && message.params?.level === 'error') this.complaints.push(message.params.text ?? '');
    const asked = this.waiting.get(message.id ?? 0);
    if (!asked) return;
    this.waiting.delete(message.id!);
    if (message.type === 'error') asked.reject(new Error(message.message)); else asked.resolve(message.result ?? {});
  }
  private send(method: string, params: object = {}): Promise<Record<string, unknown>> {
    const id = this.next++;
    return new Promise((resolve, reject) => {
      if (this.gone) return reject(new Error('Firefox has ended'));
      this.waiting.set(id, { resolve, reject });
      this.socket.send(JSON.stringify({ id, method, params }));
    });
  }

  async goto(url: string): Promise<void> { await this.send('browsingContext.navigate', { context: this.context, url, wait: 'complete' }); }
  async evaluate<T>(expression: string): Promise<T> {
    const { result, exceptionDetails } = await this.send('script.evaluate', {
      expression: `Promise.resolve(${expression}).then((v) => JSON.stringify(v))`, target: { context: this.context }, awaitPromise: true
    }) as { result?: { value?: string }; exceptionDetails?: { text: string } };
    if (exceptionDetails) throw new Error(exceptionDetails.text);
    return result?.value === undefined ? undefined as T : JSON.parse(result.value) as T;
  }
  async until(expression: string): Promise<void> {
    for (const end = Date.now() + PATIENCE; Date.now() < end; await new Promise((r) => setTimeout(r, 100)))
      if (await this.evaluate<boolean>(`Boolean((${expression}))`).catch(() => false)) return;
    throw new Error(`after ${PATIENCE} ms not true: ${expression}; ${this.complaints.join('; ')}`);
  }
  async screenshot(): Promise<Uint8Array> {
    return Buffer.from((await this.send('browsingContext.captureScreenshot', { context: this.context }))['data'] as string, 'base64');
  }
  async close(): Promise<void> {
    if (this.gone) return;
    const gone = new Promise((resolve) => this.child.once('exit', resolve));
    this.socket.close();
    this.child.kill('SIGTERM');
    const late = setTimeout(() => this.child.kill('SIGKILL'), 5000);
    await gone;
    clearTimeout(late);
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 50, retryDelay: 200 });
  }
}
