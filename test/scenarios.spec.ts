/**
 * Our scenarios boot on the real machine under the real kernel: the expected text appears, the status is right, and a second run is equal.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { tableOf, type ScenarioFile, type System } from '../index.ts';
import { bootScenario } from './audited.ts';
import type { TraceSink } from '../microkernel/abi/index.ts';
import helloIpc from '../scenarios/hello-ipc.ts';
import native from '../scenarios/native.ts';
import restart from '../scenarios/restart.ts';
import twoWorlds from '../scenarios/two-worlds.ts';
import { audit } from '../microkernel/index.ts';
import { eventsByCause } from '../system/report.ts';

const root = new URL('../', import.meta.url);

async function boot(scenario: ScenarioFile,
    trace?: TraceSink): Promise<{ system: System; text: string; status: number; why: string; kernelLog: string[] }> {
  const decoder = new TextDecoder(), kernelLog: string[] = [];
  let text = '';
  const modules = Object.entries(scenario.files ?? {}).map(([name, path]) => ({
    name, bytes: new Uint8Array(readFileSync(fileURLToPath(new URL(path, root))))
  }));
  const system = bootScenario(scenario,
    { output: (_c, bytes) => { text += decoder.decode(bytes, { stream: true }); }, modules, kernelLog: l => kernelLog.push(l) }, { trace });
  const result = await system.run();
  return { system, text, status: result.status, why: result.why, kernelLog };
}

function digest(): TraceSink & { readonly text: string[] } {
  const text: string[] = [];
  return {
    text, drain: (records, first) => { text.push(`${first} ${Buffer.from(records).toString('base64')}`); },
    name: (...words) => { text.push(words.join(' ')); }
  };
}

describe('hello-ipc', () => {
  it('carries three messages between two tasks and ends with status 0', async () => {
    const r = await boot(helloIpc);
    expect(r.kernelLog).toEqual([]);
    expect(r.why).toBe('');
    expect(r.text).toBe('[visitor] Hello, world!\n[visitor] Hello, RISC-V!\n[visitor] Hello, tessera!\n');
    expect(r.status).toBe(0);
    expect(tableOf(r.system)).toContain('greeted three times');
  });
  it('gives the same trace, byte for byte, when it is run again', async () => {
    const a = digest(), b = digest();
    await boot(helloIpc, a);
    await boot(helloIpc, b);
    expect(a.text.length).toBeGreaterThan(0);
    expect(a.text).toEqual(b.text);
  });
});

describe('restart', () => {
  it('brings a crashed server back under the same capability', async () => {
    const r = await boot(restart);
    expect(r.why).toBe('');
    expect(r.status).toBe(0);
  });
});

describe('native', () => {
  it('runs a RISC-V program that uses the kernel itself', async () => {
    const r = await boot(native);
    expect(r.kernelLog).toEqual([]);
    expect(r.why).toBe('');
    expect(r.text).toMatch(/1000 calls/);
  });
});

describe('two-worlds', () => {
  it('runs a pipeline of processes beside a virtual machine, twice the same', async () => {
    const a = await boot(twoWorlds), b = await boot(twoWorlds);
    expect(a.kernelLog).toEqual([]);
    expect(a.why).toBe('');
    expect(a.status).toBe(0);
    expect(a.text.match(/^\[linux\] [a-e]$/gm)).toEqual(['e', 'd', 'c', 'b', 'a'].map(c => `[linux] ${c}`));
    expect(a.text).toContain('[vm] minios: 5 ticks');
    expect(b.text).toBe(a.text);
    expect(b.system.machine.events.now).toBe(a.system.machine.events.now);
    expect(audit(a.system.kernel)).toEqual([]);
    const processes = a.system.tally.rows().filter(r => r.name.startsWith('sh'));
    expect(processes.length).toBeGreaterThan(7);
  });
});

describe.each(['getpid', 'page-fault', 'fork-cow', 'pipe', 'interrupt'])('%s', name => {
  it('shows what its summary says', async () => {
    const { default: scenario } = await import(`../scenarios/${name}.ts`) as { default: ScenarioFile }, r = await boot(scenario);
    expect(r.kernelLog).toEqual([]);
    expect(r.why).toBe('');
    expect(r.status).toBe(0);
    expect(audit(r.system.kernel)).toEqual([]);
    if (name === 'getpid') expect(eventsByCause(r.system.kernel)['syscall']).toBe(1004);
    if (name === 'interrupt') expect(eventsByCause(r.system.kernel)['recall']).toBeGreaterThan(10);
  });
});
