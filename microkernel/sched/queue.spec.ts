import { expect, it } from 'vitest';
import type { Thread } from '../objects/thread.ts';
import { WaitQueue } from './queue.ts';

it('a thread keeps its place in a queue although the time that it waits on is another\'s by now', () => {
  const thread = (priority: number): { priority: number } & Thread => ({ priority, rank: 0 }) as { priority: number } & Thread;
  const queue = new WaitQueue(), lent = thread(30), own = thread(20), first = thread(40);
  queue.add(lent);
  lent.priority = 0; // it has no context, and whoever runs on its hart now has nothing to do with it
  queue.add(own);
  queue.add(first);
  expect([...queue]).toEqual([first, lent, own]);
});
