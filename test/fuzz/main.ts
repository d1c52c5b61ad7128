/**
 * `npm run fuzz -- --minutes N [--target T] [--seed S] [--keep]`: gives every reader and door mutated inputs, guided by the code that they
 * reach, and prints its findings. A finding is an exception that is no regular error, an input that takes more than two seconds, or more
 * than a gigabyte. Each is written to fuzz-findings/. `--keep` adds inputs that reached new code to the corpus (test/fuzz/corpus/).
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import { keep, kept } from './corpus.ts';
import { targets } from './targets.ts';
import type { FuzzJob, FuzzResult } from './worker.ts';
import { numberOf, readOptions, refuse } from '../tool.ts';

/** A thread of Node 20 does not inherit the main thread's TypeScript loader. */
const START =
  "import('tsx/esm/api').then(({ register }) => { register(); return import(require('node:worker_threads').workerData.file); });";
const LARGEST = 1 << 20, HANGS = 15_000, MOST_MIB = 1024;
const { values } = readOptions(import.meta.filename, {
  options: {
    minutes: { type: 'string', default: '2' }, target: { type: 'string', multiple: true }, seed: { type: 'string' },
    keep: { type: 'boolean', default: false }
  }
}, `targets: ${Object.keys(targets).join(', ')}`);

/** Runs one target for its share of the time. */
function fuzz(target: string, seed: number, milliseconds: number): Promise<FuzzResult> {
  const progress = new Int32Array(new SharedArrayBuffer(8)), input = new Uint8Array(new SharedArrayBuffer(LARGEST));
  const job: FuzzJob = { target, seed, milliseconds, progress, input };
  const worker = new Worker(START, {
    eval: true, workerData: { ...job, file: new URL('./worker.ts', import.meta.url).href },
    resourceLimits: { maxOldGenerationSizeMb: MOST_MIB }
  });
  return new Promise((resolve) => {
    let last = -1;
    const end = (result: FuzzResult) => {
      clearInterval(watch);
      void worker.terminate();
      resolve(result);
    };
    const lost = (why: string) => end({
      inputs: Atomics.load(progress, 0), ranges: 0, fresh: [], failure: { input: input.slice(0, Atomics.load(progress, 1)), why }
    });
    const watch = setInterval(() => {
      const now = Atomics.load(progress, 0);
      if (now === last && now > 0) lost(`hangs for ${HANGS / 1000} seconds`);
      last = now;
    }, HANGS);
    worker.on('message', end);
    worker.on('error', (error) => lost(String(error.stack ?? error)));
  });
}

function written(target: string, input: Uint8Array): string {
  mkdirSync('fuzz-findings', { recursive: true });
  const path = `fuzz-findings/${target}-${createHash('sha256').update(input).digest('hex').slice(0, 12)}`;
  writeFileSync(path, input);
  return path;
}

const chosen = values.target ?? Object.keys(targets);
for (const name of chosen)
  if (!Object.hasOwn(targets, name))
    refuse(import.meta.filename, `there is no target '${name}'; one of: ${Object.keys(targets).join(', ')}`);
const share = (numberOf(import.meta.filename, '--minutes', values.minutes) * 60_000) / chosen.length,
  seed = values.seed === undefined ? Date.now() >>> 0 : numberOf(import.meta.filename, '--seed', values.seed);
console.log(`seed ${seed}, ${chosen.length} targets, ${Math.round(share / 1000)} s each`);
let findings = 0;
for (const target of chosen) {
  const result = await fuzz(target, seed, share);
  console.log(`${target.padEnd(16)} ${String(result.inputs).padStart(9)} inputs  ${String(result.ranges).padStart(6)} blocks  `
    + `${result.fresh.length} kept`);
  if (result.failure) {
    findings++;
    console.log(`  FOUND ${written(target, result.failure.input)}: ${result.failure.why}`);
  }
  if (values.keep) keep(target, [...kept(target), ...result.fresh]);
}
console.log(findings === 0 ? 'no findings' : `${findings} findings`);
process.exitCode = findings === 0 ? 0 : 1;
