/**
 * Popek and Goldberg's third property, efficiency: a statistically dominant part of a guest's instructions is executed by the processor
 * itself. A guest computes, is a kernel, or drives a device (guests/mix/mix.c), by the hypervisor extension or deprivileged, and prints its
 * number of instructions; its exits count the monitor's work.
 *
 *   tessera boot pg-efficiency --set guest=system-trap
 */
import { defineScenario } from './define.ts';
import { terminal } from './unix.ts';
import { machineComponent } from './worlds.ts';

const WORK = ['compute', 'system', 'device'] as const;
export const EFFICIENCY_GUESTS = [...WORK, ...WORK.map((work) => `${work}-trap`), ...WORK.map((work) => `${work}-trap-ahead`)];

export default defineScenario({
  name: 'pg-efficiency',
  summary: 'instructions an exit, for a guest that computes, one that is a kernel, and one that drives a device',
  parameters: { guest: { default: 'compute', values: EFFICIENCY_GUESTS, doc: "the guest's work, and how it runs (default: H extension)" } },
  build: ({ guest }) => {
    const [work, trap, ahead] = guest.split('-') as [string, string?, string?];
    return {
      components: {
        ...terminal,
        vm: machineComponent({ kernel: work, memory: 16 << 20, more: { virt: trap ?? 'hardware', lookAhead: ahead !== undefined } },
          { console: { from: 'console', label: 'vm' } }),
      },
      files: { [work]: `guests/bin/${work}.bin` },
      expect: [{ from: 'vm', text: `mix: ${work} took` }],
    };
  },
  log: 'console',
  budget: 10e9,
  story: 'docs/scenarios/pg-efficiency.md',
});
