/** Calls of Linux processes of their own: exactly once, whatever timers and signals arrive and whenever. The generator draws both. */
import { describe, expect, it } from 'vitest';
import hybrid from '../scenarios/hybrid.ts';
import type { ScenarioFile } from '../index.ts';
import { bootJudged } from './judged.ts';

const CALLS = 25;

/** The scenario with this program line, and a counter that works so long on each addition. */
function storm(seed: number): ScenarioFile {
  const draw = (n: number, from: number, to: number): number =>
    from + Math.floor(((Math.imul(seed, 2654435761) + Math.imul(n, 40503 * 65537)) >>> 0) / 2 ** 32 * (to - from));
  const { linux, counter, ...others } = hybrid.components, argv = ['/bin/hybrid', String(CALLS), String(draw(1, 150, 6000)), String(seed)];
  return {
    ...hybrid, build: undefined, holds: [], endings: {}, twin: undefined,
    expect: [{ from: 'linux', text: `the counter stands at ${CALLS}: each call happened exactly once` },
      { from: 'linux', text: 'the child died of signal 9' }],
    components: { ...others, counter: { ...counter!, args: { addMs: draw(2, 0, 4000) / 1000 } },
      linux: { ...linux!, args: { ...linux!.args, argv } } },
  };
}

describe('a hybrid process', () => {
  const seeds = Number(process.env['SEEDS'] ?? 8), first = Number(process.env['SEED'] ?? 1);
  it.each(Array.from({ length: seeds }, (_, i) => first + i))('makes each call exactly once under storm %i', async (seed) => {
    const { result, kernelLog } = await bootJudged(storm(seed));
    expect({ ...result, kernelLog }).toMatchObject({ status: 0, why: '', kernelLog: [] });
  });
});
