/**
 * A guest takes one of its processors offline and online again (SBI's hart state management, as Linux's CPU hotplug uses it). An offline
 * processor costs nothing: its thread and its scheduling context are destroyed, and created again when it starts.
 */
import { consoleMux } from '../roottask/console/console.ts';
import { defineScenario } from './define.ts';
import { terminal } from './unix.ts';
import { machineComponent } from './worlds.ts';

const ONLINE = '/sys/devices/system/cpu/cpu2/online';
const script = [
  { to: 'vm', after: 'READY', type: `echo all $(nproc); echo 0 > ${ONLINE}; echo less $(nproc)\n` },
  { to: 'vm', after: 'less 2', type: `echo 1 > ${ONLINE}; echo again $(nproc); poweroff -f\n` },
];

export default defineScenario({
  name: 'cpu-hotplug',
  summary: 'a guest stops one of its processors: thread and context are gone until it starts it again (needs: tessera images fetch)',
  components: {
    ...terminal,
    console: { ...terminal['console']!, program: consoleMux, args: { script } },
    vm: machineComponent({ kernel: 'vmlinuz', initrd: 'initramfs', append: 'console=ttyS0', memory: 256 << 20, smp: 3 },
      { console: { from: 'console', label: 'vm' } }),
  },
  log: 'console',
  images: { vmlinuz: 'images/vmlinuz', initramfs: 'images/initramfs.cpio' },
  expect: [{ from: 'vm', text: 'all 3' }, { from: 'vm', text: 'less 2' }, { from: 'vm', text: 'again 3' }],
  holds: [
    { filter: 'kind:destroy object:"vm vCPU 2"', exactly: 2,
      why: 'the processor that was switched off has had two threads: one before, one after' },
    { filter: 'kind:destroy object:"vm vCPU 1"', exactly: 1, why: 'its neighbour has had one' },
  ],
  budget: 200e9,
  story: 'docs/scenarios/cpu-hotplug.md',
});
