/** Work of the Unix server costs time by its size, and the process that caused it pays. All figures are virtual: the same in every run. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { aboveKernel, onMachine } from '../bench/inside.ts';
import { linesOf, slope, type Points } from '../bench/slopes.ts';
import type { Program, Scenario } from '../index.ts';
import type { Sys } from '../microkernel/abi/index.ts';
import type { Syscalls } from '../binding/index.ts';
import { log, type Env } from '../roottask/client/index.ts';
import { RATES } from '../roottask/client/rates.ts';
import { unixStory } from '../scenarios/unix.ts';
import { bootScenario } from './audited.ts';
import { root } from './tessera.ts';

const KIB = 1024, MIB = 1 << 20, PAGE = 4096;
const linux = (JSON.parse(readFileSync(join(root, 'bench/measured.json'), 'utf8')) as { slopes: Points }).slopes;

describe.each([
  ['on the machine itself', (argv: readonly string[]) => Promise.resolve(onMachine(argv))],
  ['above the microkernel', async (argv: readonly string[]) => (await aboveKernel(argv)).said],
])('what grows with bytes grows as on Linux, %s', (where, run) => {
  const points = run(['/bin/slopes', String(16 * MIB)]).then(linesOf);
  const above = where.startsWith('above');
  // The microkernel maps, flushes and unmaps in addition to the server's work.
  it.each([
    ['read', 64 * KIB, MIB, 1.15], ['write', 64 * KIB, MIB, 1.15], ['copy', 64 * KIB, MIB, 1.15], ['pipe', 64 * KIB, MIB, 1.15],
    ['zero', MIB, 16 * MIB, 1.2], ['fork', MIB, 16 * MIB, above ? 1.5 : 1.15], ['unmap', MIB, 16 * MIB, above ? 1.35 : 1.25],
  ] as const)('%s', async (op, from, to, factor) => {
    const ours = slope((await points)[op]!, from, to), theirs = slope(linux[op]!, from, to),
      said = `${ours} cycles a byte, on Linux ${theirs}`;
    expect(ours, said).toBeGreaterThan(theirs / factor);
    expect(ours, said).toBeLessThan(theirs * factor);
  });
});

describe('a real-time thread beside the Unix server', () => {
  const PERIOD = 1e6, ROUNDS = 300;
  function* periodic(sys: Syscalls, env: Env): Sys<void> {
    let worst = 0, total = 0;
    for (let next = sys.now() + PERIOD, i = 0; i < ROUNDS; i++, next += PERIOD) {
      yield* sys.receive(0, Math.max(0, next - sys.now()));
      worst = Math.max(worst, sys.now() - next);
      total++;
    }
    yield* log(sys, env, `late by ${worst} ns in ${total} rounds`);
  }

  it('is late by less than 20 us while the server reads a GiB in one call', async () => {
    const clock: Program = { name: 'clock', main: periodic }, story = unixStory(['/bin/bigread'], ['bigread']);
    let text = '';
    const modules = [{ name: 'bigread', bytes: readFileSync(join(root, 'guests/bin/linux/bigread')) }];
    const scenario: Scenario = {
      name: 'beside', summary: '', budget: 10e9, ...story, components: { ...story.components, clock: { program: clock, priority: 190 } }
    };
    const system = bootScenario(scenario, { modules, output: (_c, bytes) => { text += new TextDecoder().decode(bytes); } });
    const result = await system.run();
    expect(result, text).toMatchObject({ status: 0 });
    const took = Number(/1073741824 bytes in one call, (\d+) us/.exec(text)![1]),
      late = Number(/late by (\d+) ns in 300 rounds/.exec(text)![1]);
    expect(took * 1000).toBeGreaterThan(2 ** 30 * RATES.byte); // longer than all the rounds
    expect(late).toBeLessThan(20_000);
    expect(system.kernel.counters.longestStretch).toBeLessThanOrEqual(20_000);
  });
});

describe('the cost of a call', () => {
  const costs = (names: readonly string[]): Map<string, number> =>
    new Map(onMachine(['/bin/costs', ...names]).trim().split('\n').map((line) => line.split(' '))
      .map(([name, times, ns]) => [name!, Number(ns) / Number(times)]));

  it('tells a small directory from a large one, a small process from a large one, one page from many', () => {
    const measured = costs(['list_10', 'list_1000', 'fork', 'fork_16m', 'read_1', 'read_1m', 'stat_1', 'stat_8']);
    expect(measured.get('list_1000')! - measured.get('list_10')!).toBeGreaterThan(990 * RATES.item);
    expect(measured.get('fork_16m')! - measured.get('fork')!).toBeGreaterThan((16 * MIB / PAGE) * RATES.entry);
    expect(measured.get('read_1m')! - measured.get('read_1')!).toBeGreaterThan(MIB * RATES.byte + 255 * RATES.item - 1000);
    expect(measured.get('stat_8')! - measured.get('stat_1')!).toBeGreaterThan(6.9 * RATES.name);
  });
});
