/** A virtual processor that its guest has stopped leaves neither thread nor context in the kernel. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { imagesFolder } from '../cli/images/where.ts';
import { tessera } from './tessera.ts';

const folder = mkdtempSync(join(tmpdir(), 'tessera-hotplug-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('a stopped virtual processor', () => {
  it('gives its thread and its context back while the guest goes on', async () => {
    const trace = join(folder, 't.trace'), run = await tessera(['vm', '--smp', '3', '--kernel', 'guests/bin/minios.elf', '--memory',
      '16M', '--trace', trace]);
    expect(run).toMatchObject({ status: 0, stderr: '' });
    const { stdout } = await tessera(['trace', 'export', trace, '--format', 'jsonl', '--filter', 'kind:destroy task:vm']);
    const gone = stdout.trim().split('\n').map((l) => JSON.parse(l) as { time: number; object: string; what: string; thread: string });
    for (const n of [1, 2]) expect(gone.filter((g) => g.thread === `exits of vCPU ${n}`).map((g) => g.what)).toEqual(['destroy thread',
      'destroy scheduling context']);
    expect(gone.find((g) => g.object === 'vm vCPU 2')!.time).toBeLessThan(gone.find((g) => g.object === 'vm vCPU 0')!.time - 20e6);
  });
  it.skipIf(!existsSync(join(imagesFolder(), 'manifest.json')))('is made anew when Debian starts it again', async () => {
    const { status, stdout, stderr } = await tessera(['boot', 'cpu-hotplug'], { timeout: 300_000 });
    expect(stderr).toBe('');
    expect([status, stdout.includes('again 3')]).toEqual([0, true]);
  }, 400_000);
});
