/**
 * Look-ahead. Exits come in clusters: four guests run the same bursts of accesses to devices, two by the hypervisor extension and two
 * deprivileged, and one of each pair has a monitor that examines the instructions after an exit. One burst changes its own code each time:
 * a monitor that trusts what it has seen performs the old one, which `--set bytes=believed` shows.
 */
import { defineScenario } from './define.ts';
import { terminal } from './unix.ts';
import { machineComponent } from './worlds.ts';

const GUESTS = { one: { virt: 'hardware' }, ahead: { virt: 'hardware', lookAhead: true }, 'one-trap': { virt: 'trap' },
  'ahead-trap': { virt: 'trap', lookAhead: true } } as const;
const names = Object.keys(GUESTS);

export default defineScenario({
  name: 'look-ahead',
  summary: 'bursts of exits, one by one and in one visit; and code that changes between them',
  parameters: { bytes: { default: 'compared', values: ['compared', 'believed'], doc: 'whether the code behind an exit is read anew' } },
  build: ({ bytes }) => ({
    components: {
      ...terminal,
      ...Object.fromEntries(Object.entries(GUESTS).map(([name, more]) => [name, machineComponent({ kernel: 'burst', memory: 16 << 20,
        more: { ...more, believesCode: bytes === 'believed' } }, { console: { from: 'console', label: name } })])),
    },
  }),
  log: 'console',
  files: { burst: 'guests/bin/burst.bin' },
  expect: names.map((from) => ({ from, text: 'burst: 0 of 200' })),
  endings: {
    stale: { why: 'code that had changed was done as it was before',
      expect: ['ahead', 'ahead-trap'].map((from) => ({ from, text: '199 of 200 changed bursts went wrong' })) },
  },
  twin: { set: { bytes: 'believed' }, ending: 'stale' },
  budget: 10e9,
  story: 'docs/scenarios/look-ahead.md',
});
