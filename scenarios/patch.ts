/**
 * Scan and patch. On a processor with an instruction that should trap and does not (`popf`), the monitor scans a guest's kernel in U mode
 * before it runs, and replaces sensitive instructions. The same guest three times: with a breakpoint at each end of a block, with linked
 * blocks, and only trapped, which fails.
 */
import { defineScenario } from './define.ts';
import { terminal } from './unix.ts';
import { machineComponent } from './worlds.ts';

const guest = (name: string, more: Record<string, string | boolean>) =>
  machineComponent({ kernel: 'minios', memory: 16 << 20, more }, { console: { from: 'console', label: name } });

export default defineScenario({
  name: 'patch',
  summary: 'a guest whose sensitive instructions do not trap is scanned and patched before it runs, block by block',
  cpu: 'base,popf',
  components: {
    ...terminal, blocks: guest('blocks', { virt: 'patch', patches: 'breakpoints' }),
    chained: guest('chained', { virt: 'patch', patches: 'chained' }),
    trapped: { ...guest('trapped', { virt: 'trap', hole: true }), exit: 1 },
  },
  log: 'console',
  files: { minios: 'guests/bin/minios.bin' },
  expect: [
    ...['blocks', 'chained'].map((from) => ({ from, text: '5 ticks' })), { from: 'trapped', text: 'panic: unexpected trap' },
  ],
  budget: 10e9,
  story: 'docs/scenarios/patch.md',
});
