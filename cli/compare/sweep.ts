/**
 * `compare --sweep exit`: the same work by the H extension, with and without look-ahead, on processors with rising exit costs: six of
 * Intel's, and one without any.
 */
import { ROUND_TRIPS } from '../../machine/cpu/exit.ts';
import { writeNow } from '../output.ts';
import { Exit } from '../errors.ts';
import { runWay, WAYS, type Input, type WayResult } from './run.ts';
import { PHASES } from './workload.ts';

/** One processor; `price`: cycles of a round trip. */
export interface SweepResult { readonly processor: string; readonly price: number; readonly ways: readonly WayResult[] }

const SWEPT = ['hardware', 'hardware, ahead'] as const, NAME = 18, CELL = 22;

export async function sweepExit(input: Input, { json }: { readonly json?: boolean }): Promise<number> {
  const results: SweepResult[] = [], base = input.cpu ?? 'base';
  const { result: native } = await runWay(WAYS[0]!, input);
  for (const [processor, price] of [['none', 0], ...Object.entries(ROUND_TRIPS)] as const) {
    process.stderr.write(`compare: exit=${price} …\n`);
    const cpu = price === 0 ? base : `${base},exit=${price}`, ways: WayResult[] = [];
    for (const name of SWEPT) ways.push((await runWay(WAYS.find((w) => w.name === name)!, { ...input, cpu })).result);
    results.push({ processor, price, ways });
  }
  writeNow(1, Buffer.from(json ? `${JSON.stringify({ native, results })}\n` : sweepText(native, results)));
  return Exit.ok;
}

export const titleOf = (name: string): string => PHASES.find((p) => p.name === name)?.title ?? (name === 'boot' ? 'boot' : name);

/** Times native, a line for each price; the number of exits in brackets. */
export function sweepText(native: WayResult, results: readonly SweepResult[]): string {
  const names = native.phases.map((p) => p.name), out: string[] = [];
  const line = (first: string, price: string, cells: readonly string[]): string =>
    first.padEnd(NAME) + price.padStart(6) + cells.map((c) => c.padStart(CELL)).join('');
  for (const [i, way] of SWEPT.entries()) {
    out.push(line(`${way}, times native`, '', []), line('processor', 'cycles', names.map(titleOf)));
    for (const { processor, price, ways } of results) {
      out.push(line(processor, String(price), ways[i]!.phases.map((p, j) =>
        `${(p.nsEach / native.phases[j]!.nsEach).toFixed(2)} (${(p.exits.total / p.n).toFixed(p.n > 1 ? 1 : 0)} exits)`)));
    }
    out.push('');
  }
  return out.join('\n');
}
