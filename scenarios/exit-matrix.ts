/**
 * The monitor chooses which operations cause exits: bits of hedeleg, hcounteren and hstatus name the operations that it serves itself. The
 * same small operating system runs with one of them changed, and its results stay the same.
 *
 *   tessera boot exit-matrix --set exits=sret
 */
import { controls } from '../vmm/control.ts';
import { defineScenario } from './define.ts';
import { terminal } from './unix.ts';
import { machineComponent } from './worlds.ts';

const values = ['usual', ...Object.keys(controls).map((name) => (name === 'wfi' ? 'no-wfi' : name)), 'all'];

/** Names of controls for the VM. */
const chosen = (exits: string): string[] => (exits === 'usual' ? [] : exits === 'all' ? Object.keys(controls) : [exits]);

export default defineScenario({
  name: 'exit-matrix',
  summary: 'the operations that leave a guest, chosen one by one: exits by cause for each',
  parameters: { exits: { default: 'usual', values, doc: 'what leaves the guest besides the usual' } },
  build: ({ exits }) => ({
    components: {
      ...terminal,
      vm: machineComponent({ kernel: 'minios', memory: 16 << 20, more: { exits: chosen(exits) } },
        { console: { from: 'console', label: 'vm' } }),
    },
  }),
  log: 'console',
  files: { minios: 'guests/bin/minios.bin' },
  expect: [{ from: 'vm', text: '5 ticks' }],
  budget: 10e9,
  story: 'docs/scenarios/exit-matrix.md',
});
