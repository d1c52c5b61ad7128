/**
 * Two guests share one hart. Each sleeps for a moment, fifty times, and touches 64 pages when it wakes (guests/exits/exits.c); meanwhile
 * the other has the processor. If TLB entries carry the number of their virtual machine, each guest finds its entries again. Otherwise
 * (`--cpu base,no-vmid`) the kernel has to flush at every switch.
 */
import { defineScenario } from './define.ts';
import { terminal } from './unix.ts';
import { machineComponent } from './worlds.ts';

const guest = (name: string) => machineComponent({ kernel: 'exits', memory: 16 << 20 }, { console: { from: 'console', label: name } });

export default defineScenario({
  name: 'tlb-tags',
  summary: 'two guests on one hart: what a switch costs in TLB misses, with and without VMIDs',
  components: { ...terminal, 'vm-a': guest('vm-a'), 'vm-b': guest('vm-b') },
  log: 'console',
  files: { exits: 'guests/bin/exits.bin' },
  expect: [{ from: 'vm-a', text: 'slept 50 times' }, { from: 'vm-b', text: 'slept 50 times' }],
  budget: 10e9,
  story: 'docs/scenarios/tlb-tags.md',
});
