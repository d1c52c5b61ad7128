/**
 * A kernel panics in a virtual machine, and its monitor reports more than hardware could: the guest follows a null pointer three calls deep
 * (guests/panic/panic.c), its trap handler prints a last message, and during that exit the monitor writes the report: functions by name,
 * the trap between them, the last exits, and the walk of the address through the guest's tables and the machine's.
 */
import { defineScenario } from './define.ts';
import { terminal } from './unix.ts';
import { machineComponent } from './worlds.ts';

export default defineScenario({
  name: 'guest-panic-report',
  summary: 'a guest kernel panics: the report with names, calls, exits and page-table walks',
  components: { ...terminal, vm: { ...machineComponent({ kernel: 'panic', memory: 16 << 20 },
    { console: { from: 'console', label: 'vm' } }), exit: 1 } },
  log: 'console',
  files: { panic: 'guests/bin/panic.elf' },
  expect: [{ from: 'vm', text: 'looking for init' }, { from: 'vm', text: 'panic: load page fault in the kernel' }],
  budget: 10e9,
  story: 'docs/scenarios/guest-panic-report.md',
});
