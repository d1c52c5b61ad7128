/**
 * Two processes that never ask for anything. The Unix server gets the processor back all the same: its timer thread, of higher priority,
 * recalls the process that runs. The kernel turns the recall into an event at once, wherever the process is.
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
