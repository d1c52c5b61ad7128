/**
 * Popek and Goldberg's second property, resource control. A guest tries all 4,096 registers, and addresses without memory or device
 * (guests/control/control.c), once by the hypervisor extension and once deprivileged; next to them a neighbour computes. Each attempt
 * changes only the guest's own state or traps into the guest's own handler; the neighbour finishes.
 */
import { defineScenario } from './define.ts';
import { terminal } from './unix.ts';
import { machineComponent } from './worlds.ts';

const guest = (name: string, kernel: string, virt: string) =>
  machineComponent({ kernel, memory: 16 << 20, more: { virt } }, { console: { from: 'console', label: name } });

export default defineScenario({
  name: 'pg-control',
  summary: 'a guest tries every register and addresses where nothing is; nothing of it leaves its virtual machine',
  components: {
    ...terminal, assisted: guest('assisted', 'control', 'hardware'), deprivileged: guest('deprivileged', 'control', 'trap'),
    neighbour: guest('neighbour', 'minios', 'hardware'),
  },
  log: 'console',
  files: { minios: 'guests/bin/minios.bin', control: 'guests/bin/control.bin' },
  expect: [
    ...['assisted', 'deprivileged'].map((from) => ({ from, text: 'the others trap' })),
    ...['assisted', 'deprivileged'].map((from) => ({ from, text: '80 loads and 80 stores trap' })), { from: 'neighbour', text: '5 ticks' },
  ],
  budget: 10e9,
  story: 'docs/scenarios/pg-control.md',
});
