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
    const ran = await boot(helloIpc);
    expect(ran.kernelLog).toEqual([]);
    expect(ran.why).toBe('');
    expect(ran.text).toBe('[visitor] Hello, world!\n[visitor] Hello, RISC-V!\n[visitor] Hello, tessera!\n');
    expect(ran.status).toBe(0);
    expect(tableOf(ran.system)).toContain('greeted three times');
  });
  it('gives the same trace, byte for byte, when it is run again', async () => {
    const first = digest(), second = digest();
    await boot(helloIpc, first);
    await boot(helloIpc, second);
    expect(first.text.length).toBeGreaterThan(0);
    expect(first.text).toEqual(second.text);
  });
});

describe('restart', () => {
  it('brings a crashed server back under the same capability', async () => {
    const ran = await boot(restart);
    expect(ran.why).toBe('');
    expect(ran.status).toBe(0);
  });
});

describe('native', () => {
  it('runs a RISC-V program that uses the kernel itself', async () => {
    const ran = await boot(native);
    expect(ran.kernelLog).toEqual([]);
    expect(ran.why).toBe('');
    expect(ran.text).toMatch(/1000 calls/);
  });
});

describe('two-worlds', () => {
  it('runs a pipeline of processes beside a virtual machine, twice the same', async () => {
    const first = await boot(twoWorlds), second = await boot(twoWorlds);
    expect(first.kernelLog).toEqual([]);
    expect(first.why).toBe('');
    expect(first.status).toBe(0);
    expect(first.text.match(/^\[linux\] [a-e]$/gm)).toEqual(['e', 'd', 'c', 'b', 'a'].map(c => `[linux] ${c}`));
    expect(first.text).toContain('[vm] minios: 5 ticks');
    expect(second.text).toBe(first.text);
    expect(second.system.machine.events.now).toBe(first.system.machine.events.now);
    expect(audit(first.system.kernel)).toEqual([]);
    const processes = first.system.tally.rows().filter(r => r.name.startsWith('sh'));
    expect(processes.length).toBeGreaterThan(7);
  });
});

describe.each(['getpid', 'page-fault', 'fork-cow', 'pipe', 'interrupt'])('%s', name => {
  it('shows what its summary says', async () => {
    const { default: scenario } = await import(`../scenarios/${name}.ts`) as { default: ScenarioFile }, ran = await boot(scenario);
    expect(ran.kernelLog).toEqual([]);
    expect(ran.why).toBe('');
    expect(ran.status).toBe(0);
    expect(audit(ran.system.kernel)).toEqual([]);
    if (name === 'getpid') expect(eventsByCause(ran.system.kernel)['syscall']).toBe(1004);
    if (name === 'interrupt') expect(eventsByCause(ran.system.kernel)['recall']).toBeGreaterThan(10);
  });
});
