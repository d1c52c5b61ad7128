/** `tessera compare`: one guest under every technique that there is, and what each costs. */
import { readImage, writeOutput } from '../files.ts';
import { CliError, Exit } from '../errors.ts';
import { writeNow } from '../output.ts';
import { svgOf, textOf, type Comparison } from './figures.ts';
import { WAYS, runWay, type WayResult } from './run.ts';
import { COMMAND_LINE, PHASES, withWorkload } from './workload.ts';

export interface CompareOptions { readonly kernel: string; readonly initrd: string; readonly append: string; readonly memory: number;
  readonly cpu?: string; readonly workload?: string[]; readonly ways?: string[]; readonly json?: boolean; readonly svg?: string }

export async function compare(options: CompareOptions): Promise<number> {
  const phases = PHASES.filter((p) => options.workload === undefined || options.workload.includes(p.name)), cpu = options.cpu ?? 'base';
  const ways = WAYS.filter((w) => (options.ways === undefined || options.ways.includes(w.name)) &&
    !(w.virt === 'hardware' && cpu.split(',').includes('no-h')));
  if (ways[0]?.virt !== 'native' || ways.length < 2) throw new CliError('E_OPTION',
    'a comparison needs native and one technique at least', `name some of ${WAYS.map((w) => `'${w.name}'`).join(', ')}`);
  const kernel = readImage('kernel', options.kernel), initrd = withWorkload(readImage('initrd', options.initrd), phases);
  const input = { kernel, kernelPath: options.kernel, initrd,
    append: `${options.append} ${COMMAND_LINE}`.trim(), memory: options.memory, cpu: options.cpu, phases };
  const results: WayResult[] = [];
  for (const way of ways) {
    process.stderr.write(`compare: ${way.name} …\n`);
    results.push(await runWay(way, input));
  }
  const comparison: Comparison = { kernel: options.kernel, cpu, ways: results };
  if (options.svg !== undefined) writeOutput('picture', options.svg, Buffer.from(svgOf(comparison)));
  writeNow(1, Buffer.from(options.json ? `${JSON.stringify(comparison)}\n` : textOf(comparison)));
  return Exit.ok;
}
