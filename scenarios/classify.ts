/**
 * Finds the instructions on which a monitor can rely. A guest executes each kind in supervisor and in user mode and sorts them as Popek and
 * Goldberg did (guests/kinds/kinds.c), once by the hypervisor extension and once deprivileged. `tessera classify` does the same to every
 * instruction of the table, from outside.
 */
import { defineScenario } from './define.ts';
import { terminal } from './unix.ts';
import { machineComponent } from './worlds.ts';

const guest = (name: string, virt: string) =>
  machineComponent({ kernel: 'kinds', memory: 16 << 20, more: { virt } }, { console: { from: 'console', label: name } });
const both = (text: string) => ['assisted', 'deprivileged'].map((from) => ({ from, text }));

export default defineScenario({
  name: 'classify',
  summary: 'a guest sorts instructions by what they do in its two modes; no sensitive one goes without a trap',
  components: { ...terminal, assisted: guest('assisted', 'hardware'), deprivileged: guest('deprivileged', 'trap') },
  log: 'console',
  files: { kinds: 'guests/bin/kinds.bin' },
  expect: both(' 0 are sensitive and do not trap'),
  budget: 10e9,
  story: 'docs/scenarios/classify.md',
});
