/**
 * Trap and emulate: the same small operating system by the hypervisor extension and deprivileged, its kernel in U mode like its programs.
 * Every privileged instruction of the deprivileged kernel is an event of its thread; the monitor applies it to a supervisor in software.
 * Both print the same.
 */
import { defineScenario } from './define.ts';
import { terminal } from './unix.ts';
import { machineComponent } from './worlds.ts';

const guest = (name: string, virt: string) =>
  machineComponent({ kernel: 'minios', memory: 16 << 20, more: { virt } }, { console: { from: 'console', label: name } });

export default defineScenario({
  name: 'trap-emulate',
  summary: 'one guest twice: by the hypervisor extension, and with its kernel in U mode, trap by trap',
  components: { ...terminal, assisted: guest('assisted', 'hardware'), deprivileged: guest('deprivileged', 'trap') },
  log: 'console',
  files: { minios: 'guests/bin/minios.bin' },
  expect: [{ from: 'assisted', text: '5 ticks' }, { from: 'deprivileged', text: '5 ticks' }],
  budget: 10e9,
  story: 'docs/scenarios/trap-emulate.md',
});
