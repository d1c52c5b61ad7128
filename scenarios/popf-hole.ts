/**
 * A sensitive instruction that does not trap. On a processor with IA-32's flaw (`popf`) a guest's kernel in U mode reads its host's status
 * register in place of its own, and its writes are lost without a trap. The same guest three times on that processor: with the hypervisor
 * extension it runs; deprivileged it fails.
 */
import { defineScenario } from './define.ts';
import { terminal } from './unix.ts';
import { machineComponent } from './worlds.ts';

const guest = (name: string, virt: string) =>
  machineComponent({ kernel: 'minios', memory: 16 << 20, more: { virt, hole: true } }, { console: { from: 'console', label: name } });

export default defineScenario({
  name: 'popf-hole',
  summary: 'trap and emulate on a processor with an instruction that should trap and does not: the guest goes wrong',
  cpu: 'base,popf',
  components: { ...terminal, assisted: guest('assisted', 'hardware'), deprivileged: { ...guest('deprivileged', 'trap'), exit: 1 } },
  log: 'console',
  files: { minios: 'guests/bin/minios.bin' },
  expect: [{ from: 'assisted', text: '5 ticks' }, { from: 'deprivileged', text: 'panic: unexpected trap' }],
  budget: 10e9,
  story: 'docs/scenarios/popf-hole.md',
});
