/** `tessera compare`: one guest, every technique; its figures have to be consistent. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { imagesFolder } from '../cli/images/where.ts';
import { svgOf, textOf, type Comparison } from '../cli/compare/figures.ts';
import type { WayResult } from '../cli/compare/run.ts';
import type { SliceResult } from '../cli/compare/slices.ts';
import { tessera } from './tessera.ts';

const LINUX = join(imagesFolder(), 'vmlinuz'), INITRD = join(imagesFolder(), 'initramfs.cpio');

it.skipIf(!existsSync(LINUX))('Debian does the same natively and under each technique; software techniques never enter VS or VU mode',
  async () => {
  const { status, stdout } = await tessera(['compare', '--kernel', LINUX, '--initrd', INITRD, '--memory', '192M', '--workload', 'getpid',
    '--workload', 'table', '--json'], { timeout: 400_000 });
  expect(status).toBe(0);
  const found = JSON.parse(stdout) as Comparison, phase = (way: string,
    name: string) => found.ways.find((w) => w.way === way)!.phases.find((p) => p.name === name)!;
  expect(found.ways.map((w) => w.way)).toEqual(['native', 'hardware', 'hardware, ahead', 'trap', 'trap, traced', 'trap, ahead',
    'patch', 'pre']);
  for (const way of ['trap', 'trap, traced', 'trap, ahead', 'patch', 'pre']) {
    for (const name of ['boot', 'getpid', 'table']) expect(phase(way, name).modes).toMatchObject({ vs: 0, vu: 0 });
    if (way.startsWith('p')) {
      expect(phase(way, 'getpid').exits.byCause['breakpoint']).toBeGreaterThan(20_000 * 4);
      continue;
    }
    // Look-ahead handles them in clusters.
    expect(phase(way, 'getpid').exits.byCause['CSR']).toBeGreaterThan(20_000 * (way === 'trap, ahead' ? 1 : 4));
    expect(phase(way, 'boot').exits.byCause['hidden fault']).toBeGreaterThan(10_000);
  }
  expect(phase('hardware', 'getpid').modes!.vs).toBeGreaterThan(1e6);
  expect(phase('hardware', 'getpid').nsEach / phase('native', 'getpid').nsEach).toBeLessThan(1.2);
  expect(phase('trap', 'getpid').nsEach / phase('native', 'getpid').nsEach).toBeGreaterThan(5);
  expect(phase('trap, traced', 'boot').exits.total).toBeGreaterThan(phase('trap', 'boot').exits.total);
  expect(phase('trap, ahead', 'getpid').exits.total).toBeLessThan(0.8 * phase('trap', 'getpid').exits.total);
  expect(textOf(found)).toContain('exits by module');
  expect(svgOf(found)).toMatch(/^<svg[^]*<\/svg>\n$/);
}, 600_000);

it('a guest without a RAM disk is compared from its start to its end; at each line that it prints it sees the same', async () => {
  const words = ['--kernel', 'guests/bin/minios.elf', '--memory', '16M', '--marker', 'put', '--json'];
  const { status, stdout } = await tessera(['compare', ...words]);
  expect(status).toBe(0);
  const { ways } = JSON.parse(stdout) as Comparison, of = (name: string) => ways.find((w) => w.way === name)!.phases[0]!;
  for (const { phases, said } of ways) {
    expect(phases.map((p) => p.name)).toEqual(['boot']);
    expect(phases[0]!.nsEach).toBeGreaterThan(1e6);
    expect(said).toContain('5 ticks');
  }
  expect(ways.map((w) => w.way)).toContain('pre');
  for (const { way, same, costs } of ways.slice(1)) {
    expect([way, costs.entries > ways[0]!.costs.entries]).toEqual([way, true]);
    expect([way, same!.markers!.length + same!.unseen, same!.registers]).toEqual([way, 16, []]);
    expect(way.includes('ahead') ? 0 : same!.unseen).toBe(0);
    // Time: the next tick; how far the process that is preempted has come, in its frame and on its stack, which is behind the image.
    expect(Object.keys(same!.data.differ).filter((name) => !['table', 'bss_end', 'next_tick'].includes(name))).toEqual([]);
    expect(same!.data.pages - same!.data.same).toBeLessThanOrEqual(2 * 16);
    expect(same!.memory.pages - same!.memory.known).toBeLessThan(100);
    for (const source of ['setup', 'emulation', 'state saving'] as const) expect(costs.sources![source]).toBeGreaterThan(0);
    const { kernel, user } = costs.modes!, rate = ({ exits, instructions }: typeof user) => exits.interpreter / instructions;
    expect(rate(kernel)).toBeGreaterThan(rate(user));
  }
  expect(of('hardware').exits.total).toBeLessThan(of('trap').exits.total / 100);
  expect(of('trap, ahead').exits.total).toBeLessThan(of('trap').exits.total / 2);
});

it('a longer time slice makes the guest wait longer for its turn, and get it less often', async () => {
  const words = ['--kernel', 'guests/bin/minios.bin', '--memory', '16M', '--sweep', 'slice', '--json'];
  const { status, stdout } = await tessera(['compare', ...words]);
  expect(status).toBe(0);
  const { native, results } = JSON.parse(stdout) as { native: WayResult; results: SliceResult[] };
  expect(results.map((r) => r.ms)).toEqual([0.1, 0.3, 1, 3, 10, 30, 100]);
  const times = (i: number) => results[i]!.ways.map((w) => w.phases[0]!.nsEach / native.phases[0]!.nsEach);
  for (const [i, time] of times(6).entries()) expect(time).toBeGreaterThan(2 * times(0)[i]!);
  expect(results[6]!.ways[0]!.turns).toBeLessThan(results[0]!.ways[0]!.turns! / 3);
});

it.each([
  [['compare', '--kernel', 'guests/bin/minios.elf', '--marker', 'nowhere'], 'names no such function'],
  [['compare', '--kernel', 'guests/bin/minios.bin', '--workload', 'fork'], 'a workload is run by the init'],
  [['compare', '--kernel', '/nowhere', '--initrd', '/nowhere'], '/nowhere'],
  [['compare', '--kernel', LINUX, '--initrd', INITRD, '--workload', 'dance'], 'dance'],
])('%j is one line and status 2', async (args, why) => {
  const { status, stdout, stderr } = await tessera(args);
  expect([status, stdout]).toEqual([2, '']);
  expect(stderr).toContain(why);
});
