/** Memory is freed when processes end: neither 50 processes nor 2,000 leave anything. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { bootScenario } from './audited.ts';
import { audit } from '../microkernel/index.ts';
import { unixWorld } from '../scenarios/worlds.ts';
import { root } from './tessera.ts';

const programs = ['sh', 'cat', 'true', 'forkexec'];
const module = (name: string) => ({ name, bytes: new Uint8Array(readFileSync(join(root, 'guests/bin/linux', name))) });

/** The state of a running Unix server after `rounds` × fork, exec, exit, wait. */
async function after(rounds: number) {
  let text = '';
  const script = `forkexec ${rounds} /bin/true; cat /proc/meminfo; echo @ready; cat`;
  const scenario = unixWorld({ argv: ['/bin/sh', '-c', script], env: ['PATH=/bin'], files: programs, memory: 64 << 20 });
  const system = bootScenario(scenario,
    { consoles: 2, inputs: ['console0'], modules: programs.map(module), output: (_c, b) => { text += new TextDecoder().decode(b); } },
    { until: '@ready' });
  const result = await system.run();
  expect(result).toMatchObject({ ending: 'until', status: 0 });
  expect(text).toContain(`forkexec: ${rounds} times`);
  expect(audit(system.kernel)).toEqual([]);
  return { frames: /MemFree: +(\d+)/.exec(text)![1], kernelMemory: system.kernel.root.factory.used };
}

describe('processes that come and go', () => {
  it('leave neither frames nor kernel memory behind, 50 of them or 2,000', async () => {
    expect(await after(2000)).toEqual(await after(50));
  });
});
