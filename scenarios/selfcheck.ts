/**
 * A guest that reads and changes its own code (guests/selfcheck/selfcheck.c): natively supported, scanned and patched, and rewritten from a
 * list. Under scanning it reads its original code although other code runs; after rewriting in place it sees the changes.
 */
import { defineScenario } from './define.ts';
import { terminal } from './unix.ts';
import { machineComponent } from './worlds.ts';

const guest = (name: string, more: Record<string, string>) =>
  machineComponent({ kernel: 'selfcheck', memory: 16 << 20, more }, { console: { from: 'console', label: name } });

export default defineScenario({
  name: 'selfcheck',
  summary: 'a guest sums its own text and runs code that it writes: patched, it sees neither; rewritten in place, it does',
  cpu: 'base,popf',
  components: {
    ...terminal, assisted: guest('assisted', { virt: 'hardware' }), patched: guest('patched', { virt: 'patch' }),
    rewritten: guest('rewritten', { virt: 'pre', sites: 'sites' }),
  },
  log: 'console',
  files: { selfcheck: 'guests/bin/selfcheck.elf', sites: 'guests/bin/selfcheck.sites' },
  expect: [
    ...['assisted', 'patched'].map((from) => ({ from, text: 'privileged instructions 8 read as they were written' })),
    { from: 'rewritten', text: 'privileged instructions 0 read as they were written' },
    ...['assisted', 'patched', 'rewritten'].map((from) => ({ from, text: 'that writes them, digest 6af29c40bec2a49e' })),
  ],
  budget: 10e9,
  story: 'docs/scenarios/selfcheck.md',
});
