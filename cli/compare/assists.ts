/**
 * `compare --sweep assists`: the same work by the H extension on processors that lack one assist of those that IBM built for its monitors:
 * context switch, decode, added instructions, interval timer, and tags of translations.
 */
import { writeNow } from '../output.ts';
import { Exit } from '../errors.ts';
import { runWay, WAYS, type Input, type WayResult } from './run.ts';
import { titleOf } from './sweep.ts';

/** `lacks`: switches of the processor; `copied`: a guest's registers are saved and loaded by software at each exit. */
interface Processor { readonly name: string; readonly lacks: string; readonly copied?: boolean }
export interface AssistResult { readonly processor: string; readonly lacks: string; readonly way: WayResult }

const PROCESSORS: readonly Processor[] = [
  { name: 'all assists', lacks: '' }, { name: 'no context switch', lacks: '', copied: true }, { name: 'no decode', lacks: 'no-htinst' },
  { name: 'no decode, no hlvx', lacks: 'no-htinst,no-hlv' }, { name: 'no timer', lacks: 'no-sstc' }, { name: 'no tags', lacks: 'no-vmid' },
  { name: 'none of them', lacks: 'no-htinst,no-hlv,no-sstc,no-vmid', copied: true },
];
const NAME = 20, CELL = 26;

export async function sweepAssists(input: Input, { json }: { readonly json?: boolean }): Promise<number> {
  const results: AssistResult[] = [], hardware = WAYS.find((w) => w.name === 'hardware')!, base = input.cpu ?? 'base';
  for (const { name, lacks, copied } of PROCESSORS) {
    process.stderr.write(`compare: ${name} …\n`);
    const { result } = await runWay(hardware, { ...input, cpu: lacks === '' ? base : `${base},${lacks}`, ...(copied && { copied }) });
    results.push({ processor: name, lacks, way: result });
  }
  writeNow(1, Buffer.from(json ? `${JSON.stringify({ results })}\n` : assistText(results)));
  return Exit.ok;
}

/** Cycles of one operation (a cycle is 1 ns), and its exits in brackets; walks of the whole run in the last column. */
export function assistText(results: readonly AssistResult[]): string {
  const names = results[0]!.way.phases.map((p) => p.name);
  const line = (first: string, cells: readonly string[]): string => first.padEnd(NAME) + cells.map((c) => c.padStart(CELL)).join('');
  return [line('cycles (exits) of one', [...names.map(titleOf), 'entries read by walks']),
    ...results.map(({ processor, way: { phases, costs } }) => line(processor, [
      ...phases.map((p) => `${Math.round(p.nsEach).toLocaleString('en-US')} (${(p.exits.total / p.n).toFixed(p.n > 1 ? 1 : 0)})`),
      costs.entries.toLocaleString('en-US')])), ''].join('\n');
}
