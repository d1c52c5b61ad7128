/** The scripts of the machine's worker: which the first system call loads, and that the others load when needed. */
import { readFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createContext, runInContext } from 'node:vm';
import { brotliCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { projectRoot } from '../cli/images/where.ts';
import { readyScenario, runProgram, runScenario } from '../index.ts';
import { TraceFile, MemorySource } from '../trace/index.ts';
import type { FromWorker, What } from './protocol.ts';

/** Bytes permitted before the first system call, packed with brotli. */
const MOST = 250_000;
const root = projectRoot(), out = mkdtempSync(join(tmpdir(), 'tessera-parts-'));
let made: { first: string[]; all: string[] };

beforeAll(async () => {
  const { buildPage } = await import(join(root, 'web/build.mjs')) as { buildPage(out: string): Promise<typeof made> };
  made = await buildPage(out);
});
afterAll(() => rmSync(out, { recursive: true, force: true }));

interface Seen { loaded: string[]; output: string; trace: Uint8Array; status: number }

/** A run in the worker's scripts, with the globals of a browser's worker. */
function runInWorker(what: What): Promise<Seen> {
  const loaded = ['assets/machine.js'], pieces: Uint8Array[] = [], decoder = new TextDecoder();
  let output = '';
  return new Promise((resolve, reject) => {
    const script = (file: string): void => { runInContext(readFileSync(join(out, file), 'utf8'), context); };
    const self: Record<string, unknown> = {
      WebAssembly: (globalThis as Record<string, unknown>)['WebAssembly'], TextEncoder, TextDecoder, URL, MessageChannel, performance,
      console, setTimeout, clearTimeout, setInterval, clearInterval, queueMicrotask, structuredClone, atob, btoa,
      ReadableStream, WritableStream, AbortController, AbortSignal, TypeError, // WebAssembly, which is Node's, throws Node's
      location: { href: 'http://page/assets/machine.js' },
      fetch: (url: URL | string) => Promise.resolve(new Response(readFileSync(join(out, new URL(url).pathname)))),
      importScripts: (url: URL) => { const file = url.pathname.slice(1); loaded.push(file); script(file); },
      postMessage: (message: FromWorker) => {
        if (message.type === 'output') output += decoder.decode(message.bytes.slice(), { stream: true });
        if (message.type === 'trace') pieces.push(Uint8Array.from(message.bytes));
        if (message.type === 'failed') reject(new Error(message.message));
        if (message.type === 'ended') resolve({ loaded, output, trace: new Uint8Array(Buffer.concat(pieces)), status: message.status });
      },
    };
    self['self'] = self;
    const context = createContext(self);
    script('assets/machine.js');
    (self['onmessage'] as (event: { data: unknown }) => void)({ data: { type: 'start', what, seed: 1, speed: 'full' } });
  });
}
const packedFile = (file: string): number => brotliCompressSync(readFileSync(join(out, file))).length;
const packed = (files: readonly string[]): number => files.reduce((n, file) => n + packedFile(file), 0);

describe('the scripts of the machine', () => {
  it(`bring a first system call in less than ${MOST} bytes`, async () => {
    const { loaded, output } = await runInWorker({ kind: 'scenario', name: 'getpid' });
    expect(output).toContain('getppid: 1000 calls');
    expect([...loaded].sort()).toEqual([...made.first].sort());
    expect(packed(loaded)).toBeLessThan(MOST);
  });

  it.each(['hello-ipc', 'getpid', 'two-worlds'])('leave the same records of %s as the whole', async (name) => {
    const { trace } = await runInWorker({ kind: 'scenario', name });
    const run = runScenario({ ...(await readyScenario(name)), trace: { payload: 'all' } });
    await run;
    const [cut, whole] = [new TraceFile(new MemorySource(trace)), new TraceFile(new MemorySource(run.traceBytes()))];
    expect(cut.length).toBe(whole.length);
    expect(cut.at(cut.length - 1).time).toBe(whole.at(whole.length - 1).time);
  });

  it.each(['mtd-ablation', 'getpid-cost'])('judge %s by its trace, with the engine of queries where it asks for that', async (name) => {
    const { loaded, trace, status } = await runInWorker({ kind: 'scenario', name });
    expect(status).toBe(0);
    expect(new TraceFile(new MemorySource(trace)).length).toBeGreaterThan(1000);
    expect(loaded.includes('assets/sql-wasm.js')).toBe(name === 'mtd-ablation');
  });

  it('come when a program asks for them: a folder, a terminal, the network', async () => {
    const { loaded, output, status } = await runInWorker({ kind: 'shell', program: '/bin/cat', args: ['/proc/net/dev'], files: [] });
    expect(status).toBe(0);
    expect(loaded.length).toBeGreaterThan(made.first.length + 3);
    const cat = Uint8Array.from(readFileSync(join(root, 'guests/bin/linux/cat')));
    const alone = await runProgram({ program: cat, args: ['/proc/net/dev'], tty: true });
    expect(output).toBe(alone.stdout);
    expect(output).toContain('lo:');
  });

  it('come when a signal gets to its handler', async () => {
    const files = [{ name: 'sigtest', bytes: Uint8Array.from(readFileSync(join(root, 'guests/bin/linux/sigtest'))) }];
    const { output, status } = await runInWorker({ kind: 'shell', program: '/host/sigtest', args: [], files });
    expect([output.trimEnd(), status]).toEqual(['sigtest: ok', 0]);
  });
});
