/** A queue of waiting threads: higher priority first, then who came first. A thread waits in at most one. */
import type { Thread } from '../objects/thread.ts';

export class WaitQueue {
  first: Thread | undefined = undefined;
  last: Thread | undefined = undefined;

  add(t: Thread): void {
    const priority = t.priority;
    let before = this.last;
    while (before && before.priority < priority) before = before.prevWaiting;
    const after = before ? before.nextWaiting : this.first;
    t.prevWaiting = before;
    t.nextWaiting = after;
    if (before) before.nextWaiting = t;
    else this.first = t;
    if (after) after.prevWaiting = t;
    else this.last = t;
    t.inQueue = this;
  }

  remove(t: Thread): void {
    if (t.inQueue !== this) return;
    if (t.prevWaiting) t.prevWaiting.nextWaiting = t.nextWaiting;
    else this.first = t.nextWaiting;
    if (t.nextWaiting) t.nextWaiting.prevWaiting = t.prevWaiting;
    else this.last = t.prevWaiting;
    t.nextWaiting = t.prevWaiting = t.inQueue = undefined;
  }
}

/** Who waits stands where its priority belongs now. */
export function requeue(t: Thread | undefined): void {
  const queue = t?.inQueue;
  if (!queue) return;
  queue.remove(t);
  queue.add(t);
}
