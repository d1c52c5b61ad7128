/** A program in C makes every call of the kernel, through the header generated from the ABI's records. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { Scenario } from '../index.ts';
import { bootScenario } from './audited.ts';

it('every call answers in C what it answers anywhere', async () => {
  let text = '';
  const scenario: Scenario = {
    name: 'calls', summary: '', components: { calls: { program: { elf: 'calls' }, memory: '1M', priority: 150 } },
    expect: [{ from: 'calls', text: 'answers are right' }], budget: 1e9, ram: '64M'
  };
  const modules = [{ name: 'calls', bytes: new Uint8Array(readFileSync(new URL('../guests/bin/native/calls', import.meta.url))) }];
  const result = await bootScenario(scenario, { output: (_c, bytes) => { text += new TextDecoder().decode(bytes); }, modules }).run();
  expect(result, text).toMatchObject({ status: 0 });
  expect(text).toContain('[calls] 78 answers are right');
});
