/** Cycles of a monitor by the sources of degradation and by module: from a recording; the sums must agree with its other tables. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { readTrace } from '../cli/trace-source.ts';
import { SOURCES, analyse, bar, perfetto, report, type Stats } from '../trace/index.ts';
import { tessera } from './tessera.ts';

const folder = mkdtempSync(join(tmpdir(), 'tessera-degradation-'));
afterAll(() => rmSync(folder, { recursive: true }));
async function stats(name: string, words: string[]): Promise<Stats> {
  const file = join(folder, `${name}.trace`), { status } = await tessera([...words, '--trace', file]);
  expect(status).toBe(0);
  return analyse(readTrace(file));
}
const minios = ['vm', '--kernel', 'guests/bin/minios.elf', '--memory', '16M'];

describe.each([['hardware', [...minios]], ['trap', [...minios, '--virt', 'trap']],
  ['patch', [...minios, '--virt', 'patch']], ['exits', ['boot', 'exit-latency']]])('monitors: %s',
  (name, words) => {
  it('time is shared out once, exits are counted once', async () => {
    const told = await stats(name, words), [row] = told.monitors, cycles = SOURCES.reduce((n, x) => n + row!.sources[x], 0);
    const busy = told.time.filter((t) => t.mode !== 'idle').reduce((n, t) => n + t.cycles, 0);
    expect(told.monitors).toHaveLength(1);
    expect(cycles + row!.guest).toBeLessThanOrEqual(busy);
    for (const source of SOURCES) expect(row!.sources[source]).toBeGreaterThan(0);
    const exits = Object.values(row!.modules).reduce((n, m) => n + m.exits, 0);
    expect(exits).toBe(told.causes.filter((c) => c.task.startsWith('vm guest')).reduce((n, c) => n + c.events, 0));
    const answering = row!.sources.emulation + row!.sources['interrupt handling'];
    expect(Object.values(row!.modules).reduce((n, m) => n + m.cycles, 0)).toBeLessThanOrEqual(answering);
    expect(bar(row!)).toMatch(/^s*e+i*v+b+$/);
    expect(report(told)).toContain('Monitors: cycles by source');
    const events = (JSON.parse([...perfetto(readTrace(join(folder, `${name}.trace`)))].join('')) as { traceEvents: { ph: string;
      args: Record<string, number> }[] }).traceEvents, bars = events.filter((e) => e.ph === 'C');
    expect(bars.length).toBeGreaterThan(0);
    for (const source of SOURCES) expect(bars.at(-1)!.args[source]).toBe(Math.round(row!.sources[source]));
  });
});

it('what a technique costs shows where it should: emulation and the way to it', async () => {
  const [hardware, trap] = (await Promise.all([stats('a', minios), stats('b', [...minios, '--virt', 'trap'])])).map((s) => s.monitors[0]!);
  expect(trap!.sources.emulation).toBeGreaterThan(100 * hardware!.sources.emulation);
  expect(trap!.modules.allocator.exits).toBeGreaterThan(0);
  expect(hardware!.modules.allocator.exits).toBe(0);
});
