/**
 * Two processes, one memory, until one of them writes. A fork takes the right to write away from the parent's pages (a few unmaps), the
 * child starts with nothing, and pages are copied one by one as somebody writes. The program checks that nobody sees the other's writes.
 */
import { defineScenario } from './define.ts';
import { unixStory } from './unix.ts';

export default defineScenario({
  name: 'fork-cow',
  summary: 'fork: pages are shared until they are written',
  ...unixStory(['/bin/forktest', '3'], ['forktest']),
  expect: [{ from: 'linux', text: 'forktest:' }],
  budget: 5e9,
  story: 'docs/scenarios/fork-cow.md',
});
