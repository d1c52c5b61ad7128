/**
 * A RISC-V program that calls the kernel directly: no Unix, no VM, no TypeScript. `pingpong` (guests/native) makes a second thread in its
 * own task and calls it; every call and reply is two instructions away from the kernel.
 */
import { defineScenario } from './define.ts';

export default defineScenario({
  name: 'native',
  summary: 'a native RISC-V program calls a thread of its own',
  components: { pingpong: { program: { elf: 'pingpong' }, memory: '1M', priority: 120 } },
  files: { pingpong: 'guests/bin/native/pingpong' },
  expect: [{ from: 'pingpong', text: 'calls' }],
  budget: 10e9,
  ram: '64M',
});
