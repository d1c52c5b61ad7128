/**
 * One read of a disk, in eight steps: four from the guest's access to the register that rings the bell to the moment it goes on, and four
 * from the disk's interrupt to the handler of the guest. Who is meant is found out three times on the way back: by the line, by the number
 * of the request, by the virtual interrupt controller.
 */
import { blockDriver } from './devices.ts';
import { defineScenario } from './define.ts';
import { terminal } from './unix.ts';
import { machineComponent } from './worlds.ts';

export default defineScenario({
  name: 'io-steps',
  summary: 'one read of a disk by a guest: four steps to the device, four steps of the interrupt back',
  components: {
    ...terminal,
    disk: blockDriver('disk0'),
    vm: machineComponent({ kernel: 'disk', memory: 8 << 20, disks: 1 }, { console: { from: 'console', label: 'vm' }, disk0: 'disk' }),
  },
  log: 'console',
  files: { disk: 'guests/bin/disk.bin' },
  disks: ['guests/bin/disk.img,ro'],
  expect: [{ from: 'vm', text: "1 request done with status 0: 'sector 5 of a small disk'" }],
  budget: 1e9,
  story: 'docs/scenarios/io-steps.md',
});
