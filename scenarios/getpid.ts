/**
 * The cost of a system call. A process calls getppid a thousand times. Each time the ecall enters the kernel and becomes an event message
 * to the Unix server, the server replies, and the process continues: two kernel entries, two address space switches.
 */
import { defineScenario } from './define.ts';
import { unixStory } from './unix.ts';

export default defineScenario({
  name: 'getpid',
  summary: 'the cost of a system call: two kernel entries, two address space switches',
  ...unixStory(['/bin/getppid', '1000'], ['getppid']),
  expect: [{ from: 'linux', text: 'getppid: 1000 calls' }],
  budget: 5e9,
  story: 'docs/scenarios/getpid.md',
});
