/**
 * Static partitions, as in POWER's hypervisor: three guests that could each use a whole processor have parts of one, in hundredths. A
 * context with a budget and a period never gets more than its part; here the parts are all in demand, so each guest gets exactly its part.
 *
 *   tessera boot lpar --set parts=1,33,20
 */
import { defineScenario } from './define.ts';
import { terminal } from './unix.ts';
import { machineComponent } from './worlds.ts';

/** Cycles; a hundredth of it is the shortest slice. */
const PERIOD = 10_000_000;
const GUESTS = ['first', 'second', 'third'] as const;

export default defineScenario({
  name: 'lpar',
  summary: 'three guests with fixed parts of one processor, by the hundredth: each computes for as long as its part says',
  parameters: { parts: { default: '50,30,20', doc: 'percent of the hart for each guest, whole numbers with commas between them' } },
  build: ({ parts }) => {
    const percents = parts.split(',').map(Number), guest = (name: string, percent = NaN) => machineComponent(
      { kernel: 'spin', memory: 16 << 20, more: { slice: Math.round((PERIOD * percent) / 100), period: PERIOD } },
      { console: { from: 'console', label: name } });
    return { components: { ...terminal, ...Object.fromEntries(GUESTS.map((name, i) => [name, guest(name, percents[i])])) } };
  },
  log: 'console',
  files: { spin: 'guests/bin/spin.bin' },
  expect: GUESTS.map((from) => ({ from, text: 'without letting anybody interrupt' })),
  budget: 100e9,
  story: 'docs/scenarios/lpar.md',
});
