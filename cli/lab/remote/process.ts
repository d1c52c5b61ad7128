/**
 * The grader's view of the process that runs a component of a submission. The process may read no files, start no processes and create no
 * code from strings; processor time and memory are bounded. It can only request system calls and memory accesses.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { closeSync, constants, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { CliError, Exit } from '../../errors.ts';
import { MOST_BYTES } from './wire.ts';
import { temporaryFolder } from '../../temporary.ts';

/** Seconds of the processor, MiB of JavaScript's heap, KiB of addresses. */
const LIMITS = { seconds: 20, heap: 128, addresses: 6_000_000 } as const;

/**
 * The process runs this before anything else. It takes a script and its configuration, runs it in a context of its own that holds nothing
 * but the language and `exchange`. Results of `exchange` are numbers: no object of this world reaches the other.
 */
const BOOTSTRAP = `
'use strict';
const { readSync, writeSync } = require('node:fs'), { createContext, Script } = require('node:vm');
function fully(n) {
  const b = new Uint8Array(n);
  for (let at = 0; at < n; ) {
    const r = readSync(0, b, at, n - at, null);
    if (r === 0) process.exit(0);
    at += r;
  }
  return b;
}
function frame() { return fully(new DataView(fully(4).buffer).getUint32(0, true)); }
const text = () => new TextDecoder().decode(frame());
const head = new Uint8Array(4), view = new DataView(head.buffer);
function exchange(out, n, into) {
  try {
    view.setUint32(0, n, true);
    for (const [b, l] of [[head, 4], [out, n]]) for (let at = 0; at < l; ) at += writeSync(1, b, at, l - at);
    const f = frame();
    for (let i = 0; i < f.length; i++) into[i] = f[i];
    return f.length;
  } catch { process.exit(3); }
}
Object.setPrototypeOf(exchange, null);
const code = text(), config = text();
const bare = createContext(Object.assign(Object.create(null), { exchange, config }), { codeGeneration: { strings: false, wasm: false } });
new Script('for (const n of ["WebAssembly", "SharedArrayBuffer", "Atomics"]) delete globalThis[n];').runInContext(bare);
// Where the stack is nearly full, even the call throws an error of this world: the other world gets one of its own instead.
new Script('{'
  + 'const there = exchange, Own = Error;'
  + 'exchange = (out, n, into) => { try { return there(out, n, into); } catch { throw new Own("the stack is full"); } }; }')
  .runInContext(bare);
new Script(code, { filename: 'submission.js' }).runInContext(bare);
`;

const flags = (): string[] => [
  process.allowedNodeEnvironmentFlags.has('--permission') ? '--permission' : '--experimental-permission', '--no-warnings',
  '--disallow-code-generation-from-strings', '--no-addons',
  `--max-old-space-size=${LIMITS.heap}`, '--stack-size=900',
];

/** Named pipes, created many at a time: each serves only one process, so that it never contains another's data. */
const PAIRS = 8;
let spare: [string, string][] = [], folder = '';

/** Throws CliError where the computer has no named pipes. */
function pipes(): [string, string] {
  if (spare.length === 0) {
    folder ||= temporaryFolder('lab');
    const pairs = Array.from({ length: PAIRS }, (_, i) => [join(folder, `${i}-there`), join(folder, `${i}-back`)] as [string, string]);
    const help = 'use Linux, macOS, or WSL', what = 'this computer cannot make named pipes, which TypeScript labs need';
    if (spawnSync('mkfifo', ['-m', '600', ...pairs.flat()]).status !== 0) throw new CliError('E_LAB', what, help, Exit.failure);
    spare = pairs;
  }
  return spare.pop()!;
}

/** The process has ended: out of memory, out of time, or by itself. */
export class Gone extends Error {}

export class RemoteProcess {
  private readonly child: ChildProcess;
  private readonly to: number;
  private readonly from: number;
  private readonly head = new Uint8Array(4);
  private closed = false;

  /** Throws CliError where the computer has no named pipes. */
  constructor(code: string, config: string) {
    const [there, back] = pipes();
    try {
      // Opens each pipe first for reading without waiting for the other end, then normally.
      const first = [there, back].map((p) => openSync(p, constants.O_RDONLY | constants.O_NONBLOCK));
      this.to = openSync(there, 'w');
      const childOut = openSync(back, 'w'), childIn = openSync(there, 'r');
      this.from = openSync(back, 'r');
      const bounds = `ulimit -t ${LIMITS.seconds}; ulimit -c 0; ulimit -v ${LIMITS.addresses} 2>/dev/null; exec "$@"`;
      const words = ['-c', bounds, 'sh', process.execPath, ...flags(), '-e', BOOTSTRAP];
      this.child = spawn('/bin/sh', words, { stdio: [childIn, childOut, 'ignore'], env: {}, cwd: '/' });
      this.child.on('error', () => {});
      this.child.unref();
      for (const fd of [...first, childOut, childIn]) closeSync(fd);
    } finally {
      for (const path of [there, back]) unlinkSync(path);
    }
    this.send(new TextEncoder().encode(code));
    this.send(new TextEncoder().encode(config));
    this.receive();
  }

  /** Throws Gone. */
  exchange(out: Uint8Array): Uint8Array {
    this.send(out);
    return this.receive();
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.child.kill('SIGKILL');
    closeSync(this.to);
    closeSync(this.from);
  }

  private send(bytes: Uint8Array): void {
    if (this.closed) throw new Gone('its process has ended');
    new DataView(this.head.buffer).setUint32(0, bytes.length, true);
    try {
      for (const part of [this.head, bytes]) for (let at = 0; at < part.length; ) at += writeSync(this.to, part, at, part.length - at);
    } catch {
      throw this.gone();
    }
  }
  private receive(): Uint8Array {
    const n = new DataView(this.fully(4).buffer).getUint32(0, true);
    if (n > MOST_BYTES + 65536) throw this.gone();
    return this.fully(n);
  }
  private fully(n: number): Uint8Array {
    const bytes = new Uint8Array(n);
    for (let at = 0; at < n; ) {
      const got = readSync(this.from, bytes, at, n - at, null);
      if (got === 0) throw this.gone();
      at += got;
    }
    return bytes;
  }
  private gone(): Gone {
    this.close();
    return new Gone(
      `its process has ended: it used more than ${LIMITS.seconds} s of the processor or ${LIMITS.heap} MiB of memory, or ended itself`);
  }
}
