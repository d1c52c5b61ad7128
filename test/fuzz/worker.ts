/** The thread in which one target is fuzzed: the driver watches it, because an input may hang it or exhaust memory. */
import { Session } from 'node:inspector';
import { parentPort, workerData } from 'node:worker_threads';
import { kept } from './corpus.ts';
import { mutant, Rng } from './mutate.ts';
import { targets } from './targets.ts';

export interface FuzzJob {
  readonly target: string;
  readonly seed: number;
  readonly milliseconds: number; /** [0] inputs begun, [1] length of the one under way */
  readonly progress: Int32Array;
  readonly input: Uint8Array
}
export interface FuzzResult {
  readonly inputs: number;
  readonly ranges: number;
  readonly fresh: Uint8Array[];
  readonly failure?: { readonly input: Uint8Array; readonly why: string }
}

/** Inputs between two checks of coverage. */
const BATCH = 64;
const SLOW = 2000;

/** Covered code by V8's counts: blocks of our files. */
class Coverage {
  private readonly session = new Session();
  readonly seen = new Set<string>();

  constructor() {
    this.session.connect();
    this.session.post('Profiler.enable');
    this.session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  /** Blocks covered since the last check. */
  take(): string[] {
    const found: string[] = [];
    this.session.post('Profiler.takePreciseCoverage', (_error, taken) => {
      for (const script of taken?.result ?? []) {
        if (!script.url.startsWith('file:') || script.url.includes('node_modules') || script.url.includes('/test/')) continue;
        for (const called of script.functions)
          for (const range of called.ranges) if (range.count > 0) found.push(`${script.scriptId}:${range.startOffset}:${range.endOffset}`);
      }
    });
    return found;
  }
  /** The newly covered blocks. */
  fresh(): Set<string> {
    const fresh = new Set(this.take().filter((block) => !this.seen.has(block)));
    for (const block of fresh) this.seen.add(block);
    return fresh;
  }
}

function fuzz({ target: name, seed, milliseconds, progress, input: shared }: FuzzJob): FuzzResult {
  const target = targets[name]!(), rng = new Rng(seed), corpus = [...target.seeds, ...kept(name)], fresh: Uint8Array[] = [];
  let inputs = 0;
  const attempt = (input: Uint8Array): string | undefined => {
    shared.set(input.subarray(0, shared.length));
    Atomics.store(progress, 1, input.length);
    Atomics.add(progress, 0, 1);
    inputs++;
    const began = performance.now();
    try {
      target.run(input);
    } catch (error) {
      return error instanceof Error ? error.stack ?? error.message : String(error);
    }
    const took = performance.now() - began;
    return took > SLOW ? `took ${Math.round(took)} ms` : undefined;
  };
  const failed = (input: Uint8Array, why: string): FuzzResult => ({ inputs, ranges: coverage.seen.size, fresh, failure: { input, why } });
  const coverage = new Coverage();
  for (const input of corpus) {
    const why = attempt(input);
    if (why) return failed(input, why);
  }
  coverage.fresh();
  for (const end = performance.now() + milliseconds; performance.now() < end; ) {
    const batch = Array.from({ length: BATCH }, () => mutant(rng, corpus));
    for (const input of batch) {
      const why = attempt(input);
      if (why) return failed(input, why);
    }
    const missing = coverage.fresh();
    // Finds the inputs that covered them and stores the shortest.
    for (const input of missing.size === 0 ? [] : batch.sort((a, b) => a.length - b.length)) {
      attempt(input);
      const reached = coverage.take().filter((block) => missing.delete(block));
      if (reached.length === 0) continue;
      corpus.push(input);
      fresh.push(input);
      if (missing.size === 0) break;
    }
  }
  target.close?.();
  return { inputs, ranges: coverage.seen.size, fresh };
}

parentPort!.postMessage(fuzz(workerData as FuzzJob));
