/**
 * What an exit costs. The guest counts cycles around calls of firmware and reads of a device register (guests/exits/exits.c). `--cpu
 * base,exit=N` adds the processor's own cycles for leaving a virtual machine and entering it again.
 */
import { defineScenario } from './define.ts';
import { terminal } from './unix.ts';
import { machineComponent } from './worlds.ts';

export default defineScenario({
  name: 'exit-latency',
  summary: 'a guest measures its own exits; six processors of the years 2005 to 2011 by --cpu base,exit=CYCLES',
  components: { ...terminal, vm: machineComponent({ kernel: 'exits', memory: 16 << 20 }, { console: { from: 'console', label: 'vm' } }) },
  log: 'console',
  files: { exits: 'guests/bin/exits.bin' },
  expect: [{ from: 'vm', text: 'a call of firmware takes' }, { from: 'vm', text: 'slept 50 times' }],
  budget: 10e9,
  story: 'docs/scenarios/exit-latency.md',
});
