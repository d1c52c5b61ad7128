/**
 * Two ways to manage the state of a virtual processor: leave it where it is and say who owns it, or copy it out at each exit and in at
 * each entry. Two guests
 * share a hart, each leaves its machine some five hundred times; most exits come back to the guest that left.
 *
 *   tessera boot state-mgmt --set state=copied
 */
import { defineScenario } from './define.ts';
import { terminal } from './unix.ts';
import { machineComponent } from './worlds.ts';

const guest = (name: string) => machineComponent({ kernel: 'exits', memory: 16 << 20 }, { console: { from: 'console', label: name } });

export default defineScenario({
  name: 'state-mgmt',
  summary: "a guest's registers stay in the hart until another needs it, or are copied at each exit: cycles of both",
  parameters: { state: { default: 'kept', values: ['kept', 'copied'], doc: 'what becomes of the registers of a guest that leaves' } },
  build: ({ state }) => ({ guestState: state as 'kept' | 'copied', components: { ...terminal, 'vm-a': guest('vm-a'),
    'vm-b': guest('vm-b') } }),
  log: 'console',
  files: { exits: 'guests/bin/exits.bin' },
  expect: [{ from: 'vm-a', text: 'slept 50 times' }, { from: 'vm-b', text: 'slept 50 times' }],
  budget: 10e9,
  story: 'docs/scenarios/state-mgmt.md',
});
