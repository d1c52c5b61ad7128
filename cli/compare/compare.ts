/** `tessera compare`: one guest under every technique, and the cost of each. */
import { listOf } from '../afterburn.ts';
import { sweepAssists } from './assists.ts';
import { readImage, writeOutput } from '../files.ts';
import { CliError, Exit } from '../errors.ts';
import { writeNow } from '../output.ts';
import { WALK, svgOf, textOf, type Comparison } from './figures.ts';
import type { Moment } from './digests.ts';
import { WAYS, runWay, type WayResult } from './run.ts';
import { sweepExit } from './sweep.ts';
import { sameness } from './same.ts';
import { watchedKernel } from './kernel.ts';
import { nativeIsa } from './native-isa.ts';
import { sweepSlice } from './slices.ts';
import { COMMAND_LINE, PHASES, STEADY, markProgram, withWorkload } from './workload.ts';

export interface CompareOptions { readonly kernel: string; readonly initrd?: string; readonly append: string; readonly memory: number;
  readonly cpu?: string; readonly workload?: string[]; readonly ways?: string[]; readonly json?: boolean; readonly svg?: string;
  /** The hardware technique on processors by their price of an exit; or beside a guest that computes, by time slice. */
  readonly sweep?: 'exit' | 'slice' | 'assists';
  /** Functions of the kernel that are markers. */ readonly marker?: string[];
  /** Cycles that a processor would take to read an entry of a page table. */ readonly walk?: number }

const SWEEPS = { exit: sweepExit, slice: sweepSlice, assists: sweepAssists } as const;

/** A kernel without function names cannot be rewritten, so it lacks that column. */
function sitesOf(path: string): string | undefined {
  try {
    return listOf(path).text;
  } catch (error) {
    if (error instanceof CliError && error.code === 'E_FORMAT') return undefined;
    throw error;
  }
}

export async function compare(options: CompareOptions): Promise<number> {
  const phases = options.initrd === undefined ? [] : PHASES.filter((p) =>
    options.workload === undefined || options.workload.includes(p.name)), cpu = options.cpu ?? 'base';
  const model = cpu.split(','), sites = sitesOf(options.kernel);
  const wanted = (w: (typeof WAYS)[number]): boolean => options.ways === undefined || options.ways.includes(w.name);
  const ways = WAYS.filter((w) => wanted(w) && !(w.virt === 'pre' && sites === undefined) &&
    !(w.virt === 'hardware' && model.includes('no-h')) && !(w.virt === 'trap' && model.includes('popf')));
  if (ways[0]?.virt !== 'native' || ways.length < 2) throw new CliError('E_OPTION',
    'a comparison needs native and one technique at least', `name some of ${WAYS.map((w) => `'${w.name}'`).join(', ')}`);
  if (options.initrd === undefined && options.workload !== undefined)
    throw new CliError('E_OPTION', 'a workload is run by the init of an initial RAM disk', 'give --initrd, or leave --workload out');
  const kernel = readImage('kernel', options.kernel),
    initrd = options.initrd === undefined ? undefined : withWorkload(readImage('initrd', options.initrd), phases);
  const append = (initrd ? `${options.append} ${STEADY} ${COMMAND_LINE}` : options.append).trim();
  const { markers, codeEnd, nameAt } = watchedKernel(options.kernel, kernel, initrd && markProgram(), options.marker ?? []);
  const input = { markers, isa: nativeIsa(options.cpu), kernel, kernelPath: options.kernel, initrd, sites, append, memory: options.memory,
    cpu: options.cpu, phases };
  if (options.sweep !== undefined) return SWEEPS[options.sweep](input, options);
  const results: WayResult[] = [];
  let native: readonly Moment[] = [];
  for (const way of ways) {
    process.stderr.write(`compare: ${way.name} …\n`);
    const { result, moments } = await runWay(way, input);
    if (way.virt === 'native') native = moments;
    results.push(way.virt === 'native' || native.length === 0 ? result
      : { ...result, same: sameness(native, moments, codeEnd, nameAt) });
  }
  const comparison: Comparison = { kernel: options.kernel, cpu, walk: options.walk ?? WALK, ways: results };
  if (options.svg !== undefined) writeOutput('picture', options.svg, Buffer.from(svgOf(comparison)));
  writeNow(1, Buffer.from(options.json ? `${JSON.stringify(comparison)}\n` : textOf(comparison)));
  return Exit.ok;
}
