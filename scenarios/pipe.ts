/**
 * A byte goes from one process to another and back, five hundred times. The reader sleeps in the kernel: its system call is an event whose
 * reply the Unix server has kept as a capability. The writer's system call makes the server send that reply.
 */
import { defineScenario } from './define.ts';
import { unixStory } from './unix.ts';

export default defineScenario({
  name: 'pipe',
  summary: 'how a process sleeps: a reply that is kept, and sent later',
  ...unixStory(['/bin/pipebench', '500'], ['pipebench']),
  expect: [{ from: 'linux', text: 'pipebench: 500 round trips' }],
  budget: 5e9,
  story: 'docs/scenarios/pipe.md',
});
