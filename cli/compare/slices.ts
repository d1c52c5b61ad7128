/**
 * `compare --sweep slice`: the same work beside another guest that computes without pause on the same hart, with time slices from 0.1 to
 * 100 ms. The work gets half of the hart, so it takes twice its time natively at least; what is more is switching, or waiting for the turn.
 */
import { writeNow } from '../output.ts';
import { Exit } from '../errors.ts';
import { runWay, WAYS, type Input, type WayResult } from './run.ts';
import { titleOf } from './sweep.ts';

export interface SliceResult { readonly ms: number; readonly ways: readonly WayResult[] }

const SLICES = [0.1, 0.3, 1, 3, 10, 30, 100] as const, CYCLES_PER_MS = 1e6, SWEPT = ['hardware', 'trap'] as const;
const NAME = 14, CELL = 26;

export async function sweepSlice(input: Input, { json }: { readonly json?: boolean }): Promise<number> {
  const results: SliceResult[] = [], { result: native } = await runWay(WAYS[0]!, input);
  for (const ms of SLICES) {
    process.stderr.write(`compare: slice of ${ms} ms …\n`);
    const ways: WayResult[] = [];
    for (const name of SWEPT) {
      const way = WAYS.find((w) => w.name === name)!;
      if (name === 'hardware' && input.cpu?.split(',').includes('no-h')) continue;
      ways.push((await runWay(way, { ...input, slice: ms * CYCLES_PER_MS })).result);
    }
    results.push({ ms, ways });
  }
  writeNow(1, Buffer.from(json ? `${JSON.stringify({ native, results })}\n` : sliceText(native, results)));
  return Exit.ok;
}

/** Times native, a line for each slice; how often the guest got the hart in brackets. */
export function sliceText(native: WayResult, results: readonly SliceResult[]): string {
  const names = native.phases.map((p) => p.name), out: string[] = [];
  for (const [i, { way }] of results[0]!.ways.entries()) {
    out.push(`${way}, beside a guest that computes: times native`,
      'slice, ms'.padEnd(NAME) + names.map((n) => titleOf(n).padStart(CELL)).join('') + 'turns'.padStart(CELL));
    for (const { ms, ways } of results) out.push(String(ms).padEnd(NAME) + ways[i]!.phases.map((p, j) =>
      (p.nsEach / native.phases[j]!.nsEach).toFixed(2).padStart(CELL)).join('') + String(ways[i]!.turns).padStart(CELL));
    out.push('');
  }
  return out.join('\n');
}
