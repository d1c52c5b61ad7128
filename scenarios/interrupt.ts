/**
 * Two processes that never make a system call. The Unix server still regains the processor: its timer thread, which has a higher priority,
 * recalls the running process. The kernel turns the recall into an event at once, wherever the process is.
 */
import { defineScenario } from './define.ts';
import { unixStory } from './unix.ts';

export default defineScenario({
  name: 'interrupt',
  summary: 'time slices: a timer thread recalls a process that spins',
  ...unixStory(['/bin/sh', '-c', 'spin 40 & spin 40 & wait; echo both have finished'], ['sh', 'spin']),
  expect: [{ from: 'linux', text: 'both have finished' }],
  budget: 20e9,
  story: 'docs/scenarios/interrupt.md',
});
