/**
 * Debian's kernel, unmodified, in a virtual machine: from its first instruction to a shell and off again. Its accesses to absent hardware
 * reach the VMM as exits: calls to firmware, accesses to registers, waiting for interrupts.
 */
import { defineScenario } from './define.ts';
import { terminal } from './unix.ts';
import { machineComponent } from './worlds.ts';
import { consoleMux } from '../roottask/console/console.ts';

export default defineScenario({
  name: 'vm-boot',
  summary: "Debian's kernel in a virtual machine, its exits counted by cause (needs: tessera images fetch)",
  components: {
    ...terminal,
    console: { ...terminal['console']!, program: consoleMux, args: { script: [{ to: 'vm', after: 'READY', type: 'poweroff -f\n' }] } },
    vm: machineComponent({ kernel: 'vmlinuz', initrd: 'initramfs', append: 'console=ttyS0', memory: 256 << 20 },
      { console: { from: 'console', label: 'vm' } }),
  },
  log: 'console',
  images: { vmlinuz: 'images/vmlinuz', initramfs: 'images/initramfs.cpio' },
  expect: [{ from: 'vm', text: 'Linux version' }, { from: 'vm', text: 'READY' }],
  budget: 200e9,
  story: 'docs/scenarios/vm-boot.md',
});
