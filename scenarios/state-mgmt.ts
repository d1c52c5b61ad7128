/**
 * Two ways to manage the state of a virtual processor: leave it in the hart and record its owner, or save it at each exit and restore it at
 * each entry. Two guests share a hart, each takes some five hundred exits; most exits return to the same guest.
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
