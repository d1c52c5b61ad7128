/** Boots a world, records its trace in memory, and calls the world's judge. */
import { bootScenario, type Result, type System } from '../../index.ts';
import { Capture } from '../../system/capture/capture.ts';
import { vocabularyFor } from '../../system/vocabulary.ts';
import { TraceFile, TraceRecorder } from '../../trace/index.ts';
import { asked } from './asked.ts';
import { runBare, type BareWorld } from './bare.ts';
import { hash } from './random.ts';
import type { Seen, Submission, World } from './lab.ts';

const PIECE = 20_000_000, BUDGET = 2e9, RAM = '48M';

export interface Ran {
  readonly seen: Seen;
  readonly traceBytes: Uint8Array;
  readonly digest: string;
  /** What ran on a bare machine, for a debugger. */
  readonly image?: Uint8Array;
  /** Components that failed: one line each. */
  readonly crashes: readonly string[];
  /** Kernel calls of the submission's components, as lines; computed on demand. */
  asked(): string[];
}
export interface RunOptions {
  /** A file of the project. */
  readonly file: (path: string) => Uint8Array;
  readonly printed: () => readonly string[];
  readonly seed?: number;
}

/** Runs a world to its end by virtual time, so that a submission gets the same result on any computer. */
export function runWorld(world: World, submission: Submission, options: RunOptions): Ran {
  if (world.bare) return bareRan(world.bare, submission, options);
  const theirs = new Set<unknown>(), components = world.components(remembering(submission, theirs));
  const names = Object.keys(components).filter((name) => theirs.has(components[name]!.program));
  const scenario = {
    name: `lab-${world.name.replace(/\W+/g, '-')}`, summary: world.name, components, budget: world.budget ?? BUDGET, ram: world.ram ?? RAM,
    harts: world.harts, log: world.log, cpu: world.cpu
  };
  const pieces: Uint8Array[] = [],
    recorder = new TraceRecorder({ write: (b) => { pieces.push(b.slice()); }, close: () => {} }, { words: vocabularyFor(scenario) });
  const decoder = new TextDecoder();
  let output = '';
  const files = Object.entries(world.files ?? {}).map(([name, path]) => ({ name, bytes: options.file(path) }));
  const system = bootScenario(
    scenario,
    {
      output: (_c, bytes) => { output += decoder.decode(bytes, { stream: true }); },
      modules: [...submission.modules, ...(world.modules ?? []), ...files]
    },
    { trace: recorder, seed: options.seed ?? 1, capture: (sink) => new Capture(sink, world.capture ?? names) },
  );
  const result = toTheEnd(system);
  recorder.close();
  const traceBytes = joined(pieces), trace = new TraceFile(traceBytes);
  return { seen: seenOf(system, result, output, trace, submission, options.printed()), traceBytes, digest: digestOf(trace, output),
    crashes: [...system.components.values()].filter((c) => c.state === 'crashed' || c.state === 'failed').map((c) =>
      `${c.name} ${c.state}: ${c.why}`),
    asked: () => names.flatMap((name) => asked(trace, name)),
  };
}

/** On a bare machine there is no trace. */
function bareRan(world: BareWorld, submission: Submission, options: RunOptions): Ran {
  const { seen, digest, image } = runBare(world, submission.text(world.file)), trace = new TraceFile(emptyTrace());
  const end = { state: 'bare', status: seen.code ?? -1, why: seen.ending, report: '' };
  return { traceBytes: emptyTrace(), digest, image, crashes: [], asked: () => [],
    seen: { submission, trace, bare: seen, printed: options.printed(), why: '', lines: () => seen.console.split('\n'), end: () => end } };
}

function emptyTrace(): Uint8Array {
  const pieces: Uint8Array[] = [];
  new TraceRecorder({ write: (b) => { pieces.push(b.slice()); }, close: () => {} }).close();
  return joined(pieces);
}

/** The submission, and the programs built from it. */
const remembering = (submission: Submission, theirs: Set<unknown>): Submission => ({
  ...submission,
  program: (file) => {
    const program = submission.program(file);
    theirs.add(program);
    return program;
  },
});

/** There is no outside input, so an idle system is finished. */
function toTheEnd(system: System): Result {
  for (;;) {
    const result = system.runFor(PIECE);
    if (typeof result === 'object') return result;
    if (result === 'idle') {
      system.stop();
      return { status: 1, ending: 'deadlock', why: 'every component waits, and nothing can come any more', missing: [] };
    }
  }
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pieces.reduce((n, p) => n + p.length, 0));
  pieces.reduce((at, p) => { all.set(p, at); return at + p.length; }, 0);
  return all;
}

function seenOf(system: System, result: Result, output: string, trace: TraceFile, submission: Submission,
    printed: readonly string[]): Seen {
  const lines = output.split('\n').map((l) => /^\[([^\]]+)\] ?(.*)$/.exec(l.trimEnd())).filter((m) => m !== null);
  return {
    submission, trace, printed, why: result.why,
    lines: (component) => lines.filter((m) => m[1] === component).map((m) => m[2]!),
    end: (component) => system.components.get(component) ?? { state: 'never started', status: -1, why: '', report: '' },
  };
}

/** Hash of the output and of all records without their times. */
function digestOf(trace: TraceFile, output: string): string {
  let sum = hash(output), n = 0;
  const mix = (v: number): void => { sum = Math.imul(sum ^ (v % 2 ** 32), 0x01000193) >>> 0; };
  for (const record of trace.records()) {
    for (const value of [record.kind, record.status, record.actor, record.object, record.cause, record.a, record.b,
      record.c, Math.floor(record.c / 2 ** 32)]) mix(value);
    n++;
  }
  return `${sum.toString(16)}-${n}`;
}
