/**
 * One monitor for each machine, and no other component trusts it. The monitor of `vm-a` fails an assertion and restarts; that of `vm-c` is
 * compromised and writes wherever it can. The machine next to them, the signer and its client are not affected.
 *
 * Twin: one monitor for both machines. Its failed assertion also ends the neighbour, which loses its work and boots again.
 */
import type { Sys } from '../microkernel/abi/index.ts';
import type { Syscalls } from '../binding/index.ts';
import { spawn, valueOf, type Env, type Program } from '../roottask/client/index.ts';
import type { Component } from '../roottask/scenario.ts';
import { vmm } from '../vmm/index.ts';
import { defineScenario } from './define.ts';
import { bank, signer } from './signing.ts';
import { takenOver } from './taken-over.ts';
import { terminal } from './unix.ts';
import { machineComponent } from './worlds.ts';

/** Time at which the first monitor's assertion fails, ns. */
const FAILS_AT = 45_000_000;

/** A monitor with a bug that crashes it after a while. */
const buggy: Program = {
  name: 'vmm',
  *main(sys, env) {
    yield* failLater(sys, env);
    yield* vmm.main(sys, env);
  },
};
function* failLater(sys: Syscalls, env: Env): Sys<void> {
  const left = FAILS_AT - sys.now();
  if (left <= 0) return; // it has been restarted
  valueOf(yield* spawn(sys, env, function* (own) {
    yield* own.receive(0, left);
    throw new Error('assertion failed: ring index below queue size');
  }));
}

/** Two machines in one monitor, as in a monolithic hypervisor. */
const shared: Program = {
  name: 'vmm',
  *main(sys, env) {
    yield* failLater(sys, env);
    valueOf(yield* spawn(sys, env, (own) => vmm.main(own, machineOf(env, 'vm-b'))));
    yield* vmm.main(sys, machineOf(env, 'vm-a'));
  },
};
function machineOf(env: Env, name: string): Env {
  const cap = (asked: string): string => (asked === 'console' ? name : asked);
  return {
    name, processor: env.processor, args: env.args, priority: env.priority,
    cap: (asked) => env.cap(cap(asked)), hasCap: (asked) => env.hasCap(cap(asked)), selector: () => env.selector(),
    freeSelector: (selector) => env.freeSelector(selector), reserve: (size, align) => env.reserve(size, align),
  };
}

const machine = (append: string, console: Component['caps'], program: Program = vmm): Component =>
  ({ ...machineComponent({ kernel: 'minios', append, memory: 16 << 20 }, console), program });
const line = (label: string) => ({ from: 'console', label });
const apart: Record<string, Component> = {
  'vm-a': { ...machine('ticks=10', { console: line('vm-a') }, buggy), restart: 1 },
  'vm-b': machine('ticks=12', { console: line('vm-b') }),
};
const together: Record<string, Component> = {
  monitors: { ...machine('ticks=12', { 'vm-a': line('vm-a'), 'vm-b': line('vm-b') }, shared), memory: '60M', restart: 1 },
};
const booted = (name: string): string => `select count(*) from objects where kind = 'task' and name = '${name} guest'`;

export default defineScenario({
  name: 'vmm-crash',
  summary: 'one monitor fails, one is taken over: their machines suffer, the neighbours and the signer do not notice',
  parameters: { monitors: { default: 'apart', values: ['apart', 'shared'], doc: 'a monitor for each machine, or one for both' } },
  build: ({ monitors }) => ({
    components: {
      ...terminal,
      ...(monitors === 'apart' ? apart : together),
      'vm-c': { ...machine('', { console: line('vm-c') }, takenOver), args: { seed: 7, tries: 2000 } },
      signer: { program: signer, args: { key: 'a key that nobody else has' }, provides: ['signer'] },
      bank: { program: bank, args: { count: 100, everyMs: 1 }, caps: { signer: 'signer' } },
    },
  }),
  log: 'console',
  files: { minios: 'guests/bin/minios.bin' },
  expect: [
    { from: 'roottask', text: 'crashed: assertion failed' }, { text: '[vm-b] minios: 12 ticks' },
    { from: 'vm-c', text: 'all of it its own' }, { from: 'bank', text: '100 signatures, 1 kind' },
  ],
  holds: [
    { sql: booted('vm-a'), exactly: 2, why: 'the machine of the monitor that failed was booted again' },
    { sql: booted('vm-b'), exactly: 1, why: 'its neighbour was booted once' },
  ],
  endings: {
    dragged: {
      why: 'the neighbour in the same monitor lost all it had done and was booted again',
      expect: [{ from: 'bank', text: '100 signatures, 1 kind' }],
      holds: [{ sql: booted('vm-b'), exactly: 2, why: 'the neighbour was booted twice' }],
    },
  },
  twin: { set: { monitors: 'shared' }, ending: 'dragged' },
  budget: 20e9,
  ram: '256M',
  story: 'docs/scenarios/vmm-crash.md',
});
