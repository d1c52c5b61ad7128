/** Boots a scenario, with its trace in memory if it has conditions on it, and judges it as `tessera boot` does. */
import { readFileSync } from 'node:fs';
import { asksTrace, judge, vocabularyFor, type Result, type ScenarioFile, type System } from '../index.ts';
import { MemoryDisk } from '../library/disk.ts';
import { TraceFile, TraceRecorder } from '../trace/index.ts';
import { bootScenario } from './audited.ts';

const root = new URL('../', import.meta.url), read = (path: string): Uint8Array => new Uint8Array(readFileSync(new URL(path, root)));

/** The disks that a scenario names, in memory. */
export const disksOf = (scenario: ScenarioFile): MemoryDisk[] =>
  (scenario.disks ?? []).map((path) => new MemoryDisk(read(path.replace(/,.*/, ''))));

export interface Judged { readonly system: System; readonly result: Result; readonly text: string; readonly trace: TraceFile | undefined;
  readonly kernelLog: readonly string[] }

export async function bootJudged(scenario: ScenarioFile, engine?: 'auto' | 'interp' | 'jit'): Promise<Judged> {
  const decoder = new TextDecoder(), kernelLog: string[] = [], parts: Uint8Array[] = [];
  const recorder = asksTrace(scenario) ? new TraceRecorder({ write: (b) => parts.push(b.slice()), close: () => undefined },
    { words: vocabularyFor(scenario) }) : undefined;
  const modules = Object.entries(scenario.files ?? {}).map(([name, path]) => ({ name, bytes: read(path) }));
  let text = '';
  const system = bootScenario(scenario, { output: (_c, bytes) => { text += decoder.decode(bytes, { stream: true }); }, modules,
    disks: disksOf(scenario),
    kernelLog: (l) => kernelLog.push(l) }, { trace: recorder, engine });
  const ended = await system.run();
  recorder?.close();
  const trace = recorder && new TraceFile(new Uint8Array(Buffer.concat(parts)));
  return { system, text, trace, kernelLog, result: await judge(scenario, ended, { appeared: (e) => system.hasAppeared(e), trace }) };
}
