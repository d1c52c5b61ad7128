/**
 * Shadow page tables of two kinds. Two deprivileged guests run the same small operating system; the shadow tables of one are updated at its
 * fences; the tables of the other are write-protected, so that each store to them causes an exit. A third guest uses a second stage and
 * needs neither.
 */
import { defineScenario } from './define.ts';
import { terminal } from './unix.ts';
import { machineComponent } from './worlds.ts';

const guest = (name: string, more: Readonly<Record<string, string>>) =>
  machineComponent({ kernel: 'minios', memory: 16 << 20, more }, { console: { from: 'console', label: name } });

export default defineScenario({
  name: 'shadow',
  summary: "shadow page tables: made right at the guest's fences, traced, and not needed",
  components: {
    ...terminal, sync: guest('sync', { virt: 'trap', shadow: 'sync' }), traced: guest('traced', { virt: 'trap', shadow: 'traced' }),
    nested: guest('nested', { virt: 'hardware' }),
  },
  log: 'console',
  files: { minios: 'guests/bin/minios.bin' },
  expect: ['sync', 'traced', 'nested'].map((from) => ({ from, text: '5 ticks' })),
  budget: 10e9,
  story: 'docs/scenarios/shadow.md',
});
