/**
 * Popek and Goldberg's first property, equivalence. The same guest (guests/control/control.c) by the hypervisor extension, and
 * deprivileged with shadow tables of both kinds. It reads and writes every register of a supervisor and prints a digest of the results: the
 * same in all three, and the same on the bare machine.
 */
import { defineScenario } from './define.ts';
import { terminal } from './unix.ts';
import { machineComponent } from './worlds.ts';

const guest = (name: string, more: Readonly<Record<string, string | boolean>>) =>
  machineComponent({ kernel: 'control', memory: 16 << 20, more }, { console: { from: 'console', label: name } });

/** The output of the same guest on the bare machine (see the page). */
const DIGEST = 'digest 883311f2b2649014';

export default defineScenario({
  name: 'pg-equivalence',
  summary: 'one digest of all that a supervisor can do to its registers: natively and under each technique',
  components: {
    ...terminal, assisted: guest('assisted', { virt: 'hardware' }), sync: guest('sync', { virt: 'trap' }),
    traced: guest('traced', { virt: 'trap', shadow: 'traced', lookAhead: true }),
  },
  log: 'console',
  files: { control: 'guests/bin/control.bin' },
  expect: ['assisted', 'sync', 'traced'].map((from) => ({ from, text: DIGEST })),
  budget: 10e9,
  story: 'docs/scenarios/pg-equivalence.md',
});
