/**
 * Memory that comes when it is touched. A process maps pages and writes to each. Every first write is a page fault, which the kernel sends
 * to the Unix server as an event; the reply carries the page as a typed item, which maps it and resumes the process in one message.
 */
import { defineScenario } from './define.ts';
import { unixStory } from './unix.ts';

export default defineScenario({
  name: 'page-fault',
  summary: 'a page fault is a message, and the page comes with the reply',
  ...unixStory(['/bin/pagefault', '1024'], ['pagefault']),
  expect: [{ from: 'linux', text: 'pagefault: 1024 pages' }],
  budget: 5e9,
  story: 'tessera boot page-fault --trace t && tessera trace export t --format jsonl: look for "pageFault", then for the map and resume that name it as their cause.',
});
