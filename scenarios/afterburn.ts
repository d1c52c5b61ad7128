/**
 * Pre-virtualization: a tool has listed the sensitive instructions of a kernel, and the loader rewrites them. On a processor without the H
 * extension and with an instruction that does not trap, the rewritten guest runs; the trapped one fails.
 */
import { defineScenario } from './define.ts';
import { terminal } from './unix.ts';
import { machineComponent } from './worlds.ts';

const guest = (name: string, more: Record<string, string | boolean>) =>
  machineComponent({ kernel: 'minios', memory: 16 << 20, more }, { console: { from: 'console', label: name } });

export default defineScenario({
  name: 'afterburn',
  summary: 'a kernel is rewritten at the sites of a list when it is loaded, and runs where trapping is not enough',
  cpu: 'base,no-h,popf',
  components: {
    ...terminal, rewritten: guest('rewritten', { virt: 'pre', sites: 'sites' }), scanned: guest('scanned', { virt: 'patch' }),
    trapped: { ...guest('trapped', { virt: 'trap', hole: true }), exit: 1 },
  },
  log: 'console',
  files: { minios: 'guests/bin/minios.elf', sites: 'guests/bin/minios.sites' },
  expect: [
    ...['rewritten', 'scanned'].map((from) => ({ from, text: '5 ticks' })), { from: 'trapped', text: 'panic: unexpected trap' },
  ],
  budget: 10e9,
  story: 'docs/scenarios/afterburn.md',
});
