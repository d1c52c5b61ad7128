/**
 * One access to a device's register, in eight steps. The guest (guests/mmio/mmio.S) executes a single `lbu` from the serial port's line
 * status register. There is no serial port: there is a fault in the second stage of address translation, a message to the VMM, a model of
 * a serial port in the VMM, and a reply that carries the register's value and the next program counter.
 */
import { defineScenario } from './define.ts';
import { terminal } from './unix.ts';
import { machineComponent } from './worlds.ts';

export default defineScenario({
  name: 'mmio',
  summary: "one device register access of a guest, in eight steps from the instruction to the guest's resumption",
  components: {
    ...terminal,
    vm: machineComponent({ kernel: 'mmio', memory: 8 << 20 }, { console: { from: 'console', label: 'vm' } }),
  },
  log: 'console',
  files: { mmio: 'guests/bin/mmio.bin' },
  expect: [{ from: 'vm', text: 'the line status register says 0x60' }],
  budget: 1e9,
  story: 'docs/scenarios/mmio.md',
});
