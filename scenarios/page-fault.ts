/**
 * Demand paging. A process maps pages and writes to each. A first write is a page fault, which the kernel sends to the Unix server as an
 * event; the reply carries pages as typed items, which maps them and resumes the process in one message. A process that writes upward gets
 * sixteen pages at a time.
 */
import { defineScenario } from './define.ts';
import { unixStory } from './unix.ts';

export default defineScenario({
  name: 'page-fault',
  summary: 'a page fault is a message, and the pages come with the reply',
  ...unixStory(['/bin/pagefault', '1024'], ['pagefault']),
  expect: [{ from: 'linux', text: 'pagefault: 1024 pages' }],
  budget: 5e9,
  story: 'docs/scenarios/page-fault.md',
});
