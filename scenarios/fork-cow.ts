/**
 * Two processes, one memory, until one of them writes. A fork removes the write right from the parent's pages (a few unmaps), the child
 * starts with no pages, and each page is copied when either writes to it. The program checks that neither sees the other's writes.
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
