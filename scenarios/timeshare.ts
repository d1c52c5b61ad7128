/**
 * Three guests on one hart: two compute with all of their interrupts off, one sleeps and measures how late it wakes. The timer that ends
 * a slice belongs to the machine, out of any guest's reach, so no guest can keep the hart; longer slices give more throughput, shorter
 * ones less latency.
 *
 *   tessera boot timeshare --set slice=0.1
 */
import { defineScenario } from './define.ts';
import { terminal } from './unix.ts';
import { machineComponent } from './worlds.ts';

const CYCLES_PER_MS = 1e6;

export default defineScenario({
  name: 'timeshare',
  summary: 'guests that spin with interrupts off are preempted; the length of a slice against how late a sleeper is woken',
  parameters: { slice: { default: 10, least: 0.1, most: 1000, doc: 'milliseconds of a time slice' } },
  build: ({ slice }) => {
    const guest = (name: string, kernel: string) =>
      machineComponent({ kernel, memory: 16 << 20, more: { slice: Math.round(slice * CYCLES_PER_MS) } },
        { console: { from: 'console', label: name } });
    return { components: { ...terminal, 'spin-a': guest('spin-a', 'spin'), 'spin-b': guest('spin-b', 'spin'),
      sleeper: guest('sleeper', 'sleeper') } };
  },
  log: 'console',
  files: { spin: 'guests/bin/spin.bin', sleeper: 'guests/bin/sleeper.bin' },
  expect: [
    { from: 'spin-a', text: 'without letting anybody interrupt' }, { from: 'spin-b', text: 'without letting anybody interrupt' },
    { from: 'sleeper', text: 'sleeper: late by' },
  ],
  budget: 10e9,
  story: 'docs/scenarios/timeshare.md',
});
