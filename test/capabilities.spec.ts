/**
 * Every component of every scenario begins with the capabilities that its scenario lists, and no others; and its memory is mapped where it
 * should be.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { scenarioLoaders } from '../library/scenarios.ts';
import { networkCards, type Network } from '../library/networks.ts';
import { differences, heldBy, manifestOf } from '../system/capabilities.ts';
import { mapsOf, tasksOf } from '../system/maps.ts';
import { TASK_SIZE } from '../l4guest/mm/mm.ts';
import type { ScenarioFile, System } from '../index.ts';
import type { Task } from '../microkernel/objects/task.ts';
import { walk } from '../microkernel/testing/walk.ts';
import { bootScenario } from './audited.ts';
import { disksOf } from './judged.ts';

const root = new URL('../', import.meta.url);
const loaded = await Promise.all(Object.entries(scenarioLoaders).map(async ([name, load]) => [name, (await load()).default] as const));
const ours = loaded.filter(([, s]) => s.images === undefined);

function boot(scenario: ScenarioFile, component: NonNullable<Parameters<typeof bootScenario>[1]['component']>): System {
  const modules = Object.entries(scenario.files ?? {}).map(([name, path]) => ({ name,
    bytes: new Uint8Array(readFileSync(new URL(path, root))) }));
  return bootScenario(scenario, { output: () => undefined, modules, component, disks: disksOf(scenario),
    nets: networkCards((scenario.nets ?? []) as Network[]) });
}

describe('capabilities', () => {
  it.each(ours)('of %s are those that its scenario lists', async (_name, scenario) => {
    const wrong: string[] = [], seen = new Set<string>(), all = Object.keys(scenario.components);
    const system = boot(scenario, ({ kernel, tally }, { name, state }) => {
      if (state !== 'running' || seen.has(name)) return;
      seen.add(name);
      const held = heldBy(kernel, tally.taskNamed(name)!, (t) => (t === 1 ? 'roottask' : tally.nameOf(t)));
      wrong.push(...differences(held, manifestOf(scenario, name)).map((d) => `${name} ${d}`));
      if (seen.size === all.length) system.stop();
    });
    await system.run();
    expect([...seen].sort()).toEqual([...all].sort());
    expect(wrong).toEqual([]);
  });
  it('that differ are told: one too many, one too few, other rights', () => {
    const slot = { selector: 32, kind: 'portal', rights: 'use map', name: 'a', leads: 'server' };
    expect(differences([slot], [slot])).toEqual([]);
    expect(differences([slot], [])).toEqual(['holds, and the scenario does not list, slot 32: portal to server (use map)']);
    expect(differences([], [slot])).toEqual(['does not hold a, slot 32: portal to server (use map)']);
    expect(differences([{ ...slot, rights: 'use control map' }], [slot]).length).toBe(2);
  });
});

describe('address layouts', () => {
  it('processes have parts of the memory that their Unix server has, below their limit, and their message buffers from the kernel', () => {
    const scenario = loaded.find(([name]) => name === 'hybrid')![1], system = boot(scenario, () => undefined);
    let server = new Set<number>(), process: { to: number; pa: number; pinned: boolean }[] = [];
    while (typeof system.runFor(200_000) !== 'object') {
      const own = system.tally.taskNamed('linux'), [first, ...others] = own === undefined ? [] : tasksOf(system.kernel, own);
      const child = others.find((t) => system.tally.nameOf(t.id) === 'hybrid 2');
      if (!first || !child) continue;
      server = new Set(pagesOf(first).map(({ pa }) => pa));
      process = pagesOf(child);
    }
    expect(process.length).toBeGreaterThan(3);
    expect(process.every(({ to }) => to <= TASK_SIZE)).toBe(true);
    expect(process.filter(({ pinned }) => pinned).length).toBe(1);
    expect(process.filter(({ pa, pinned }) => server.has(pa) === pinned)).toEqual([]);
  });
});

/** Every page of a task: its end, and its machine address. */
function pagesOf(task: Task): { to: number; pa: number; pinned: boolean }[] {
  const pages: { to: number; pa: number; pinned: boolean }[] = [];
  for (const { from, to, pinned } of mapsOf(task)) {
    for (let va = from; va < to; va += 4096) {
      const there = walk(task.space, va);
      if (there) pages.push({ to: va + 4096, pa: there.pa, pinned });
    }
  }
  return pages;
}
