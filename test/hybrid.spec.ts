/** Kernel calls of Linux processes happen exactly once, whatever timers and signals arrive and whenever. The generator draws both. */
import { describe, expect, it } from 'vitest';
import hybrid from '../scenarios/hybrid.ts';
import type { ScenarioFile } from '../index.ts';
import { bootJudged } from './judged.ts';

const CALLS = 25;

/** The scenario with this program line, and a counter that takes this long for each addition. */
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

/** A thread is in its own kernel call while another one replaces the program. */
async function replaced(partner: string): Promise<{ text: string; status: number; log: readonly string[] }> {
  const { linux, counter, ...others } = hybrid.components, files = { hybridexec: 'guests/bin/apart/hybridexec' };
  const { text, result, kernelLog } = await bootJudged({
    ...hybrid, build: undefined, holds: [], endings: {}, twin: undefined, files, expect: [],
    components: { ...others, counter: { ...counter!, args: { addMs: 7 } },
      linux: { ...linux!, args: { ...linux!.args, files: ['hybridexec'], argv: ['/bin/hybridexec', partner] } } },
  });
  return { text, status: result.status, log: kernelLog };
}
describe('a hybrid process whose program is replaced', () => {
  it('goes on in another task, and leaves its capabilities behind', async () => {
    const { text, status } = await replaced('alone');
    expect(status).toBe(0);
    expect(text).toMatch(/the program was replaced after 0 ms, the counter stands at 5/);
  });
  it('by another thread waits for the call, which happens once and whole', async () => {
    const { text, status, log } = await replaced('counter');
    expect({ status, log }).toEqual({ status: 0, log: [] });
    expect(text).toMatch(/the program was replaced after [4-7] ms, the counter stands at 5/);
    expect(text).not.toContain('outlived');
  });
  it('by another thread is not kept by a partner that never answers', async () => {
    const { text, status, log } = await replaced('silent');
    expect({ status, log }).toEqual({ status: 0, log: [] });
    expect(text).toMatch(/is to end and its partner is silent: its capabilities are revoked/);
    expect(text).toMatch(/the program was replaced after 1\d ms, the counter stands at 0/);
    expect(text).not.toContain('outlived');
  });
});
